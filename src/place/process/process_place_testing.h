// The tests of this place share these.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cell/layers.h"
#include "place/place.h"
#include "place/process/process_place.h"
#include "place/process/run_directory.h"

namespace slipway::place {

namespace fs = std::filesystem;

inline std::string read_file(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Polls for ten seconds.
inline bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 2000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "slipway_place_XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

inline InstanceSpec shell(const std::string& script) {
  return {.argv = {"/bin/sh", "-c", script},
          .environment = {{"PATH", "/usr/bin:/bin"}},
          .http_socket = "http.sock",
          .link_socket = "link.sock"};
}

// Returns what this machine has, found out once.
inline const cell::Layers& layers_here() {
  static const cell::Layers layers = [] {
    const Folder folder;
    const fs::path program = fs::read_symlink("/proc/self/exe").parent_path() / "slipway-cell";
    return cell::ask(program, folder.path()).value();
  }();
  return layers;
}

// The processes of this machine with such a command line.
inline std::vector<pid_t> processes_called(const std::string& command) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::string line = read_file(entry.path() / "cmdline");
    std::ranges::replace(line, '\0', ' ');
    if (line.starts_with(command)) found.push_back(std::stoi(entry.path().filename()));
  }
  return found;
}

class ProcessPlaceTest : public testing::Test {
 protected:
  void open(fs::path root = {}) {
    if (root.empty()) root = folder_.path() / "run";
    root_ = root;
    auto place = ProcessPlace::open({.root = root,
                                     .kept_free = kept_free_,
                                     .labels_of_older = labels_of_older_,
                                     .layers = layers_here()},
                                    [this](Observation observation) {
                                      const std::lock_guard lock(mutex_);
                                      seen_.push_back(std::move(observation));
                                    });
    ASSERT_TRUE(place) << place.error().message;
    place_ = std::move(*place);
  }
  bool saw(Observation::Kind kind) {
    return eventually([&] {
      const std::lock_guard lock(mutex_);
      for (const Observation& observation : seen_)
        if (observation.kind == kind) {
          last_ = observation;
          return true;
        }
      return false;
    });
  }
  void TearDown() override {
    if (!place_) return;
    place_->stop(key_, std::chrono::milliseconds(0));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  std::string log_tail(const InstanceKey& key, std::size_t lines) const {
    return RunDirectory(root_ / key.file_name()).log_tail(lines);
  }
  // In the instance's own directory.
  fs::path file(const char* name) const { return root_ / key_.file_name() / "run" / name; }

  Folder folder_;
  fs::path root_;
  std::string kept_free_;
  std::function<Labels(const InstanceKey&)> labels_of_older_;
  const InstanceKey key_{"fleet/000000000000/us-east-1/endpoint/a/1/AllTraffic/7"};
  std::mutex mutex_;
  std::vector<Observation> seen_;
  Observation last_;
  std::unique_ptr<ProcessPlace> place_;
};

}  // namespace slipway::place
