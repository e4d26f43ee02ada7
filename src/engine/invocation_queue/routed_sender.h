// The sender of the real server: one loop's fleet router, fed from objects and read into objects.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "base/string_hash.h"
#include "base/worker_pool.h"
#include "engine/invocation_queue/request_sender.h"
#include "engine/routing/router.h"
#include "net/loop.h"

namespace slipway::invocation_queue {

// An answer beyond inline_bytes_max is written by a strand of workers, which is at most this far
// behind what came; then the instance is slowed down.
inline constexpr std::size_t unwritten_bytes_max = 4 * 1024 * 1024;

// Has a router of its own on the bulk loop. Bodies that are files go to the instance as they are
// read, answers go to files as they come: memory stays flat whatever their size.
class RoutedSender final : public RequestSender {
 public:
  // All outlive this object.
  struct Needs {
    routing::RouteTable& routes;
    objects::Objects& objects;
    WorkerPool& workers;
    Random& random;
    net::LoopThread& loop;
  };
  explicit RoutedSender(const Needs& needs);
  ~RoutedSender() override { stop(); }

  // Ends its router: what is under way arrives as unavailable, before this returns or, where
  // workers still write, on them. Idempotent; nobody asks for counters() any more.
  void stop();

  // Counts what any router has under way to the fleet's instances, and what is on its way there.
  std::size_t room(std::string_view fleet, std::uint32_t concurrency) const override;
  void deliver(Delivery delivery, Arrived arrived) override;

  // From any thread: what instances were asked so far.
  std::vector<routing::VariantCounters> counters() const { return router_->counters(); }

 private:
  class OutboundRequest;
  class AnswerWriter;

  void launched(const std::string& fleet);

  const Needs needs_;
  mutable std::mutex mutex_;
  // Handed to the loop and not yet sent to an instance, by fleet; guarded by mutex_.
  std::unordered_map<std::string, std::size_t, StringHash, std::equal_to<>> launching_;
  std::unique_ptr<routing::Router> router_;  // the loop thread's
};

}  // namespace slipway::invocation_queue
