// What the server says of itself: lines on standard error, human-readable on a terminal, JSON lines
// otherwise. log_info("fleet", "instance started", {{"key", key}, {"pid", "42"}});
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace slipway {

// How grave a line is; what is below the process's level is not written.
enum class LogLevel : std::uint8_t { debug, info, warning, error };
// How lines are written: for a person, or one JSON object each.
enum class LogFormat : std::uint8_t { human, json };

// A named value that a line carries beside its sentence.
struct LogField {
  std::string_view name;
  std::string value;
};

// Process-wide and set once by main before any thread starts; the default is `info`, `human` where
// standard error is a terminal and `json` elsewhere.
void configure_log(LogLevel least);
void configure_log(LogLevel least, LogFormat format);
bool log_enabled(LogLevel level);

// One line, written with one write(2): safe from any thread. `room` is the part of the program that
// speaks ("fleet", "net").
void log(LogLevel level, std::string_view room, std::string_view message,
         std::initializer_list<LogField> fields = {});

inline void log_debug(std::string_view room, std::string_view message,
                      std::initializer_list<LogField> fields = {}) {
  log(LogLevel::debug, room, message, fields);
}
inline void log_info(std::string_view room, std::string_view message,
                     std::initializer_list<LogField> fields = {}) {
  log(LogLevel::info, room, message, fields);
}
inline void log_warning(std::string_view room, std::string_view message,
                        std::initializer_list<LogField> fields = {}) {
  log(LogLevel::warning, room, message, fields);
}
inline void log_error(std::string_view room, std::string_view message,
                      std::initializer_list<LogField> fields = {}) {
  log(LogLevel::error, room, message, fields);
}

}  // namespace slipway
