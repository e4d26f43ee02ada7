// Every call to the disk fails once, then the power goes: what was acknowledged is there, what was
// refused is not, and what is unknown ended the process.
#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "base/sanitized.h"
#include "base/test_folder.h"
#include "store/faulty_vfs.h"
#include "store/store.h"
#include "store/test_pages.h"

namespace slipway::store {
namespace {

constexpr int notes_written = 24;
constexpr std::size_t long_note_bytes = 20'000;
// A sanitizer makes each round ten times as long, and finds its errors in fewer.
constexpr std::uint64_t errors_tried = sanitized ? 36 : 240;
constexpr std::uint64_t full_disks_tried = sanitized ? 12 : 80;
constexpr int log_pages_max = 12;  // so that the log is carried over several times

constexpr Migration note_tables[] = {
    {.room = "note", .version = 1, .sql = "CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT)"}};

struct Outcome {
  std::set<int> acknowledged;
  std::set<int> refused;
  bool ended = false;
  std::uint64_t steps = 0;
  std::string failed;
};

class StoreFaultsTest : public testing::Test {
 protected:
  std::filesystem::path file(std::uint64_t round) const {
    const auto folder = folder_ / std::to_string(round);
    std::filesystem::create_directories(folder / "graves");
    return folder / "state.db";
  }

  // Writes notes until the power goes, which is when the process would end, or after the last.
  Outcome write_notes(const std::filesystem::path& file, FaultyDisk::Plan plan) {
    Outcome outcome;
    std::atomic<bool> ended = false;  // told on the writer's thread
    FaultyDisk disk(file.parent_path() / "graves", plan);
    const FaultyVfs vfs(disk);
    if (!first_pages_.empty() && !make_of(first_pages_, file, disk)) disk.cut_power();
    if (auto store = Store::open(file, note_tables,
                                 {.end_process =
                                      [&](const Error&) {
                                        ended = true;
                                        disk.cut_power();
                                      },
                                  .vfs = vfs.name(),
                                  .disk = &disk,
                                  .log_pages_max = log_pages_max}))
      for (int number = 1; number <= notes_written && !ended; ++number) {
        const bool done = write_note(**store, number);
        if (done) outcome.acknowledged.insert(number);
        if (!done && !ended) outcome.refused.insert(number);
        if (number == notes_written) disk.cut_power();
      }
    outcome.ended = ended;
    outcome.steps = disk.steps();
    outcome.failed = disk.failed();
    disk.cut_power();
    return outcome;
  }

  static bool write_note(Store& store, int number) {
    const std::string text(number % 3 == 0 ? long_note_bytes : 10, 'x');
    return store
        .write([&](Transaction& tx) -> Result<> {
          tx.run("INSERT INTO note(id,text) VALUES(?1,?2)", number, text);
          return {};
        })
        .has_value();
  }

  std::set<int> notes(const std::filesystem::path& file) {
    auto store = Store::open(file, note_tables);
    EXPECT_TRUE(store) << store.error().message;
    std::set<int> found;
    if (!store) return found;
    EXPECT_TRUE((*store)->read([&](Transaction& tx) -> Result<> {
      for (auto rows = tx.query("SELECT id,length(text) FROM note"); rows.next();) {
        const int number = static_cast<int>(rows.integer(0));
        EXPECT_EQ(rows.integer(1), number % 3 == 0 ? long_note_bytes : 10);
        found.insert(number);
      }
      return {};
    }));
    return found;
  }

  void try_fault(FaultyDisk::Plan plan) {
    const auto file = this->file(plan.failing_step);
    const Outcome outcome = write_notes(file, plan);
    SCOPED_TRACE(testing::Message() << "seed " << plan.seed << ", step " << plan.failing_step
                                    << ": " << outcome.failed);
    const std::set<int> found = notes(file);
    for (const int number : outcome.acknowledged) EXPECT_TRUE(found.contains(number)) << number;
    for (const int number : outcome.refused) EXPECT_FALSE(found.contains(number)) << number;
    EXPECT_LE(found.size(), outcome.acknowledged.size() + (outcome.ended ? 1 : 0));
    std::filesystem::remove_all(file.parent_path());
  }

  TestFolder folder_;
  Pages first_pages_;  // what a new file is made of; empty: the migrations
};

TEST_F(StoreFaultsTest, each_failing_call_loses_nothing_that_was_acknowledged) {
  const Outcome whole = write_notes(file(0), {.fault = FaultyDisk::Fault::none});
  ASSERT_EQ(whole.acknowledged.size(), std::size_t{notes_written});
  const std::uint64_t stride = std::max<std::uint64_t>(1, whole.steps / errors_tried);
  std::uint64_t faults = 0;
  for (std::uint64_t step = 1; step <= whole.steps; step += stride, ++faults)
    try_fault({.seed = step, .failing_step = step, .fault = FaultyDisk::Fault::error});
  EXPECT_GE(faults, errors_tried * 5 / 12);
}

TEST_F(StoreFaultsTest, a_full_disk_refuses_one_change_and_the_process_goes_on) {
  const Outcome whole = write_notes(file(0), {.fault = FaultyDisk::Fault::none});
  const std::uint64_t stride = std::max<std::uint64_t>(1, whole.steps / full_disks_tried);
  for (std::uint64_t step = 1; step <= whole.steps; step += stride)
    try_fault({.seed = step, .failing_step = step, .fault = FaultyDisk::Fault::full});
}

TEST_F(StoreFaultsTest, a_new_file_that_is_written_as_pages_is_there_whole_or_made_anew) {
  const auto other = folder_ / "other.db";
  ASSERT_TRUE(Store::open(other, note_tables));
  const PagesOf pages(other);
  first_pages_ = pages.all();
  for (const auto fault : {FaultyDisk::Fault::error, FaultyDisk::Fault::full})
    for (std::uint64_t step = 1; step <= pages.all().size() + 8; ++step)
      try_fault({.seed = step, .failing_step = step, .fault = fault});
}

TEST_F(StoreFaultsTest, a_commit_whose_sync_failed_ends_the_process) {
  const auto file = this->file(0);
  const Outcome whole = write_notes(file, {.fault = FaultyDisk::Fault::none});
  int ended = 0;
  for (std::uint64_t step = 1; step <= whole.steps; ++step) {
    const auto here = this->file(step);
    const Outcome outcome = write_notes(here, {.seed = 7, .failing_step = step});
    std::filesystem::remove_all(here.parent_path());
    if (outcome.failed != "sync state.db-wal" || outcome.acknowledged.empty()) continue;
    EXPECT_TRUE(outcome.ended) << "step " << step;
    if (++ended == 3) return;
  }
  EXPECT_EQ(ended, 3);
}

}  // namespace
}  // namespace slipway::store
