#include "place/simulated/simulated_place.h"

#include "place/place_conformance.h"

namespace slipway::place {
namespace {

using namespace std::chrono_literals;

class SimulatedHarness final : public PlaceHarness {
 public:
  SimulatedHarness() {
    machine_.set_faults_for("FAULT=start", {.start_fails = 1});
    machine_.set_faults_for("FAULT=stop", {.ignores_stop = 1});
  }
  std::unique_ptr<Place> open(ObservationSink sink) override {
    return std::make_unique<SimulatedPlace>(machine_, std::move(sink));
  }
  InstanceSpec runs_until_stopped() override { return spec(""); }
  InstanceSpec ignores_polite_stop() override { return spec("stop"); }
  InstanceSpec cannot_start() override { return spec("start"); }
  void end(const InstanceKey& key, int status) override {
    machine_.kill(key, {.status = status, .signal = std::nullopt});
  }
  void breathe() override {
    clock_.advance(10ms);
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

}  // namespace
}  // namespace slipway::place
