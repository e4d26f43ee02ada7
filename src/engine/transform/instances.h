// How a transform job asks its instances.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/worker_pool.h"
#include "engine/fleet/plan.h"
#include "engine/routing/router.h"
#include "engine/routing/routes.h"
#include "net/http.h"
#include "net/loop.h"

namespace slipway::transform {

// What an answer may come to.
inline constexpr std::size_t transform_answer_bytes_max = 256UL << 20;

// Says what one instance is asked. Everything viewed belongs to `owner`, which is held until the
// reply.
struct InstanceRequest {
  std::string_view fleet;
  std::string_view content_type;
  std::string_view accept;
  std::string_view body;
  // Not empty: the body is in files, and goes as it is read. Called for each try.
  std::function<net::FileSequence()> body_files;
  std::shared_ptr<const void> owner;
};

// Says what came of one request to the container.
struct InstanceReply {
  int status = 0;    // what the container said; 0: nothing, `body` is a sentence that says why
  std::string body;  // the answer, or what was wrong
  enum class Repeat : std::uint8_t { may_help, is_useless } repeat = Repeat::may_help;
  bool is_good() const { return status >= 200 && status < 300; }
  // Whether the same request may fare better: the container failed, or was not reached.
  bool may_be_repeated() const {
    return repeat == Repeat::may_help && (status == 0 || status >= 500);
  }
};

using ReplyDone = std::move_only_function<void(InstanceReply)>;
using SettingsDone = std::move_only_function<void(Result<std::string>)>;

// Carries the requests of all jobs to their instances. Thread-safe. Callbacks come on any thread,
// also from within the call; none comes after the object is gone.
class TransformInstances {
 public:
  virtual ~TransformInstances() = default;
  virtual void ask(InstanceRequest request, ReplyDone done) = 0;
  // What one instance answers to GET `path`: not_found where it has nothing there.
  virtual void ask_settings(const routing::FleetId& fleet, std::string path, SettingsDone done) = 0;
  virtual void later(std::chrono::microseconds delay, Task task) = 0;
};

// The real one: a router of its own on the bulk loop, so that its traffic hurts nobody's latency.
class RoutedInstances final : public TransformInstances {
 public:
  // All outlive this object.
  RoutedInstances(routing::RouteTable& routes, Random& random, net::LoopThread& loop);
  ~RoutedInstances() override;

  void ask(InstanceRequest request, ReplyDone done) override;
  void ask_settings(const routing::FleetId& fleet, std::string path, SettingsDone done) override;
  void later(std::chrono::microseconds delay, Task task) override;

  // From any thread: what the jobs' instances were asked so far, each job's under its own id.
  std::vector<routing::VariantCounters> counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::transform
