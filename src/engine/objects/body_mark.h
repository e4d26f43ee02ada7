// How new the bodies in a folder are: a small file beside them that names the database they belong
// to, and a change of it that is durable. A database that knows less than its mark was put back
// from an older copy; on its word, the newer bodies would be swept away.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace slipway::objects {

struct Mark {
  std::string database;     // 32 hex digits, drawn when the database was made
  std::int64_t change = 0;  // grows with every change that makes or removes a body
};

// One thread at a time.
class BodyMark {
 public:
  explicit BodyMark(const std::filesystem::path& folder) : file_(folder / "mark") {}

  // Nothing where there is no mark, or one that was half written: then nothing is known.
  std::optional<Mark> read() const;

  // In place and synced. Called only with changes that are durable, so that the mark is never newer
  // than its database.
  Result<> write(const Mark& mark);

 private:
  const std::filesystem::path file_;
  Fd open_;
};

}  // namespace slipway::objects
