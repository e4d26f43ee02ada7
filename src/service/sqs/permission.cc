#include "service/policy_statement.h"
#include "service/sqs/operations.h"

namespace slipway::sqs {
namespace {

constexpr std::size_t actions_max = 7;
constexpr std::size_t label_bytes_max = 80;

Result<> put_policy(const Door& door, Call& call, const events::Queue& queue,
                    Result<std::string> policy) {
  TRY(std::string text, std::move(policy));
  events::QueueSettings settings = queue.settings;
  settings.notes["Policy"] = std::move(text);
  return door.queues.change_settings(call.tx(), queue, settings, call.moment());
}

std::string policy_of(const events::Queue& queue) {
  const auto found = queue.settings.notes.find("Policy");
  return found == queue.settings.notes.end() ? std::string() : found->second;
}

}  // namespace

Result<> add_permission(const Door& door, Call& call, api::AddPermissionRequest in) {
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
  for (const std::string_view action : in.Actions()) statement.actions.emplace_back(action);
  if (statement.accounts.empty()) return missing("AWSAccountIds");
  if (statement.actions.empty()) return missing("Actions");
  return put_policy(door, call, queue, service::add_statement(policy_of(queue), statement));
}

Result<> remove_permission(const Door& door, Call& call, api::RemovePermissionRequest in) {
  TRY(const events::Queue queue, door.find(call, in.QueueUrl()));
  return put_policy(door, call, queue, service::remove_statement(policy_of(queue), in.Label()));
}

}  // namespace slipway::sqs
