// What every place promises, of the simulated one and of one made of two; and how that one picks.
#include "place/places.h"

#include <string>
#include <vector>

#include "place/place_conformance.h"
#include "place/simulated/simulated_place.h"

namespace slipway::place {
namespace {

using namespace std::chrono_literals;

class SimulatedHarness final : public PlaceHarness {
 public:
  SimulatedHarness() {
    machine_.set_faults_for("FAULT=start", {.start_fails = 1});
    machine_.set_faults_for("FAULT=stop", {.ignores_stop = 1});
    machine_.set_faults_for("FAULT=slow", {.prepares = 1});
  }
  std::unique_ptr<Place> open(ObservationSink sink, LogSink& log) override {
    return std::make_unique<SimulatedPlace>(machine_, std::move(sink), &log);
  }
  InstanceSpec runs_until_stopped() override { return spec(""); }
  InstanceSpec ignores_polite_stop() override { return spec("stop"); }
  InstanceSpec cannot_start() override { return spec("start"); }
  std::optional<InstanceSpec> is_prepared() override { return spec("slow"); }
  void end(const InstanceKey& key, int status) override {
    machine_.print(key, "ends\n");
    machine_.kill(key, {.status = status, .signal = std::nullopt});
  }
  void breathe() override {
    clock_.advance(100ms);
    machine_.advance();
  }

 private:
  static InstanceSpec spec(std::string fault) {
    return {.argv = {"/bin/model"}, .environment = {{"FAULT", fault}}, .http_socket = "http.sock"};
  }

  ManualClock clock_;
  SeededRandom random_{1};
  SimulatedMachine machine_{clock_, random_};
};

INSTANTIATE_TEST_SUITE_P(Simulated, PlaceConformance, testing::Values(HarnessFactory([] {
                           return std::make_unique<SimulatedHarness>();
                         })));

constexpr const char* image = "registry/image:tag";

// A machine that runs programs, and one that runs images.
class TwoMachines {
 public:
  TwoMachines() {
    Capabilities programs = SimulatedMachine::everything();
    programs.runs_images = programs.maps_ports = programs.gives_gpus = false;
    programs_.set_capabilities(programs);
    Capabilities images = SimulatedMachine::everything();
    images.runs_programs = false;
    images_.set_capabilities(images);
    for (SimulatedMachine* machine : {&programs_, &images_}) {
      machine->set_faults_for("FAULT=start", {.start_fails = 1});
      machine->set_faults_for("FAULT=stop", {.ignores_stop = 1});
      machine->set_faults_for("FAULT=slow", {.prepares = 1});
    }
  }

  ManualClock clock_;
  SeededRandom random_{1};
  SimulatedMachine programs_{clock_, random_};
  SimulatedMachine images_{clock_, random_};
};

// Places and what it is made of, as a server owns them.
class BothPlaces final : public Place {
 public:
  BothPlaces(TwoMachines& machines, ObservationSink sink, LogSink& log) : places_(std::move(sink)) {
    for (SimulatedMachine* machine : {&machines.programs_, &machines.images_}) {
      made_.push_back(std::make_unique<SimulatedPlace>(*machine, places_.sink_of_next(), &log));
      places_.add(*made_.back());
    }
  }

  Capabilities capabilities() const override { return places_.capabilities(); }
  void start(const InstanceKey& key, const InstanceSpec& spec) override {
    places_.start(key, spec);
  }
  void stop(const InstanceKey& key, std::chrono::milliseconds grace) override {
    places_.stop(key, grace);
  }
  void forget(const InstanceKey& key) override { places_.forget(key); }
  void adopt() override { places_.adopt(); }
  std::filesystem::path directory_of(const InstanceKey& key) const override {
    return places_.directory_of(key);
  }
  void push_logs(std::move_only_function<void()> done) override {
    places_.push_logs(std::move(done));
  }

 private:
  Places places_;
  std::vector<std::unique_ptr<SimulatedPlace>> made_;
};

class PlacesHarness final : public PlaceHarness {
 public:
  explicit PlacesHarness(std::string image) : image_(std::move(image)) {}

