#include "place/docker/engine_documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "base/encoding.h"

namespace slipway::place {

namespace json = boost::json;

namespace {

constexpr std::string_view owner_label = "slipway.owner";
constexpr std::string_view key_label = "slipway.key";
constexpr std::uint64_t nanos_per_milli_cpu = 1'000'000;
constexpr std::uint64_t memory_bytes_min = 6ULL << 20;  // engines refuse less
constexpr std::int64_t processes_max = 8'192;
constexpr int signal_status_base = 128;
constexpr int last_signal = 64;
constexpr std::uint64_t log_file_bytes_max = 16ULL << 20;  // of the engine's copy, two of them

struct LabelField {
  std::string_view name;
  std::string Labels::* field;
};
constexpr LabelField label_fields[] = {
    {"slipway.service", &Labels::service},
    {"slipway.log_space", &Labels::log_space},
    {"slipway.log_group", &Labels::log_group},
    {"slipway.log_stream", &Labels::log_stream},
};

json::string_view view(std::string_view text) { return {text.data(), text.size()}; }

// The value under a path of names; null where any is missing.
const json::value* at(const json::value& value, std::initializer_list<std::string_view> names) {
  const json::value* found = &value;
  for (const std::string_view name : names) {
    const json::object* const object = found->if_object();
    found = object == nullptr ? nullptr : object->if_contains(view(name));
    if (found == nullptr) return nullptr;
  }
  return found;
}

std::string text_at(const json::value& value, std::initializer_list<std::string_view> names) {
  const json::value* const found = at(value, names);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

std::int64_t number_at(const json::value& value, std::initializer_list<std::string_view> names) {
  const json::value* const found = at(value, names);
  if (found == nullptr) return 0;
  if (found->is_int64()) return found->get_int64();
  return found->is_uint64() ? static_cast<std::int64_t>(found->get_uint64()) : 0;
}

bool is_true_at(const json::value& value, std::initializer_list<std::string_view> names) {
  const json::value* const found = at(value, names);
  return found != nullptr && found->is_bool() && found->get_bool();
}

std::string as_images_name(std::string_view architecture) {
  if (architecture == "x86_64") return "amd64";
  if (architecture == "aarch64") return "arm64";
  return std::string(architecture);
}

json::object labels_document(const InstanceKey& key, const Labels& labels,
                             const ContainerNames& names) {
  json::object document{{view(owner_label), names.owner}, {view(key_label), key.text}};
  for (const auto& [name, field] : label_fields) document[view(name)] = labels.*field;
  return document;
}

json::array mounts_document(const InstanceSpec& spec) {
  json::array mounts;
  for (const Mount& mount : spec.mounts)
    mounts.push_back(json::object{{"Type", "bind"},
                                  {"Source", mount.host_path},
                                  {"Target", mount.inside.empty() ? mount.host_path : mount.inside},
                                  {"ReadOnly", mount.access == Mount::Access::read_only}});
  return mounts;
}

std::string port_name(std::uint16_t port) { return fmt::format("{}/tcp", port); }

json::object host_document(const InstanceSpec& spec, const ContainerNames& names,
                           const EngineMachine& machine) {
  json::object host{
      {"Mounts", mounts_document(spec)},
      {"NetworkMode", names.network()},
      {"PidsLimit", processes_max},
      {"SecurityOpt", json::array{"no-new-privileges"}},
      {"RestartPolicy", json::object{{"Name", "no"}}},
      {"LogConfig",
       json::object{{"Type", "json-file"},
                    {"Config", json::object{{"max-size", fmt::to_string(log_file_bytes_max)},
                                            {"max-file", "2"}}}}}};
  if (spec.memory_bytes_max != 0) {
    const std::uint64_t most = std::max(machine.memory_bytes, memory_bytes_min);
    const std::uint64_t limit = std::clamp(spec.memory_bytes_max, memory_bytes_min, most);
    host["Memory"] = limit;
    host["MemorySwap"] = limit;  // as much: none of it is swap
    host["ShmSize"] = limit / 2;
  }
  if (spec.cpu_millis_max != 0) {
    const std::uint32_t most = machine.cpus == 0 ? spec.cpu_millis_max : machine.cpus * 1000;
    host["NanoCpus"] = std::min(spec.cpu_millis_max, most) * nanos_per_milli_cpu;
  }
  json::object bindings;
  for (const Port& port : spec.ports)
    if (machine.publishes_ports || port.outside != 0)
      bindings[port_name(port.inside)] = json::array{json::object{
          {"HostIp", "127.0.0.1"},
          {"HostPort", port.outside == 0 ? std::string() : fmt::to_string(port.outside)}}};
  if (!bindings.empty()) host["PortBindings"] = std::move(bindings);
  return host;
}

// The ports that the container exposes, which are those of its spec and of its image.
std::vector<std::uint16_t> exposed_ports(const json::value& inspected) {
  std::vector<std::uint16_t> ports;
  const json::value* const exposed = at(inspected, {"Config", "ExposedPorts"});
  if (exposed == nullptr || !exposed->is_object()) return ports;
  for (const auto& port : exposed->get_object()) {
    const std::string name(port.key());
    const int number = std::atoi(name.c_str());
    if (number > 0 && number <= 65535 && name.ends_with("/tcp"))
      ports.push_back(static_cast<std::uint16_t>(number));
  }
  return ports;
}

std::string published_at(const json::value& inspected, std::uint16_t port) {
  const std::string name = port_name(port);
  const json::value* const bound = at(inspected, {"NetworkSettings", "Ports", name});
  if (bound == nullptr || !bound->is_array()) return {};
  for (const json::value& each : bound->get_array())
    if (const std::string outside = text_at(each, {"HostPort"}); !outside.empty())
      return "127.0.0.1:" + outside;
  return {};
}

Addresses addresses_in(const json::value& inspected, const ContainerNames& names) {
  Addresses addresses;
  const std::string network = names.network();
  const std::string address =
      text_at(inspected, {"NetworkSettings", "Networks", network, "IPAddress"});
  const std::string first = text_at(inspected, {"Config", "Labels", "slipway.port"});
  for (const std::uint16_t port : exposed_ports(inspected)) {
    std::string where = published_at(inspected, port);
    if (where.empty() && !address.empty()) where = fmt::format("{}:{}", address, port);
    if (where.empty()) continue;
    if (fmt::to_string(port) == first) addresses.http = where;
    addresses.ports.emplace(port, std::move(where));
  }
  return addresses;
}

}  // namespace

EngineMachine machine_of(const json::value& info) {
  EngineMachine machine{
      .cpus = static_cast<std::uint32_t>(std::max<std::int64_t>(number_at(info, {"NCPU"}), 0)),
      .memory_bytes =
          static_cast<std::uint64_t>(std::max<std::int64_t>(number_at(info, {"MemTotal"}), 0)),
      .architecture = as_images_name(text_at(info, {"Architecture"})),
      .publishes_ports = text_at(info, {"OperatingSystem"}) == "Docker Desktop"};
  const json::value* const options = at(info, {"SecurityOptions"});
  if (options != nullptr && options->is_array())
    for (const json::value& option : options->get_array())
      if (option.is_string() && option.get_string().find("name=rootless") != json::string::npos)
        machine.publishes_ports = true;
  return machine;
}

std::string ContainerNames::container(const InstanceKey& key) const {
  return fmt::format("slipway-{}-{}", owner, key.file_name());
}
std::string ContainerNames::network() const { return "slipway-" + owner; }
std::string ContainerNames::filter() const {
  const json::object filters{{"label", json::array{fmt::format("{}={}", owner_label, owner)}}};
  return percent_encode(json::serialize(filters));
}

std::string create_document(const InstanceKey& key, const InstanceSpec& spec,
                            const ContainerNames& names, const EngineMachine& machine) {
  json::array environment;
  for (const auto& [name, value] : spec.environment)
    environment.push_back(json::string(fmt::format("{}={}", name, value)));
  json::object labels = labels_document(key, spec.labels, names);
  json::object exposed;
  for (const Port& port : spec.ports) exposed[port_name(port.inside)] = json::object();
  if (!spec.ports.empty()) labels["slipway.port"] = fmt::to_string(spec.ports.front().inside);
  json::object document{{"Image", spec.image},
                        {"Env", std::move(environment)},
                        {"Labels", std::move(labels)},
                        {"ExposedPorts", std::move(exposed)},
                        // Who starts it probes it: the image's own check would run beside.
                        {"Healthcheck", json::object{{"Test", json::array{"NONE"}}}},
                        {"Tty", false},
                        {"HostConfig", host_document(spec, names, machine)}};
  if (!spec.argv.empty()) document["Cmd"] = json::array(spec.argv.begin(), spec.argv.end());
  if (!spec.user.empty()) document["User"] = spec.user;
  return json::serialize(document);
}

std::string network_document(const ContainerNames& names) {
  return json::serialize(
      json::object{{"Name", names.network()},
                   {"CheckDuplicate", true},
                   {"Driver", "bridge"},
                   {"Labels", json::object{{view(owner_label), names.owner}}},
                   {"Options", json::object{{"com.docker.network.bridge.enable_icc", "false"}}}});
}

Result<ContainerState> state_of(const json::value& inspected, const ContainerNames& names) {
  const std::string status = text_at(inspected, {"State", "Status"});
  if (status.empty())
    return fail(ErrorCode::corrupted, "The container engine described a container without state.");
  using Status = ContainerState::Status;
  ContainerState state;
  if (status == "created" || status == "initialized" || status == "configured")
    state.status = Status::created;
  else if (status == "exited" || status == "dead" || status == "removing" || status == "stopped")
    state.status = Status::ended;
  else
    state.status = Status::running;  // running, paused, stopping
  state.exit_code = static_cast<int>(number_at(inspected, {"State", "ExitCode"}));
  state.out_of_memory = is_true_at(inspected, {"State", "OOMKilled"});
  state.error = text_at(inspected, {"State", "Error"});
  state.memory_bytes_max = static_cast<std::uint64_t>(
      std::max<std::int64_t>(number_at(inspected, {"HostConfig", "Memory"}), 0));
  for (const auto& [name, field] : label_fields)
    state.labels.*field = text_at(inspected, {"Config", "Labels", name});
  state.addresses = addresses_in(inspected, names);
  return state;
}

std::vector<InstanceKey> keys_in(const json::value& list) {
  std::vector<InstanceKey> keys;
  if (!list.is_array()) return keys;
  for (const json::value& each : list.get_array())
    if (std::string key = text_at(each, {"Labels", key_label}); !key.empty())
      keys.push_back({std::move(key)});
  return keys;
}

Exit exit_of(const ContainerState& state) {
  Exit exit;
  const int code = state.exit_code.value_or(-1);
  if (code > signal_status_base && code <= signal_status_base + last_signal)
    exit.signal = code - signal_status_base;
  else if (code >= 0)
    exit.status = code;
  return exit;
}

std::string message_of(const json::value& body) {
  std::string message = text_at(body, {"message"});
  return message.empty() ? "it gave no reason" : message;
}

}  // namespace slipway::place
