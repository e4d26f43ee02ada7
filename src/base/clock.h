// Time, passed in. The only source of time outside src/server.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway {

// A point on the civil time line, UTC, in microseconds: what is stored and what a client sees.
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;

// A point that only ever moves forward: deadlines, latencies, back-off.
using Instant = std::chrono::steady_clock::time_point;

// The time line of a data directory: it began as civil time did when the directory was made, and
// passes since then as time does, over restarts too, whatever the machine's clock is set to. What
// is stored to measure how long something lasts, or until when, stands on it; nobody is shown it.
struct ServerTimeLine {
  using duration = std::chrono::microseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<ServerTimeLine>;
  static constexpr bool is_steady = true;
};
using ServerTime = ServerTimeLine::time_point;

// A moment stands on both stored lines: `civil` for whoever reads it, `server` for what is due.
struct Moment {
  Timestamp civil;
  ServerTime server;

  friend Moment operator+(Moment moment, std::chrono::microseconds by) {
    return {moment.civil + by, moment.server + by};
  }
  friend Moment operator-(Moment moment, std::chrono::microseconds by) { return moment + -by; }
};

// As a row keeps it: microseconds since the line's origin.
inline std::int64_t to_microseconds(ServerTime time) { return time.time_since_epoch().count(); }
inline ServerTime server_time_from(std::int64_t microseconds) {
  return ServerTime(std::chrono::microseconds(microseconds));
}

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;
  virtual Instant monotonic() const = 0;
  virtual ServerTime server_time() const = 0;

  Moment moment() const { return {.civil = now(), .server = server_time()}; }
};

// A reading holds what the machine's clocks say at one moment.
struct ClockReading {
  Timestamp civil;
  std::string boot;                         // names the boot of the machine; empty: not known
  std::chrono::microseconds since_boot{0};  // also while the machine slept
};

// A note says where a server's time stood when the machine's clocks stood there.
struct ClockNote {
  ServerTime server;
  ClockReading machine;
};

// How much time a machine is believed to have been off, at most: as long as anything is hidden. So
// what was under way before is due, and a clock that is set wrong at boot drops little.
inline constexpr std::chrono::hours off_time_max{12};

// Returns where it stands when they stand at `now`: never before the note. Within one boot what
// passed is known; over a boot it is what the civil clock says, between nothing and off_time_max.
ServerTime resume(const ClockNote& note, const ClockReading& now);

// The machine's clocks. Its server time begins as civil time, or goes on from a note.
class SystemClock final : public Clock {
 public:
  SystemClock();
  Timestamp now() const override;
  Instant monotonic() const override;
  ServerTime server_time() const override;

  // Before anyone else has the clock.
  void go_on_from(const ClockNote& note);
  ClockNote note() const;

 private:
  ClockReading start_;
  ServerTime start_server_;
};

// Stands still until told: tests and simulations.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start = Timestamp(std::chrono::seconds(1'700'000'000)));
  Timestamp now() const override;
  Instant monotonic() const override;
  ServerTime server_time() const override;
  void advance(std::chrono::microseconds by);
  // The machine's clock is set by someone, forward or back: no time passes.
  void set_civil_by(std::chrono::microseconds by);

 private:
  Timestamp start_;
  std::atomic<std::int64_t> passed_us_ = 0;
  std::atomic<std::int64_t> set_us_ = 0;
};

// Seconds since 1970 with the fraction, as AWS's JSON protocols write a timestamp.
double to_epoch_seconds(Timestamp time);
Timestamp from_epoch_seconds(double seconds);

// "2024-05-01T12:34:56Z"; with `milliseconds`, "2024-05-01T12:34:56.789Z".
enum class Fraction : std::uint8_t { none, milliseconds };
std::string to_iso8601(Timestamp time, Fraction fraction = Fraction::none);
// "20240501T123456Z", as SigV4 writes it.
std::string to_iso8601_basic(Timestamp time);
// "Wed, 01 May 2024 12:34:56 GMT" (RFC 9110 section 5.6.7).
std::string to_http_date(Timestamp time);

// Each refuses what is not exactly of its form: invalid_argument.
Result<Timestamp> parse_iso8601(std::string_view text);  // extended, optional fraction, Z or offset
Result<Timestamp> parse_iso8601_basic(std::string_view text);  // SigV4's
Result<Timestamp> parse_http_date(std::string_view text);      // the three forms of RFC 9110

}  // namespace slipway
