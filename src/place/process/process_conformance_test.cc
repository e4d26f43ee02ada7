// What every place promises, of this one: on this machine, and on such that lack a part of it.
#include <unistd.h>

#include <chrono>
#include <thread>

#include "place/place_conformance.h"
#include "place/process/process_place.h"
#include "place/process/process_place_testing.h"

namespace slipway::place {
namespace {

using namespace std::chrono_literals;

class ProcessHarness : public PlaceHarness {
 public:
  explicit ProcessHarness(const cell::Layers& layers) : layers_(layers) {
    fs::permissions(folder_.path(), static_cast<fs::perms>(0755));
  }

  std::unique_ptr<Place> open(ObservationSink sink, LogSink& log) override {
    auto place = ProcessPlace::open(
        {.root = folder_.path() / "run", .log = &log, .layers = layers_}, std::move(sink));
    EXPECT_TRUE(place) << place.error().message;
    return std::move(*place);
  }
  InstanceSpec runs_until_stopped() override {
    return shell("echo runs; while [ ! -e end ]; do sleep 0.01; done; echo ends; exit $(cat end)");
  }
  InstanceSpec ignores_polite_stop() override {
    return shell("trap '' TERM; echo deaf; while :; do sleep 0.05; done");
  }
  InstanceSpec cannot_start() override { return {.argv = {"/nowhere/at/all"}}; }
  void end(const InstanceKey& key, int status) override {
    const fs::path at = folder_.path() / "run" / key.file_name() / "run";
    std::ofstream(at / "end.new") << status;
    fs::rename(at / "end.new", at / "end");
  }
  void breathe() override { std::this_thread::sleep_for(5ms); }
  InstanceSpec tries(std::vector<std::string> attempts, std::vector<Mount> mounts) override {
    InstanceSpec spec{.argv = {PLACE_ESCAPE}, .mounts = std::move(mounts)};
    spec.argv.insert(spec.argv.end(), attempts.begin(), attempts.end());
    return spec;
  }
  fs::path outside() override { return folder_.path() / "outside"; }

 protected:
  Folder folder_;
  const cell::Layers layers_;
};

// Instances come from a warmed parent that has made a cell before: theirs start from what it
// prepared then.
class WarmedHarness final : public ProcessHarness {
 public:
  using ProcessHarness::ProcessHarness;

  std::unique_ptr<Place> open(ObservationSink sink, LogSink& log) override {
    const fs::path root = folder_.path() / "run";
    fs::remove(root / "zygote.sock");
    auto place = ProcessPlace::open(
        {.root = root, .zygote = {PLACE_TEST_ZYGOTE, "--zygote"}, .log = &log, .layers = layers_},
        std::move(sink));
    EXPECT_TRUE(place) << place.error().message;
    EXPECT_TRUE(eventually([&] { return fs::exists(root / "zygote.sock"); }));
    std::this_thread::sleep_for(50ms);  // its "ready" follows
    const InstanceKey first{"test/first/1/main/" + std::to_string(++opened_)};
    (*place)->start(first, warmed({"/bin/true"}));
    EXPECT_TRUE(eventually([&] { return fs::exists(root / first.file_name() / "ended"); }));
    return std::move(*place);
  }
  InstanceSpec runs_until_stopped() override {
    return warmed(ProcessHarness::runs_until_stopped().argv);
  }
  InstanceSpec ignores_polite_stop() override {
    return warmed(ProcessHarness::ignores_polite_stop().argv);
  }
  InstanceSpec tries(std::vector<std::string> attempts, std::vector<Mount> mounts) override {
    attempts.insert(attempts.begin(), PLACE_ESCAPE);
    InstanceSpec spec = warmed(attempts);
    spec.mounts = std::move(mounts);
    spec.mounts.push_back({.host_path = PLACE_ESCAPE});
    return spec;
  }

 private:
  static InstanceSpec warmed(const std::vector<std::string>& arguments) {
    std::string script = "exec";
    for (const std::string& argument : arguments) {
      script += " '";
      for (const char c : argument) script += c == '\'' ? std::string("'\\''") : std::string(1, c);
      script += "'";
    }
    InstanceSpec spec = shell("");
    spec.argv = {PLACE_TEST_ZYGOTE, script};
    spec.environment["QUIET"] = "yes";
    return spec;
  }

  int opened_ = 0;
};

// The same promises with all that this machine has, and with each part of it alone: what is missing
// elsewhere is missing alone.
struct Machine {
  const char* name;
  void (*take_away)(cell::Layers& layers);
  enum class Start : std::uint8_t { plain, warmed } start = Start::plain;
};
constexpr Machine machines[] = {
    {"ThisOne", [](cell::Layers&) {}},
    {"AWarmedParent", [](cell::Layers&) {}, Machine::Start::warmed},
    {"AWarmedParentWithNamespacesAndTheFilterAlone",
     [](cell::Layers& layers) {
       layers = {.namespaces = layers.namespaces,
                 .user_namespace = layers.user_namespace,
                 .fresh_proc = layers.fresh_proc,
                 .system_call_filter = layers.system_call_filter};
     },
     Machine::Start::warmed},
    {"WithoutLandlock", [](cell::Layers& layers) { layers.landlock_abi = 0; }},
    {"WithoutNamespaces", [](cell::Layers& layers) { layers.namespaces = false; }},
    {"WithoutUsers", [](cell::Layers& layers) { layers.first_user = layers.user_count = 0; }},
    {"WithoutNamespacesAndUsers",
     [](cell::Layers& layers) {
       layers.namespaces = false;
       layers.first_user = layers.user_count = 0;
     }},
    {"WithAnOldLandlockAlone",
     [](cell::Layers& layers) {
       layers = {.landlock_abi = std::min(layers.landlock_abi, 2U),
                 .system_call_filter = layers.system_call_filter};
     }},
    {"WithNothing", [](cell::Layers& layers) { layers = cell::no_layers; }},
};

HarnessFactory on(const Machine& machine) {
  return [&machine]() -> std::unique_ptr<PlaceHarness> {
    cell::Layers layers = layers_here();
    machine.take_away(layers);
    if (!layers.namespaces) layers.user_namespace = layers.fresh_proc = false;
    if (machine.start == Machine::Start::warmed) return std::make_unique<WarmedHarness>(layers);
    return std::make_unique<ProcessHarness>(layers);
  };
}
std::vector<HarnessFactory> on_all_machines() {
  std::vector<HarnessFactory> all;
  for (const Machine& machine : machines) all.push_back(on(machine));
  return all;
}

INSTANTIATE_TEST_SUITE_P(Process, PlaceConformance, testing::ValuesIn(on_all_machines()),
                         [](const auto& info) { return machines[info.index].name; });

}  // namespace
}  // namespace slipway::place
