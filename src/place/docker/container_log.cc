#include "place/docker/container_log.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <utility>

#include "base/text.h"

namespace slipway::place {

namespace {

constexpr std::int64_t nanos_per_second = 1'000'000'000;
constexpr std::size_t fraction_digits = 9;

std::string last_lines(std::string_view text) {
  if (text.size() > log_tail_bytes_max) text.remove_prefix(text.size() - log_tail_bytes_max);
  std::size_t lines = 0;
  for (std::size_t at = text.size(); at > 0; --at) {
    if (text[at - 1] != '\n' || at == text.size()) continue;
    if (++lines == tail_lines) return std::string(text.substr(at));
  }
  return std::string(text);
}

std::optional<std::int64_t> digits(std::string_view text) {
  std::int64_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return text.empty() ? std::nullopt : std::optional(number);
}

// "Z" or "+02:00", in seconds to take away.
std::optional<std::int64_t> zone_seconds(std::string_view zone) {
  if (zone == "Z") return 0;
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-')) return std::nullopt;
  const auto hours = digits(zone.substr(1, 2));
  const auto minutes = digits(zone.substr(4, 2));
  if (!hours || !minutes) return std::nullopt;
  const std::int64_t seconds = *hours * 3600 + *minutes * 60;
  return zone[0] == '+' ? seconds : -seconds;
}

std::optional<std::int64_t> fraction_nanos(std::string_view& rest) {
  if (rest.empty() || rest.front() != '.') return 0;
  rest.remove_prefix(1);
  std::size_t count = 0;
  while (count < rest.size() && rest[count] >= '0' && rest[count] <= '9') ++count;
  if (count == 0 || count > fraction_digits) return std::nullopt;
  std::int64_t nanos = *digits(rest.substr(0, count));
  for (std::size_t i = count; i < fraction_digits; ++i) nanos *= 10;
  rest.remove_prefix(count);
  return nanos;
}

}  // namespace

std::optional<std::int64_t> engine_time(std::string_view text) {
  constexpr std::size_t to_the_second = 19;
  if (text.size() <= to_the_second || text[10] != 'T') return std::nullopt;
  const auto year = digits(text.substr(0, 4));
  const auto month = digits(text.substr(5, 2));
  const auto day = digits(text.substr(8, 2));
  const auto hour = digits(text.substr(11, 2));
  const auto minute = digits(text.substr(14, 2));
  const auto second = digits(text.substr(17, 2));
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *year < 1970 || *year > 2200) return std::nullopt;
  std::string_view rest = text.substr(to_the_second);
  const auto nanos = fraction_nanos(rest);
  const auto zone = zone_seconds(rest);
  if (!nanos || !zone) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds = days * 86'400 + *hour * 3600 + *minute * 60 + *second - *zone;
  return std::max<std::int64_t>(seconds, 0) * nanos_per_second + *nanos;
}

ContainerLog::ContainerLog(LogSink* sink, InstanceKey key, Labels labels, LogMarks marks)
    : sink_(labels.log_group.empty() ? nullptr : sink),
      key_(std::move(key)),
      labels_(std::move(labels)),
      marks_(std::move(marks)),
      passed_(marks_.streams) {
  const std::uint64_t taken = sink_ == nullptr ? 0 : sink_->taken(labels_);
  if (taken <= marks_.offset) return;
  const std::uint64_t held = std::min<std::uint64_t>(taken - marks_.offset, marks_.held.size());
  marks_.held.erase(0, held);
  marks_.offset += held;
  taken_ahead_ = taken - marks_.offset;
}

std::string ContainerLog::tail() const { return last_lines(marks_.tail); }

std::int64_t ContainerLog::since() const {
  const auto& [output, errors] = marks_.streams;
  return std::min(output.time_ns, errors.time_ns) / nanos_per_second;
}

void ContainerLog::restart() {
  frames_ = {};
  passed_ = marks_.streams;
  again_ = {};
}

Result<> ContainerLog::feed(std::string_view bytes) {
  return frames_.feed(bytes, [this](const LogFrame& frame) { take(frame); });
}

// A frame begins with its time. One that does not goes on with the one before.
void ContainerLog::take(const LogFrame& frame) {
  const auto index = static_cast<std::size_t>(frame.stream);
  StreamMark& mark = marks_.streams[index];
  std::string_view text = frame.text;
  std::int64_t time = mark.time_ns;
  const std::size_t blank = text.find(' ');
  if (blank != text.npos)
    if (const auto told = engine_time(text.substr(0, blank))) {
      time = *told;
      text.remove_prefix(blank + 1);
    }
  const StreamMark& passed = passed_[index];
  if (time < passed.time_ns) return;
  if (time == passed.time_ns && again_[index] < passed.bytes) {
    const std::uint64_t known = std::min<std::uint64_t>(passed.bytes - again_[index], text.size());
    again_[index] += known;
    text.remove_prefix(known);
  }
  if (time != mark.time_ns) mark = {.time_ns = time, .bytes = 0};
  mark.bytes += text.size();
  append(text);
}

void ContainerLog::append(std::string_view text) {
  const std::uint64_t known = std::min<std::uint64_t>(taken_ahead_, text.size());
  taken_ahead_ -= known;
  marks_.offset += known;
  marks_.tail += text;
  if (marks_.tail.size() > 2 * log_tail_bytes_max)  // now and then, not with each write
    marks_.tail.erase(0, marks_.tail.size() - log_tail_bytes_max);
  text.remove_prefix(known);
  if (text.empty()) return;
  printed_ = true;
  if (sink_ != nullptr)
    marks_.held += text;
  else
    marks_.offset += text.size();
}

void ContainerLog::add_line(std::string_view line) {
  const bool begun = !marks_.tail.empty() && !marks_.tail.ends_with('\n');
  append(std::string(begun ? "\n" : "") + std::string(line) + "\n");
}

ContainerLog::Printed ContainerLog::offer(LogPart::Follows follows) {
  behind_ = false;
  if (sink_ != nullptr && !marks_.held.empty()) {
    const std::uint64_t taken = sink_->take(
        key_, labels_, {.text = marks_.held, .offset = marks_.offset, .follows = follows});
    const std::uint64_t count = taken > marks_.offset ? taken - marks_.offset : 0;
    marks_.held.erase(0, std::min<std::uint64_t>(count, marks_.held.size()));
    marks_.offset = std::max(marks_.offset, taken);
    behind_ = marks_.held.contains('\n');
  }
  return std::exchange(printed_, false) ? Printed::more : Printed::nothing;
}

}  // namespace slipway::place
