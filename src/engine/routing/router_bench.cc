// What the router and the framed link cost: requests per second through one router loop to an echo
// on another thread, with so many requests under way. Compare the CPU column, not the rate alone.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <atomic>
#include <memory>

#include "base/test_folder.h"
#include "engine/routing/test_instance.h"
#include "engine/routing/test_invocation.h"
#include "net/loop.h"

#include "engine/routing/router.h"

namespace slipway::routing {
namespace {

// Asks again as soon as it is answered, until told to stop.
class Again final : public Invocation {
 public:
  struct Shared {
    Router* router = nullptr;
    std::string body;
    std::atomic<std::uint64_t> answers = 0;
    std::atomic<bool> stop = false;
    std::atomic<int> ended = 0;
  };
  explicit Again(Shared& shared) : shared_(shared) {
    request = {.fleet = "fleet",
               .target_variant = {},
               .content_type = "text/csv",
               .accept = {},
               .headers = {},
               .body = shared_.body};
  }
  void answered(const InvokeAnswer&) override {
    shared_.answers.fetch_add(1, std::memory_order_relaxed);
    if (shared_.stop)
      ++shared_.ended;
    else
      shared_.router->invoke(std::make_unique<Again>(shared_));
  }
  void failed(InvokeFailure, std::string_view, std::string_view) override { ++shared_.ended; }

 private:
  Shared& shared_;
};

void route(benchmark::State& state) {
  const auto under_way = static_cast<int>(state.range(0));
  const TestFolder folder;
  SeededRandom random(1);
  RouteTable routes;
  net::LoopThread io("io");
  net::LoopThread far("instance");
  std::unique_ptr<TestInstance> instance;
  const std::string link = folder.path() / "link";
  far.run_and_wait([&] { instance = std::make_unique<TestInstance>(far.loop(), "a", "", link); });
  auto route = std::make_shared<GenerationRoute>();
  route->generation = 1;
  route->weight_total = 1;
  route->variants = {
      {.name = "main",
       .weight = 1,
       .instances = {routes.make_instance({"fleet/a"}, {.link = "unix:" + link}, {})}}};
  routes.publish({"fleet"}, fleet_of_one(std::move(route)));
  std::unique_ptr<Router> router;
  Again::Shared shared;
  shared.body.assign(static_cast<std::size_t>(state.range(1)), 'x');
  io.run_and_wait([&] {
    router = std::make_unique<Router>(io.loop(), routes, random);
    shared.router = router.get();
    for (int i = 0; i < under_way; ++i) router->invoke(std::make_unique<Again>(shared));
  });
  for (auto _ : state) {
    const std::uint64_t until = shared.answers + 20'000;
    while (shared.answers < until) std::this_thread::sleep_for(std::chrono::microseconds(200));
    state.SetItemsProcessed(state.items_processed() + 20'000);
  }
  shared.stop = true;
  while (shared.ended < under_way) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  io.run_and_wait([&] { router.reset(); });
  far.run_and_wait([&] { instance.reset(); });
}

BENCHMARK(route)
    ->ArgsProduct({{1, 16, 64}, {128, 4096}})
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace slipway::routing

BENCHMARK_MAIN();
