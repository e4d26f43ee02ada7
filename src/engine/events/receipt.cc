#include "engine/events/receipt.h"

#include <fmt/format.h>

#include <charconv>

#include "base/encoding.h"

namespace slipway::events {
namespace {

constexpr std::string_view mark = "slipway";
constexpr std::size_t receipt_bytes_max = 1024;

template <typename T>
bool take_number(std::string_view& text, T& out) {
  if (!text.starts_with('.')) return false;
  text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc();
}

}  // namespace

std::string to_text(const Receipt& receipt) {
  return to_base64(fmt::format("{}.{}.{}.{}.{}", mark, receipt.box, receipt.seq, receipt.receives,
                               receipt.received));
}

Result<Receipt> receipt_of(const Queue& queue, std::string_view text) {
  Receipt out;
  if (const auto plain = from_base64(text.substr(0, receipt_bytes_max)); plain) {
    std::string_view rest = *plain;
    if (rest.starts_with(mark)) {
      rest.remove_prefix(mark.size());
      if (take_number(rest, out.box) && take_number(rest, out.seq) &&
          take_number(rest, out.receives) && take_number(rest, out.received) && rest.empty())
        return out;
    }
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("The receipt is not one of the queue '{}'.", queue.id.text),
              "bad_receipt");
}

}  // namespace slipway::events
