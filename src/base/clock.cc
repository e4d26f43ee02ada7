#include "base/clock.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <fstream>
#include <optional>

namespace slipway {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::microseconds;
using std::chrono::seconds;

constexpr std::array<std::string_view, 7> day_names = {"Sun", "Mon", "Tue", "Wed",
                                                       "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> month_names = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// A calendar date and a time of day, UTC.
struct Civil {
  int year = 0;
  unsigned month = 0, day = 0, weekday = 0;
  int hour = 0, minute = 0, second = 0;
  std::int64_t microsecond = 0;
};

Civil to_civil(Timestamp time) {
  const auto day = floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return {.year = static_cast<int>(date.year()),
          .month = static_cast<unsigned>(date.month()),
          .day = static_cast<unsigned>(date.day()),
          .weekday = std::chrono::weekday(day).c_encoding(),
          .hour = static_cast<int>(clock.hours().count()),
          .minute = static_cast<int>(clock.minutes().count()),
          .second = static_cast<int>(clock.seconds().count()),
          .microsecond = clock.subseconds().count()};
}

std::optional<Timestamp> from_civil(const Civil& civil) {
  const std::chrono::year_month_day date(
      std::chrono::year(civil.year), std::chrono::month(civil.month), std::chrono::day(civil.day));
  const bool leap_second_or_less = civil.second >= 0 && civil.second <= 60;
  if (!date.ok() || civil.hour < 0 || civil.hour > 23 || civil.minute < 0 || civil.minute > 59 ||
      !leap_second_or_less)
    return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(civil.hour) +
         std::chrono::minutes(civil.minute) + seconds(civil.second) +
         microseconds(civil.microsecond);
}

// Takes a text apart from the left; every take_* says whether it found what it wanted.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(wanted.size());
    return true;
  }
  template <typename Number>
  bool take_digits(std::size_t count, Number& out) {
    if (rest_.size() < count) return false;
    const char* const end = rest_.data() + count;
    Number value = 0;
    for (const char c : rest_.substr(0, count))
      if (c < '0' || c > '9') return false;
    if (std::from_chars(rest_.data(), end, value).ptr != end) return false;
    rest_.remove_prefix(count);
    out = value;
    return true;
  }
  template <std::size_t N>
  bool take_name(const std::array<std::string_view, N>& names, unsigned& index) {
    for (unsigned i = 0; i < N; ++i)
      if (take(names[i])) return index = i, true;
    return false;
  }
  // ".5" is 500,000 microseconds; digits past the sixth are dropped.
  bool take_fraction(std::int64_t& microsecond) {
    std::int64_t scale = 100'000, value = 0;
    std::size_t digits = 0;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      value += (rest_.front() - '0') * scale;
      scale /= 10;
      ++digits;
      rest_.remove_prefix(1);
    }
    microsecond = value;
    return digits > 0;
  }
  void skip_to_after(std::string_view mark) {
    if (const auto at = rest_.find(mark); at != rest_.npos) rest_.remove_prefix(at + mark.size());
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

bool take_clock(Scanner& scan, Civil& civil) {
  return scan.take_digits(2, civil.hour) && scan.take(':') && scan.take_digits(2, civil.minute) &&
         scan.take(':') && scan.take_digits(2, civil.second);
}

// "Z", "+01:00" or "-0130": what must be taken from the civil time to reach UTC.
bool take_offset(Scanner& scan, std::chrono::minutes& offset) {
  if (scan.take('Z') || scan.take('z')) return true;
  const bool east = scan.take('+');
  if (!east && !scan.take('-')) return false;
  int hours = 0, minutes = 0;
  if (!scan.take_digits(2, hours)) return false;
  (void)scan.take(':');
  if (!scan.take_digits(2, minutes)) return false;
  offset = std::chrono::minutes((east ? 1 : -1) * (hours * 60 + minutes));
  return true;
}

// "Sun, 06 Nov 1994 08:49:37 GMT"
bool scan_imf_date(Scanner scan, Civil& civil) {
  unsigned month = 0;
  scan.skip_to_after(", ");
  if (!scan.take_digits(2, civil.day) || !scan.take(' ') || !scan.take_name(month_names, month) ||
      !scan.take(' ') || !scan.take_digits(4, civil.year) || !scan.take(' ') ||
      !take_clock(scan, civil) || !(scan.take(" GMT") || scan.take(" UTC")))
    return false;
  civil.month = month + 1;
  return scan.rest().empty();
}

// "Sunday, 06-Nov-94 08:49:37 GMT": a two-digit year from 70 on is of the 20th century.
bool scan_rfc850_date(Scanner scan, Civil& civil) {
  unsigned month = 0;
  scan.skip_to_after(", ");
  if (!scan.take_digits(2, civil.day) || !scan.take('-') || !scan.take_name(month_names, month) ||
      !scan.take('-') || !scan.take_digits(2, civil.year) || !scan.take(' ') ||
      !take_clock(scan, civil) || !scan.take(" GMT"))
    return false;
  civil.month = month + 1;
  civil.year += civil.year >= 70 ? 1900 : 2000;
  return scan.rest().empty();
}

// "Sun Nov  6 08:49:37 1994"
bool scan_asctime(Scanner scan, Civil& civil) {
  unsigned weekday = 0, month = 0;
  if (!scan.take_name(day_names, weekday) || !scan.take(' ') ||
      !scan.take_name(month_names, month) || !scan.take(' '))
    return false;
  const bool day = scan.take(' ') ? scan.take_digits(1, civil.day) : scan.take_digits(2, civil.day);
  if (!day || !scan.take(' ') || !take_clock(scan, civil) || !scan.take(' ') ||
      !scan.take_digits(4, civil.year))
    return false;
  civil.month = month + 1;
  return scan.rest().empty();
}

std::unexpected<Error> not_a_time(std::string_view text, std::string_view form) {
  return fail(ErrorCode::invalid_argument, fmt::format("'{}' is not a time like {}", text, form));
}

}  // namespace

