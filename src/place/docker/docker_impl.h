// The inside of a docker place: docker_place.cc holds starts and ends, docker_adoption.cc what a
// former server left.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "net/loop.h"
#include "place/docker/container_life.h"
#include "place/docker/container_notes.h"
#include "place/docker/docker_place.h"
#include "place/docker/engine_client.h"

namespace slipway::place {

// Everything but post() and what is const happens on the loop's thread.
class DockerPlace::Impl {
 public:
  Impl(DockerPlaceOptions options, std::string owner, ObservationSink sink);
  ~Impl();

  void post(Task command);
  std::future<void> end(std::chrono::milliseconds grace);

  void start(const InstanceKey& key, const InstanceSpec& spec);
  void stop(const InstanceKey& key, std::chrono::milliseconds grace);
  void forget(const InstanceKey& key);
  void adopt();
  void push_logs();

 private:
  using Kind = Observation::Kind;
  using EngineReady = std::move_only_function<void(const Result<>&)>;

  // The engine: looked for when it is needed first, with the network of this place.
  void with_engine(EngineReady then);
  void prepare_network();
  void engine_is(Result<> outcome);

  ContainerLife& add_life(ContainerNotes notes);
  ContainerLife* find(const InstanceKey& key);
  void report_ended(const ContainerNotes& notes);
  void over(const InstanceKey& key, ContainerNeeds::Left left);
  void remove_container(const InstanceKey& key);
  void push_soon();
  void finish_end();

  // These take over what a former server left.
  void adopt_listed(const std::vector<InstanceKey>& listed);
  void adopt_one(const ContainerNotes& notes);
  void list(std::move_only_function<void(Result<std::vector<InstanceKey>>)> then);
  void one_adopted();
  void finish_adoption();
  void sweep();

  const DockerPlaceOptions options_;
  const ContainerNames names_;
  const NoteBook notes_;
  const ObservationSink sink_;
  PulledImages pulled_;
  std::atomic<bool> ending_ = false;  // nothing is started any more

  net::LoopThread thread_{"containers"};
  const ContainerNeeds needs_;
  std::unique_ptr<EngineClient> engine_;  // null: none was found yet
  std::optional<EngineMachine> machine_;  // nothing: it is not known yet
  std::vector<EngineReady> for_engine_;   // those that wait for it
  std::map<InstanceKey, std::unique_ptr<ContainerLife>> lives_;
  std::size_t removals_ = 0;  // under way
  net::TimerId push_timer_ = 0;
  net::TimerId sweep_timer_ = 0;
  net::TimerId adoption_timer_ = 0;  // 0: nothing is being adopted
  std::size_t adopting_ = 0;         // containers whose state is being asked for
  std::optional<std::promise<void>> end_;
};

}  // namespace slipway::place
