#include "place/process/memory_watch.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <string>

#include "base/sanitized.h"

namespace slipway::place {
namespace {

constexpr std::size_t size = 64 << 20;
// What the processes of a test have besides.
constexpr std::uint64_t others_max = sanitized ? 512 << 20 : 32 << 20;
constexpr std::uint64_t quick = 1ULL << 40;
constexpr std::uint64_t closer = 1;

// A process, and below it `count` that hold what `prepare` made in the first of them.
class Tree {
 public:
  Tree(int count, const std::function<void()>& prepare) {
    int ready[2];
    EXPECT_EQ(::pipe(ready), 0);
    process_ = ::fork();
    if (process_ == 0) live(count, prepare, ready[1]);
    for (char byte = 0; count > 0; --count) EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~Tree() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }

  std::uint64_t bytes(std::uint64_t bytes_max) const {
    return usage_below(process_, bytes_max).bytes;
  }

 private:
  [[noreturn]] static void live(int count, const std::function<void()>& prepare, int ready) {
    if (::fork() != 0)
      for (;;) ::pause();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    prepare();
    for (; count > 1 && ::fork() == 0; --count) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::write(ready, "", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }

  pid_t process_ = -1;
};

int full_file() {
  const int file = ::memfd_create("full", 0);
  const std::string part(1 << 20, 'x');
  for (std::size_t at = 0; at < size; at += part.size())
    if (::write(file, part.data(), part.size()) < 0) ::_exit(1);
  return file;
}

void expect_counted_once(std::uint64_t bytes) {
  EXPECT_GE(bytes, size);
  EXPECT_LT(bytes, size + others_max);
}

TEST(MemoryWatch, a_file_in_memory_that_nobody_maps_counts) {
  const Tree tree(1, [] { full_file(); });
  expect_counted_once(tree.bytes(quick));
  expect_counted_once(tree.bytes(closer));
}

TEST(MemoryWatch, a_file_in_memory_counts_once_however_many_hold_it) {
  const Tree tree(3, [] { full_file(); });
  expect_counted_once(tree.bytes(closer));
}

TEST(MemoryWatch, a_file_in_memory_that_is_mapped_as_well_counts_once) {
  const Tree tree(3, [] {
    void* const at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_POPULATE, full_file(), 0);
    if (at == MAP_FAILED) ::_exit(1);
  });
  expect_counted_once(tree.bytes(closer));
}

TEST(MemoryWatch, pages_of_its_own_over_a_file_in_memory_count) {
  const Tree tree(1, [] {
    const int file = ::memfd_create("empty", 0);
    if (::ftruncate(file, size) != 0) ::_exit(1);
    void* const at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    if (at == MAP_FAILED) ::_exit(1);
    std::memset(at, 'x', size);
  });
  EXPECT_GE(tree.bytes(quick), size);
  EXPECT_GE(tree.bytes(closer), size);
}

}  // namespace
}  // namespace slipway::place
