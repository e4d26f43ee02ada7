// Notes on the disk say of a key what its engine does not know: they survive the server.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "place/place.h"

namespace slipway::place {

// How far one of a container's two streams was read: all that it wrote before a time, and so many
// bytes of what it wrote at that time. An engine may count time in whole seconds.
struct StreamMark {
  std::int64_t time_ns = 0;  // since 1970; 0: nothing was read
  std::uint64_t bytes = 0;
};

// How far what a container prints was read and taken.
struct LogMarks {
  std::uint64_t offset = 0;  // up to where the sink took it
  std::string held;          // what was read behind that
  std::array<StreamMark, 2> streams = {};
  std::string tail;  // the last of it, `log_tail_bytes_max` or a little more
};

// One key's notes.
struct ContainerNotes {
  InstanceKey key;
  Labels labels;
  bool ran = false;                         // its start came through
  bool asked = false;                       // it was asked to end
  std::optional<std::string> failure = {};  // why it never ran
  std::optional<Exit> end = {};
  LogMarks log = {};
};

// The notes of all keys: a file for each, in a folder that is one place's alone. A file that cannot
// be read counts as none. One thread.
class NoteBook {
 public:
  explicit NoteBook(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::optional<ContainerNotes> read(const InstanceKey& key) const;
  std::vector<ContainerNotes> all() const;
  // unavailable: the disk has no room, or is broken. What stood there before stands there still.
  Result<> write(const ContainerNotes& notes) const;
  void remove(const InstanceKey& key) const;
  bool empty() const;

 private:
  std::filesystem::path path_of(const InstanceKey& key) const;

  const std::filesystem::path folder_;
};

}  // namespace slipway::place
