// Whole transform jobs in a simulated world: a fleet of simulated instances, objects and a store
// that last, and servers that end at any of their steps. For this room's tests.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/test_folder.h"
#include "engine/fleet/simulation.h"
#include "engine/fleet/test_store.h"
#include "engine/transform/reconciler.h"
#include "engine/transform/transform.h"

namespace slipway::transform {

inline const TransformId job{"account/region/job"};
inline constexpr int turns_max = 20'000;

// Ends the "server" at one of its steps, from whichever thread comes to it.
class StepCount {
 public:
  void arm(int steps) { left_ = steps; }
  bool reached() const { return reached_.load(); }
  void survive() { reached_.store(false); }
  void pass() {
    if (reached_.load() || left_.fetch_sub(1) == 0) {
      reached_.store(true);
      throw place::SimulatedCrash();
    }
  }

 private:
  std::atomic<int> left_ = 1 << 30;
  std::atomic<bool> reached_ = false;
};

// Answers each line in brackets; refuses what says "bad", fails once on what says "again".
class FakeInstances final : public TransformInstances {
 public:
  explicit FakeInstances(StepCount& steps) : steps_(steps) {}
  void ask(InstanceRequest request, ReplyDone done) override {
    steps_.pass();
    if (hold(request, done)) return;
    answer(std::move(request), std::move(done));
  }
  // Whether it thinks on, and answers nothing.
  void think(bool on) {
    std::vector<Held> held;
    {
      const std::lock_guard lock(mutex_);
      thinks_ = on;
      if (!on) held.swap(held_);
    }
    for (auto& [request, done] : held) answer(std::move(request), std::move(done));
  }
  std::size_t held() const {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }
  void ask_settings(const routing::FleetId&, std::string path, SettingsDone done) override {
    EXPECT_EQ(path, "/settings");
    done("three");
  }
  void later(std::chrono::microseconds, Task task) override { task(); }

 private:
  using Held = std::pair<InstanceRequest, ReplyDone>;

  bool hold(InstanceRequest& request, ReplyDone& done) {
    const std::lock_guard lock(mutex_);
    if (thinks_) held_.emplace_back(std::move(request), std::move(done));
    return thinks_;
  }
  void answer(InstanceRequest request, ReplyDone done) {
    if (request.body.contains("bad")) return done({.status = 400, .body = "no\nthanks"});
    if (request.body.contains("again") && asked_again_.fetch_add(1) == 0)
      return done({.status = 503, .body = "later"});
    std::string answer;
    std::string_view rest = request.body;
    for (std::string_view line; next_line(rest, line);) answer += fmt::format("<{}>\n", line);
    done({.status = 200, .body = std::move(answer)});
  }

  StepCount& steps_;
  std::atomic<int> asked_again_ = 0;
  mutable std::mutex mutex_;
  bool thinks_ = false;     // guarded by mutex_
  std::vector<Held> held_;  // guarded by mutex_
};

using Outputs = std::map<std::string, std::vector<std::string>>;

// One world, with the commits of its reconciles lost and slow where its simulation says so.
class TransformWorld {
 protected:
  explicit TransformWorld(std::uint64_t seed = 1) : seed_(seed) {
    const auto made = store_->write([&](store::Transaction& tx) -> Result<> {
      TRY_DO(objects::create_bucket(tx, {"box", "0", "r", world_.clock().now()}));
      return objects::set_versioning(tx, "box", objects::Versioning::enabled);
    });
    EXPECT_TRUE(made);
    plan_.fleet.variants.push_back({.name = "v", .program = {.built_in = "model"}});
    plan_.input_bucket = plan_.output_bucket = "box";
    plan_.input_key = "in/";
    plan_.output_prefix = "out/";
    plan_.split = SplitType::line;
    plan_.strategy = BatchStrategy::single_record;
    plan_.input_format = plan_.output_format = RecordFormat::csv;
    plan_.join = TransformPlan::Join::input;
    plan_.assembly = TransformPlan::Assembly::lines;
    start_server();
  }

  static std::unique_ptr<store::Store> open_store(const std::filesystem::path& folder) {
    std::vector<store::Migration> all;
    for (const auto room : {fleet::migrations(), objects::migrations(), transform_migrations()})
      all.insert(all.end(), room.begin(), room.end());
    return store::Store::open(folder / "state.db", all).value();
  }

  static TransformContract contract() {
    return {.settings_path = "/settings",
            .read_settings =
                [](std::string_view answer) {
                  EXPECT_EQ(answer, "three");
                  return InstanceSettings{.concurrency = 3};
                },
            .log_line =
                [](const TransformTerms& terms) {
                  return fmt::format("{} requests of {} MB", terms.concurrency, terms.payload_mb);
                }};
  }

