// The fleet engine on real processes: place, prober, router, store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "base/test_folder.h"
#include "engine/fleet/fleet_reconciler.h"
#include "engine/fleet/test_store.h"
#include "engine/routing/test_instance.h"
#include "engine/routing/test_invocation.h"
#include "net/loop.h"
#include "place/process/process_place.h"
#include "place/process/run_directory.h"

namespace slipway::fleet {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class NoArtifacts final : public artifacts::Artifacts {
 public:
  void fetch(const artifacts::Artifact&, artifacts::FetchDone done) override {
    done(fail(ErrorCode::not_found, "There are no artifacts here."));
  }
  void fetch_again(const artifacts::Artifact& artifact, const std::string&,
                   artifacts::FetchDone done) override {
    fetch(artifact, std::move(done));
  }
  std::optional<std::filesystem::path> find(const std::string&) override { return std::nullopt; }
};

// Everything that a server has of the fleet engine. Destroyed, it leaves its instances running, as
// a server does that was killed.
class Server {
 public:
  explicit Server(const std::filesystem::path& folder) : store_(open_test_store(folder)) {
    place_ = place::ProcessPlace::open({.root = folder / "run", .zygote = {}},
                                       [this](place::Observation observation) {
                                         reconciler_->observe(std::move(observation));
                                       })
                 .value();
    FleetOptions options;
    options.built_ins["test"] = {
        .argv = {FLEET_TEST_INSTANCE},
        .environment = {},
        .flags = {.http_socket = "--http-socket", .link_socket = "--link-socket"}};
    options.stop_grace = 5s;
    reconciler_ = std::make_unique<FleetReconciler>(FleetNeeds{.place = *place_,
                                                               .artifacts = artifacts_,
                                                               .prober = prober_,
                                                               .routes = routes_,
                                                               .loop = loop_,
                                                               .changes = changes_},
                                                    options);
    routes_.on_drained(
        [this](const place::InstanceKey& key) { reconciler_->observe_drained(key); });
    io_.run_and_wait(
        [this] { router_ = std::make_unique<routing::Router>(io_.loop(), routes_, random_); });
    place_->adopt();
    EXPECT_TRUE(loop_.wake_all());
    loop_.start();
  }
  ~Server() {
    loop_.stop();
    io_.run_and_wait([this] { router_.reset(); });
    probes_.stop();
    place_.reset();
    routes_.on_drained({});
  }

  template <typename F>
  auto write(F&& change) {
    return store_->write([&](store::Transaction& tx) { return change(fleets_, tx); });
  }
  FleetStatus status(const FleetId& id) {
    return store_
        ->read(
            [&](store::Transaction& tx) -> Result<FleetStatus> { return fleets_.status(tx, id); })
        .value();
  }
  // Waits for it as a held Describe call does: woken by Changes, without polling.
  FleetStatus wait_for(const FleetId& id, FleetState state) {
    const Instant patience = clock_.monotonic() + 10s;
    for (;;) {
      const std::uint64_t since = changes_.sequence();
      FleetStatus now = status(id);
      if (now.state == state || clock_.monotonic() > patience) return now;
      std::atomic<bool> told = false;
      changes_.wait(topic_of(id), since, patience, [&](engine::WaitOutcome) {
        told = true;
        told.notify_one();
      });
      told.wait(false);
    }
  }
  void send(routing::TestRequest request, const std::shared_ptr<routing::TestOutcomes>& outcomes) {
    io_.loop().post([this, asked = std::move(request), outcomes]() mutable {
      router_->invoke(std::make_unique<routing::TestInvocation>(std::move(asked), outcomes));
    });
  }
  routing::TestOutcome ask(routing::TestRequest request) {
    const auto outcomes = std::make_shared<routing::TestOutcomes>();
    send(std::move(request), outcomes);
    const auto all = outcomes->wait(1);
    return all.empty() ? routing::TestOutcome{.headers = {}, .failure = {}, .detail = "no answer"}
                       : all[0];
  }
  place::Place& place() { return *place_; }
  Fleets& fleets() { return fleets_; }
  store::Store& store() { return *store_; }

 private:
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<store::Store> store_;
  engine::Changes changes_{clock_};
  engine::ReconcilerLoop loop_{*store_, clock_, changes_};
  routing::RouteTable routes_;
  net::LoopThread probes_{"probes"};
  net::LoopThread io_{"io"};
  NoArtifacts artifacts_;
  NetworkProber prober_{probes_.loop(),
                        [this](HealthReport report) { reconciler_->observe(std::move(report)); }};
  std::unique_ptr<place::ProcessPlace> place_;
  std::unique_ptr<FleetReconciler> reconciler_;
  std::unique_ptr<routing::Router> router_;
  Fleets fleets_{[this](const FleetId& id) { reconciler_->wake(id); }};
};

class FleetLiveTest : public testing::Test {
 protected:
  ~FleetLiveTest() override {
    if (server_) remove();
  }
  static Variant variant(std::uint32_t instances, std::map<std::string, std::string> environment) {
    Variant variant{.name = "main", .serving = SingleModel{.instances = instances}};
    variant.program.built_in = "test";
    variant.program.contract.probe = HttpProbe{.path = std::string(routing::test_health_path)};
    variant.program.environment = std::move(environment);
    return variant;
  }
  void put(Variant variant) {
    const FleetPlan plan{.variants = {std::move(variant)}};
    const auto done = server_->write(
        [&](Fleets& fleets, store::Transaction& tx) { return fleets.put_plan(tx, id_, plan); });
    ASSERT_TRUE(done) << done.error().message;
  }
  void remove() {
    EXPECT_TRUE(server_->write(
        [&](Fleets& fleets, store::Transaction& tx) { return fleets.remove(tx, id_); }));
    EXPECT_EQ(server_->wait_for(id_, FleetState::gone).state, FleetState::gone);
  }
  void restart_server() {
    server_.reset();
    server_ = std::make_unique<Server>(folder_.path());
  }

