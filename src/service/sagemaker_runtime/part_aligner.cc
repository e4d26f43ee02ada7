#include "service/sagemaker_runtime/part_aligner.h"

#include <utility>

namespace slipway::sagemaker_runtime {

std::optional<std::size_t> PartAligner::find_end(std::string_view bytes) {
  if (border_ == routing::PartBorder::event) return find_event_end(bytes);
  const std::size_t at = bytes.find('\n');
  return at == std::string_view::npos ? std::nullopt : std::optional(at + 1);
}

// After a blank line's CR its LF is waited for, unless lines end with CR alone here.
std::optional<std::size_t> PartAligner::find_event_end(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    const bool second_half = c == '\n' && after_cr_;
    if (std::exchange(blank_line_cr_, false)) {
      after_cr_ = false;
      if (second_half) return i + 1;
      return i;
    }
    const bool cr_alone = c == '\r' && after_cr_;
    after_cr_ = c == '\r';
    if (second_half) continue;
    const bool ends_line = c == '\n' || c == '\r';
    const bool blank = ends_line && std::exchange(at_line_begin_, ends_line);
    if (!ends_line) at_line_begin_ = false;
    if (!blank) continue;
    if (c == '\n' || cr_alone) return i + 1;
    blank_line_cr_ = true;
  }
  return std::nullopt;
}

}  // namespace slipway::sagemaker_runtime
