// Topics and subscriptions as rows.
#include "engine/events/topics.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "engine/events/rows.h"
#include "store/document.h"

namespace slipway::events {
namespace {

// The numbers of a policy, in the order of its members; none where there is no policy.
using RetryNumbers = std::vector<std::uint32_t>;

RetryNumbers numbers_of(const std::optional<RetryPolicy>& retry) {
  if (!retry) return {};
  return {retry->retries,
          retry->at_once,
          retry->at_delay_min,
          retry->at_delay_max,
          static_cast<std::uint32_t>(retry->delay_min.count()),
          static_cast<std::uint32_t>(retry->delay_max.count()),
          static_cast<std::uint32_t>(retry->growth)};
}

Result<std::optional<RetryPolicy>> retry_of(const RetryNumbers& numbers) {
  constexpr auto last = static_cast<std::uint32_t>(RetryPolicy::Growth::exponential);
  if (numbers.size() != 7 || numbers[6] > last)
    return fail(ErrorCode::corrupted, "these are not the numbers of a policy");
  return RetryPolicy{.retries = numbers[0],
                     .at_once = numbers[1],
                     .at_delay_min = numbers[2],
                     .at_delay_max = numbers[3],
                     .delay_min = std::chrono::seconds(numbers[4]),
                     .delay_max = std::chrono::seconds(numbers[5]),
                     .growth = static_cast<RetryPolicy::Growth>(numbers[6])};
}

}  // namespace

void fields(auto& field, store::Of<HttpPolicy> auto& policy) {
  using enum store::Presence;
  field("retry", store::converted(policy.retry, numbers_of, retry_of), if_any);
  field("per_second", policy.per_second, if_any);
  field("content_type", policy.content_type, if_any);
}

void fields(auto& field, store::Of<TopicSettings> auto& settings) {
  field("order", store::numbered(settings.order, DeliveryOrder::strict));
  field("deduplication", store::numbered(settings.deduplication, Deduplication::by_content));
  field("http", settings.http);
  field("overrides", store::numbered(settings.overrides, TopicSettings::Overrides::ignored));
  field("notes", settings.notes);
}

void fields(auto& field, store::Of<SubscriptionSettings> auto& settings) {
  field("filter", settings.filter);
  field("filter_scope", store::numbered(settings.filter_scope, FilterScope::body));
  field("form", store::numbered(settings.form, MessageForm::bare));
  field("http", settings.http);
  field("notes", settings.notes);
  field("dead_letters", settings.dead_letters, store::Presence::if_any);
}

namespace {

constexpr std::string_view subscription_columns =
    "number, id, topic, channel, endpoint, owner, state, token, settings, created";

// An index and what it is made of: a topic's id up to its second slash.
constexpr std::string_view of_place =
    "events_subscription_by_place WHERE substr(topic, 1, instr(topic, '/') + "
    "instr(substr(topic, instr(topic, '/') + 1), '/'))";

Subscription subscription_of(const store::Rows& rows) {
  return {.id = std::string(rows.text(1)),
          .topic = {std::string(rows.text(2))},
          .channel = static_cast<Channel>(rows.integer(3)),
          .endpoint = std::string(rows.text(4)),
          .owner = std::string(rows.text(5)),
          .state = static_cast<Subscription::State>(rows.integer(6)),
          .token = std::string(rows.text(7)),
          .settings = store::read_own_document<SubscriptionSettings>("subscription", rows.text(8)),
          .created = time_of(rows.integer(9))};
}

std::unexpected<Error> no_subscription() {
  return fail(ErrorCode::not_found, "Subscription does not exist", "no_subscription");
}

std::string other_bodies_text(const std::map<Channel, std::string>& bodies) {
  std::map<std::uint8_t, std::string> numbered;
  for (const auto& [channel, body] : bodies) numbered.emplace(std::to_underlying(channel), body);
  return store::write_document(numbered);
}

// A topic's number stays its own, also where another gets its name.
std::string owner_of(const Topic& topic) { return fmt::format("t{}", topic.number); }

bool is_strict(const Topic& topic) { return topic.settings.order == DeliveryOrder::strict; }

}  // namespace

tags::TaggedThing tagged(const TopicId& id) { return tagged_as("topic", id.text); }

HttpPolicy effective_policy(const TopicSettings& topic, const SubscriptionSettings& subscription) {
  HttpPolicy out = topic.http;
  if (topic.overrides == TopicSettings::Overrides::ignored) return out;
  const HttpPolicy& own = subscription.http;
  if (own.retry) out.retry = own.retry;
  if (own.per_second) out.per_second = own.per_second;
  if (!own.content_type.empty()) out.content_type = own.content_type;
  return out;
}

Result<Topic> Topics::create(store::Transaction& tx, const TopicId& id,
                             const TopicSettings& settings, const Moment& now) const {
  if (find(tx, id))
    return fail(ErrorCode::already_exists, fmt::format("The topic '{}' exists.", id.text));
  tx.run("INSERT INTO events_topic (id, settings, created) VALUES (?1, ?2, ?3)", id.text,
         store::write_document(settings), number_of(now.civil));
  return Topic{.number = tx.last_id(), .id = id, .settings = settings, .created = now.civil};
}

Result<Topic> Topics::find(store::Transaction& tx, const TopicId& id) const {
  auto rows = tx.query(
      "SELECT number, id, settings, created, revision FROM events_topic "
      "WHERE id = ?1",
      id.text);
  if (!rows.next()) return fail(ErrorCode::not_found, "Topic does not exist", "no_topic");
  return Topic{.number = rows.integer(0),
               .id = {std::string(rows.text(1))},
               .settings = store::read_own_document<TopicSettings>("topic", rows.text(2)),
               .created = time_of(rows.integer(3)),
               .revision = rows.integer(4)};
}

Result<> Topics::change_settings(store::Transaction& tx, const TopicId& id,
                                 const TopicSettings& settings) const {
  TRY_DO(find(tx, id));
  tx.run("UPDATE events_topic SET settings = ?2 WHERE id = ?1", id.text,
         store::write_document(settings));
  return {};
}

// The topic goes first: its subscriptions' going changes no revision then.
void Topics::remove(store::Transaction& tx, const TopicId& id) const {
  tx.run("DELETE FROM events_topic WHERE id = ?1", id.text);
  tags::erase_all(tx, tagged(id));
  tx.run(
      "DELETE FROM events_delivery WHERE subscription IN "
      "(SELECT id FROM events_subscription WHERE topic = ?1)",
      id.text);
  tx.run("DELETE FROM events_subscription WHERE topic = ?1", id.text);
  tx.run("DELETE FROM events_notification WHERE topic = ?1", id.text);
}

std::vector<TopicId> Topics::list(store::Transaction& tx, std::string_view prefix,
                                  std::string_view after, std::size_t ids_max) const {
  auto rows = tx.query(
      "SELECT id FROM events_topic WHERE id >= max(?1, ?2) AND id < ?3 AND id <> ?2 "
      "ORDER BY id LIMIT ?4",
      prefix, after, end_of(prefix), ids_max);
  std::vector<TopicId> out;
  while (rows.next()) out.push_back({std::string(rows.text(0))});
  return out;
}

Result<std::string> Topics::name_of(const Topic& topic, const Notification& notification) {
  if (!is_strict(topic) || !notification.deduplication.empty()) return notification.deduplication;
  if (topic.settings.deduplication == Deduplication::by_content)
    return sha256_hex(notification.body);
  return fail(ErrorCode::invalid_argument,
              "The topic should either have ContentBasedDeduplication enabled or "
              "MessageDeduplicationId provided explicitly",
              "no_deduplication");
}

std::optional<Published> Topics::find_published(store::Transaction& tx, const Topic& topic,
                                                std::string_view name, const Moment& now) const {
  if (!is_strict(topic)) return std::nullopt;
  const auto sent = find_sent(tx, {owner_of(topic), {}, name}, now.server);
  if (!sent) return std::nullopt;
  return Published{sent->id, sent->sequence};
}

Result<Published> Topics::publish(store::Transaction& tx, const TopicId& id,
                                  const Notification& notification, const Moment& now) const {
  TRY(const Topic topic, find(tx, id));
  TRY(const std::string name, name_of(topic, notification));
  if (auto repeated = find_published(tx, topic, name, now)) return *std::move(repeated);
  Published out{.id = make_uuid(random_)};
  tx.run(
      "INSERT INTO events_notification (topic, id, subject, body, other_bodies, attributes, grp, "
      "deduplication, published, trace) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
      id.text, out.id, notification.subject, notification.body,
      other_bodies_text(notification.other_bodies), store::SqlBlob{pack(notification.attributes)},
      notification.group, name, number_of(now.civil), notification.trace);
  out.sequence = tx.last_id();
  if (is_strict(topic))
    note_sent(tx, {owner_of(topic), {}, name}, {out.id, out.sequence}, now.server);
  tx.on_commit(published_);
  return out;
}

// The sequence is that of a row that would wait for the deliverer, so that both ways count on.
Published Topics::publish_copied(store::Transaction& tx, const Topic& topic, std::string id,
                                 std::string_view name, const Moment& now) const {
  Published out{.id = std::move(id)};
  if (!is_strict(topic)) return out;
  tx.run(
      "INSERT INTO events_notification (topic, id, subject, body, other_bodies, attributes, grp, "
      "deduplication, published) VALUES (?1, ?2, '', '', '', '', '', '', 0)",
      topic.id.text, out.id);
  out.sequence = tx.last_id();
  tx.run("DELETE FROM events_notification WHERE seq = ?1", out.sequence);
  note_sent(tx, {owner_of(topic), {}, name}, {out.id, out.sequence}, now.server);
  return out;
}

bool Topics::has_backlog(store::Transaction& tx, const TopicId& id) const {
  auto rows = tx.query("SELECT 1 FROM events_notification WHERE topic = ?1 LIMIT 1", id.text);
  return rows.next();
}

Result<Subscription> Topics::subscribe(store::Transaction& tx, Subscription wanted,
                                       const Moment& now) const {
  TRY_DO(find(tx, wanted.topic));
  auto there = tx.query(
      fmt::format("SELECT {} FROM events_subscription WHERE topic = ?1 AND channel = ?2 AND "
                  "endpoint = ?3",
                  subscription_columns),
      wanted.topic.text, wanted.channel, wanted.endpoint);
  if (there.next()) return subscription_of(there);
  if (tx.run("UPDATE events_topic SET subscriptions = subscriptions + 1 WHERE id = ?1 AND "
             "subscriptions < ?2",
             wanted.topic.text, subscriptions_per_topic_max) == 0)
    return fail(ErrorCode::limit_exceeded, "The topic has too many subscriptions.",
                "too_many_subscriptions");
  wanted.id = make_uuid(random_);
  wanted.created = now.civil;
  tx.run(
      "INSERT INTO events_subscription (id, topic, channel, endpoint, owner, state, token, "
      "settings, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
      wanted.id, wanted.topic.text, wanted.channel, wanted.endpoint, wanted.owner, wanted.state,
      wanted.token, store::write_document(wanted.settings), number_of(now.civil));
  return wanted;
}

Result<Subscription> Topics::find_subscription(store::Transaction& tx, std::string_view id) const {
  auto rows = tx.query(
      fmt::format("SELECT {} FROM events_subscription WHERE id = ?1", subscription_columns), id);
  if (!rows.next()) return no_subscription();
  return subscription_of(rows);
}

Result<> Topics::change_subscription(store::Transaction& tx, std::string_view id,
                                     const SubscriptionSettings& settings) const {
  const auto changed = tx.run("UPDATE events_subscription SET settings = ?2 WHERE id = ?1", id,
                              store::write_document(settings));
  return changed > 0 ? Result<>{} : no_subscription();
}

Result<Subscription> Topics::confirm(store::Transaction& tx, const TopicId& topic,
                                     std::string_view token) const {
  std::string id;
  {
    auto rows = tx.query("SELECT id FROM events_subscription WHERE token = ?1 AND topic = ?2",
                         token, topic.text);
    if (token.empty() || !rows.next()) return no_subscription();
    id = rows.text(0);
  }
  tx.run("UPDATE events_subscription SET state = ?2 WHERE id = ?1", id,
         Subscription::State::confirmed);
  return find_subscription(tx, id);
}

Result<> Topics::unsubscribe(store::Transaction& tx, std::string_view id) const {
  tx.run(
      "UPDATE events_topic SET subscriptions = subscriptions - 1 WHERE id = "
      "(SELECT topic FROM events_subscription WHERE id = ?1)",
      id);
  tx.run("DELETE FROM events_delivery WHERE subscription = ?1", id);
  const auto changed = tx.run("DELETE FROM events_subscription WHERE id = ?1", id);
  return changed > 0 ? Result<>{} : no_subscription();
}

bool Topics::may_ask(store::Transaction& tx, std::string_view id, const Moment& now) const {
  return tx.run(
             "UPDATE events_subscription SET asked = ?2 WHERE id = ?1 AND state = ?3 AND "
             "(asked = 0 OR asked <= ?4)",
             id, number_of(now.server), Subscription::State::pending,
             number_of(now.server - confirmation_pause)) > 0;
}

// Few are pending; the rest are not counted.
Topics::SubscriptionCounts Topics::count(store::Transaction& tx, const TopicId& id) const {
  static_assert(static_cast<int>(Subscription::State::pending) == 0);  // as its index has it
  auto rows = tx.query(
      "SELECT subscriptions, (SELECT count(*) FROM events_subscription "
      "INDEXED BY events_subscription_pending WHERE topic = ?1 AND state = 0) "
      "FROM events_topic WHERE id = ?1",
      id.text);
  if (!rows.next()) return {};
  return {.pending = rows.integer(1), .confirmed = rows.integer(0) - rows.integer(1)};
}

std::vector<Topics::Listed> Topics::list_subscriptions(store::Transaction& tx, const TopicId& topic,
                                                       std::string_view place, std::int64_t after,
                                                       std::size_t subscriptions_max) const {
  const std::string_view which =
      topic.text.empty() ? of_place : "events_subscription_by_topic WHERE topic";
  auto rows =
      tx.query(fmt::format("SELECT {} FROM events_subscription INDEXED BY {} = ?1 AND number > ?2 "
                           "ORDER BY number LIMIT ?3",
                           subscription_columns, which),
               topic.text.empty() ? place : std::string_view(topic.text), after, subscriptions_max);
  std::vector<Listed> out;
  while (rows.next()) out.push_back({rows.integer(0), subscription_of(rows)});
  return out;
}

}  // namespace slipway::events
