// What doors open, change and close.
#include <fmt/format.h>

#include <utility>

#include "engine/invocation_queue/queue.h"
#include "engine/invocation_queue/queue_rows.h"

namespace slipway::invocation_queue {
namespace {

Result<> check(const InvocationQueueSettings& settings) {
  if (settings.concurrency >= 1 && settings.concurrency <= queue_concurrency_max) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("An instance is given 1 to {} requests at once; {} were asked for.",
                          queue_concurrency_max, settings.concurrency));
}

}  // namespace

Result<> InvocationQueues::put(store::Transaction& tx, std::string_view fleet,
                               const InvocationQueueSettings& settings) const {
  TRY_DO(check(settings));
  const auto open = load_open_queue(tx, fleet);
  const InvocationQueueId id = open ? open->id : insert_queue(tx, fleet, settings);
  if (open) update_queue(tx, id, settings);
  tx.on_commit([changed = changed_, id] { changed(id); });
  return {};
}

Result<> InvocationQueues::put_next(store::Transaction& tx, std::string_view fleet,
                                    const NextQueueSettings& next) const {
  TRY_DO(check(next.settings));
  const auto open = load_open_queue(tx, fleet);
  if (open) save_next_settings(tx, open->id, next);
  return {};
}

void InvocationQueues::close(store::Transaction& tx, std::string_view fleet) const {
  const auto open = load_open_queue(tx, fleet);
  if (!open) return;
  close_queue(tx, open->id);
  tx.on_commit([changed = changed_, id = open->id] { changed(id); });
}

std::optional<InvocationQueue> InvocationQueues::find(store::Transaction& tx,
                                                      std::string_view fleet) {
  return load_open_queue(tx, fleet);
}

std::optional<InvocationQueue> InvocationQueues::find_current(store::Transaction& tx,
                                                              std::string_view fleet,
                                                              const routing::RouteTable& routes) {
  auto queue = load_open_queue(tx, fleet);
  if (queue) bring_up_to_date(tx, *queue, routes);
  return queue;
}

void InvocationQueues::bring_up_to_date(store::Transaction& tx, InvocationQueue& queue,
                                        const routing::RouteTable& routes) {
  const auto shares = routes.routed({queue.fleet});
  if (!shares || shares->empty()) return;
  auto next = take_next_settings(tx, queue.id, shares->begin()->first);
  if (!next) return;
  queue.settings = *std::move(next);
  update_queue(tx, queue.id, queue.settings);
}

}  // namespace slipway::invocation_queue
