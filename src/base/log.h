// The log is what the server says of itself: lines on standard error, human-readable on a terminal,
// JSON lines otherwise. log_info("fleet", "instance started", {{"key", key}, {"pid", "42"}});
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

// How grave a line is; what is below the process's level is not written.
enum class LogLevel : std::uint8_t { debug, info, warning, error };
// How lines are written: for a person, or one JSON object each.
enum class LogFormat : std::uint8_t { human, json };

std::string_view name_of(LogLevel level);
// "debug", "info", "warning" or "error"; nothing for other words.
std::optional<LogLevel> log_level_of(std::string_view name);

// The parts of the program that speak, each with a level of its own.
inline constexpr std::string_view log_room_names[] = {"access",
                                                      "artifacts",
                                                      "credentials",
                                                      "engine",
                                                      "environments",
                                                      "events",
                                                      "federation",
                                                      "fleet",
                                                      "identity",
                                                      "invocation_queue",
                                                      "logs",
                                                      "modelserver",
                                                      "net",
                                                      "objects",
                                                      "place",
                                                      "residency",
                                                      "routing",
                                                      "s3",
                                                      "sagemaker_runtime",
                                                      "server",
                                                      "service",
                                                      "sns",
                                                      "store",
                                                      "transform",
                                                      "workers"};

// One of them. A literal that names none does not compile.
class LogRoom {
 public:
  consteval LogRoom(const char* name) : index_(find(name).value().index_) {}  // NOLINT: a literal
  // Returns nullopt where there is no such room.
  static constexpr std::optional<LogRoom> find(std::string_view name) {
    for (std::size_t i = 0; i < std::size(log_room_names); ++i)
      if (log_room_names[i] == name) return LogRoom(i);
    return std::nullopt;
  }

  std::size_t index() const { return index_; }
  std::string_view name() const { return log_room_names[index_]; }

 private:
  explicit constexpr LogRoom(std::size_t index) : index_(index) {}

  std::size_t index_;
};

// A named value that a line carries beside its sentence.
struct LogField {
  std::string_view name;
  std::string value;
};

// Process-wide, for all rooms; from any thread, also while others log. The default is `info`,
// `human` where standard error is a terminal and `json` elsewhere.
void configure_log(LogLevel least);
void configure_log(LogLevel least, LogFormat format);
// Of one room, from any thread.
void set_log_level(LogRoom room, LogLevel least);
LogLevel log_level(LogRoom room);
bool log_enabled(LogRoom room, LogLevel level);

// While it lives, each line of this thread says which request it is about ("request": the id that
// its client gets). `id` outlives it. An inner one stands before an outer one.
class LogRequest {
 public:
  explicit LogRequest(std::string_view id);
  ~LogRequest();
  LogRequest(const LogRequest&) = delete;
  LogRequest& operator=(const LogRequest&) = delete;

 private:
  std::string_view outer_;
};

// One line, written with one write(2): safe from any thread.
void log(LogLevel level, LogRoom room, std::string_view message,
         std::initializer_list<LogField> fields = {});

inline void log_debug(LogRoom room, std::string_view message,
                      std::initializer_list<LogField> fields = {}) {
  log(LogLevel::debug, room, message, fields);
}
inline void log_info(LogRoom room, std::string_view message,
                     std::initializer_list<LogField> fields = {}) {
  log(LogLevel::info, room, message, fields);
}
inline void log_warning(LogRoom room, std::string_view message,
                        std::initializer_list<LogField> fields = {}) {
  log(LogLevel::warning, room, message, fields);
}
inline void log_error(LogRoom room, std::string_view message,
                      std::initializer_list<LogField> fields = {}) {
  log(LogLevel::error, room, message, fields);
}

}  // namespace slipway
