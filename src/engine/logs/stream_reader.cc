#include "engine/logs/stream_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/fd.h"
#include "engine/logs/packed_segment.h"

namespace slipway::logs {

namespace {

Segment packed(const Segment& segment) {
  return {.number = segment.number, .form = Segment::Form::packed};
}

// The block of a text that was packed since it was seen; it may have grown before that.
std::string text_in_packed(const StreamView& view, const Segment& segment, const Block& block) {
  const auto file = packed(segment).file_in(view.directory);
  for (const Block& each : read_index(file, {}))
    if (each.offset == block.offset && each.bytes >= block.bytes)
      return unpack_block(file, each).substr(0, block.bytes);
  return {};
}

}  // namespace

std::vector<Block> blocks_of(const StreamView& view, const Segment& segment,
                             const Needles& needles) {
  if (segment.form == Segment::Form::text) return segment.text_blocks.blocks();
  return read_index(segment.file_in(view.directory), needles);
}

std::string block_text(const StreamView& view, const Segment& segment, const Block& block) {
  const auto path = segment.file_in(view.directory);
  if (segment.form == Segment::Form::packed) return unpack_block(path, block);
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return text_in_packed(view, segment, block);
  std::string text(block.bytes, '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = ::pread(file.get(), text.data() + done, text.size() - done,
                                static_cast<off_t>(block.offset + done));
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  text.resize(done);
  return text;
}

}  // namespace slipway::logs
