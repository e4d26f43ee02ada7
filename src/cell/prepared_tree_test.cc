#include "cell/prepared_tree.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "cell/privileges.h"

namespace slipway::cell {
namespace {

// In a child with a mount namespace of its own, whose mounts nobody else sees.
int exit_status_of(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr))
      ::_exit(99);
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class PreparedTreeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!is_privileged()) GTEST_SKIP() << "needs root";
  }
};

TEST_F(PreparedTreeTest, IsGoodUntilTheMachinesMountsChange) {
  EXPECT_EQ(exit_status_of([] {
              const auto tree = PreparedTree::make("/opt/x");
              if (!tree) return 1;
              if (!tree->is_good_for("/opt/x") || tree->is_good_for("/opt/y")) return 2;
              if (::mount("tmpfs", "/tmp", "tmpfs", 0, nullptr) != 0) return 3;
              return tree->is_good_for("/opt/x") ? 4 : 0;
            }),
            0);
}

TEST_F(PreparedTreeTest, IsGoodUntilTheSystemHasOtherParts) {
  EXPECT_EQ(exit_status_of([] {
              if (::mount("tmpfs", "/opt", "tmpfs", 0, nullptr) != 0) return 1;
              const auto tree = PreparedTree::make("");
              if (!tree || !tree->is_good_for("")) return 2;
              ::usleep(10'000);  // the kernel's clock of files moves by ticks
              if (::mkdir("/opt/new", 0755) != 0) return 3;
              return tree->is_good_for("") ? 4 : 0;
            }),
            0);
}

TEST_F(PreparedTreeTest, APathThatIsKeptFreeIsNotShown) {
  EXPECT_EQ(exit_status_of([] {
              if (::mount("tmpfs", "/opt", "tmpfs", 0, nullptr) != 0) return 1;
              if (::mkdir("/opt/x", 0755) != 0 || ::mkdir("/opt/y", 0755) != 0) return 2;
              const auto tree = PreparedTree::make("/opt/x");
              if (!tree || !tree->enter()) return 3;
              struct stat info{};
              if (::stat("/opt/y", &info) != 0 || ::stat("/opt/x", &info) == 0) return 4;
              return ::stat("/root", &info) == 0 ? 5 : 0;
            }),
            0);
}

}  // namespace
}  // namespace slipway::cell
