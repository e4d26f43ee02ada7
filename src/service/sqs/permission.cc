#include <algorithm>

#include "service/policy_statement.h"
#include "service/sqs/operations.h"

namespace slipway::sqs {
namespace {

constexpr std::size_t actions_max = 7;
constexpr std::size_t label_bytes_max = 80;

// What AddPermission may give; the rest is the owner's alone.
constexpr std::string_view actions[] = {
    "*",           "ChangeMessageVisibility",    "DeleteMessage", "GetQueueAttributes",
    "GetQueueUrl", "ListDeadLetterSourceQueues", "PurgeQueue",    "ReceiveMessage",
    "SendMessage"};

Result<> put_policy(const SqsDoor& door, Call& call, const events::Queue& queue,
                    std::string policy) {
  events::QueueSettings settings = queue.settings;
  if (policy.empty())
    settings.notes.erase("Policy");
  else
    settings.notes["Policy"] = std::move(policy);
  return door.queues.change_settings(call.tx(), queue, settings, call.moment());
}

std::string policy_of(const events::Queue& queue) {
  const auto found = queue.settings.notes.find("Policy");
  if (found != queue.settings.notes.end()) return found->second;
  return fmt::format(R"({{"Version":"2008-10-17","Id":"{}/SQSDefaultPolicy","Statement":[]}})",
                     arn_of(queue.id));
}

std::unexpected<Error> bad_label(std::string_view label, std::string_view reason) {
  return bad_value(
      fmt::format("Value {} for parameter Label is invalid. Reason: {}", label, reason));
}

}  // namespace

Result<> add_permission(const SqsDoor& door, Call& call, api::AddPermissionRequest in) {
  TRY(const events::Queue queue, door.find(call, in.QueueUrl()));
  if (in.Actions().size() > actions_max)
    return refuse("OverLimit", fmt::format("{} Actions were found, maximum allowed is {}.",
                                           in.Actions().size(), actions_max));
  if (in.Label().empty() || in.Label().size() > label_bytes_max)
    return bad_value(fmt::format("Value {} for parameter Label is invalid.", in.Label()));
  service::PolicyStatement statement{
      .label = std::string(in.Label()), .resource = arn_of(queue.id), .service = "SQS"};
  for (const std::string_view account : in.AWSAccountIds())
    statement.accounts.emplace_back(account);
  for (const std::string_view action : in.Actions()) {
    if (std::ranges::find(actions, action) == std::end(actions))
      return bad_value(
          fmt::format("Value SQS:{} for parameter ActionName is invalid. Reason: Only "
                      "the queue owner is allowed to invoke this action.",
                      action));
    statement.actions.emplace_back(action);
  }
  if (statement.accounts.empty())
    return bad_value("Value [] for parameter PrincipalId is invalid. Reason: Unable to verify.");
  if (statement.actions.empty()) return missing("Actions");
  auto policy = service::add_statement(policy_of(queue), statement);
  if (!policy) return bad_label(in.Label(), "Already exists.");
  return put_policy(door, call, queue, *std::move(policy));
}

Result<> remove_permission(const SqsDoor& door, Call& call, api::RemovePermissionRequest in) {
  TRY(const events::Queue queue, door.find(call, in.QueueUrl()));
  auto policy = service::remove_statement(policy_of(queue), in.Label());
  if (!policy) return bad_label(in.Label(), "can't find label.");
  return put_policy(door, call, queue, *std::move(policy));
}

}  // namespace slipway::sqs
