#include "service/s3/notices.h"

#include "base/log.h"
#include "service/arn.h"
#include "service/s3/event_record.h"
#include "wire/document.h"

namespace slipway::s3 {
namespace {

using Kind = Destination::Kind;

constexpr std::string_view subject = "Amazon S3 Notification";
// Whom a queue shows as the sender: an id of the form that AWS's services have.
constexpr std::string_view sender = "AIDAS3NOTIFICATIONS00";

// What engines call the resource of an ARN.
std::string key_of(std::string_view arn) {
  const auto parts = service::parse_arn(arn);
  return parts ? parts->key() : std::string();
}

std::unexpected<Error> closed(std::string_view what) {
  return fail(ErrorCode::permission_denied,
              fmt::format("The policy of the {} does not let S3 send to it.", what));
}

}  // namespace

void Notices::changed(store::Transaction& tx, std::string_view setting,
                      const objects::ObjectChange& change) {
  const std::string_view event = event_name(change);
  const auto known = rules(setting);
  std::string request(change.cause.request);
  for (const NotificationRule& rule : *known) {
    if (!rule.wants(event, change.object.key)) continue;
    if (request.empty()) request = make_token(needs_.random, 16, "0123456789ABCDEF");
    const auto sent =
        send(tx, rule.to, change.bucket,
             {.text = event_record(change, {.configuration = rule.id, .request = request}),
              .trace = change.cause.trace},
             change.now);
    if (!sent) note_lost(change, rule.to, sent.error());
  }
}

void Notices::note_lost(const objects::ObjectChange& change, const Destination& to,
                        const Error& why) {
  if (lost_.size() >= remembered_max) lost_.clear();
  Lost& lost = lost_[change.bucket.name + ' ' + to.arn];
  ++lost.number;
  if (lost.said && change.now.server < *lost.said + lost_period) return;
  log_warning("s3", "notifications are lost",
              {{"bucket", change.bucket.name},
               {"destination", to.arn},
               {"number", std::to_string(lost.number)},
               {"cause", why.message}});
  lost = {.said = change.now.server};
}

// A text that cannot be read tells nothing: the door wrote it.
std::shared_ptr<const Notices::Rules> Notices::rules(std::string_view setting) {
  std::string text(setting);
  if (const auto found = rules_.find(text); found != rules_.end()) return found->second;
  Rules read;
  wire::Arena arena;
  if (const auto document = wire::from_json<api::NotificationConfiguration>(text, arena))
    read = rules_of(*document);
  if (rules_.size() >= remembered_max || bytes_ + text.size() > remembered_bytes_max) {
    rules_.clear();
    bytes_ = 0;
  }
  bytes_ += text.size();
  return rules_.emplace(std::move(text), std::make_shared<const Rules>(std::move(read)))
      .first->second;
}

events::Admission Notices::admits(const events::Queue& queue, const objects::Bucket& from) const {
  return needs_.queue_admission ? needs_.queue_admission(queue, from) : events::Admission::granted;
}

events::Admission Notices::admits(const events::Topic& topic, const objects::Bucket& from) const {
  return needs_.topic_admission ? needs_.topic_admission(topic, from) : events::Admission::granted;
}

Result<events::Admission> Notices::admission(store::Transaction& tx, const Destination& to,
                                             const objects::Bucket& from) const {
  if (to.kind == Kind::queue) {
    TRY(const events::Queue queue, needs_.queues.find(tx, {key_of(to.arn)}));
    return admits(queue, from);
  }
  if (to.kind == Kind::topic) {
    TRY(const events::Topic topic, needs_.topics.find(tx, {key_of(to.arn)}));
    return admits(topic, from);
  }
  return fail(ErrorCode::not_found, "There are no functions.");
}

Result<> Notices::send(store::Transaction& tx, const Destination& to, const objects::Bucket& from,
                       Notice notice, const Moment& now) const {
  if (to.kind == Kind::queue)
    return send_to_queue(tx, {key_of(to.arn)}, from, std::move(notice), now);
  if (to.kind == Kind::topic)
    return send_to_topic(tx, {key_of(to.arn)}, from, std::move(notice), now);
  return fail(ErrorCode::not_found, "There are no functions.");
}

Result<> Notices::send_to_queue(store::Transaction& tx, const events::QueueId& id,
                                const objects::Bucket& from, Notice notice,
                                const Moment& now) const {
  TRY(const events::Queue queue, needs_.queues.find(tx, id));
  if (admits(queue, from) == events::Admission::refused) return closed("queue");
  events::OutgoingMessage message{.body = std::move(notice.text), .sender = std::string(sender)};
  if (!notice.trace.empty())
    message.system_attributes.push_back(
        {.name = "AWSTraceHeader", .type = "String", .value = std::string(notice.trace)});
  TRY_DO(needs_.queues.send(tx, queue, message, now));
  return {};
}

Result<> Notices::send_to_topic(store::Transaction& tx, const events::TopicId& id,
                                const objects::Bucket& from, Notice notice,
                                const Moment& now) const {
  TRY(const events::Topic topic, needs_.topics.find(tx, id));
  if (admits(topic, from) == events::Admission::refused) return closed("topic");
  TRY_DO(needs_.topics.publish(
      tx, id, {.subject = std::string(subject), .body = std::move(notice.text)}, now));
  return {};
}

}  // namespace slipway::s3
