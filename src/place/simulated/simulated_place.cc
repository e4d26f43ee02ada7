#include "place/simulated/simulated_place.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::place {

namespace {

using std::chrono::milliseconds;

constexpr int boot_ms_max = 20;
constexpr int health_ms_max = 400;
constexpr int death_ms_max = 20'000;
constexpr int polite_end_ms_max = 300;

}  // namespace

SimulatedMachine::SimulatedMachine(const Clock& clock, Random& random)
    : clock_(clock), random_(random) {}

void SimulatedMachine::set_faults_for(std::string environment_entry, SimulatedFaults faults) {
  faults_for_[std::move(environment_entry)] = faults;
}

const SimulatedFaults& SimulatedMachine::faults_of(const InstanceSpec& spec) const {
  for (const auto& [name, value] : spec.environment)
    if (const auto found = faults_for_.find(name + "=" + value); found != faults_for_.end())
      return found->second;
  return faults_;
}

bool SimulatedMachine::happens(double chance) {
  constexpr std::uint64_t parts = 1'000'000;
  return static_cast<double>(below(random_, parts)) < chance * static_cast<double>(parts);
}

milliseconds SimulatedMachine::between(int least_ms, int most_ms) {
  const auto range = static_cast<std::uint64_t>(most_ms - least_ms + 1);
  return milliseconds(least_ms + static_cast<int>(below(random_, range)));
}

bool SimulatedMachine::healthy(const InstanceKey& key) const {
  const auto found = instances_.find(key);
  if (found == instances_.end()) return false;
  const Instance& instance = found->second;
  return instance.phase == Instance::Phase::running && instance.healthy_at &&
         *instance.healthy_at <= clock_.monotonic() &&
         (!instance.hangs_at || *instance.hangs_at > clock_.monotonic());
}

std::size_t SimulatedMachine::running() const {
  return static_cast<std::size_t>(std::ranges::count_if(instances_, [](const auto& entry) {
    return entry.second.phase == Instance::Phase::running ||
           entry.second.phase == Instance::Phase::starting;
  }));
}

void SimulatedMachine::report(Observation observation) {
  if (sink_) sink_(std::move(observation));
}

void SimulatedMachine::kill(const InstanceKey& key, Exit exit) {
  const auto found = instances_.find(key);
  if (found != instances_.end()) end(found->second, key, exit);
}

void SimulatedMachine::end(Instance& instance, const InstanceKey& key, Exit exit) {
  if (instance.phase == Instance::Phase::ended || instance.phase == Instance::Phase::failed) return;
  instance.phase = Instance::Phase::ended;
  instance.exit = exit;
  instance.ends_at.reset();
  report({.kind = Observation::Kind::exited, .key = key, .exit = exit, .tail = tail_of(instance)});
}

// A start that is repeated is answered with what the key is, at the next advance().
void SimulatedMachine::start(const InstanceKey& key, const InstanceSpec& spec) {
  const Instant now = clock_.monotonic();
  if (const auto found = instances_.find(key); found != instances_.end()) {
    repeated_.push_back(key);
    return;
  }
  const SimulatedFaults& faults = faults_of(spec);
  Instance& instance = instances_[key];
  ++starts_[key];
  instance.spec = spec;
  instance.started_at = now + between(0, boot_ms_max);
  instance.log = "simulated instance " + key.text + "\n";
  if (happens(faults.start_fails)) {
    instance.ends_at = instance.started_at;
    instance.fails = true;
    return;
  }
  if (!happens(faults.never_healthy))
    instance.healthy_at = instance.started_at + between(0, health_ms_max);
  if (happens(faults.dies_starting))
    instance.ends_at = instance.started_at + between(0, health_ms_max);
  else if (happens(faults.dies_later))
    instance.ends_at = instance.started_at + between(health_ms_max, death_ms_max);
  if (happens(faults.hangs_later))
    instance.hangs_at = instance.started_at + between(health_ms_max, death_ms_max);
  instance.exit = {.status = 1, .signal = std::nullopt};
  instance.ignores_stop = happens(faults.ignores_stop);
}

void SimulatedMachine::stop(const InstanceKey& key, milliseconds grace) {
  const auto found = instances_.find(key);
  if (found == instances_.end()) return;
  Instance& instance = found->second;
  if (instance.phase == Instance::Phase::ended || instance.phase == Instance::Phase::failed) return;
  const Instant now = clock_.monotonic();
  const Instant at = instance.ignores_stop ? now + grace : now + between(0, polite_end_ms_max);
  if (instance.ends_at && *instance.ends_at <= at) return;
  instance.ends_at = at;
  instance.exit = {.status = std::nullopt, .signal = instance.ignores_stop ? 9 : 15, .asked = true};
}

