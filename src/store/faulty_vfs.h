// For tests: SQLite on a FaultyDisk.
#pragma once

#include <memory>
#include <string>

#include "base/faulty_disk.h"

namespace slipway::store {

// Registers a way to the disk, for StoreOptions::vfs, that asks `disk` before each write,
// truncation, sync and removal of the database and its log, and does the rest as the kernel's way
// does. Locks and the shared index of the log are no matter of the disk. Outlives the stores that
// use it.
class FaultyVfs {
 public:
  explicit FaultyVfs(FaultyDisk& disk);
  ~FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  const std::string& name() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::store
