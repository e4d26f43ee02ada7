// How new the bodies in a folder are: a small file beside them that names the database they belong
// to, and a change of it that is durable. A database that knows less than its mark was put back
// from an older copy; on its word, the newer bodies would be swept away.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/disk.h"
#include "base/fd.h"
#include "base/result.h"

namespace slipway::objects {

// What the file says: a database, and how far it had come.
struct Mark {
  std::string database;     // 32 hex digits (database_name.h)
  std::int64_t change = 0;  // grows with every change that makes or removes a body
};

// Reads and moves the mark. One thread at a time.
class BodyMark {
 public:
  // `disk` outlives it.
  BodyMark(const std::filesystem::path& folder, Disk& disk)
      : file_(folder / "mark"), disk_(&disk) {}

  // Returns nullopt where there is no mark, or one that was half written: then nothing is known.
  std::optional<Mark> read() const;

  // In place and synced. Called only with changes that are durable, so that the mark is never newer
  // than its database.
  Result<> write(const Mark& mark);

 private:
  std::filesystem::path file_;
  Disk* disk_;
  Fd open_;
};

}  // namespace slipway::objects