  // What lives as long as a server's process does.
  struct Server {
    explicit Server(TransformWorld& test)
        : instances(test.steps_),
          loop(*test.store_, test.world_.clock(), test.world_.changes()),
          runs({.store = *test.store_,
                .objects = *test.objects_,
                .instances = instances,
                .clock = test.world_.clock(),
                .contract = contract(),
                .may = [&test](store::Transaction&, const std::string& owner,
                               TransformContext::Access access,
                               const objects::ObjectName& name) -> Result<> {
                  if (name.key != test.closed_) return {};
                  const bool reads = access == TransformContext::Access::read;
                  return fail(ErrorCode::permission_denied,
                              owner + (reads ? " may not read " : " may not write ") + name.key);
                },
                .log = [&test](const TransformId&, std::string_view line) { test.log(line); },
                .step = [&test] { test.steps_.pass(); }},
               [this](const TransformId& id) { reconciler.wake(id); }),
          reconciler({.fleets = test.world_.fleets(),
                      .runs = runs,
                      .loop = loop,
                      .changes = test.world_.changes()}),
          transforms([this](const TransformId& id) { reconciler.wake(id); }) {
      test.world_.commit_faults().befall(loop);
    }
    ~Server() { runs.stop_all(); }

    FakeInstances instances;
    engine::ReconcilerLoop loop;  // with the changes of the fleets' own, as in a server
    TransformRuns runs;
    TransformReconciler reconciler;
    Transforms transforms;
  };

  void start_server() {
    server_.reset();
    server_ = std::make_unique<Server>(*this);
    EXPECT_TRUE(server_->loop.wake_all());
  }
  void crash() {
    server_.reset();
    steps_.survive();
    world_.crash_and_restart();
    start_server();
  }
  void log(std::string_view line) {
    const std::lock_guard lock(log_mutex_);
    log_ += fmt::format("{}\n", line);
  }

  void put(const std::string& key, std::string_view text) {
    objects::Upload upload = objects_->begin();
    ASSERT_TRUE(upload.write(std::as_bytes(std::span(text))));
    auto body = upload.seal();
    ASSERT_TRUE(body);
    ASSERT_TRUE(store_->write([&](store::Transaction& tx) {
      return objects_->put(tx, {.bucket = "box", .key = key}, *std::move(body));
    }));
  }
  // Every version of every output: a doubled one shows.
  Outputs outputs() {
    Outputs all;
    const auto page = store_->read([&](store::Transaction& tx) {
      return objects::list_versions(tx, {.bucket = "box", .prefix = "out/"});
    });
    for (const auto& each : page.value().versions) {
      auto opened =
          objects_->open_object({.bucket = "box", .key = each.key, .version = each.version});
      std::string text(each.size, '\0');
      objects::ContentReader reader(std::move(opened.value().content));
      EXPECT_EQ(reader.read(std::as_writable_bytes(std::span(text))).value(), text.size());
      all[each.key.substr(4)].push_back(text);
    }
    return all;
  }

  void create(const TransformId& id = job) {
    const auto made = store_->write([&](store::Transaction& tx) {
      return server_->transforms.create(tx, id, plan_, world_.clock().now());
    });
    ASSERT_TRUE(made) << made.error().message;
    jobs_.push_back(id);
  }
  Result<> stop(const TransformId& id = job) {
    return store_->write([&](store::Transaction& tx) {
      return server_->transforms.stop(tx, id, world_.clock().now());
    });
  }
  TransformStatus status(const TransformId& id = job) {
    return store_
        ->read([&](store::Transaction& tx) -> Result<TransformStatus> {
          return server_->transforms.status(tx, id).value();
        })
        .value();
  }
  bool all_ended() {
    return std::ranges::all_of(jobs_,
                               [&](const TransformId& id) { return has_ended(status(id).state); });
  }
  bool any_works() {
    return std::ranges::any_of(jobs_, [&](const TransformId& id) {
      return server_->runs.runs(id) && !server_->runs.outcome(id);
    });
  }
  // Lets whatever is due happen once; true where the server ended and another began.
  bool turn() {
    while (world_.step()) {
    }
    std::size_t done = 0;
    try {
      steps_.pass();
      done = server_->loop.step();
    } catch (const place::SimulatedCrash&) {
    }
    if (steps_.reached()) {
      crash();
      return true;
    }
    if (done > 0) return false;
    if (any_works())
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    else
      world_.clock().advance(std::chrono::milliseconds(50));
    return false;
  }
  // Until all jobs have ended; true where the server ended meanwhile.
  bool run_to_the_end() {
    bool crashed = false;
    for (int i = 0; i < turns_max && !all_ended(); ++i) crashed = turn() || crashed;
    return crashed;
  }
  TransformStatus run() {
    run_to_the_end();
    return status();
  }

  const std::uint64_t seed_;
  TestFolder folder_;
  std::unique_ptr<store::Store> store_ = open_store(folder_.path());
  fleet::Simulation world_{
      *store_, seed_, {.built_ins = {{"model", {.argv = {"/bin/model"}, .environment = {}}}}}};
  SystemRandom random_;
  std::unique_ptr<objects::Objects> objects_ =
      objects::Objects::open(*store_, folder_.path(), world_.clock(), random_).value();
  StepCount steps_;
  std::mutex log_mutex_;
  std::string log_;
  std::string closed_ = "in/secret";  // the key that no owner may touch
  TransformPlan plan_;
  std::vector<TransformId> jobs_;
  std::unique_ptr<Server> server_;
};

class TransformJob : public testing::Test, protected TransformWorld {};

}  // namespace slipway::transform
