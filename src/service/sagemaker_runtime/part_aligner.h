// Cuts a stream of bytes where its lines or its server-sent events end, however it came.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "engine/fleet/plan.h"

namespace slipway::sagemaker_runtime {

// What of an unfinished line or event is held back; a longer one is passed on cut.
inline constexpr std::size_t aligned_part_bytes_max = 1024 * 1024;

// One for each stream. A part is a line with its line feed, or an event with the blank line that
// ends it (lines end with LF, CR LF or CR there, as the HTML standard's section on server-sent
// events says). Not one byte is added, left out or moved.
class PartAligner {
 public:
  explicit PartAligner(routing::PartBorder border) : border_(border) {}

  // Calls `emit(std::string_view)` for every part that is complete now. With PartBorder::none the
  // bytes themselves are the part.
  template <typename Emit>
  void take(std::string_view bytes, Emit&& emit) {
    if (border_ == routing::PartBorder::none) return emit(bytes);
    for (auto length = find_end(bytes); length; length = find_end(bytes)) {
      if (!held_.empty()) {
        held_ += bytes.substr(0, *length);
        emit(std::string_view(held_));
        held_.clear();
      } else if (*length > 0) {  // 0: the part's end was held back and passed on at the limit
        emit(bytes.substr(0, *length));
      }
      bytes.remove_prefix(*length);
    }
    held_ += bytes;
    if (held_.size() >= aligned_part_bytes_max) finish(emit);
  }
  // What is held back, at the stream's end.
  template <typename Emit>
  void finish(Emit&& emit) {
    if (held_.empty()) return;
    emit(std::string_view(held_));
    held_.clear();
  }

 private:
  // How many bytes of `bytes` belong to the part that ends first, if one does.
  std::optional<std::size_t> find_end(std::string_view bytes);
  std::optional<std::size_t> find_event_end(std::string_view bytes);

  routing::PartBorder border_;
  std::string held_;
  bool at_line_begin_ = true;   // nothing of the line under way came yet
  bool after_cr_ = false;       // the last byte was a CR
  bool blank_line_cr_ = false;  // ... that ends a blank line, as its LF most likely will
};

}  // namespace slipway::sagemaker_runtime
