// A store in a folder that goes with it. For this room's tests.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include "engine/fleet/fleet.h"
#include "store/store.h"

namespace slipway::fleet {

class TestFolder {
 public:
  TestFolder() {
    const auto base = std::filesystem::exists("/dev/shm") ? std::filesystem::path("/dev/shm")
                                                          : std::filesystem::temp_directory_path();
    std::string name = base / "slipway_fleet_XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder for a test");
    path_ = name;
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::unique_ptr<store::Store> open_test_store(const std::filesystem::path& folder) {
  auto store = store::Store::open(folder / "state.db", migrations());
  if (!store) throw std::runtime_error(store.error().message);
  return std::move(*store);
}

}  // namespace slipway::fleet
