// Random histories of jobs from seeds: specs, stops, removals, crashes of the server between any
// two of its effects, lost and slow commits, and every fault that the simulated place knows.
// SLIPWAY_SEED=N plays one alone.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <stdexcept>

#include "base/log.h"
#include "engine/jobs/job_rows.h"
#include "engine/jobs/jobs_simulation.h"

namespace slipway::jobs {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 50;
// What a server that lives needs beyond a job's own limits to end it: slow commits, and a machine's
// own time to end what is asked.
constexpr std::chrono::seconds slack{40};

class JobHistory {
 public:
  explicit JobHistory(std::uint64_t seed) : world_(seed) {}

  void play() {
    world_.machine().set_faults({.start_fails = small(),
                                 .dies_starting = small(),
                                 .dies_later = small(),
                                 .ignores_stop = small(),
                                 .prepares = small(),
                                 .succeeds = 0.5,
                                 .ends_unseen = small()});
    world_.commit_faults().set({.lost = chance(3) ? small() : 0,
                                .slow_max = std::chrono::milliseconds(chance(3) ? 2'000 : 0)});
    world_.set_fetch_fails(small());
    const std::uint64_t acts = 5 + below(world_.random(), 20);
    for (std::uint64_t i = 0; i < acts; ++i) act();
    converge();
  }

 private:
  bool chance(std::uint64_t one_in) { return below(world_.random(), one_in) == 0; }
  double small() { return chance(2) ? 0 : static_cast<double>(below(world_.random(), 40)) / 100; }
  static void require(bool holds, const std::string& promise) {
    if (!holds) throw std::runtime_error(promise);
  }

  JobSpec draw_spec() {
    JobSpec spec{.program = {.argv = {"/bin/program"}}};
    spec.attempts_max = 1 + static_cast<unsigned>(below(world_.random(), 3));
    spec.retry_delay = std::chrono::milliseconds(below(world_.random(), 5'000));
    if (chance(2)) spec.time_max = std::chrono::seconds(1 + below(world_.random(), 30));
    spec.stop_grace = std::chrono::milliseconds(below(world_.random(), 10'000));
    if (chance(2)) spec.inputs = {{.artifact = {.uri = "a"}}, {.artifact = {.uri = "b"}}};
    if (chance(3)) spec.interrupted = JobSpec::Interrupted::end;
    return spec;
  }

  void act() {
    if (chance(3)) world_.crash_point().arm(below(world_.random(), 12));
    switch (below(world_.random(), 6)) {
      case 0:
      case 1: {
        const JobId id{fmt::format("sim/{}", specs_.size())};
        specs_[id] = draw_spec();
        world_.put_owned(id, specs_[id]);
        break;
      }
      case 2: world_.stop(any()); break;
      case 3: {
        const JobId id = any();
        if (world_.status(id)) removed_.insert(id.text);
        world_.remove(id);
        break;
      }
      case 4: world_.crash_and_restart(); break;
      case 5: world_.end_and_restart(); break;
    }
    world_.run(std::chrono::milliseconds(below(world_.random(), 20'000)), [this] { check(); });
  }
  JobId any() {
    return {fmt::format("sim/{}", below(world_.random(), std::max<std::size_t>(specs_.size(), 1)))};
  }

  // What holds at any time.
  void check() {
    using Phase = place::SimulatedMachine::Instance::Phase;
    std::map<JobId, unsigned> running;
    for (const auto& [key, count] : world_.machine().starts())
      require(count == 1, key.text + " was started twice");
    for (const auto& [key, instance] : world_.machine().instances()) {
      if (instance.phase != Phase::running) continue;
      const JobId id = *job_of(key);
      const JobSpec& spec = specs_.at(id);
      if (spec.time_max.count() > 0)
        require(world_.clock().monotonic() - instance.started_at <
                    spec.time_max + spec.stop_grace + slack,
                key.text + " runs longer than it may");
    }
  }

  // Every job ends, its owner is told once, and nothing is left.
  void converge() {
    world_.crash_point().disarm();
    world_.commit_faults().set({});
    world_.set_fetch_fails(0);
    world_.machine().set_faults({.succeeds = 1});
    for (const auto& [id, spec] : specs_)
      if (chance(2)) world_.stop(id);
    world_.run(10min, [this] { check(); });
    for (const auto& [id, spec] : specs_)
      if (world_.status(id)) world_.stop(id);  // of a time when programs ran on for ever
    world_.run(10min, [this] { check(); });
    const auto told = world_.told();
    for (const auto& [id, spec] : specs_) {
      const std::size_t times = told.count(id.text);
      require(times == 1 || (times == 0 && removed_.contains(id.text)),
              fmt::format("the owner of {} was told {} times", id.text, times));
      require(!world_.status(id), id.text + " is left");
    }
    for (const auto& [key, instance] : world_.machine().instances())
      require(false, key.text + " is left on the machine");
  }

  JobWorld world_;
  std::map<JobId, JobSpec> specs_;
  std::set<std::string> removed_;
};

void play(std::uint64_t seed) {
  try {
    JobHistory(seed).play();
  } catch (const std::exception& broken) {
    ADD_FAILURE() << "SLIPWAY_SEED=" << seed << ": " << broken.what();
  }
}

TEST(JobSimulation, EveryHistoryKeepsThePromisesAndComesToRest) {
  configure_log(std::getenv("SLIPWAY_SEED") ? LogLevel::info : LogLevel(4), LogFormat::human);
  if (const char* seed = std::getenv("SLIPWAY_SEED")) return play(std::stoull(seed));
  const char* count = std::getenv("SLIPWAY_SEEDS");
  const std::uint64_t last = count ? std::stoull(count) : seeds;
  for (std::uint64_t seed = 1; seed <= last && !testing::Test::HasFailure(); ++seed) play(seed);
}

}  // namespace
}  // namespace slipway::jobs
