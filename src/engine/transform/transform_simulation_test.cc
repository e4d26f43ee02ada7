// Random histories of transform jobs from seeds: inputs, stops, crashes of the server at any step,
// lost and slow commits, instances that die. SLIPWAY_SEED=N plays one alone.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>

#include "base/log.h"
#include "engine/transform/transform_simulation.h"

namespace slipway::transform {
namespace {

constexpr std::uint64_t seeds = 30;

class TransformHistory : TransformWorld {
 public:
  explicit TransformHistory(std::uint64_t seed) : TransformWorld(seed) {}

  void play() {
    world_.machine().set_faults({.start_fails = small(), .dies_starting = small()});
    world_.commit_faults().set({.lost = chance(2) ? small() : 0,
                                .slow_max = std::chrono::milliseconds(chance(2) ? 2'000 : 0)});
    put_inputs();
    const std::uint64_t acts = 3 + below(random(), 8);
    for (std::uint64_t i = 0; i < acts; ++i) act();
    converge();
  }

 private:
  Random& random() { return world_.random(); }
  bool chance(std::uint64_t one_in) { return below(random(), one_in) == 0; }
  double small() { return static_cast<double>(below(random(), 40)) / 100; }
  static void require(bool holds, const std::string& promise) {
    if (!holds) throw std::runtime_error(promise);
  }

  void put_inputs() {
    const std::uint64_t files = 1 + below(random(), 5);
    for (std::uint64_t i = 0; i < files; ++i) {
      std::string input;
      std::string output;
      for (std::uint64_t line = below(random(), 6); line > 0; --line) {
        input += fmt::format("{}\n", line);
        output += fmt::format("{0},<{0}>\n", line);
      }
      put(fmt::format("in/{}", i), input);
      right_[fmt::format("{}.out", i)] = {output};
    }
  }

  void act() {
    if (chance(3)) steps_.arm(static_cast<int>(below(random(), 40)));
    switch (below(random(), 4)) {
      case 0:
      case 1: {
        plan_.output_prefix = fmt::format("out/{}/", jobs_.size());
        create({fmt::format("account/region/job-{}", jobs_.size())});
        break;
      }
      case 2:
        if (!jobs_.empty() && stop(jobs_[below(random(), jobs_.size())])) ++stops_;
        break;
      case 3: crash(); break;
    }
    for (std::uint64_t turns = below(random(), 200); turns > 0; --turns) turn();
  }

  // Every job ends; one that is done has each output once, and none has another.
  void converge() {
    steps_.arm(1 << 30);
    world_.commit_faults().set({});
    world_.machine().set_faults({});
    run_to_the_end();
    std::map<std::string, Outputs> made;
    for (const auto& [key, versions] : outputs()) {
      const std::size_t slash = key.find('/');
      made[key.substr(0, slash)][key.substr(slash + 1)] = versions;
    }
    std::size_t stopped = 0;
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      const TransformStatus end = status(jobs_[i]);
      require(has_ended(end.state), jobs_[i].text + " does not end");
      stopped += end.state == TransformState::stopped ? 1 : 0;
      const Outputs& outputs = made[std::to_string(i)];
      for (const auto& [key, versions] : outputs)
        require(right_.contains(key) && right_.at(key) == versions,
                fmt::format("{} of {} is not what it should be", key, jobs_[i].text));
      if (end.state == TransformState::completed)
        require(outputs == right_, jobs_[i].text + " is done and its outputs are not there");
      else
        require(end.state == TransformState::stopped || end.fault == Fault::model,
                fmt::format("{} failed: {}", jobs_[i].text, end.reason));
    }
    require(stopped <= stops_, "a job was stopped that nobody asked to stop");
    world_.run(std::chrono::minutes(10));
    require(world_.machine().running() == 0, "instances are left");
    while (server_->loop.step() > 0) {
    }
    require(!server_->loop.next_due(), "somebody looks at jobs that have ended");
  }

  Outputs right_;  // of every job
  std::size_t stops_ = 0;
};

void play(std::uint64_t seed) {
  try {
    TransformHistory(seed).play();
  } catch (const std::exception& broken) {
    ADD_FAILURE() << "SLIPWAY_SEED=" << seed << ": " << broken.what();
  }
}

TEST(TransformSimulation, EveryHistoryKeepsThePromisesAndComesToRest) {
  configure_log(std::getenv("SLIPWAY_SEED") ? LogLevel::info : LogLevel(4), LogFormat::human);
  if (const char* seed = std::getenv("SLIPWAY_SEED")) return play(std::stoull(seed));
  const char* count = std::getenv("SLIPWAY_SEEDS");
  const std::uint64_t last = count ? std::stoull(count) : seeds;
  for (std::uint64_t seed = 1; seed <= last && !testing::Test::HasFailure(); ++seed) play(seed);
}

}  // namespace
}  // namespace slipway::transform
