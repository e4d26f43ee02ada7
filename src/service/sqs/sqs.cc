#include "service/sqs/sqs.h"

#include "service/sqs/batch.h"
#include "service/sqs/operations.h"
#include "service/sqs/resource_types.h"

namespace slipway::sqs {
namespace {

constexpr service::ErrorRow errors[] = {
    {"not_allowed", "AccessDeniedException", 403},
    {"no_queue", "QueueDoesNotExist", 400},
    {"purging", "PurgeQueueInProgress", 403},
    {"removed_lately", "QueueDeletedRecently", 400},
    {"moving", "InvalidParameterValueException", 400},
    {"no_move", "ResourceNotFoundException", 404},
    {"in_flight", "OverLimit", 403},
    {"OverLimit", "OverLimit", 403},
    {"bad_receipt", "ReceiptHandleIsInvalid", 404},
    {"old_receipt", "InvalidParameterValueException", 400},
    {"not_in_flight", "InvalidParameterValueException", 400},
    {"hidden_too_long", "InvalidParameterValueException", 400},
    {"too_long", "InvalidParameterValueException", 400},
    {"unavailable", "ServiceUnavailable", 503},
};

// A function of this door as a handler.
template <auto operation>
auto with(const SqsDoor& door) {
  return [door](Call& call, auto in) { return operation(door, call, in); };
}

}  // namespace

service::ErrorTable error_table() { return errors; }

void install(service::Registry& registry, const events::Queues& queues, events::MessageMoves& moves,
             std::string scheme) {
  namespace op = api::op;
  const SqsDoor door{queues, moves, std::move(scheme)};
  registry.begin(api::schema(), errors)
      .add_types(resource_types())
      .add<op::CreateQueue>(with<create_queue>(door))
      .add<op::DeleteQueue>(with<delete_queue>(door))
      .add<op::GetQueueUrl>(with<get_queue_url>(door))
      .add<op::ListQueues>(with<list_queues>(door))
      .add<op::ListDeadLetterSourceQueues>(with<list_dead_letter_source_queues>(door))
      .add<op::GetQueueAttributes>(with<get_queue_attributes>(door))
      .add<op::SetQueueAttributes>(with<set_queue_attributes>(door))
      .add<op::PurgeQueue>(with<purge_queue>(door))
      .add<op::StartMessageMoveTask>(with<start_message_move_task>(door))
      .add<op::ListMessageMoveTasks>(with<list_message_move_tasks>(door))
      .add<op::CancelMessageMoveTask>(with<cancel_message_move_task>(door))
      .add<op::TagQueue>(with<tag_queue>(door))
      .add<op::UntagQueue>(with<untag_queue>(door))
      .add<op::ListQueueTags>(with<list_queue_tags>(door))
      .add<op::AddPermission>(with<add_permission>(door))
      .add<op::RemovePermission>(with<remove_permission>(door))
      .add<op::SendMessage>(with<send_message>(door))
      .add<op::SendMessageBatch>(with<send_message_batch>(door))
      .add<op::ReceiveMessage>(with<receive_message>(door))
      .add<op::DeleteMessage>(with<delete_message>(door))
      .add<op::DeleteMessageBatch>(with<delete_message_batch>(door))
      .add<op::ChangeMessageVisibility>(with<change_message_visibility>(door))
      .add<op::ChangeMessageVisibilityBatch>(with<change_message_visibility_batch>(door));
}

}  // namespace slipway::sqs
