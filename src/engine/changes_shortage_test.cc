// What a hub of changes is after an allocation of its own has failed, whichever it was.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <limits>
#include <new>
#include <optional>
#include <utility>

#include "engine/changes.h"

namespace {

thread_local int allocations_left = std::numeric_limits<int>::max();

}  // namespace

void* operator new(std::size_t size) {
  if (allocations_left == 0) throw std::bad_alloc();
  --allocations_left;
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
// Sanitizers ask that what is freed here was made here.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace slipway::engine {
namespace {

using namespace std::chrono_literals;

// Returns whether all of `act` was done with so many allocations.
template <typename Act>
bool is_done_with(int allocations, Act act) {
  bool done = true;
  allocations_left = allocations;
  try {
    act();
  } catch (const std::bad_alloc&) {
    done = false;
  }
  allocations_left = std::numeric_limits<int>::max();
  return done;
}

// A turn that is dropped takes the hub's lock: dropped under it, this hangs and the alarm ends it.
class ChangesShortage : public testing::Test {
 protected:
  ChangesShortage() { alarm(60); }
  ~ChangesShortage() override { alarm(0); }

  // Does `act` with one allocation more each time, until none fails.
  template <typename Act>
  void with_each_shortage(Act act) {
    constexpr int most = 100;
    int allocations = 0;
    while (allocations < most && !is_served_after(allocations, act)) ++allocations;
    EXPECT_GT(allocations, 0);
    EXPECT_LT(allocations, most);
  }

 private:
  template <typename Act>
  bool is_served_after(int allocations, Act& act) {
    ManualClock clock;
    Changes changes(clock);
    std::optional<Changes::Turn> turn;
    const auto stand = [&](Changes::Turn mine) {
      changes.wait_in_line("queue", changes.sequence(),
                           {.deadline = clock.monotonic() + 20s,
                            .look_at = clock.monotonic() + 5s,
                            .owner = TaskOwner{1},
                            .turn = std::move(mine)},
                           [&](WaitOutcome, Changes::Turn given) { turn = std::move(given); });
    };
    for (int i = 0; i < 3; ++i) stand({});
    changes.notify("queue");
    clock.advance(5s);
    const bool done = is_done_with(allocations, [&] { act(changes, turn, stand); });
    turn.reset();
    clock.advance(1h);
    changes.expire();
    EXPECT_EQ(changes.expire(), 0U) << allocations;
    EXPECT_EQ(changes.waiting(), 0U) << allocations;
    turn.reset();
    stand({});
    changes.notify("queue");
    EXPECT_TRUE(turn) << allocations;
    turn.reset();
    return done;
  }
};

TEST_F(ChangesShortage, WhoWaitsAgainKeepsHisTurnOrLeavesTheLine) {
  with_each_shortage([](Changes&, std::optional<Changes::Turn>& turn, auto& stand) {
    stand(*std::exchange(turn, std::nullopt));
  });
}

TEST_F(ChangesShortage, AChangeThatIsNotToldLeavesTheLine) {
  with_each_shortage([](Changes& changes, auto&, auto&) { changes.notify("queue"); });
}

TEST_F(ChangesShortage, ALookThatIsNotTakenLeavesTheLine) {
  with_each_shortage([](Changes& changes, auto&, auto&) { changes.expire(); });
}

}  // namespace
}  // namespace slipway::engine
