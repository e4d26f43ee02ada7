// Whole transform jobs over a simulated fleet: what is written, and what a crash leaves.
#include "engine/transform/transform.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/test_folder.h"
#include "engine/fleet/simulation.h"
#include "engine/fleet/test_store.h"
#include "engine/transform/reconciler.h"

namespace slipway::transform {
namespace {

using testing::HasSubstr;

const TransformId job{"account/region/job"};
constexpr int turns_max = 20'000;

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
    if (request.body.contains("bad")) return done({.status = 400, .body = "no\nthanks"});
    if (request.body.contains("again") && asked_again_.fetch_add(1) == 0)
      return done({.status = 503, .body = "later"});
    std::string answer;
    std::string_view rest = request.body;
    for (std::string_view line; next_line(rest, line);) answer += fmt::format("<{}>\n", line);
    done({.status = 200, .body = std::move(answer)});
  }
  void ask_settings(const routing::FleetId&, std::string path, SettingsDone done) override {
    EXPECT_EQ(path, "/settings");
    done("three");
  }
  void later(std::chrono::microseconds, Task task) override { task(); }

 private:
  StepCount& steps_;
  std::atomic<int> asked_again_ = 0;
};

class TransformJob : public testing::Test {
 protected:
  TransformJob() {
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
    explicit Server(TransformJob& test)
        : instances(test.steps_),
          changes(test.world_.clock()),
          loop(*test.store_, test.world_.clock(), changes),
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
          reconciler(
              {.fleets = test.world_.fleets(), .runs = runs, .loop = loop, .changes = changes}),
          transforms([this](const TransformId& id) { reconciler.wake(id); }) {}
    ~Server() { runs.stop_all(); }

    FakeInstances instances;
    engine::Changes changes;
    engine::ReconcilerLoop loop;
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
  std::map<std::string, std::vector<std::string>> outputs() {
    std::map<std::string, std::vector<std::string>> all;
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

  void create() {
    const auto made = store_->write([&](store::Transaction& tx) {
      return server_->transforms.create(tx, job, plan_, world_.clock().now());
    });
    ASSERT_TRUE(made) << made.error().message;
  }
  TransformStatus status() {
    return store_
        ->read([&](store::Transaction& tx) -> Result<TransformStatus> {
          return server_->transforms.status(tx, job).value();
        })
        .value();
  }
  // Lets whatever is due happen once; true where the server ended and another began.
  bool turn(const TransformId& id = job) {
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
    if (server_->runs.runs(id) && !server_->runs.outcome(id))
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    else
      world_.clock().advance(std::chrono::milliseconds(50));
    return false;
  }
  TransformStatus run() {
    for (int i = 0; i < turns_max && !has_ended(status().state); ++i) turn();
    return status();
  }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_ = open_store(folder_.path());
  fleet::Simulation world_{
      *store_, 1, {.built_ins = {{"model", {.argv = {"/bin/model"}, .environment = {}}}}}};
  SystemRandom random_;
  std::unique_ptr<objects::Objects> objects_ =
      objects::Objects::open(*store_, folder_.path(), world_.clock(), random_).value();
  StepCount steps_;
  std::mutex log_mutex_;
  std::string log_;
  std::string closed_ = "in/secret";  // the key that no owner may touch
  TransformPlan plan_;
  std::unique_ptr<Server> server_;
};

using Outputs = std::map<std::string, std::vector<std::string>>;

TEST_F(TransformJob, every_object_has_its_output_in_order_and_the_instances_go) {
  put("in/a", "1\n2\n3\n");
  put("in/deep/b", "again");
  put("in/empty", "");
  create();
  EXPECT_EQ(run().state, TransformState::completed);
  EXPECT_EQ(outputs(), (Outputs{{"a.out", {"1,<1>\n2,<2>\n3,<3>\n"}},
                                {"deep/b.out", {"again,<again>\n"}},
                                {"empty.out", {""}}}));
  EXPECT_TRUE(status().started && status().ended);
  world_.run(std::chrono::minutes(5));
  EXPECT_EQ(world_.status(fleet_of(job)).state, fleet::FleetState::gone);
  EXPECT_THAT(log_, HasSubstr("3 requests of 6 MB"));
  EXPECT_THAT(log_, HasSubstr("files 3 of 3, failed 0, records 4"));
}

TEST_F(TransformJob, a_prefix_that_is_a_folder_and_the_beginning_of_names_gives_each_its_output) {
  plan_.input_key = "in/x";
  put("in/x/xy", "1");
  put("in/xy", "2");
  create();
  EXPECT_EQ(run().state, TransformState::completed);
  EXPECT_EQ(outputs(), (Outputs{{"x/xy.out", {"1,<1>\n"}}, {"xy.out", {"2,<2>\n"}}}));
}

TEST_F(TransformJob, a_refused_record_fails_its_file_alone_and_is_named) {
  put("in/a", "1\nbad\n");
  put("in/b", "2\n");
  create();
  EXPECT_EQ(run().state, TransformState::failed);
  EXPECT_THAT(status().reason, HasSubstr("s3://box/in/a: record 2 (bytes 2 to 6): Bad "
                                         "HTTP status received from algorithm: 400: no thanks"));
  EXPECT_EQ(status().fault, Fault::input);
  EXPECT_EQ(outputs(), (Outputs{{"b.out", {"2,<2>\n"}}}));
}

TEST_F(TransformJob, a_fleet_that_never_serves_fails_the_job) {
  world_.machine().set_faults_for("FAULT=dies", {.never_healthy = 1, .dies_starting = 1});
  plan_.fleet.variants.front().program.environment["FAULT"] = "dies";
  put("in/a", "1\n");
  create();
  EXPECT_EQ(run().state, TransformState::failed);
  EXPECT_EQ(status().fault, Fault::model);
}

TEST_F(TransformJob, an_input_without_objects_and_a_missing_bucket_fail_the_job) {
  create();
  EXPECT_EQ(run().state, TransformState::failed);
  EXPECT_THAT(status().reason, HasSubstr("no object at s3://box/in/"));
}

TEST_F(TransformJob, an_object_that_its_owner_may_not_read_fails_the_job_before_any_work) {
  put("in/a", "1\n");
  put("in/secret", "2\n");
  plan_.owner = "ann";
  create();
  EXPECT_EQ(run().state, TransformState::failed);
  EXPECT_THAT(status().reason, HasSubstr("ann may not read in/secret"));
  EXPECT_EQ(status().fault, Fault::input);
  EXPECT_TRUE(outputs().empty());
}

TEST_F(TransformJob, an_output_is_stored_only_where_its_owner_may_write) {
  put("in/a", "1\n");
  plan_.owner = "ann";
  closed_ = plan_.output_prefix + "a.out";
  create();
  run();
  EXPECT_EQ(status().state, TransformState::failed);
  EXPECT_EQ(status().fault, Fault::input);
  EXPECT_THAT(status().reason, HasSubstr("ann may not write"));
  EXPECT_TRUE(outputs().empty());
}

TEST_F(TransformJob, a_manifest_names_nothing_that_its_owner_may_not_read) {
  put("in/secret", "2\n");
  plan_.owner = "ann";
  plan_.source = TransformPlan::Source::manifest;
  plan_.input_key = "list";
  for (const std::string_view key : {"in/secret", "in/none"}) {
    put("list", fmt::format(R"([{{"prefix": "s3://box/"}}, "{}"])", key));
    closed_ = key;
    const TransformId id{fmt::format("{}/{}", job.text, key.substr(3))};
    ASSERT_TRUE(store_->write([&](store::Transaction& tx) {
      return server_->transforms.create(tx, id, plan_, world_.clock().now());
    }));
    const auto status_now = [&] {
      return store_
          ->read([&](store::Transaction& tx) -> Result<TransformStatus> {
            return server_->transforms.status(tx, id).value();
          })
          .value();
    };
    for (int i = 0; i < turns_max && !has_ended(status_now().state); ++i) turn(id);
    EXPECT_THAT(status_now().reason, HasSubstr(fmt::format("ann may not read {}", key)));
  }
}

TEST_F(TransformJob, an_output_whose_key_is_none_is_found_before_any_work) {
  put("in/a", "1\n");
  put("in/" + std::string(1017, 'k'), "2\n");
  create();
  EXPECT_EQ(run().state, TransformState::failed);
  EXPECT_THAT(status().reason, HasSubstr("the key of an output has at most 1024 bytes, "
                                         "and this would have 1025: that of in/kkk"));
  EXPECT_EQ(outputs(), Outputs());
}

TEST_F(TransformJob, a_stopped_job_ends_and_a_second_stop_is_refused) {
  put("in/a", "1\n");
  create();
  const auto stop = [&] {
    return store_->write([&](store::Transaction& tx) {
      return server_->transforms.stop(tx, job, world_.clock().now());
    });
  };
  EXPECT_TRUE(stop());
  EXPECT_EQ(run().state, TransformState::stopped);
  EXPECT_EQ(stop().error().code, ErrorCode::conflict);
  EXPECT_EQ(outputs(), Outputs{});
}

// The server ends at its n-th step, for every n until it comes through, and starts again.
TEST_F(TransformJob, a_crash_between_any_two_steps_loses_and_doubles_nothing) {
  put("in/a", "1\n2\n3\n");
  put("in/b", "bad\n");
  put("in/c", "4\n");
  const Outputs right{{"a.out", {"1,<1>\n2,<2>\n3,<3>\n"}}, {"c.out", {"4,<4>\n"}}};
  int crashes = 0;
  for (int n = 0;; ++n) {
    SCOPED_TRACE(n);
    const TransformId id{fmt::format("account/region/job-{}", n)};
    plan_.output_prefix = fmt::format("out/{}/", n);
    ASSERT_TRUE(store_->write([&](store::Transaction& tx) {
      return server_->transforms.create(tx, id, plan_, world_.clock().now());
    }));
    steps_.arm(n);
    const auto look = [&] {
      return store_
          ->read([&](store::Transaction& tx) -> Result<TransformStatus> {
            return server_->transforms.status(tx, id).value();
          })
          .value();
    };
    bool crashed = false;
    for (int i = 0; i < turns_max && !has_ended(look().state); ++i) crashed = turn(id) || crashed;
    EXPECT_EQ(look().state, TransformState::failed);
    Outputs got;
    for (const auto& [key, versions] : outputs())
      if (key.starts_with(fmt::format("{}/", n))) got[key.substr(key.find('/') + 1)] = versions;
    EXPECT_EQ(got, right);
    crashes += crashed ? 1 : 0;
    if (!crashed) break;
    ASSERT_LT(n, 500);
  }
  EXPECT_GT(crashes, 10);
}

}  // namespace
}  // namespace slipway::transform
