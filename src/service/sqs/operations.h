// The operations of this door; each stands in the file of what it is about. All that name a queue
// refuse as Door::find() does; what else they refuse is noted.
#pragma once

#include "service/sqs/door.h"

namespace slipway::sqs {

// queue.cc
// QueueNameExists with other attributes; InvalidAttributeName, InvalidAttributeValue; a name that
// cannot be one: InvalidParameterValue.
Result<api::CreateQueueResult> create_queue(const SqsDoor& door, Call& call,
                                            api::CreateQueueRequest in);
Result<> delete_queue(const SqsDoor& door, Call& call, api::DeleteQueueRequest in);
Result<api::GetQueueUrlResult> get_queue_url(const SqsDoor& door, Call& call,
                                             api::GetQueueUrlRequest in);
Result<api::ListQueuesResult> list_queues(const SqsDoor& door, Call& call,
                                          api::ListQueuesRequest in);
Result<api::ListDeadLetterSourceQueuesResult> list_dead_letter_source_queues(
    const SqsDoor& door, Call& call, api::ListDeadLetterSourceQueuesRequest in);
Result<api::GetQueueAttributesResult> get_queue_attributes(const SqsDoor& door, Call& call,
                                                           api::GetQueueAttributesRequest in);
Result<> set_queue_attributes(const SqsDoor& door, Call& call, api::SetQueueAttributesRequest in);
Result<> purge_queue(const SqsDoor& door, Call& call, api::PurgeQueueRequest in);
Result<> tag_queue(const SqsDoor& door, Call& call, api::TagQueueRequest in);
Result<> untag_queue(const SqsDoor& door, Call& call, api::UntagQueueRequest in);
Result<api::ListQueueTagsResult> list_queue_tags(const SqsDoor& door, Call& call,
                                                 api::ListQueueTagsRequest in);

// permission.cc: statements in the queue's Policy, which decides beside the caller's own policies.
Result<> add_permission(const SqsDoor& door, Call& call, api::AddPermissionRequest in);
Result<> remove_permission(const SqsDoor& door, Call& call, api::RemovePermissionRequest in);

// send.cc
Result<api::SendMessageResult> send_message(const SqsDoor& door, Call& call,
                                            api::SendMessageRequest in);
Result<api::SendMessageBatchResult> send_message_batch(const SqsDoor& door, Call& call,
                                                       api::SendMessageBatchRequest in);

// receive.cc
Result<api::ReceiveMessageResult> receive_message(const SqsDoor& door, Call& call,
                                                  api::ReceiveMessageRequest in);
Result<> delete_message(const SqsDoor& door, Call& call, api::DeleteMessageRequest in);
Result<api::DeleteMessageBatchResult> delete_message_batch(const SqsDoor& door, Call& call,
                                                           api::DeleteMessageBatchRequest in);
Result<> change_message_visibility(const SqsDoor& door, Call& call,
                                   api::ChangeMessageVisibilityRequest in);
Result<api::ChangeMessageVisibilityBatchResult> change_message_visibility_batch(
    const SqsDoor& door, Call& call, api::ChangeMessageVisibilityBatchRequest in);

// move.cc
Result<api::StartMessageMoveTaskResult> start_message_move_task(
    const SqsDoor& door, Call& call, api::StartMessageMoveTaskRequest in);
Result<api::ListMessageMoveTasksResult> list_message_move_tasks(
    const SqsDoor& door, Call& call, api::ListMessageMoveTasksRequest in);
Result<api::CancelMessageMoveTaskResult> cancel_message_move_task(
    const SqsDoor& door, Call& call, api::CancelMessageMoveTaskRequest in);
// The ARN of the queue that a task's handle says it moves from; empty where it is no handle.
std::string source_of_move(std::string_view task_handle);

}  // namespace slipway::sqs
