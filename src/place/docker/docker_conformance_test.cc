// What every place promises, of this one, with a scripted engine.
#include <chrono>
#include <fstream>
#include <thread>

#include "base/test_folder.h"
#include "place/docker/docker_place.h"
#include "place/docker/fake_engine.h"
#include "place/place_conformance.h"

namespace slipway::place {
namespace {

using namespace std::chrono_literals;

class FakeHarness final : public PlaceHarness {
 public:
  explicit FakeHarness(FakeEngine::Kind kind) : engine_(kind, socket()) {}

  std::unique_ptr<Place> open(ObservationSink sink, LogSink& log) override {
    auto place = DockerPlace::open(
        {.root = folder_.path() / "place", .sockets = {socket()}, .log = &log}, std::move(sink));
    EXPECT_TRUE(place) << place.error().message;
    return std::move(*place);
  }
  InstanceSpec runs_until_stopped() override { return {.image = "runs:1"}; }
  InstanceSpec ignores_polite_stop() override { return {.image = "deaf:1"}; }
  InstanceSpec cannot_start() override { return {.image = "nowhere:1"}; }
  std::optional<InstanceSpec> is_prepared() override { return InstanceSpec{.image = "far:1"}; }
  void end(const InstanceKey& key, int status) override {
    engine_.end(name_of_container(key), status);
  }
  void breathe() override { std::this_thread::sleep_for(5ms); }
  bool runs_attempts() const override { return false; }

 private:
  std::string socket() const { return folder_.path() / "engine.sock"; }
  std::string name_of_container(const InstanceKey& key) const {
    std::string owner;
    std::ifstream(folder_.path() / "place/owner") >> owner;
    return ContainerNames{.owner = owner}.container(key);
  }

  TestFolder folder_;
  FakeEngine engine_;
};

HarnessFactory with(FakeEngine::Kind kind) {
  return [kind] { return std::make_unique<FakeHarness>(kind); };
}

INSTANTIATE_TEST_SUITE_P(Docker, PlaceConformance, testing::Values(with(FakeEngine::Kind::docker)));
INSTANTIATE_TEST_SUITE_P(Podman, PlaceConformance, testing::Values(with(FakeEngine::Kind::podman)));

}  // namespace
}  // namespace slipway::place
