#include "service/logs/tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>

#include "service/errors.h"

namespace slipway::logs_door {

namespace {

// Together 56, as AWS's tokens have.
constexpr std::size_t time_digits = 36;
constexpr std::size_t position_digits = 20;
constexpr std::int64_t time_max = 1LL << 60;  // one more tick is still a time

template <typename Number>
std::optional<Number> number_of(std::string_view text) {
  Number number = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at != end) return std::nullopt;
  return number;
}

}  // namespace

std::unexpected<Error> invalid_token() {
  return service::refuse("InvalidParameterException", "The specified nextToken is invalid.");
}

std::string to_text(const StreamToken& token) {
  const char direction = token.direction == StreamToken::Direction::forward ? 'f' : 'b';
  return fmt::format("{}/{:0{}}{:0{}}/s", direction, token.time.time_since_epoch().count(),
                     time_digits, token.position, position_digits);
}

Result<StreamToken> stream_token(std::string_view text) {
  const bool forward = text.starts_with("f/");
  if ((!forward && !text.starts_with("b/")) || !text.ends_with("/s") || text.size() < 5) {
    return invalid_token();
  }
  const std::string_view digits = text.substr(2, text.size() - 4);
  const std::size_t split = digits.size() - std::min(digits.size(), position_digits);
  const auto time = number_of<std::int64_t>(split == 0 ? "0" : digits.substr(0, split));
  const auto position = number_of<logs::Position>(digits.substr(split));
  if (!position || !time || *time < 0 || *time > time_max) return invalid_token();
  return StreamToken{forward ? StreamToken::Direction::forward : StreamToken::Direction::backward,
                     Timestamp(std::chrono::microseconds(*time)), *position};
}

// Streams may have events of one time at one position.
std::string event_id(const logs::FoundEvent& found) {
  const auto time = found.event.time.time_since_epoch();
  return fmt::format("{:016}{:020}{:020}",
                     std::chrono::floor<std::chrono::milliseconds>(time).count(),
                     std::hash<std::string_view>()(found.stream), found.event.position);
}

std::string to_text(const logs::EventPlace& place) {
  return fmt::format("{} {} {}", place.time.time_since_epoch().count(), place.position,
                     place.stream);
}

Result<logs::EventPlace> event_place(std::string_view token) {
  const std::size_t first = token.find(' ');
  const std::size_t second = first == token.npos ? token.npos : token.find(' ', first + 1);
  if (second == token.npos) return invalid_token();
  const auto time = number_of<std::int64_t>(token.substr(0, first));
  const auto position = number_of<logs::Position>(token.substr(first + 1, second - first - 1));
  if (!time || !position || *time < 0 || *time > time_max) return invalid_token();
  return logs::EventPlace{Timestamp(std::chrono::microseconds(*time)),
                          std::string(token.substr(second + 1)), *position};
}

}  // namespace slipway::logs_door
