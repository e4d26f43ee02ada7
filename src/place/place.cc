#include "place/place.h"

#include <fmt/format.h>

#include <algorithm>
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

std::optional<std::string> refusal(const Capabilities& place, const InstanceSpec& spec) {
  const auto refuse = [](const char* sentence) { return std::optional<std::string>(sentence); };
  if (!spec.image.empty() && !place.runs_images)
    return refuse("This place runs programs of this host, not container images.");
  if (spec.image.empty() && !place.runs_programs)
    return refuse("This place runs container images, not programs of this host.");
  if (spec.image.empty() && spec.argv.empty()) return refuse("No program is named.");
  if (spec.memory_bytes_max != 0 && !place.limits_memory)
    return refuse("This place limits no instance's memory.");
  if (spec.cpu_millis_max != 0 && !place.limits_cpu)
    return refuse("This place limits no instance's processor time.");
  if (spec.gpus != 0 && !place.gives_gpus)
    return refuse("This place gives no instance a GPU of its own.");
  if (!spec.user.empty() && !place.sets_user)
    return refuse("This place picks the users of its instances itself.");
  if (!place.maps_ports && std::ranges::any_of(spec.ports, [](const Port& port) {
        return port.outside != 0 && port.outside != port.inside;
      }))
    return refuse("This place's instances listen on the ports of the host.");
  for (const std::string* label : {&spec.labels.service, &spec.labels.log_space,
                                   &spec.labels.log_group, &spec.labels.log_stream})
    if (label->contains('\n')) return refuse("A label has more than one line.");
  return std::nullopt;
}

std::string_view name_of(Observation::Kind kind) {
  switch (kind) {
    case Observation::Kind::preparing: return "preparing";
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
