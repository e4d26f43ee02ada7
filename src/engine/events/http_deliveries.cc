#include "engine/events/http_deliveries.h"

#include <fmt/format.h>

#include "base/text.h"
#include "engine/events/deliverer.h"
#include "engine/events/rows.h"

namespace slipway::events {
namespace {

std::string head_text(const HttpDelivery& delivery) {
  std::string out;
  for (const auto& [name, value] : delivery.head) out += fmt::format("{}: {}\n", name, value);
  return out;
}

HttpDelivery delivery_of(std::string_view head, std::string_view body) {
  HttpDelivery out{.head = {}, .body = std::string(body)};
  while (!head.empty()) {
    std::string_view value = take_until(head, '\n');
    const std::string_view name = take_until(value, ':');
    out.head.emplace_back(name, trimmed(value));
  }
  return out;
}

bool was_taken(const CourierReport& report) { return report.status / 100 == 2; }

// The subscriber's own refusal stays one; what it could not do now it may do later.
bool may_retry(const CourierReport& report) {
  return report.status == 0 || report.status == 429 || report.status >= 500;
}

std::string reason_of(const CourierReport& report) {
  return report.status == 0 ? report.why : fmt::format("it answered with status {}", report.status);
}

}  // namespace

void add_delivery(store::Transaction& tx, const Subscription& subscription,
                  const HttpDelivery& delivery, Timestamp now) {
  tx.run(
      "INSERT INTO events_delivery (subscription, url, head, body, attempts, due) "
      "VALUES (?1, ?2, ?3, ?4, 0, ?5)",
      subscription.id, subscription.endpoint, head_text(delivery), delivery.body, number_of(now));
}

std::vector<std::string> HttpDeliveries::keys(store::Transaction& tx) {
  auto rows = tx.query("SELECT DISTINCT subscription FROM events_delivery");
  std::vector<std::string> out;
  while (rows.next()) out.emplace_back(rows.text(0));
  return out;
}

void HttpDeliveries::observe(CourierReport report) {
  const std::string key = report.subscription;
  {
    const std::scoped_lock lock(mutex_);
    reports_[key].push_back(std::move(report));
  }
  loop_.wake(*this, key);
}

engine::Wake HttpDeliveries::reconcile(std::string_view key, store::Transaction& tx,
                                       Timestamp now) {
  std::vector<CourierReport> reports;
  {
    const std::scoped_lock lock(mutex_);
    if (auto node = reports_.extract(std::string(key))) reports = std::move(node.mapped());
  }
  const auto subscription = topics_.find_subscription(tx, key);
  if (!subscription) {
    under_way_.erase(std::string(key));
    return engine::Wake::never();
  }
  for (const CourierReport& report : reports) settle(tx, *subscription, report, now);
  begin(tx, *subscription, now);
  auto rows = tx.query("SELECT min(due) FROM events_delivery WHERE subscription = ?1 AND due > ?2",
                       key, number_of(now));
  if (!rows.next() || rows.is_null(0)) return engine::Wake::never();
  return engine::Wake::after(time_of(rows.integer(0)) - now);
}

void HttpDeliveries::settle(store::Transaction& tx, const Subscription& subscription,
                            const CourierReport& report, Timestamp now) {
  under_way_[subscription.id].erase(report.seq);
  std::uint32_t attempts = 0;
  std::string body;
  {
    auto rows = tx.query("SELECT attempts, body FROM events_delivery WHERE seq = ?1", report.seq);
    if (!rows.next()) return;
    attempts = static_cast<std::uint32_t>(rows.integer(0));
    body = rows.text(1);
  }
  const auto delay = may_retry(report) ? subscription.settings.retry.delay(attempts) : std::nullopt;
  if (!was_taken(report) && delay) {
    tx.run("UPDATE events_delivery SET attempts = attempts + 1, due = ?2 WHERE seq = ?1",
           report.seq, number_of(now + *delay));
    return;
  }
  tx.run("DELETE FROM events_delivery WHERE seq = ?1", report.seq);
  if (!was_taken(report))
    give_up(tx, queues_, subscription, {.body = std::move(body)}, reason_of(report), now);
}

// The courier is told after the commit: what it sends is in a row.
void HttpDeliveries::begin(store::Transaction& tx, const Subscription& subscription,
                           Timestamp now) {
  std::set<std::int64_t>& under_way = under_way_[subscription.id];
  if (under_way.size() >= deliveries_under_way_max) return;
  auto rows = tx.query(
      "SELECT seq, url, head, body FROM events_delivery WHERE subscription = ?1 AND due <= ?2 "
      "ORDER BY due, seq LIMIT ?3",
      subscription.id, number_of(now), 2 * deliveries_under_way_max);
  while (under_way.size() < deliveries_under_way_max && rows.next()) {
    if (!under_way.insert(rows.integer(0)).second) continue;
    CourierTask task{.seq = rows.integer(0),
                     .subscription = subscription.id,
                     .url = std::string(rows.text(1)),
                     .delivery = delivery_of(rows.text(2), rows.text(3))};
    tx.on_commit([this, task = std::move(task)]() mutable { courier_.send(std::move(task)); });
  }
}

}  // namespace slipway::events
