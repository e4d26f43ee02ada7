#include <algorithm>

#include "base/boolean.h"
#include "service/paging.h"
#include "service/policy_principals.h"
#include "service/reserved_tag.h"
#include "service/resource_key.h"
#include "service/sqs/attributes.h"
#include "service/sqs/batch.h"
#include "service/sqs/operations.h"

namespace slipway::sqs {
namespace {

using events::DeliveryOrder;
using events::Queue;
using events::QueueId;
using events::QueueSettings;
using service::PageTokens;

constexpr std::size_t name_bytes_max = 80;
constexpr std::string_view strict_suffix = ".fifo";
constexpr tags::Rules tag_rules{.unit = tags::Rules::Unit::bytes,
                                .reserved_prefix = service::reserved_tag_prefix};

Result<> check_name(std::string_view name, DeliveryOrder order) {
  std::string_view plain = name;
  if (order == DeliveryOrder::strict && plain.ends_with(strict_suffix))
    plain.remove_suffix(strict_suffix.size());
  const bool suffixed = plain.size() != name.size();
  if (!plain.empty() && name.size() <= name_bytes_max && is_plain(plain) &&
      suffixed == (order == DeliveryOrder::strict))
    return {};
  if (order == DeliveryOrder::strict)
    return bad_value(
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or "
        "underscores, must end with .fifo suffix and be 1 to 80 in length.");
  return bad_value(
      "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
}

std::unexpected<Error> too_many_tags(std::string_view queue) {
  return bad_value(fmt::format("Too many tags added for queue {}.", queue));
}

// The last value of a key that is given twice.
Result<tags::TagList> read_tags(const wire::MapView<std::string_view>& given,
                                std::string_view queue) {
  std::map<std::string, std::string> values;
  for (const auto& [key, value] : given) values[std::string(key)] = value;
  tags::TagList out(values.begin(), values.end());
  if (const auto violation = tags::find_violation(out, tag_rules)) {
    if (violation->rule == tags::Violation::Rule::reserved_key)
      return bad_value(std::string(service::reserved_tag_text));
    return bad_value(fmt::format("Invalid tag: keys have 1 to {} bytes and values at most {}.",
                                 tag_rules.key_length_max, tag_rules.value_length_max));
  }
  if (out.size() > tag_rules.tags_max) return too_many_tags(queue);
  return out;
}

// An existing queue of that name is the answer where it has every attribute that is asked for.
Result<> check_same(const Queue& queue, const wire::MapView<std::string_view>& given,
                    const QueueSettings& wanted) {
  for (const auto& [name, value] : given)
    if (setting_text(queue.settings, name) != setting_text(wanted, name))
      return refuse("QueueNameExists",
                    fmt::format("A queue already exists with the same name and a different value "
                                "for attribute {}",
                                name));
  return {};
}

Result<DeliveryOrder> order_of(const wire::MapView<std::string_view>& given) {
  const auto fifo = given.find("FifoQueue");
  if (!fifo) return DeliveryOrder::loose;
  if (read_boolean(*fifo) == true) return DeliveryOrder::strict;
  // AWS's own answer to "false": only FIFO queues have the attribute.
  return refuse("InvalidAttributeName", "Unknown Attribute FifoQueue.");
}

std::string number_text(std::int64_t number) { return fmt::to_string(number); }
std::string seconds_text(Timestamp time) {
  return number_text(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
}

// Those that are not settings; nothing where it is none of them.
class State {
 public:
  State(const SqsDoor& door, Call& call, const Queue& queue)
      : door_(door), call_(call), queue_(queue) {}

  std::optional<std::string> text(std::string_view name) {
    if (name == "QueueArn") return arn_of(queue_.id);
    if (name == "CreatedTimestamp") return seconds_text(queue_.created);
    if (name == "LastModifiedTimestamp") return seconds_text(queue_.modified);
    if (name == "ApproximateNumberOfMessages") return number_text(counts().visible);
    if (name == "ApproximateNumberOfMessagesNotVisible") return number_text(counts().in_flight);
    if (name == "ApproximateNumberOfMessagesDelayed") return number_text(counts().delayed);
    return std::nullopt;
  }
  static constexpr std::string_view names[] = {"QueueArn",
                                               "ApproximateNumberOfMessages",
                                               "ApproximateNumberOfMessagesNotVisible",
                                               "ApproximateNumberOfMessagesDelayed",
                                               "CreatedTimestamp",
                                               "LastModifiedTimestamp"};

 private:
  const events::QueueCounts& counts() {
    if (!counts_) counts_ = door_.queues.count(call_.tx(), queue_, call_.moment());
    return *counts_;
  }

  const SqsDoor& door_;
  Call& call_;
  const Queue& queue_;
  std::optional<events::QueueCounts> counts_;
};

std::unexpected<Error> bad_page_token() { return bad_value("Invalid NextToken value."); }

Result<std::size_t> page_size(std::optional<std::int32_t> wanted) {
  const auto size = wanted.value_or(page_queues_max);
  if (size < 1 || size > std::int32_t{page_queues_max})
    return bad_value(
        fmt::format("Value {} for parameter MaxResults is invalid. Reason: Must be "
                    "an integer from 1 to {}.",
                    size, page_queues_max));
  return static_cast<std::size_t>(size);
}

Result<> create(const SqsDoor& door, Call& call, const QueueId& id, const QueueSettings& settings,
                const tags::TagList& tags) {
  auto made = door.queues.create(call.tx(), id, settings, call.moment());
  if (made) return tags::put(call.tx(), events::tagged(id), tags, tag_rules);
  if (made.error().kind == "removed_lately")
    made.error().message = fmt::format(
        "You must wait {} seconds after deleting a queue before you can create another with the "
        "same name.",
        events::removal_pause.count());
  return std::unexpected(std::move(made).error());
}

}  // namespace

Result<api::CreateQueueResult> create_queue(const SqsDoor& door, Call& call,
                                            api::CreateQueueRequest in) {
  QueueSettings settings;
  TRY(settings.order, order_of(in.Attributes()));
  TRY_DO(check_name(in.QueueName(), settings.order));
  TRY_DO(read_settings(in.Attributes(), settings));
  TRY_DO(check_throughput(settings));
  TRY(const tags::TagList tags, read_tags(in.tags(), in.QueueName()));
  const QueueId id{service::resource_key(call.caller(), in.QueueName())};
  if (const auto queue = door.queues.find(call.tx(), id)) {
    TRY_DO(check_same(*queue, in.Attributes(), settings));
  } else {
    TRY_DO(bind_policy(call, settings));
    TRY_DO(check_dead_letters(call, door, id, settings));
    TRY_DO(create(door, call, id, settings, tags));
  }
  return call.output<api::CreateQueueResult>().QueueUrl(door.url_of(call, id));
}

Result<> delete_queue(const SqsDoor& door, Call& call, api::DeleteQueueRequest in) {
  TRY(const Queue queue, door.find(call, in.QueueUrl()));
  return door.queues.remove(call.tx(), queue.id, call.moment());
}

Result<api::GetQueueUrlResult> get_queue_url(const SqsDoor& door, Call& call,
                                             api::GetQueueUrlRequest in) {
  const std::string_view account = in.QueueOwnerAWSAccountId().value_or(call.account());
  TRY(const Queue queue,
      door.get(call, {fmt::format("{}/{}/{}", account, call.region(), in.QueueName())}));
  return call.output<api::GetQueueUrlResult>().QueueUrl(door.url_of(call, queue.id));
}

// Without MaxResults AWS gives up to a thousand and no token.
Result<api::ListQueuesResult> list_queues(const SqsDoor& door, Call& call,
                                          api::ListQueuesRequest in) {
  TRY(const std::size_t size, page_size(in.MaxResults()));
  const PageTokens tokens(call.caller(), in);
  TRY(const std::string after,
      tokens.position_or(service::unless_empty(in.NextToken()), bad_page_token));
  const std::string prefix =
      service::resource_key(call.caller(), in.QueueNamePrefix().value_or(""));
  std::vector<QueueId> page = door.queues.list(call.tx(), prefix, after, size + 1);
  const auto next = tokens.cut(page, size, &QueueId::text);
  auto out = call.output<api::ListQueuesResult>();
  for (const QueueId& id : page) out.add_QueueUrls(door.url_of(call, id));
  if (in.MaxResults()) out.NextToken(next);
  return out;
}

Result<api::ListDeadLetterSourceQueuesResult> list_dead_letter_source_queues(
    const SqsDoor& door, Call& call, api::ListDeadLetterSourceQueuesRequest in) {
  TRY(const Queue queue, door.find(call, in.QueueUrl()));
  TRY(const std::size_t size, page_size(in.MaxResults()));
  const PageTokens tokens(call.caller(), in);
  TRY(const std::string after,
      tokens.position_or(service::unless_empty(in.NextToken()), bad_page_token));
  std::vector<QueueId> page = door.queues.list_sources(call.tx(), queue.id, after, size + 1);
  const auto next = tokens.cut(page, size, &QueueId::text);
  auto out = call.output<api::ListDeadLetterSourceQueuesResult>();
  out.queueUrls(wire::empty);
  for (const QueueId& id : page) out.add_queueUrls(door.url_of(call, id));
  if (in.MaxResults()) out.NextToken(next);
  return out;
}

Result<api::GetQueueAttributesResult> get_queue_attributes(const SqsDoor& door, Call& call,
                                                           api::GetQueueAttributesRequest in) {
  TRY(const Queue queue, door.find(call, in.QueueUrl()));
  State state(door, call, queue);
  auto out = call.output<api::GetQueueAttributesResult>();
  if (!in.AttributeNames().empty()) out.Attributes(wire::empty);
  const auto known = [](std::string_view name) {
    return std::ranges::find(State::names, name) != std::end(State::names) ||
           std::ranges::find(setting_names(), name) != setting_names().end();
  };
  const auto put = [&](std::string_view name) {
    auto text = state.text(name);
    if (!text) text = setting_text(queue.settings, name);
    if (text && name == "Policy")
      text = service::shown_policy(call, *std::move(text),
                                   identity::principal_ids_of(principals_of(queue.settings)));
    if (text) out.put_Attributes(name, *text);
  };
  for (const std::string_view name : in.AttributeNames()) {
    if (name == "All") {
      std::ranges::for_each(State::names, put);
      std::ranges::for_each(setting_names(), put);
      return out;
    }
    if (!known(name))
      return refuse("InvalidAttributeName", fmt::format("Unknown Attribute {}.", name));
    put(name);
  }
  return out;
}

Result<> set_queue_attributes(const SqsDoor& door, Call& call, api::SetQueueAttributesRequest in) {
  TRY(const Queue queue, door.find(call, in.QueueUrl()));
  QueueSettings settings = queue.settings;
  TRY_DO(read_settings(in.Attributes(), settings));
  TRY_DO(check_throughput(settings));
  if (in.Attributes().find("Policy")) TRY_DO(bind_policy(call, settings));
  if (settings.dead_letters != queue.settings.dead_letters)
    TRY_DO(check_dead_letters(call, door, queue.id, settings));
  return door.queues.change_settings(call.tx(), queue, settings, call.moment());
}

Result<> purge_queue(const SqsDoor& door, Call& call, api::PurgeQueueRequest in) {
  TRY(const Queue queue, door.find(call, in.QueueUrl()));
  auto purged = door.queues.purge(call.tx(), queue, call.moment());
  if (!purged && purged.error().kind == "purging")
    purged.error().message =
        fmt::format("Only one PurgeQueue operation on {} is allowed every {} seconds.",
                    name_of(queue.id), events::purge_pause.count());
  return purged;
}

Result<> tag_queue(const SqsDoor& door, Call& call, api::TagQueueRequest in) {
  TRY(const Queue queue, door.find(call, in.QueueUrl()));
  if (in.Tags().empty()) return missing("Tags");
  TRY(const tags::TagList given, read_tags(in.Tags(), name_of(queue.id)));
  if (!tags::put(call.tx(), events::tagged(queue.id), given, tag_rules))
    return too_many_tags(name_of(queue.id));
  return {};
}

Result<> untag_queue(const SqsDoor& door, Call& call, api::UntagQueueRequest in) {
  TRY(const Queue queue, door.find(call, in.QueueUrl()));
  if (in.TagKeys().empty())
    return bad_value("Tag keys must be between 1 and 128 characters in length.");
  const std::vector<std::string> keys(in.TagKeys().begin(), in.TagKeys().end());
  tags::erase(call.tx(), events::tagged(queue.id), keys, tag_rules);
  return {};
}

Result<api::ListQueueTagsResult> list_queue_tags(const SqsDoor& door, Call& call,
                                                 api::ListQueueTagsRequest in) {
  TRY(const Queue queue, door.find(call, in.QueueUrl()));
  auto out = call.output<api::ListQueueTagsResult>();
  out.Tags(wire::empty);
  for (const auto& [key, value] : tags::list(call.tx(), events::tagged(queue.id)))
    out.put_Tags(key, value);
  return out;
}

}  // namespace slipway::sqs