  TestFolder folder_;
  const FleetId id_{"000000000000/us-east-1/a"};
  std::unique_ptr<Server> server_ = std::make_unique<Server>(folder_.path());
};

TEST_F(FleetLiveTest, ADeploymentServesWithinMomentsAndIsGoneWhenRemoved) {
  const auto begin = std::chrono::steady_clock::now();
  put(variant(2, {{"TEST_NAME", "first"}}));
  ASSERT_EQ(server_->wait_for(id_, FleetState::ready).state, FleetState::ready);
  const auto took = std::chrono::steady_clock::now() - begin;
  RecordProperty(
      "deploy_us",
      static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
  EXPECT_LT(took, 3s);
  EXPECT_EQ(server_->ask({.fleet = id_.text, .body = "who"}).body, "first");
  remove();
  EXPECT_EQ(server_->ask({.fleet = id_.text, .body = "who"}).failure,
            routing::InvokeFailure::not_found);
  const auto directories = [&] {
    return std::ranges::count_if(std::filesystem::directory_iterator(folder_.path() / "run"),
                                 [](const auto& entry) { return entry.is_directory(); });
  };
  for (int i = 0; i < 400 && directories() > 0; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(directories(), 0);
}

TEST_F(FleetLiveTest, AModelThatDoesNotStartIsTheReasonWithItsLastLines) {
  put(variant(1, {{"TEST_EXIT", "3"}}));
  const FleetStatus status = server_->wait_for(id_, FleetState::failed);
  EXPECT_EQ(status.state, FleetState::failed);
  EXPECT_THAT(status.reason, HasSubstr("exited with status 3"));
  EXPECT_THAT(status.reason, HasSubstr("the model file is broken"));
}

TEST_F(FleetLiveTest, AnUpdateUnderTrafficDropsNoRequest) {
  put(variant(2, {{"TEST_NAME", "old"}}));
  ASSERT_EQ(server_->wait_for(id_, FleetState::ready).state, FleetState::ready);
  const auto outcomes = std::make_shared<routing::TestOutcomes>();
  std::atomic<bool> stop = false;
  std::size_t sent = 0;
  std::thread traffic([&] {
    for (; !stop; ++sent) {
      server_->send({.fleet = id_.text, .body = sent % 10 == 0 ? "slow:20" : "who"}, outcomes);
      std::this_thread::sleep_for(200us);
    }
  });
  std::this_thread::sleep_for(50ms);
  put(variant(2, {{"TEST_NAME", "new"}}));
  EXPECT_EQ(server_->wait_for(id_, FleetState::ready).state, FleetState::ready);
  EXPECT_EQ(server_->ask({.fleet = id_.text, .body = "who"}).body, "new");
  std::this_thread::sleep_for(300ms);
  stop = true;
  traffic.join();
  const auto all = outcomes->wait(sent);
  EXPECT_EQ(all.size(), sent);
  std::size_t by_new = 0;
  for (const routing::TestOutcome& outcome : all) {
    EXPECT_EQ(outcome.status, 200) << outcome.detail;
    by_new += outcome.body == "new" ? 1 : 0;
  }
  EXPECT_GT(by_new, 0U);
}

TEST_F(FleetLiveTest, ACrashInAModelRestartsThatInstanceAndTheNextRequestIsAnswered) {
  put(variant(1, {{"TEST_NAME", "a"}}));
  ASSERT_EQ(server_->wait_for(id_, FleetState::ready).state, FleetState::ready);
  EXPECT_EQ(server_->ask({.fleet = id_.text, .body = "crash"}).failure,
            routing::InvokeFailure::broken);
  EXPECT_EQ(server_->ask({.fleet = id_.text, .body = "who"}).body, "a");
  EXPECT_EQ(server_->status(id_).state, FleetState::ready);
}

TEST_F(FleetLiveTest, AnotherServerFindsTheInstancesAndServesAtOnce) {
  put(variant(2, {{"TEST_NAME", "survivor"}}));
  ASSERT_EQ(server_->wait_for(id_, FleetState::ready).state, FleetState::ready);
  const auto instances = [&] {
    return server_->store()
        .read([&](store::Transaction& tx) -> Result<std::vector<InstanceStatus>> {
          return server_->fleets().instances(tx, id_);
        })
        .value();
  };
  const auto before = instances();
  restart_server();
  EXPECT_EQ(server_->ask({.fleet = id_.text, .body = "who"}).body, "survivor");
  const auto after = instances();
  ASSERT_EQ(after.size(), before.size());
  for (std::size_t i = 0; i < after.size(); ++i) EXPECT_EQ(after[i].key, before[i].key);
  const auto run = server_->place().directory_of({after[0].key}).parent_path();
  EXPECT_THAT(place::RunDirectory(run).log_tail(1), HasSubstr("survivor starts"));
}

}  // namespace
}  // namespace slipway::fleet
