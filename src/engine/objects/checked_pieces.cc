#include "engine/objects/checked_pieces.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "engine/objects/body_removals.h"
#include "engine/objects/body_sums.h"

namespace slipway::objects {
namespace {

// One block, on the thread that checks it: it stays in that core's cache from file to sum. On the
// heap: what is thread_local itself is cleared for every thread of the program when it begins.
std::array<char, sum_block_bytes>& scratch() {
  using Block = std::array<char, sum_block_bytes>;
  thread_local const auto bytes = std::make_unique_for_overwrite<Block>();
  return *bytes;
}

bool read_whole(const File& file, std::span<char> into, std::uint64_t offset) {
  while (!into.empty()) {
    const ssize_t got = ::pread(file.fd(), into.data(), into.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    into = into.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return true;
}

Result<File> second_handle(const File& file) {
  File second(::fcntl(file.fd(), F_DUPFD_CLOEXEC, 0));
  if (second) return second;
  return fail(ErrorCode::limit_exceeded, "too many files are open; raise the limit (ulimit -n)");
}

}  // namespace

std::unexpected<Error> body_damaged(const FileSlice& slice) {
  slice.body->files().note_damage(slice.file, *slice.object);
  return fail(ErrorCode::corrupted,
              fmt::format("The stored bytes of {} are damaged; put the object again, or restore it "
                          "from a backup.",
                          *slice.object),
              "body_damaged");
}

std::unexpected<Error> body_missing(const FileSlice& slice) {
  slice.body->files().note_damage(slice.file, *slice.object);
  return fail(ErrorCode::corrupted,
              fmt::format("The stored bytes of {} are missing from the disk; put the object again, "
                          "or restore it from a backup.",
                          *slice.object),
              "body_missing");
}

Result<> check_blocks(const FileSlice& slice, const File& file, ByteRange range) {
  if (slice.sums->empty()) return {};
  const std::uint64_t end = range.offset + range.length;
  for (std::uint64_t block = range.offset / sum_block_bytes; block * sum_block_bytes < end;
       ++block) {
    const std::uint64_t begin = block * sum_block_bytes;
    const auto bytes = std::span(scratch()).first(static_cast<std::size_t>(
        std::min<std::uint64_t>(sum_block_bytes, slice.file_bytes - begin)));
    if (!read_whole(file, bytes, begin) ||
        !matches(*slice.sums, block, {bytes.data(), bytes.size()}))
      return body_damaged(slice);
  }
  return {};
}

Result<std::optional<CheckedPieces::Piece>> CheckedPieces::next() {
  while (slice_ < slices_.size() && given_ == slices_[slice_].length) {
    ++slice_;
    given_ = 0;
    file_ = File();
  }
  if (slice_ == slices_.size()) return std::nullopt;
  const FileSlice& slice = slices_[slice_];
  if (!file_) {
    auto opened = slice.open();
    if (!opened && opened.error().kind == "no_file") return body_missing(slice);
    TRY(file_, std::move(opened));
  }
  const std::uint64_t begin = slice.offset + given_;
  const std::uint64_t end = slice.offset + slice.length;
  // Pieces end where blocks do, so that no block is read twice.
  std::uint64_t until = (begin / sum_block_bytes) * sum_block_bytes + piece_bytes_max;
  if (slice.sums->empty()) until = end;
  until = std::min(until, end);
  TRY_DO(check_blocks(slice, file_, {begin, until - begin}));
  given_ += until - begin;
  Piece piece{.file = {}, .offset = begin, .length = until - begin};
  if (given_ == slice.length) {
    piece.file = std::move(file_);
    file_ = File();
  } else {
    TRY(piece.file, second_handle(file_));
  }
  return piece;
}

}  // namespace slipway::objects
