#include "service/logs/tokens.h"

#include <fmt/format.h>

#include <charconv>

#include "service/errors.h"

namespace slipway::logs_door {

namespace {

// 20 digits, so that tokens of one stream sort and have one length, as AWS's have.
constexpr std::size_t position_digits = 20;

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
  return fmt::format("{}/{:0{}}/s", direction, token.position, position_digits);
}

Result<StreamToken> stream_token(std::string_view text) {
  const bool forward = text.starts_with("f/");
  if ((!forward && !text.starts_with("b/")) || !text.ends_with("/s") || text.size() < 5) {
    return invalid_token();
  }
  const auto position = number_of<logs::Position>(text.substr(2, text.size() - 4));
  if (!position) return invalid_token();
  return StreamToken{forward ? StreamToken::Direction::forward : StreamToken::Direction::backward,
                     *position};
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
  constexpr std::int64_t time_max = 1LL << 60;  // one more tick is still a time
  if (!time || !position || *time < 0 || *time > time_max) return invalid_token();
  return logs::EventPlace{Timestamp(std::chrono::microseconds(*time)),
                          std::string(token.substr(second + 1)), *position};
}

}  // namespace slipway::logs_door
