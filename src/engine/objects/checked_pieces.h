// A content's files on their way out, in pieces that were found undamaged a moment before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/objects/objects.h"

namespace slipway::objects {

// The most that is checked, and given out, at once: what follows is checked while it is sent.
inline constexpr std::uint64_t piece_bytes_max = 1 << 20;

// Reads ahead, checks, and gives out what was found whole. For whoever hands file ranges to the
// kernel instead of reading them. One thread at a time.
class CheckedPieces {
 public:
  explicit CheckedPieces(std::vector<FileSlice> slices) : slices_(std::move(slices)) {}

  struct Piece {
    File file;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
  };
  // Returns nullopt after the last. corrupted "body_damaged" or "body_missing": the message names
  // the object, the log has it already, and what was given out so far was right.
  Result<std::optional<Piece>> next();

 private:
  std::vector<FileSlice> slices_;
  std::size_t slice_ = 0;
  std::uint64_t given_ = 0;  // of the current slice
  File file_;
};

// Reads the blocks of `slice`'s file that `range` (within the file) touches, and compares each with
// its sum. Both errors of CheckedPieces::next.
Result<> check_blocks(const FileSlice& slice, const File& file, ByteRange range);

// The failures that a damaged body is told by. Both go to the log, once for each file.
std::unexpected<Error> body_damaged(const FileSlice& slice);
std::unexpected<Error> body_missing(const FileSlice& slice);

}  // namespace slipway::objects
