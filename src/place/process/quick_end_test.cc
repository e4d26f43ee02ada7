// Programs that end before the place has come to watch them.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "place/process/process_place.h"

namespace slipway::place {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

TEST(QuickEnd, how_a_program_ended_is_known_however_soon_it_did) {
  constexpr std::size_t programs = 200;
  std::string folder = fs::temp_directory_path() / "slipway_place_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  fs::permissions(folder, static_cast<fs::perms>(0755));
  std::mutex mutex;
  std::condition_variable changed;
  std::map<InstanceKey, Exit> ends;
  {
    const auto place =
        ProcessPlace::open({.root = folder + "/run", .zygote = {PLACE_TEST_ZYGOTE, "--zygote"}},
                           [&](const Observation& observation) {
                             if (observation.kind != Observation::Kind::exited) return;
                             const std::lock_guard lock(mutex);
                             ends[observation.key] = observation.exit;
                             changed.notify_one();
                           });
    ASSERT_TRUE(place) << place.error().message;
    std::this_thread::sleep_for(500ms);  // the warmed parent, which reaps at once, comes up
    for (std::size_t i = 0; i < programs; ++i)
      (*place)->start({"quick/" + std::to_string(i)}, {.argv = {PLACE_TEST_ZYGOTE, "exit 3"}});
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, 30s, [&] { return ends.size() == programs; }));
  }
  for (const auto& [key, end] : ends) EXPECT_EQ(end.status, 3) << key.text;
  fs::remove_all(folder);
}

}  // namespace
}  // namespace slipway::place
