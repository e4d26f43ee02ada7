#include "engine/events/http_deliveries.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "engine/events/copier.h"
#include "engine/events/rows.h"

namespace slipway::events {
namespace {

// What HttpPolicy::per_second counts in.
constexpr std::chrono::seconds pace_time{1};

std::string head_text(const HttpDelivery& delivery) {
  std::string out;
  for (const auto& [name, value] : delivery.head) out += fmt::format("{}: {}\n", name, value);
  return out;
}

HttpDelivery delivery_of(std::string_view head, std::string_view body, const HttpPolicy& policy) {
  HttpDelivery out{.head = {}, .body = std::string(body)};
  while (!head.empty()) {
    std::string_view value = take_until(head, '\n');
    const std::string_view name = take_until(value, ':');
    const bool own = name == "Content-Type" && !policy.content_type.empty();
    out.head.emplace_back(name, own ? std::string_view(policy.content_type) : trimmed(value));
  }
  return out;
}

bool was_taken(const DeliveryReport& report) { return report.status / 100 == 2; }

// The subscriber's own refusal stays one; what it could not do now it may do later.
bool may_retry(const DeliveryReport& report) {
  return report.status == 0 || report.status == 429 || report.status >= 500;
}

std::string reason_of(const DeliveryReport& report) {
  return report.status == 0 ? report.why : fmt::format("it answered with status {}", report.status);
}

}  // namespace

void add_delivery(store::Transaction& tx, const Subscription& subscription,
                  const HttpDelivery& delivery, const Moment& now) {
  tx.run(
      "INSERT INTO events_delivery (subscription, url, head, body, attempts, due) "
      "VALUES (?1, ?2, ?3, ?4, 0, ?5)",
      subscription.id, subscription.endpoint, head_text(delivery), delivery.body,
      number_of(now.server));
}

std::vector<std::string> HttpDeliveries::keys(store::Transaction& tx) {
  auto rows = tx.query("SELECT DISTINCT subscription FROM events_delivery");
  std::vector<std::string> out;
  while (rows.next()) out.emplace_back(rows.text(0));
  return out;
}

void HttpDeliveries::observe(DeliveryReport report) {
  const std::string key = report.subscription;
  {
    const std::scoped_lock lock(mutex_);
    reports_[key].push_back(std::move(report));
  }
  loop_.wake(*this, key);
}

engine::Wake HttpDeliveries::reconcile(std::string_view key, store::Transaction& tx,
                                       const Moment& now, engine::Effects& effects) {
  if (const auto lost = begun_.extract(std::string(key)))
    for (const std::int64_t seq : lost.mapped()) slots_.release(key, seq);
  look(key, tx, now, effects);
  slots_.decline(key);
  call_next();
  return next_look(key, tx, now.server);
}

engine::Wake HttpDeliveries::next_look(std::string_view key, store::Transaction& tx,
                                       ServerTime now) const {
  std::optional<ServerTime> at;
  auto rows = tx.query("SELECT min(due) FROM events_delivery WHERE subscription = ?1 AND due > ?2",
                       key, number_of(now));
  if (rows.next() && !rows.is_null(0)) at = server_time_from(rows.integer(0));
  if (const auto pace = paces_.find(key); pace != paces_.end())
    at = pace->second.left > 0 && at ? std::min(*at, pace->second.end) : pace->second.end;
  return at ? engine::Wake::after(*at - now) : engine::Wake::never();
}

void HttpDeliveries::look(std::string_view key, store::Transaction& tx, const Moment& now,
                          engine::Effects& effects) {
  const std::vector<DeliveryReport> reports = reports_of(key, tx);
  for (const DeliveryReport& report : reports) slots_.release(key, report.seq);
  const auto subscription = topics_.find_subscription(tx, key);
  if (!subscription) {
    // One that came while it was copied for is gone too.
    tx.run("DELETE FROM events_delivery WHERE subscription = ?1", key);
    paces_.erase(std::string(key));
    return;
  }
  const HttpPolicy policy = policy_of(tx, *subscription);
  for (const DeliveryReport& report : reports) settle(tx, *subscription, policy, report, now);
  call_next();  // before this one takes the slots that it has just left
  begin(tx, *subscription, policy, now, effects);
}

// Who has not confirmed is asked to in one way, whatever was said.
HttpPolicy HttpDeliveries::policy_of(store::Transaction& tx,
                                     const Subscription& subscription) const {
  const auto topic = topics_.find(tx, subscription.topic);
  if (!topic || subscription.state != Subscription::State::confirmed) return {};
  return effective_policy(topic->settings, subscription.settings);
}

void HttpDeliveries::call_next() {
  for (const std::string& next : slots_.call()) wake(next);
}

// They are forgotten once what they changed is durable.
std::vector<DeliveryReport> HttpDeliveries::reports_of(std::string_view key,
                                                       store::Transaction& tx) {
  const std::scoped_lock lock(mutex_);
  const auto found = reports_.find(key);
  if (found == reports_.end()) return {};
  tx.on_commit([this, key = std::string(key), count = found->second.size()] {
    const std::scoped_lock again(mutex_);
    const auto read = reports_.find(key);
    read->second.erase(read->second.begin(),
                       read->second.begin() + static_cast<std::ptrdiff_t>(count));
    if (read->second.empty()) reports_.erase(read);
  });
  return found->second;
}

void HttpDeliveries::settle(store::Transaction& tx, const Subscription& subscription,
                            const HttpPolicy& policy, const DeliveryReport& report,
                            const Moment& now) {
  slots_.note(subscription.id,
              report.status == 0 ? DeliverySlots::Heard::nothing : DeliverySlots::Heard::an_answer);
  std::uint32_t attempts = 0;
  std::string body;
  {
    auto rows = tx.query("SELECT attempts, body FROM events_delivery WHERE seq = ?1", report.seq);
    if (!rows.next()) return;
    attempts = static_cast<std::uint32_t>(rows.integer(0));
    body = rows.text(1);
  }
  // Who has not confirmed gets one request: nobody's address is called again and again for others.
  const bool confirmed = subscription.state == Subscription::State::confirmed;
  const auto delay = confirmed && may_retry(report)
                         ? policy.retry.value_or(RetryPolicy{}).delay(attempts)
                         : std::nullopt;
  if (!was_taken(report) && delay) {
    tx.run("UPDATE events_delivery SET attempts = attempts + 1, due = ?2 WHERE seq = ?1",
           report.seq, number_of(now.server + *delay));
    return;
  }
  tx.run("DELETE FROM events_delivery WHERE seq = ?1", report.seq);
  if (!was_taken(report) && !confirmed)
    log_warning("events", "a subscriber was not asked to confirm",
                {{"subscription", subscription.id}, {"why", reason_of(report)}});
  else if (!was_taken(report))
    give_up(tx, {.queues = queues_, .admission = admission_}, subscription,
            {.body = std::move(body)}, reason_of(report), now);
}

bool HttpDeliveries::may_begin(std::string_view subscription) const {
  const auto pace = paces_.find(subscription);
  return pace == paces_.end() || pace->second.left > 0;
}

// What the sender sends is in a row by then.
void HttpDeliveries::begin(store::Transaction& tx, const Subscription& subscription,
                           const HttpPolicy& policy, const Moment& now, engine::Effects& effects) {
  const std::string& id = subscription.id;
  if (const auto pace = paces_.find(id); pace != paces_.end() && pace->second.end <= now.server)
    paces_.erase(pace);
  auto rows = tx.query(
      "SELECT seq, url, head, body FROM events_delivery WHERE subscription = ?1 AND due <= ?2 "
      "ORDER BY due, seq LIMIT ?3",
      id, number_of(now.server), 2 * deliveries_under_way_max);
  std::vector<DeliveryTask> tasks;
  while (rows.next()) {
    const std::int64_t seq = rows.integer(0);
    if (slots_.holds(id, seq)) continue;
    if (!may_begin(id)) break;
    if (slots_.take(id, seq) != DeliverySlots::Turn::now) break;
    begun_[id].push_back(seq);
    if (policy.per_second)
      --paces_.try_emplace(id, now.server + pace_time, *policy.per_second).first->second.left;
    tasks.push_back({.seq = seq,
                     .subscription = id,
                     .url = std::string(rows.text(1)),
                     .delivery = delivery_of(rows.text(2), rows.text(3), policy)});
  }
  if (tasks.empty()) return;
  effects.add([this, id, tasks = std::move(tasks)]() mutable {
    begun_.erase(id);
    for (DeliveryTask& task : tasks) sender_.send(std::move(task));
  });
}

}  // namespace slipway::events
