// Any stream in stretches of any length: its parts are those of the whole, none is empty, and
// together they are the stream. The first two bytes choose the border and the stretches.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "service/sagemaker_runtime/part_aligner.h"

namespace slipway::sagemaker_runtime {
namespace {

constexpr std::size_t head_bytes = 2;

void check(bool holds) {
  if (!holds) __builtin_trap();
}

using Parts = std::vector<std::string>;

Parts parts_of(routing::PartBorder border, std::string_view stream, std::uint64_t seed,
               std::size_t stretch_max) {
  PartAligner aligner(border);
  SeededRandom random(seed);
  Parts parts;
  const auto keep = [&](std::string_view part) {
    check(!part.empty());
    parts.emplace_back(part);
  };
  while (!stream.empty()) {
    const std::size_t stretch = 1 + below(random, std::min(stretch_max, stream.size()));
    aligner.take(stream.substr(0, stretch), keep);
    stream.remove_prefix(stretch);
  }
  aligner.finish(keep);
  return parts;
}

void try_stream(routing::PartBorder border, std::string_view stream, std::uint64_t seed) {
  const Parts whole = parts_of(border, stream, seed, 1);
  const Parts parts = parts_of(border, stream, seed, stream.size());
  check(border == routing::PartBorder::none || parts == whole);
  std::string joined;
  for (const std::string& part : parts) joined += part;
  check(joined == stream);
  for (std::size_t i = 0; border == routing::PartBorder::line && i < parts.size(); ++i)
    check(
        parts[i].find('\n') ==
        (i + 1 < parts.size() || stream.ends_with('\n') ? parts[i].size() - 1 : std::string::npos));
}

// What is held back has reached its limit just where a part ends, or does not.
void try_limit(std::string_view stream, std::uint64_t seed) {
  const std::size_t fill = aligned_part_bytes_max - std::min<std::size_t>(stream.size(), 3);
  const std::string text = std::string(fill, 'x') + std::string(stream);
  std::string joined;
  for (const std::string& part : parts_of(routing::PartBorder::event, text, seed, text.size()))
    joined += part;
  check(joined == text);
}

}  // namespace
}  // namespace slipway::sagemaker_runtime

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  if (size < sagemaker_runtime::head_bytes) return 0;
  const auto border = static_cast<routing::PartBorder>(data[0] % 3);
  const std::string_view stream(reinterpret_cast<const char*>(data) + sagemaker_runtime::head_bytes,
                                size - sagemaker_runtime::head_bytes);
  sagemaker_runtime::try_stream(border, stream, data[1]);
  if (data[0] >= 0xf0) sagemaker_runtime::try_limit(stream, data[1]);
  return 0;
}
