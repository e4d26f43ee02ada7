#include "place/process/disk_watch.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/test_folder.h"
#include "place/process/process_place.h"

namespace slipway::place {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using Kind = Observation::Kind;

// Polls for ten seconds.
bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 2000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

InstanceSpec shell(const std::string& script) {
  return {.argv = {"/bin/sh", "-c", script}, .environment = {{"PATH", "/usr/bin:/bin"}}};
}

InstanceSpec python(const std::string& script) {
  return {.argv = {"/usr/bin/python3", "-c", script}};
}

// Not in /dev/shm: instances have one of their own.
class DiskFolder {
 public:
  DiskFolder() {
    std::string name = (fs::temp_directory_path() / "slipway_disk_XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~DiskFolder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// A place on a file system of 64 MiB in memory, where this test may mount one.
class FullDisk : public testing::Test {
 protected:
  void SetUp() override {
    mounted_ = ::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0,
                       "size=64m,nr_inodes=8k,mode=0755") == 0;
    if (!mounted_) GTEST_SKIP() << "no file system can be mounted here";
    room_ = std::make_unique<DiskRoom>(folder_.path());
    open(room_.get());
  }
  void TearDown() override {
    if (place_) {
      place_->stop(key_, 0ms);
      place_->stop(quiet_, 0ms);
    }
    place_.reset();
    if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }

  void open(const DiskRoom* room) {
    auto place = ProcessPlace::open({.root = root(), .room = room}, [this](Observation seen) {
      const std::lock_guard lock(mutex_);
      seen_.push_back(std::move(seen));
    });
    ASSERT_TRUE(place) << place.error().message;
    place_ = std::move(*place);
  }
  bool saw(Kind kind, const InstanceKey& key) {
    return eventually([&] {
      const std::lock_guard lock(mutex_);
      for (const Observation& seen : seen_)
        if (seen.kind == kind && seen.key == key) {
          last_ = seen;
          return true;
        }
      return false;
    });
  }
  fs::path root() const { return folder_.path() / "run"; }
  std::uintmax_t free() const { return fs::space(folder_.path()).available; }

  DiskFolder folder_;
  bool mounted_ = false;
  const InstanceKey key_{"fleet/000000000000/us-east-1/endpoint/a/1/AllTraffic/7"};
  const InstanceKey quiet_{"fleet/000000000000/us-east-1/endpoint/b/1/AllTraffic/8"};
  std::unique_ptr<DiskRoom> room_;
  std::mutex mutex_;
  std::vector<Observation> seen_;
  Observation last_;
  std::unique_ptr<ProcessPlace> place_;
};

constexpr std::uintmax_t mib = 1 << 20;

// Writes as much as there is, again and again, into one file.
std::string fills_the_disk(const std::string& and_then = "") {
  return "import os, time\nf = open('big', 'wb', 0)\n" + and_then +
         "\nwhile True:\n"
         "  try: f.write(b'x' * 65536)\n"
         "  except OSError: time.sleep(0.01)\n";
}

TEST_F(FullDisk, the_instance_that_filled_it_is_ended_and_its_files_go) {
  place_->start(quiet_, shell("echo small > file; exec sleep 60"));
  place_->start(key_, python(fills_the_disk()));
  ASSERT_TRUE(saw(Kind::over_memory, key_));
  EXPECT_NE(last_.reason.find("the disk was full"), std::string::npos) << last_.reason;
  ASSERT_TRUE(saw(Kind::exited, key_));
  EXPECT_EQ(last_.exit.signal, 9);
  EXPECT_GT(free(), 32 * mib);
  EXPECT_TRUE(fs::exists(folder_.path() / "reserve")) << "it took the reserve";
  const std::lock_guard lock(mutex_);
  for (const Observation& seen : seen_)
    EXPECT_FALSE(seen.key == quiet_ && seen.kind == Kind::exited);
}

TEST_F(FullDisk, a_file_without_a_name_counts_to_who_has_it_open) {
  place_->start(key_, python(fills_the_disk("os.unlink('big')")));
  EXPECT_TRUE(saw(Kind::over_memory, key_));
  EXPECT_TRUE(saw(Kind::exited, key_));
  EXPECT_GT(free(), 32 * mib);
}

TEST_F(FullDisk, an_instance_that_leaves_no_file_to_be_made_is_ended) {
  place_->start(key_, python("import time\n"
                             "try:\n"
                             "  for i in range(10000): open('f%d' % i, 'w').close()\n"
                             "except OSError: pass\n"
                             "time.sleep(60)\n"));
  EXPECT_TRUE(saw(Kind::over_memory, key_));
  EXPECT_TRUE(saw(Kind::exited, key_));
  EXPECT_TRUE(std::ofstream(folder_.path() / "another").is_open());
}

TEST_F(FullDisk, a_file_that_is_mapped_alone_counts_where_the_server_is_root) {
  if (::geteuid() != 0) GTEST_SKIP() << "the server is not root here";
  place_->start(key_,
                python("import ctypes, os, time\n"
                       "f = open('big', 'wb+')\n"
                       "left = os.statvfs('.').f_bavail * 4096\n"
                       "os.posix_fallocate(f.fileno(), 0, left - 65536)\n"
                       "c = ctypes.CDLL(None)\n"
                       "c.mmap.restype = ctypes.c_void_p\n"
                       "c.mmap(None, ctypes.c_size_t(4096), 3, 1, f.fileno(), ctypes.c_long(0))\n"
                       "os.unlink('big')\n"
                       "f.close()\n"
                       "time.sleep(60)\n"));
  EXPECT_TRUE(saw(Kind::over_memory, key_));
  EXPECT_TRUE(saw(Kind::exited, key_));
  EXPECT_GT(free(), 32 * mib);
}

TEST_F(FullDisk, an_instance_that_holds_little_runs_on_where_others_filled_it) {
  place_->start(quiet_, shell("echo small > file; exec sleep 60"));
  ASSERT_TRUE(saw(Kind::started, quiet_));
  std::ofstream(folder_.path() / "filling") << std::string(free(), 'x');
  std::this_thread::sleep_for(5 * full_disk_check_period);
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(seen_.size(), 1);
}

TEST_F(FullDisk, an_instance_that_outlived_its_server_and_filled_it_is_ended_before_the_next) {
  place_.reset();
  open(nullptr);
  place_->start(key_, python(fills_the_disk()));
  ASSERT_TRUE(eventually([&] { return free() < mib; }));
  make_room(root(), *room_);
  EXPECT_LT(free(), mib) << "its server runs";
  place_.reset();
  make_room(root(), *room_);
  EXPECT_GT(free(), 32 * mib);
  open(room_.get());
  place_->adopt();
  ASSERT_TRUE(saw(Kind::exited, key_));
  EXPECT_EQ(last_.exit.signal, 9);
  EXPECT_NE(last_.tail.find("the disk was full"), std::string::npos);
}

TEST(DiskUseOf, a_file_of_two_names_counts_once_and_a_link_leads_nowhere) {
  TestFolder folder;
  fs::create_directories(folder / "a/b");
  std::ofstream(folder / "a/b/file") << std::string(3 * mib, 'x');
  fs::create_hard_link(folder / "a/b/file", folder / "a/again");
  fs::create_directory_symlink("/", folder / "a/link");
  const DiskUse use = disk_use_of(folder.path(), 0);
  EXPECT_GE(use.bytes, 3 * mib);
  EXPECT_LT(use.bytes, 4 * mib);
  EXPECT_EQ(use.files, 4);
}

TEST(DiskUseOf, what_is_nested_too_deep_to_be_counted_is_past_the_limit) {
  TestFolder folder;
  fs::path deep = folder.path();
  for (int i = 0; i < 200; ++i) deep /= "d";
  fs::create_directories(deep);
  EXPECT_FALSE(disk_excess(disk_use_of(folder.path(), 0)).empty());
}

}  // namespace
}  // namespace slipway::place
