#include "place/place.h"

#include <fmt/format.h>

#include <cstring>

#include "base/encoding.h"

namespace slipway::place {

namespace {

constexpr std::size_t readable_bytes_max = 11;
constexpr std::size_t digest_digits = 16;

char plain(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  const bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  return fine ? c : '.';
}

}  // namespace

std::string InstanceKey::file_name() const {
  const std::size_t from = text.size() > readable_bytes_max ? text.size() - readable_bytes_max : 0;
  std::string name = text.substr(from);
  for (char& c : name) c = plain(c);
  if (!name.empty() && name.front() == '.') name.front() = 'x';
  return name + "-" + sha256_hex(text).substr(0, digest_digits);
}

std::string Exit::describe() const {
  if (status) return fmt::format("exited with status {}", *status);
  if (signal) return fmt::format("was ended by signal {} ({})", *signal, ::strsignal(*signal));
  return "ended";
}

std::string_view name_of(Observation::Kind kind) {
  switch (kind) {
    case Observation::Kind::started: return "started";
    case Observation::Kind::adopted: return "adopted";
    case Observation::Kind::start_failed: return "start_failed";
    case Observation::Kind::printed: return "printed";
    case Observation::Kind::over_memory: return "over_memory";
    case Observation::Kind::exited: return "exited";
    case Observation::Kind::adoption_done: return "adoption_done";
  }
  return "unknown";
}

}  // namespace slipway::place
