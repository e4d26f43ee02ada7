// Environments on this machine's disk: planned and built in cells, sealed, and kept.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/disk_room.h"
#include "base/random.h"
#include "base/worker_pool.h"
#include "engine/artifacts/sealed_folders.h"
#include "engine/environments/environment_plan.h"
#include "engine/environments/environment_programs.h"
#include "engine/environments/environments.h"
#include "net/loop.h"
#include "place/place.h"

namespace slipway::environments {

// Limits of one plan and of one build; processes, files and their bytes are the place's to limit.
inline constexpr std::chrono::seconds plan_time_max{60};
inline constexpr std::chrono::hours build_time_max{
    1};  // longer than any instance may take to start
inline constexpr std::uint64_t build_memory_bytes_max = 8ULL << 30;
inline constexpr std::size_t plans_kept_max = 1'024;

// An environment takes two programs, each in a cell of its own: one that sees the model and says
// what it needs, and one that sees only what the first one named and installs it into its own
// directory. Once that one has ended with all that it started, the server takes the folder over,
// seals it and gives it its name. A build that was interrupted leaves nothing that has a name.
//
// Two needs of one content wait for one build; those of different contents stand in line only where
// too many are being built (environment_programs.h). What the same program says of the same model
// and code, with the same variables, is asked once for as long as this process lives: a thousand
// endpoints of one model take one plan.
class EnvironmentCache final : public Environments {
 public:
  // All outlive this object; the loop and the workers are stopped before it goes.
  struct Needs {
    net::Loop& loop;
    WorkerPool& workers;
    store::Store& store;  // as EnvironmentPrograms has it
    const jobs::Jobs& jobs;
    const jobs::JobReconciler& progress;
    engine::Changes& changes;
    place::Place& place;
    Random& random;
    const DiskRoom* room = nullptr;  // whose reserve builds leave alone; null: without limit
    // Called on a worker's thread before something is built on a disk that is nearly full; may
    // collect().
    std::function<void()> relieve = {};
    std::size_t programs_at_once_max = 0;  // as EnvironmentPrograms has it
  };
  EnvironmentCache(std::filesystem::path root, Needs needs);
  ~EnvironmentCache() override;

  void prepare(EnvironmentNeed need, artifacts::FetchDone done) override;
  std::optional<std::filesystem::path> find(const std::string& content) override {
    return folders_.find(content);
  }
  std::string doing(const std::string& need) const override;

  // From any thread: what the place reports. What a release that had no jobs left running is ended.
  void observe(const place::Observation& observation);

  // As SealedFolders.
  void collect(const std::set<std::string>& used, std::uint64_t spare_bytes_max,
               std::chrono::seconds age_min = std::chrono::hours(1)) {
    folders_.collect(used, spare_bytes_max, age_min);
  }

  // What is under way ends soon, as unavailable, and what is asked for later at once; what lies on
  // the disk stays. From any thread.
  void stop();

 private:
  using Left = EnvironmentPrograms::Left;
  struct Asked {
    EnvironmentNeed need;
    artifacts::FetchDone done;
  };
  struct Waiter {
    EnvironmentNeed need;
    EnvironmentPlan plan;
    artifacts::FetchDone done;
  };
  // On the loop.
  void plan(Asked asked);
  void run_plan(const std::string& subject, const EnvironmentNeed& need);
  void finish_plan(const std::string& subject, const Result<std::string>& text);
  void follow_plan(const std::string& text, Asked asked);
  void obtain(Waiter waiter);
  void build(const EnvironmentNeed& need, const EnvironmentPlan& plan);
  void finish(const std::string& content, const Result<>& outcome);
  void note_for_all(const std::string& content, const std::string& text);

  // On a worker.
  Result<> seal(const std::string& content, const Fd& disk, const Left& left);

  const Needs needs_;
  std::stop_source stop_;
  artifacts::SealedFolders folders_;
  EnvironmentPrograms programs_;
  std::map<std::string, std::vector<Asked>> planning_;  // by what is planned (subject_of())
  std::map<std::string, std::string> planned_;          // what came of it: the plan's text
  std::map<std::string, std::vector<Waiter>> waiting_;  // by content: looked at, or built

  mutable std::mutex doing_mutex_;
  std::map<std::string, std::string> doing_;  // by need; guarded by doing_mutex_
};

}  // namespace slipway::environments