  std::unique_ptr<Place> open(ObservationSink sink, LogSink& log) override {
    return std::make_unique<BothPlaces>(machines_, std::move(sink), log);
  }
  InstanceSpec runs_until_stopped() override { return spec(""); }
  InstanceSpec ignores_polite_stop() override { return spec("stop"); }
  InstanceSpec cannot_start() override { return spec("start"); }
  std::optional<InstanceSpec> is_prepared() override { return spec("slow"); }
  void end(const InstanceKey& key, int status) override {
    for (SimulatedMachine* machine : {&machines_.programs_, &machines_.images_}) {
      machine->print(key, "ends\n");
      machine->kill(key, {.status = status, .signal = std::nullopt});
    }
  }
  void breathe() override {
    machines_.clock_.advance(100ms);
    machines_.programs_.advance();
    machines_.images_.advance();
  }

 private:
  InstanceSpec spec(std::string fault) const {
    return {.argv = {"/bin/model"},
            .image = image_,
            .environment = {{"FAULT", fault}},
            .http_socket = "http.sock"};
  }

  const std::string image_;
  TwoMachines machines_;
};

INSTANTIATE_TEST_SUITE_P(PlacesOfPrograms, PlaceConformance, testing::Values(HarnessFactory([] {
                           return std::make_unique<PlacesHarness>("");
                         })));
INSTANTIATE_TEST_SUITE_P(PlacesOfImages, PlaceConformance, testing::Values(HarnessFactory([] {
                           return std::make_unique<PlacesHarness>(image);
                         })));

class PlacesTest : public testing::Test {
 protected:
  void open() {
    seen_.clear();
    place_.reset();
    place_ = std::make_unique<BothPlaces>(
        machines_, [this](Observation observation) { seen_.push_back(std::move(observation)); },
        logs_);
  }
  void pass(std::chrono::milliseconds time) {
    machines_.clock_.advance(time);
    machines_.programs_.advance();
    machines_.images_.advance();
  }
  std::string reason() const {
    for (const Observation& observation : seen_)
      if (observation.kind == Observation::Kind::start_failed) return observation.reason;
    return "";
  }

  TwoMachines machines_;
  KeptLogs logs_;
  std::vector<Observation> seen_;
  std::unique_ptr<BothPlaces> place_;
  const InstanceKey key_{"fleet/a/1/v/1"};
};

TEST_F(PlacesTest, APlaceIsPickedByWhatTheSpecNeeds) {
  open();
  place_->start(key_, {.argv = {"/bin/model"}, .ports = {{.inside = 80, .outside = 80}}});
  EXPECT_EQ(machines_.programs_.instances().size(), 1U);
  place_->start({"fleet/a/1/v/2"}, {.argv = {}, .image = image, .gpus = 1});
  EXPECT_EQ(machines_.images_.instances().size(), 1U);
}

TEST_F(PlacesTest, WhatNoneCanDoIsRefusedByTheFirstThatRunsItsKind) {
  open();
  place_->start(key_, {.argv = {"/bin/model"}, .gpus = 1});
  pass(100ms);
  EXPECT_EQ(reason(), "This place gives no instance a GPU of its own.");
}

TEST_F(PlacesTest, AKeyStaysWhereItIsThoughItsSpecWouldGoElsewhereNow) {
  open();
  place_->start(key_, {.argv = {"/bin/model"}});
  pass(100ms);
  open();
  place_->adopt();
  place_->start(key_, {.argv = {"/bin/model"}, .image = image});
  pass(100ms);
  EXPECT_TRUE(machines_.images_.instances().empty());
  EXPECT_EQ(machines_.programs_.starts().at(key_), 1U);
}

TEST_F(PlacesTest, AdoptionIsDoneOnceAndWhenAllAreDone) {
  open();
  place_->start(key_, {.argv = {"/bin/model"}});
  place_->start({"fleet/a/1/v/2"}, {.argv = {}, .image = image});
  pass(100ms);
  open();
  place_->adopt();
  ASSERT_EQ(seen_.size(), 3U);
  EXPECT_EQ(seen_.back().kind, Observation::Kind::adoption_done);
}

TEST_F(PlacesTest, CapabilitiesAreWhatAnyCanDoAndWhatAllAreKeptFrom) {
  open();
  EXPECT_TRUE(place_->capabilities().runs_programs && place_->capabilities().runs_images);
  EXPECT_TRUE(place_->capabilities().survives_server);
  EXPECT_FALSE(place_->capabilities().closes_files);
}

}  // namespace
}  // namespace slipway::place
