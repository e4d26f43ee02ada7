// What tests of environments stand on: a cache with its engine, on a place whose instances are
// functions of the test.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <functional>
#include <future>
#include <thread>

#include "base/test_folder.h"
#include "engine/artifacts/left_tree.h"
#include "engine/artifacts/read_only.h"
#include "engine/artifacts/shared_files.h"
#include "engine/environments/acting_place.h"
#include "engine/environments/environment_cache.h"
#include "engine/reconciler.h"

namespace slipway::environments {

inline void write(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

inline std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string plan_text(const fs::path& folder, std::string_view more = {}) {
  return R"({"folder": ")" + folder.string() +
         R"(", "names_files": false, "packages": [], "requirements": "requirements.txt", )" +
         R"("python": "3", "variables": {"PIP_PRE": "1"}, "wheels": []})" + std::string(more);
}

// Has a model, a place that acts as the test says, and a cache that asks it.
class EnvironmentCacheTest : public testing::Test {
 protected:
  EnvironmentCacheTest() {
    write(model_ / "code/requirements.txt", "numpy\n");
    place_.plan = [this](const fs::path& directory, const place::InstanceSpec&) {
      write(directory / "plan.json", plan_text(model_ / "code"));
      return 0;
    };
    place_.install = [](const fs::path& directory, const place::InstanceSpec&) {
      write(directory / "environment/lib/numpy.py", "VALUE = 1\n");
      write(directory / "environment/lib/__pycache__/numpy.pyc", "compiled\n");
      return 0;
    };
    open();
  }
  ~EnvironmentCacheTest() override {
    close();
    artifacts::remove_tree(folder_.path() / "environments");
  }

  // As a server that starts.
  void open() {
    engine_ = std::make_unique<Engine>(*store_, place_);
    loop_ = std::make_unique<net::LoopThread>();
    workers_ = std::make_unique<WorkerPool>(2);
    cache_ = std::make_unique<EnvironmentCache>(
        root_, EnvironmentCache::Needs{.loop = loop_->loop(),
                                       .workers = *workers_,
                                       .store = *store_,
                                       .jobs = engine_->jobs,
                                       .progress = engine_->reconciler,
                                       .changes = engine_->changes,
                                       .place = place_,
                                       .random = random_,
                                       .room = room_.get(),
                                       .relieve = [this] { ++relieved_; },
                                       .programs_at_once_max = 4});
    place_.adopt();
    engine_->loop.start();
  }
  void close() {
    if (!engine_) return;
    engine_->changes.close();
    engine_->loop.stop();
    workers_->stop();
    loop_->stop();
    (void)store_->write([](store::Transaction&) -> Result<> { return {}; });
    cache_.reset();
    engine_.reset();
  }
  // What the programs left is removed a little after they ended.
  bool nothing_is_left() {
    const fs::path instances = folder_.path() / "instances";
    return eventually([&] { return !fs::exists(instances) || fs::is_empty(instances); });
  }
  static bool eventually(const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!holds() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return holds();
  }

  EnvironmentNeed need(const fs::path& model) const {
    return {.name = "f/1/v",
            .with_contents = {.argv = {"/server", "--model", model}},
            .without = {.argv = {"/server"}},
            .flags = test_flags,
            .contents = {{.host_path = model, .inside = "/opt/ml/model"}},
            .asker = asker_};
  }
  std::future<artifacts::FetchOutcome> ask(const fs::path& model) {
    auto promise = std::make_shared<std::promise<artifacts::FetchOutcome>>();
    cache_->prepare(need(model), [promise](artifacts::FetchOutcome outcome) {
      promise->set_value(std::move(outcome));
    });
    return promise->get_future();
  }
  artifacts::FetchOutcome prepare() { return ask(model_).get(); }

  class NoArtifacts final : public artifacts::Artifacts {
   public:
    void fetch(const artifacts::Artifact&, artifacts::FetchDone) override {}
    void fetch_again(const artifacts::Artifact&, const std::string&,
                     artifacts::FetchDone) override {}
    std::optional<fs::path> find(const std::string&) override { return std::nullopt; }
  };
  // What a server has of jobs.
  struct Engine {
    Engine(store::Store& store, place::Place& place)
        : loop(store, clock, changes), reconciler({place, artifacts, loop, changes}) {}

    SystemClock clock;
    NoArtifacts artifacts;
    engine::Changes changes{clock};
    engine::ReconcilerLoop loop;
    jobs::JobReconciler reconciler;
    jobs::Jobs jobs{clock, [this](const jobs::JobId& id) { reconciler.wake(id); }};
  };
  void observe(const place::Observation& seen) {
    if (cache_) cache_->observe(seen);
    if (engine_) engine_->reconciler.observe(seen);
  }

  TestFolder folder_;
  const std::unique_ptr<store::Store> store_ =
      store::Store::open(folder_.path() / "state.db", jobs::migrations()).value();
  const fs::path model_ = folder_.path() / "artifacts/m";
  std::shared_ptr<const int> asker_ = std::make_shared<const int>();
  SystemRandom random_;
  std::unique_ptr<DiskRoom> room_;
  fs::path root_ = folder_.path() / "environments";
  std::atomic<int> relieved_ = 0;
  ActingPlace place_{folder_.path() / "instances",
                     [this](const place::Observation& seen) { observe(seen); }};
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<net::LoopThread> loop_;
  std::unique_ptr<WorkerPool> workers_;
  std::unique_ptr<EnvironmentCache> cache_;
};

}  // namespace slipway::environments
