// The rows behind the queues. Not for other rooms. Every function throws store::Failure as
// statements do.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/invocation_queue/queue_types.h"
#include "store/store.h"

namespace slipway::invocation_queue {

std::optional<InvocationQueue> load_queue(store::Transaction& tx, InvocationQueueId id);
std::optional<InvocationQueue> load_open_queue(store::Transaction& tx, std::string_view fleet);
InvocationQueueId insert_queue(store::Transaction& tx, std::string_view fleet,
                               const InvocationQueueSettings& settings);
void update_queue(store::Transaction& tx, InvocationQueueId id,
                  const InvocationQueueSettings& settings);
void save_next_settings(store::Transaction& tx, InvocationQueueId id,
                        const NextQueueSettings& next);
// Removes, with those of the generations before it, the settings that were saved for a generation,
// and returns them.
std::optional<InvocationQueueSettings> take_next_settings(store::Transaction& tx,
                                                          InvocationQueueId id,
                                                          routing::Generation generation);
void close_queue(store::Transaction& tx, InvocationQueueId id);
void delete_queue(store::Transaction& tx, InvocationQueueId id);
std::vector<InvocationQueueId> all_queues(store::Transaction& tx);

// Returns the request's number, greater than every number given before.
std::int64_t insert_request(store::Transaction& tx, InvocationQueueId queue,
                            const QueuedRequest& request);
void delete_request(store::Transaction& tx, std::int64_t number);

// Says whether the body of a request is read with it.
enum class WithBody : std::uint8_t { no, yes };
std::optional<QueuedRequest> load_request(store::Transaction& tx, std::int64_t number,
                                          WithBody body);
// Numbers above `after`, ascending.
std::vector<std::int64_t> numbers_after(store::Transaction& tx, InvocationQueueId queue,
                                        std::int64_t after, std::size_t count_max);
// Those above `after` that expire by `now`, the earliest first.
std::vector<std::int64_t> expired_numbers(store::Transaction& tx, InvocationQueueId queue,
                                          std::int64_t after, ServerTime now);
// When the first of those above `after` expires.
std::optional<ServerTime> next_expiry(store::Transaction& tx, InvocationQueueId queue,
                                      std::int64_t after);
std::int64_t count_requests(store::Transaction& tx, InvocationQueueId queue);
std::optional<ServerTime> oldest_request(store::Transaction& tx, InvocationQueueId queue);

}  // namespace slipway::invocation_queue
