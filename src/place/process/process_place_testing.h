// What the tests of this place share.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "cell/layers.h"
#include "place/place.h"

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

// What this machine has, found out once.
inline const cell::Layers& layers_here() {
  static const cell::Layers layers = [] {
    const Folder folder;
    const fs::path program = fs::read_symlink("/proc/self/exe").parent_path() / "slipway-cell";
    return cell::ask(program, folder.path()).value();
  }();
  return layers;
}

}  // namespace slipway::place
