// A world for jobs in one thread: a machine and a store that last, servers that end between any two
// of their effects, commits that are lost or slow. Everything follows from the seed. For this
// room's tests.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/test_folder.h"
#include "engine/changes.h"
#include "engine/commit_faults.h"
#include "engine/jobs/job_reconciler.h"
#include "engine/jobs/jobs.h"
#include "engine/reconciler.h"
#include "place/simulated/crashing_place.h"
#include "store/store.h"

namespace slipway::jobs {

inline std::vector<store::Migration> tables_of_this_world() {
  static constexpr store::Migration owner[] = {
      {"test", 1, "CREATE TABLE told(id TEXT, outcome INTEGER); CREATE TABLE owned(id TEXT)"}};
  std::vector<store::Migration> all(std::begin(owner), std::end(owner));
  all.insert(all.end(), migrations().begin(), migrations().end());
  return all;
}

// Inputs that arrive after a while, or do not.
class SimulatedInputs final : public artifacts::Artifacts {
 public:
  SimulatedInputs(const Clock& clock, Random& random, const double& fails)
      : clock_(clock), random_(random), fails_(fails) {}

  void fetch(const artifacts::Artifact& artifact, artifacts::FetchDone done) override {
    const auto delay = std::chrono::milliseconds(below(random_, 2'000));
    fetches_.emplace(clock_.monotonic() + delay, std::pair(artifact.uri, std::move(done)));
  }
  void fetch_again(const artifacts::Artifact& artifact, const std::string&,
                   artifacts::FetchDone done) override {
    fetch(artifact, std::move(done));
  }
  std::optional<std::filesystem::path> find(const std::string&) override { return std::nullopt; }

  void advance() {
    while (!fetches_.empty() && fetches_.begin()->first <= clock_.monotonic()) {
      const auto [uri, done] = std::move(fetches_.begin()->second);
      fetches_.erase(fetches_.begin());
      if (static_cast<double>(below(random_, 1000)) < fails_ * 1000)
        done(fail(ErrorCode::not_found, "There is no object " + uri + "."));
      else
        done(artifacts::FetchedArtifact{.content = "of-" + uri, .directory = "/inputs/" + uri});
    }
  }
  std::optional<Instant> next_due() const {
    return fetches_.empty() ? std::nullopt : std::optional(fetches_.begin()->first);
  }

 private:
  const Clock& clock_;
  Random& random_;
  const double& fails_;
  std::multimap<Instant, std::pair<std::string, artifacts::FetchDone>> fetches_;
};

// Whoever has jobs run: waits for each by its topic, and notes what came of it in the change that
// removes it.
class Owner final : public engine::Reconciler {
 public:
  Owner(engine::ReconcilerLoop& loop, const Jobs& jobs) : jobs_(jobs) { loop.add(*this); }

  std::string_view name() const override { return "owner"; }
  std::vector<std::string> keys(store::Transaction& tx) override {
    auto rows = tx.query("SELECT id FROM owned");
    std::vector<std::string> ids;
    while (rows.next()) ids.emplace_back(rows.text(0));
    return ids;
  }
  engine::Wake reconcile(std::string_view key, store::Transaction& tx, const Moment&,
                         engine::Effects&) override {
    const JobId id{std::string(key)};
    const auto status = jobs_.status(tx, id);
    if (!status) return engine::Wake::never();
    if (!status->outcome) return engine::Wake::on(topic_of(id));
    tx.run("INSERT INTO told(id,outcome) VALUES(?1,?2)", key, status->outcome->kind);
    tx.run("DELETE FROM owned WHERE id=?1", key);
    jobs_.remove(tx, id);
    return engine::Wake::never();
  }

 private:
  const Jobs& jobs_;
};

// Jobs on a simulated machine, with faults from a seed: fetches that fail, commits that are lost or
// slow, and servers that end between any two steps and are followed by another.
class JobWorld {
 public:
  explicit JobWorld(std::uint64_t seed = 1) : random_(seed) {
    store_ = store::Store::open(folder_ / "state.db", tables_of_this_world()).value();
    server_ = std::make_unique<Server>(*this);
    server_->place.adopt();
  }

  ManualClock& clock() { return clock_; }
  Random& random() { return random_; }
  place::SimulatedMachine& machine() { return machine_; }
  place::CrashPoint& crash_point() { return crash_; }
  const Jobs& jobs() { return server_->jobs; }
  engine::Changes& changes() { return server_->changes; }
  place::Place& place() { return server_->place; }
  std::string tail(const JobId& id) { return server_->reconciler.tail(id); }
  void set_fetch_fails(double chance) { fetch_fails_ = chance; }
  // What becomes of the commits of reconciles.
  engine::CommitFaults& commit_faults() { return commit_faults_; }

  template <typename F>
  Result<> write(F&& change) {
    return store_->write([&](store::Transaction& tx) -> Result<> { return change(tx); });
  }
  Result<> put(const JobId& id, const JobSpec& spec) {
    return write([&](store::Transaction& tx) { return jobs().put(tx, id, spec); });
  }
  // With an owner who waits for it.
  void put_owned(const JobId& id, const JobSpec& spec) {
    const auto put = write([&](store::Transaction& tx) -> Result<> {
      tx.run("INSERT INTO owned(id) VALUES(?1)", id.text);
      return jobs().put(tx, id, spec);
    });
    if (!put) throw std::runtime_error(put.error().message);
    server_->loop.wake(server_->owner, id.text);
  }
  void stop(const JobId& id) {
    (void)write([&](store::Transaction& tx) { return jobs().stop(tx, id); });
  }
  void remove(const JobId& id) {
    (void)write([&](store::Transaction& tx) -> Result<> {
      tx.run("DELETE FROM owned WHERE id=?1", id.text);
      jobs().remove(tx, id);
      return {};
    });
  }
  std::optional<JobStatus> status(const JobId& id) {
    auto status = store_->read([&](store::Transaction& tx) { return jobs().status(tx, id); });
    return status ? std::optional(*std::move(status)) : std::nullopt;
  }
  std::set<std::string> contents_used() {
    return store_
        ->read([](store::Transaction& tx) -> Result<std::set<std::string>> {
          return jobs::contents_used(tx);
        })
        .value();
  }
  // What its owner was told of each job.
  std::multimap<std::string, Outcome::Kind> told() {
    return store_
        ->read([](store::Transaction& tx) -> Result<std::multimap<std::string, Outcome::Kind>> {
          std::multimap<std::string, Outcome::Kind> all;
          auto rows = tx.query("SELECT id,outcome FROM told");
          while (rows.next())
            all.emplace(rows.text(0), static_cast<Outcome::Kind>(rows.integer(1)));
          return all;
        })
        .value();
  }

  // The server ends, whatever it was doing, and another starts on the same store and machine.
  void crash_and_restart() {
    server_.reset();
    crash_.survive();
    server_ = std::make_unique<Server>(*this);
    if (const auto woken = server_->loop.wake_all(); !woken)
      throw std::runtime_error(woken.error().message);
    if (below(random_, 2) == 0) server_->loop.step();  // before the place reports
    server_->place.adopt();
  }
  // The server ends as it is asked to, and its instances with it.
  void end_and_restart() {
    const auto instances = machine_.instances();
    for (const auto& [key, instance] : instances)
      if (instance.phase == place::SimulatedMachine::Instance::Phase::running)
        machine_.kill(key, {.status = std::nullopt, .signal = 15, .asked = true});
    crash_and_restart();
  }

  bool step() {
    machine_.advance();
    server_->inputs.advance();
    const bool ran = server_->loop.step() > 0;
    if (crash_.reached()) crash_and_restart();
    return ran;
  }
  // Lets `span` pass; `each` runs after every step.
  void run(std::chrono::microseconds span, const std::function<void()>& each = [] {}) {
    constexpr std::size_t steps_max = 100'000;
    const Instant until = clock_.monotonic() + span;
    for (std::size_t i = 0; i < steps_max; ++i) {
      while (step()) each();
      if (!move_on(until)) return;
    }
    throw std::runtime_error("the simulation does not come to rest");
  }

 private:
  struct Server {
    explicit Server(JobWorld& world)
        : changes(world.clock_),
          loop(*world.store_, world.clock_, changes),
          place(world.machine_, world.crash_,
                [this](place::Observation observation) {
                  reconciler.observe(std::move(observation));
                }),
          inputs(world.clock_, world.random_, world.fetch_fails_),
          reconciler({.place = place, .artifacts = inputs, .loop = loop, .changes = changes}),
          jobs(world.clock_, [this](const JobId& id) { reconciler.wake(id); }),
          owner(loop, jobs) {
      world.commit_faults_.befall(loop, [&world] {
        if (!world.crash_.reached()) world.machine_.advance();
      });
    }

    engine::Changes changes;
    engine::ReconcilerLoop loop;
    place::CrashingPlace place;
    SimulatedInputs inputs;
    JobReconciler reconciler;
    Jobs jobs;
    Owner owner;
  };

  // To what is due next, at most to `until`; false where nothing will be.
  bool move_on(Instant until) {
    std::optional<Instant> due = machine_.next_due();
    if (const auto at = server_->inputs.next_due()) due = due ? std::min(*due, *at) : at;
    if (const auto wait = server_->loop.next_due()) {
      const Instant at = clock_.monotonic() + *wait;
      due = due ? std::min(*due, at) : at;
    }
    const Instant now = clock_.monotonic();
    const Instant next = std::min(due.value_or(until), until);
    if (next > now) clock_.advance(std::chrono::ceil<std::chrono::microseconds>(next - now));
    return due && *due <= until;
  }

  const TestFolder folder_;
  ManualClock clock_;
  SeededRandom random_;
  std::unique_ptr<store::Store> store_;
  place::SimulatedMachine machine_{clock_, random_};
  place::CrashPoint crash_;
  engine::CommitFaults commit_faults_{random_, clock_};
  double fetch_fails_ = 0;
  std::unique_ptr<Server> server_;
};

}  // namespace slipway::jobs
