// Who may do what with queues, by the policies that queues have of their own too.
#include "service/permissions.h"

#include "service/sqs/attributes.h"
#include "service/sqs/operations.h"
#include "service/sqs/sqs.h"

namespace slipway::sqs {
namespace {

using service::Guarded;
using service::Need;
using service::Question;
using Arity = service::KeyOfMember::Arity;

constexpr std::string_view the_queue = "{queue}";

constexpr Need needs[] = {
    {"CreateQueue", "sqs:CreateQueue", "{arn}:{QueueName}"},
    Need{"CreateQueue", "sqs:TagQueue", "{arn}:{QueueName}"}.where("tags"),
    {"DeleteQueue", "sqs:DeleteQueue", the_queue},
    {"GetQueueUrl", "sqs:GetQueueUrl", "{named queue}"},
    Need{"ListQueues", "sqs:ListQueues"}.shown_as("{arn}:"),
    {"GetQueueAttributes", "sqs:GetQueueAttributes", the_queue},
    {"SetQueueAttributes", "sqs:SetQueueAttributes", the_queue},
    {"AddPermission", "sqs:AddPermission", the_queue},
    {"RemovePermission", "sqs:RemovePermission", the_queue},
    {"TagQueue", "sqs:TagQueue", the_queue},
    {"UntagQueue", "sqs:UntagQueue", the_queue},
    {"ListQueueTags", "sqs:ListQueueTags", the_queue},
    {"ListDeadLetterSourceQueues", "sqs:ListDeadLetterSourceQueues", the_queue},
    {"SendMessage", "sqs:SendMessage", the_queue},
    {"SendMessageBatch", "sqs:SendMessage", the_queue},
    {"ReceiveMessage", "sqs:ReceiveMessage", the_queue},
    {"DeleteMessage", "sqs:DeleteMessage", the_queue},
    {"DeleteMessageBatch", "sqs:DeleteMessage", the_queue},
    {"ChangeMessageVisibility", "sqs:ChangeMessageVisibility", the_queue},
    {"ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility", the_queue},
    {"PurgeQueue", "sqs:PurgeQueue", the_queue},
    // Moving takes messages out of one queue and puts them into others.
    {"StartMessageMoveTask", "sqs:StartMessageMoveTask", "{source queue}"},
    {"StartMessageMoveTask", "sqs:ReceiveMessage", "{source queue}"},
    {"StartMessageMoveTask", "sqs:DeleteMessage", "{source queue}"},
    Need{"StartMessageMoveTask", "sqs:SendMessage", "{target queues}"}.where("target queues"),
    {"ListMessageMoveTasks", "sqs:ListMessageMoveTasks", "{source queue}"},
    {"CancelMessageMoveTask", "sqs:CancelMessageMoveTask", "{moved queue}"},
};

constexpr service::KeyOfMember keys[] = {
    {"aws:RequestTag/", "tags"},
    {"aws:RequestTag/", "Tags"},
    {"aws:TagKeys", "tags", Arity::many},
    {"aws:TagKeys", "Tags", Arity::many},
    {"aws:TagKeys", "TagKeys", Arity::many},
};

// As the handlers understand it: what they would not find is asked for as it is written.
std::string queue_of_arn(std::string_view arn) {
  const auto id = id_of_arn(arn);
  return id ? arn_of(*id) : std::string(arn);
}

std::string queue_of_request(const Question& question) {
  const auto url = question.texts("QueueUrl");
  const std::string_view address = url.empty() ? service::path_of(question.call()) : url.front();
  const auto id = id_of_url(question.call(), address);
  return id ? arn_of(*id) : std::string();
}

std::string named_queue(const Question& question) {
  const Call& call = question.call();
  const std::string owner = question.text("QueueOwnerAWSAccountId");
  return fmt::format("arn:aws:sqs:{}:{}:{}", call.region(), owner.empty() ? call.account() : owner,
                     question.text("QueueName"));
}

// Where messages go: the queue that is named, else each that they came from.
std::vector<std::string> targets(const events::Queues& queues, const Question& question) {
  if (const std::string arn = question.text("DestinationArn"); !arn.empty())
    return {queue_of_arn(arn)};
  std::vector<std::string> arns;
  if (const auto source = id_of_arn(question.text("SourceArn")))
    for (const auto& each : queues.list_sources(question.call().tx(), *source, "", page_queues_max))
      arns.push_back(arn_of(each));
  return arns;
}

std::optional<std::vector<std::string>> word(const events::Queues& queues, const Question& question,
                                             std::string_view word) {
  using Texts = std::vector<std::string>;
  if (word == "queue") return Texts{queue_of_request(question)};
  if (word == "named queue") return Texts{named_queue(question)};
  if (word == "source queue") return Texts{queue_of_arn(question.text("SourceArn"))};
  if (word == "moved queue")
    return Texts{queue_of_arn(source_of_move(question.text("TaskHandle")))};
  if (word == "target queues") return targets(queues, question);
  return std::nullopt;
}

Guarded side_of(const events::Queues& queues, const Question& question, std::string_view arn) {
  const auto named = id_of_arn(arn);
  if (!named) return {};
  auto queue = queues.find(question.call().tx(), *named);
  if (!queue) return {};
  Guarded out = service::guarded_by_notes(*queue, principals_of(queue->settings));
  question.call().leave(*std::move(queue));
  return out;
}

}  // namespace

service::Permissions permissions(const events::Queues& queues) {
  return {.schema = api::schema(),
          .needs = needs,
          .keys = keys,
          .style = {.action = service::RefusalStyle::Action::lower_case},
          .word = [&queues](const Question& question,
                            std::string_view name) { return word(queues, question, name); },
          .find = [&queues](const Question& question, std::string_view arn) -> Result<Guarded> {
            return side_of(queues, question, arn);
          }};
}

}  // namespace slipway::sqs
