#include "engine/transform/input.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cstring>
#include <vector>

namespace slipway::transform {
namespace {

constexpr std::size_t inflate_input_bytes = 256 * 1024;
constexpr int gzip_only = 16 + MAX_WBITS;

class Inflater {
 public:
  explicit Inflater(ByteSource source) : source_(std::move(source)), input_(inflate_input_bytes) {
    ok_ = ::inflateInit2(&stream_, gzip_only) == Z_OK;
  }
  ~Inflater() { ::inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  Result<std::size_t> read(std::span<std::byte> out) {
    if (!ok_) return fail(ErrorCode::internal, "zlib has no memory");
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(out.size(), 1U << 30U));
    const uInt asked = stream_.avail_out;
    while (stream_.avail_out == asked) {
      if (stream_.avail_in == 0) {
        TRY(const bool some, fill());
        if (!some && within_) return fail(ErrorCode::invalid_argument, "the gzip data is cut off");
        if (!some) return 0;
      }
      TRY_DO(inflate_some());
    }
    return asked - stream_.avail_out;
  }

 private:
  Result<bool> fill() {
    TRY(const std::size_t got, source_(input_));
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(got);
    return got > 0;
  }
  Result<> inflate_some() {
    within_ = true;
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {  // another member may follow
      within_ = false;
      ::inflateReset(&stream_);
      return {};
    }
    if (status == Z_OK || status == Z_BUF_ERROR) return {};
    return fail(ErrorCode::invalid_argument, "the object is no gzip, or damaged");
  }

  ByteSource source_;
  std::vector<std::byte> input_;
  z_stream stream_ = {};
  bool ok_ = false;
  bool within_ = false;
};

}  // namespace

ByteSource inflating(ByteSource source) {
  return [inflater = std::make_unique<Inflater>(std::move(source))](std::span<std::byte> out) {
    return inflater->read(out);
  };
}

// Moves what was not yet cut to a new block and fills that.
Result<> InputChunks::refill() {
  std::shared_ptr<char[]> fresh = Blocks::take(blocks_);
  if (block_) std::memcpy(fresh.get(), block_.get() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  block_ = std::move(fresh);
  while (more_ == More::may_follow && end_ < blocks_->block_bytes()) {
    const std::span<char> space(block_.get() + end_, blocks_->block_bytes() - end_);
    TRY(const std::size_t got, source_(std::as_writable_bytes(space)));
    if (got == 0) more_ = More::no;
    end_ += got;
  }
  return {};
}

// A chunk of many records is to be as large as it may be; one record needs only its own bytes.
bool InputChunks::wants_more(const Cut& found) const {
  const bool full = begin_ == 0 && end_ == blocks_->block_bytes();
  if (more_ == More::no || full) return false;
  const bool fills = rule_.type != SplitType::none && rule_.strategy == BatchStrategy::multi_record;
  return found.bytes == 0 || (fills && end_ - begin_ < rule_.bytes_max);
}

Result<std::shared_ptr<Chunk>> InputChunks::next() {
  const auto located = [this](Error error) {
    error.message = fmt::format("record {} (byte {}): {}", records_ + 1, offset_, error.message);
    return std::unexpected(std::move(error));
  };
  Result<Cut> found = cut(rule_, window(), more_);
  if (found && wants_more(*found)) {
    TRY_DO(refill());
    found = cut(rule_, window(), more_);
  }
  if (!found) return located(std::move(found).error());
  if (found->bytes == 0 && window().empty()) return nullptr;
  if (found->bytes == 0)
    return located(
        {ErrorCode::limit_exceeded,
         fmt::format("it is larger than the {} bytes that a request may have", rule_.bytes_max)});
  auto chunk = std::make_shared<Chunk>();
  chunk->block = block_;
  chunk->input = window().substr(0, found->bytes);
  if (rule_.strategy == BatchStrategy::single_record && rule_.type != SplitType::none)
    chunk->input = bare_record(rule_.type, chunk->input, chunk->made);
  chunk->first_record = records_ + 1;
  chunk->records = found->records;
  chunk->offset = offset_;
  chunk->bytes = found->bytes;
  begin_ += found->bytes;
  offset_ += found->bytes;
  records_ += found->records;
  return chunk;
}

}  // namespace slipway::transform