void SimulatedMachine::advance() {
  const Instant now = clock_.monotonic();
  for (const InstanceKey& key : std::exchange(repeated_, {})) {
    const auto found = instances_.find(key);
    if (found != instances_.end()) report_state(key, found->second);
  }
  for (auto& [key, instance] : instances_) {
    if (instance.phase == Instance::Phase::starting && instance.started_at <= now) {
      instance.phase = instance.fails ? Instance::Phase::failed : Instance::Phase::running;
      if (instance.fails) instance.ends_at.reset();
      report_state(key, instance);
    }
    if (instance.ends_at && *instance.ends_at <= now) end(instance, key, instance.exit);
  }
}

void SimulatedMachine::report_state(const InstanceKey& key, const Instance& instance) {
  Observation observation{.key = key};
  switch (instance.phase) {
    case Instance::Phase::starting: return;
    case Instance::Phase::running:
      observation.kind = Observation::Kind::started;
      observation.addresses = addresses_of(key, instance.spec);
      break;
    case Instance::Phase::ended:
      observation.kind = Observation::Kind::exited;
      observation.exit = instance.exit;
      observation.tail = tail_of(instance);
      break;
    case Instance::Phase::failed:
      observation.kind = Observation::Kind::start_failed;
      observation.reason = "The simulated machine could not start it.";
      break;
  }
  report(std::move(observation));
}

std::string SimulatedMachine::tail_of(const Instance& instance) {
  return std::string(last_part(instance.log, log_tail_bytes_max));
}

Addresses SimulatedMachine::addresses_of(const InstanceKey& key, const InstanceSpec& spec) {
  Addresses addresses;
  if (!spec.http_socket.empty()) addresses.http = "unix:/simulated/" + key.file_name() + "/http";
  if (!spec.link_socket.empty()) addresses.link = "unix:/simulated/" + key.file_name() + "/link";
  return addresses;
}

std::optional<Instant> SimulatedMachine::next_due() const {
  std::optional<Instant> due;
  const auto consider = [&](Instant at) { due = due ? std::min(*due, at) : at; };
  if (!repeated_.empty()) consider(clock_.monotonic());
  for (const auto& [key, instance] : instances_) {
    if (instance.phase == Instance::Phase::starting) consider(instance.started_at);
    if (instance.ends_at && instance.phase != Instance::Phase::ended) consider(*instance.ends_at);
    if (instance.phase != Instance::Phase::running) continue;
    for (const auto& at : {instance.healthy_at, instance.hangs_at})
      if (at && *at > clock_.monotonic()) consider(*at);
  }
  return due;
}

SimulatedPlace::SimulatedPlace(SimulatedMachine& machine, ObservationSink sink)
    : machine_(machine) {
  machine_.sink_ = std::move(sink);
}

SimulatedPlace::~SimulatedPlace() { machine_.sink_ = nullptr; }

Capabilities SimulatedPlace::capabilities() const {
  return {.runs_programs = true,
          .runs_images = true,
          .survives_server = true,
          .sees_host_paths = true,
          .limits_memory = true};
}

void SimulatedPlace::start(const InstanceKey& key, const InstanceSpec& spec) {
  machine_.start(key, spec);
}

void SimulatedPlace::stop(const InstanceKey& key, milliseconds grace) { machine_.stop(key, grace); }

void SimulatedPlace::forget(const InstanceKey& key) {
  const auto found = machine_.instances_.find(key);
  if (found == machine_.instances_.end()) return;
  const auto phase = found->second.phase;
  if (phase == SimulatedMachine::Instance::Phase::ended ||
      phase == SimulatedMachine::Instance::Phase::failed)
    machine_.instances_.erase(found);
}

void SimulatedPlace::adopt() {
  for (const auto& [key, instance] : machine_.instances_) {
    if (instance.phase == SimulatedMachine::Instance::Phase::starting) continue;
    Observation observation{.kind = Observation::Kind::adopted, .key = key};
    if (instance.phase == SimulatedMachine::Instance::Phase::running)
      observation.addresses = machine_.addresses_of(key, instance.spec);
    else
      observation = {.kind = Observation::Kind::exited,
                     .key = key,
                     .exit = instance.exit,
                     .tail = machine_.tail_of(instance)};
    machine_.report(std::move(observation));
  }
  machine_.report({.kind = Observation::Kind::adoption_done, .key = {}});
}

std::string SimulatedPlace::log_tail(const InstanceKey& key, std::size_t lines) const {
  const auto found = machine_.instances_.find(key);
  if (found == machine_.instances_.end() || lines == 0) return {};
  return SimulatedMachine::tail_of(found->second);
}

Result<LogPart> SimulatedPlace::read_log(const InstanceKey& key, std::uint64_t offset) const {
  const auto found = machine_.instances_.find(key);
  if (found == machine_.instances_.end())
    return fail(ErrorCode::not_found, "No instance of that key is known.");
  const std::string& log = found->second.log;
  const std::string text = offset < log.size() ? log.substr(offset) : std::string();
  return LogPart{.text = text, .next_offset = offset + text.size()};
}

}  // namespace slipway::place
