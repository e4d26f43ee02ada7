// Files that sealed folders have alike, as one file on the disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <stop_token>

namespace slipway::artifacts {

// Smaller ones share nothing that is worth a look.
inline constexpr std::uint64_t shared_file_bytes_min = 4096;

// A folder of files, each named by its content, that others have hard links to.
//
// Whoever made a draft may have handed a file of it to somebody who holds it open for writing
// still, whatever its mode and owner are by now. So no folder ever gets a file that came with
// another one: all that is shared was written here, by the server. Thread-safe.
class SharedFiles {
 public:
  // `folder` is on the file system of the drafts; it is made when it is first needed. Removes what
  // a former process left half-made.
  explicit SharedFiles(std::filesystem::path folder);

  // Puts a hard link in place of each file of `draft`, to one with the same bytes, which is written
  // first where there is none yet; where that fails, the file stays as it is. Sources of Python and
  // what is compiled of them stay too: the one notes the time of the other. Returns the bytes that
  // are on the disk once less. Nobody else writes names into `draft`.
  std::uint64_t share(const std::filesystem::path& draft, const std::stop_token& stop);

  // Removes what no folder has any more.
  void collect() const;

 private:
  bool put(const std::filesystem::path& shared, const std::filesystem::path& file,
           const std::stop_token& stop);

  const std::filesystem::path folder_;
  std::atomic<std::uint64_t> copies_ = 0;
};

}  // namespace slipway::artifacts
