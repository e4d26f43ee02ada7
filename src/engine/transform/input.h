// Reads one object of a transform job's input as the chunks that are sent.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "base/result.h"
#include "engine/transform/request_window.h"
#include "engine/transform/split.h"

namespace slipway::transform {

// Fills as much as it can; 0 at the end.
using ByteSource = std::move_only_function<Result<std::size_t>(std::span<std::byte>)>;

// The inflated bytes of a source of gzip members, one after the other. invalid_argument: it is not
// gzip, or damaged. Memory is bounded, whatever it inflates to.
ByteSource inflating(ByteSource source);

// One thread at a time. Bytes go from the source into blocks and are not copied again, but for the
// record that a block's end cuts.
class InputChunks {
 public:
  // Blocks are larger than rule.bytes_max, by block_margin at least.
  static constexpr std::size_t block_margin = 64;
  InputChunks(ByteSource source, CutRule rule, std::shared_ptr<Blocks> blocks)
      : source_(std::move(source)), rule_(rule), blocks_(std::move(blocks)) {}

  // The next chunk, its `sent` not yet set; nothing at the end. invalid_argument, limit_exceeded:
  // the input, and where in it.
  Result<std::shared_ptr<Chunk>> next();

  std::uint64_t records() const { return records_; }
  std::uint64_t offset() const { return offset_; }

 private:
  bool wants_more(const Cut& found) const;
  Result<> refill();
  std::string_view window() const { return {block_.get() + begin_, end_ - begin_}; }

  ByteSource source_;
  const CutRule rule_;
  std::shared_ptr<Blocks> blocks_;
  std::shared_ptr<char[]> block_;
  std::size_t begin_ = 0;  // of what was not yet cut, in block_
  std::size_t end_ = 0;
  More more_ = More::may_follow;
  std::uint64_t records_ = 0;
  std::uint64_t offset_ = 0;
};

}  // namespace slipway::transform
