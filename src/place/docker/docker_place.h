// Instances as containers of an engine on this machine, which outlive the server: a server that was
// killed finds them again by their labels.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "place/docker/image_source.h"
#include "place/place.h"

namespace slipway::place {

// How often what containers printed is offered to the log's sink, and observed.
inline constexpr std::chrono::milliseconds container_log_period{250};
// How long a server that starts waits for the engine's list of what runs.
inline constexpr std::chrono::seconds container_adoption_time{15};
// Containers that were made and that nobody has asked for again since the server began are removed
// then.
inline constexpr std::chrono::seconds unclaimed_time{60};
// Removing them may take so long at the server's end, beside the grace.
inline constexpr std::chrono::seconds containers_removed_within{20};

// Says where a docker place keeps its notes and which engine it speaks to.
struct DockerPlaceOptions {
  std::filesystem::path root;  // this place's alone
  // Engines may listen here (engine_sockets()). The first that answers is the engine from then on.
  std::vector<std::string> sockets;
  // Takes what containers print; it outlives the place. Null: nobody.
  LogSink* log = nullptr;
  // Has images present in the engine; it outlives the place. Null: what the engine has or pulls.
  ImageSource* images = nullptr;
};

// Below `root` stand `owner`, by which the engine's labels name this place, and `notes/`, a file
// for each key (container_notes.h). A container is named after the owner and the key, so that a key
// is made once whatever gets lost on the way, and lives on a network of the place's own, where no
// other container reaches it. One that has ended is removed from the engine as soon as its end is
// noted.
//
// No engine need be there: capabilities() says that no images are run until one listens, and it is
// spoken to from the first start on. One thread of its own, a net::Loop, on which the sink is
// called; nothing on it waits for the engine. It begins with the first start, or with an adoption
// that finds notes: until then, and where no thread can be had for a start, the sink is called on
// the caller's.
class DockerPlace final : public Place {
 public:
  // unavailable: `root` cannot be made or read.
  static Result<std::unique_ptr<DockerPlace>> open(DockerPlaceOptions options,
                                                   ObservationSink sink);
  // Leaves the containers running; stop() them first where they should not.
  ~DockerPlace() override;

  Capabilities capabilities() const override;
  void start(const InstanceKey& key, const InstanceSpec& spec) override;
  void stop(const InstanceKey& key, std::chrono::milliseconds grace) override;
  void forget(const InstanceKey& key) override;
  void adopt() override;
  std::filesystem::path directory_of(const InstanceKey& key) const override;  // empty: it has none
  void push_logs(std::move_only_function<void()> done) override;
  // Starts nothing more and stops all that runs or is on its way. From any thread, once; the future
  // is ready when all has ended and is removed, or could not be within the grace and a little more.
  std::future<void> end(std::chrono::milliseconds grace);

 private:
  class Impl;
  DockerPlace(DockerPlaceOptions options, std::string owner, ObservationSink sink);

  Impl* in_use() const;  // null: nothing was started or adopted yet
  Impl* use();           // null: end() came first

  const DockerPlaceOptions options_;
  const std::string owner_;
  const ObservationSink sink_;
  mutable std::atomic<bool> engine_seen_ = false;  // an engine listens, or did once
  mutable std::mutex mutex_;                       // guards what follows
  bool ended_ = false;
  std::unique_ptr<Impl> impl_;  // set once
};

}  // namespace slipway::place
