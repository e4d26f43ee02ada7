// What was acknowledged is there after a kill at any instant, and nothing half-made is.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <fstream>
#include <thread>

#include "engine/objects/objects_fixture.h"

namespace slipway::objects {
namespace {

constexpr int kills = 25;
constexpr int writers = 4;
constexpr std::size_t body_bytes[] = {0, 10, 4096, 20'000, 3 << 20};

// A body that tells its own key and size, so that a mixture of two would be seen.
std::string body_of(const std::string& key, int number) {
  std::string bytes = key + "=" + std::to_string(number) + ";";
  const std::size_t size = body_bytes[static_cast<std::size_t>(number) % std::size(body_bytes)];
  while (bytes.size() < size) bytes += bytes.substr(0, size - bytes.size());
  return bytes;
}

// Runs in a child until it is killed: each writer replaces one key again and again, and notes each
// acknowledged number in a file of its own.
[[noreturn]] void write_until_killed(const std::filesystem::path& root, int first) {
  SystemClock clock;
  SystemRandom random;
  auto store = store::Store::open(root / "state.db", migrations()).value();
  auto objects = Objects::open(*store, root, clock, random).value();
  std::vector<std::thread> threads;
  for (int writer = 0; writer < writers; ++writer)
    threads.emplace_back([&, writer] {
      const std::string key = "key" + std::to_string(writer);
      std::ofstream acknowledged(root / key);
      for (int number = first;; ++number) {
        const std::string bytes = body_of(key, number);
        Upload upload = objects->begin();
        upload.write(std::as_bytes(std::span(bytes))).value();
        SealedBody body = upload.seal().value();
        store
            ->write([&](store::Transaction& tx) {
              return objects->put(tx, {"box", key}, std::move(body));
            })
            .value();
        acknowledged << number << std::endl;
      }
    });
  for (std::thread& thread : threads) thread.join();
  std::_Exit(0);
}

class CrashTest : public ObjectsTest {
 protected:
  // The last number that the child noted for a key; -1 where none.
  int acknowledged(const std::string& key) const {
    std::ifstream notes(root_ / key);
    int last = -1;
    for (std::string line; std::getline(notes, line) && !notes.eof();) last = std::stoi(line);
    return last;
  }

  void kill_after(std::chrono::milliseconds delay, int first) {
    const pid_t child = ::fork();
    if (child == 0) write_until_killed(root_, first);
    std::this_thread::sleep_for(delay);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
};

TEST_F(CrashTest, acknowledged_objects_survive_kills_and_nothing_else_stays) {
  close();
  int first = 0;
  for (int round = 0; round < kills; ++round) {
    kill_after(std::chrono::milliseconds(40 + below(random_, 200)), first);
    open();
    int newest = first;
    for (int writer = 0; writer < writers; ++writer) {
      const std::string key = "key" + std::to_string(writer);
      const std::string bytes = get(key);
      const int last = acknowledged(key);
      if (last < 0) continue;
      const int number = std::stoi(bytes.substr(key.size() + 1));
      EXPECT_GE(number, last) << "round " << round;
      EXPECT_TRUE(bytes == body_of(key, number)) << "round " << round;
      newest = std::max(newest, number + 1);
    }
    // Only the files of objects that are there: at most one for each key.
    EXPECT_LE(files_on_disk(), static_cast<std::size_t>(writers));
    close();
    first = newest;
  }
  open();
}

}  // namespace
}  // namespace slipway::objects
