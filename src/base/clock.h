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

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;
  virtual Instant monotonic() const = 0;
};

// The machine's clocks.
class SystemClock final : public Clock {
 public:
  Timestamp now() const override;
  Instant monotonic() const override;
};

// Stands still until told: tests and simulations.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start = Timestamp(std::chrono::seconds(1'700'000'000)));
  Timestamp now() const override;
  Instant monotonic() const override;
  void advance(std::chrono::microseconds by);

 private:
  Timestamp start_;
  std::atomic<std::int64_t> passed_us_ = 0;
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