namespace {

ClockReading read_machine() {
  ClockReading out{
      .civil = floor<microseconds>(std::chrono::system_clock::now()), .boot = {}, .since_boot = {}};
  timespec boot{};
  if (::clock_gettime(CLOCK_BOOTTIME, &boot) == 0)
    out.since_boot =
        floor<microseconds>(seconds(boot.tv_sec) + std::chrono::nanoseconds(boot.tv_nsec));
  return out;
}

std::string boot_of_machine() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string out;
  std::getline(file, out);
  return out;
}

}  // namespace

ServerTime resume(const ClockNote& note, const ClockReading& now) {
  const bool same_boot = !note.machine.boot.empty() && note.machine.boot == now.boot &&
                         now.since_boot >= note.machine.since_boot;
  if (same_boot) return note.server + (now.since_boot - note.machine.since_boot);
  return note.server +
         std::clamp<microseconds>(now.civil - note.machine.civil, microseconds(0), off_time_max);
}

SystemClock::SystemClock()
    : start_(read_machine()), start_server_(start_.civil.time_since_epoch()) {
  start_.boot = boot_of_machine();
}

ServerTime SystemClock::server_time() const {
  return start_server_ + (read_machine().since_boot - start_.since_boot);
}

void SystemClock::go_on_from(const ClockNote& note) {
  ClockReading now = read_machine();
  now.boot = start_.boot;
  start_server_ = resume(note, now);
  start_ = std::move(now);
}

ClockNote SystemClock::note() const {
  ClockReading now = read_machine();
  now.boot = start_.boot;
  const ServerTime server = start_server_ + (now.since_boot - start_.since_boot);
  return {.server = server, .machine = std::move(now)};
}

Timestamp SystemClock::now() const { return floor<microseconds>(std::chrono::system_clock::now()); }

Instant SystemClock::monotonic() const { return std::chrono::steady_clock::now(); }

ManualClock::ManualClock(Timestamp start) : start_(start) {}

Timestamp ManualClock::now() const {
  return start_ + microseconds(passed_us_.load() + set_us_.load());
}

Instant ManualClock::monotonic() const { return Instant(microseconds(passed_us_.load())); }

ServerTime ManualClock::server_time() const {
  return ServerTime(start_.time_since_epoch() + microseconds(passed_us_.load()));
}

void ManualClock::advance(microseconds by) { passed_us_ += by.count(); }

void ManualClock::set_civil_by(microseconds by) { set_us_ += by.count(); }

double to_epoch_seconds(Timestamp time) {
  return static_cast<double>(time.time_since_epoch().count()) / 1e6;
}

Timestamp from_epoch_seconds(double value) {
  return Timestamp(microseconds(std::llround(value * 1e6)));
}

std::string to_iso8601(Timestamp time, Fraction fraction) {
  const Civil c = to_civil(time);
  const std::string whole = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", c.year, c.month,
                                        c.day, c.hour, c.minute, c.second);
  if (fraction == Fraction::none) return whole + "Z";
  return fmt::format("{}.{:03}Z", whole, c.microsecond / 1000);
}

std::string to_iso8601_basic(Timestamp time) {
  const Civil c = to_civil(time);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", c.year, c.month, c.day, c.hour, c.minute,
                     c.second);
}

std::string to_http_date(Timestamp time) {
  const Civil c = to_civil(time);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", day_names[c.weekday], c.day,
                     month_names[c.month - 1], c.year, c.hour, c.minute, c.second);
}

Result<Timestamp> parse_iso8601(std::string_view text) {
  constexpr std::string_view form = "2024-05-01T12:34:56Z";
  Scanner scan(text);
  Civil civil;
  std::chrono::minutes offset{0};
  if (!scan.take_digits(4, civil.year) || !scan.take('-') || !scan.take_digits(2, civil.month) ||
      !scan.take('-') || !scan.take_digits(2, civil.day) || !(scan.take('T') || scan.take(' ')) ||
      !take_clock(scan, civil))
    return not_a_time(text, form);
  if (scan.take('.') && !scan.take_fraction(civil.microsecond)) return not_a_time(text, form);
  if (!take_offset(scan, offset) || !scan.rest().empty()) return not_a_time(text, form);
  const auto time = from_civil(civil);
  if (!time) return not_a_time(text, form);
  return *time - offset;
}

Result<Timestamp> parse_iso8601_basic(std::string_view text) {
  constexpr std::string_view form = "20240501T123456Z";
  Scanner scan(text);
  Civil civil;
  if (!scan.take_digits(4, civil.year) || !scan.take_digits(2, civil.month) ||
      !scan.take_digits(2, civil.day) || !scan.take('T') || !scan.take_digits(2, civil.hour) ||
      !scan.take_digits(2, civil.minute) || !scan.take_digits(2, civil.second) || !scan.take('Z') ||
      !scan.rest().empty())
    return not_a_time(text, form);
  const auto time = from_civil(civil);
  if (!time) return not_a_time(text, form);
  return *time;
}

Result<Timestamp> parse_http_date(std::string_view text) {
  Civil civil;
  const Scanner scan(text);
  if (!scan_imf_date(scan, civil) && !scan_rfc850_date(scan, civil) && !scan_asctime(scan, civil))
    return not_a_time(text, "Sun, 06 Nov 1994 08:49:37 GMT");
  const auto time = from_civil(civil);
  if (!time) return not_a_time(text, "Sun, 06 Nov 1994 08:49:37 GMT");
  return *time;
}

}  // namespace slipway
