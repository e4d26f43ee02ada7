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
constexpr int preparing_ms_max = 60'000;
constexpr int work_ms_max = 30'000;

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

void SimulatedMachine::end_over_limit(const InstanceKey& key, std::string reason) {
  report({.kind = Observation::Kind::over_memory, .key = key, .reason = std::move(reason)});
  kill(key, {.status = std::nullopt, .signal = 9});
}

void SimulatedMachine::end(Instance& instance, const InstanceKey& key, Exit exit) {
  if (instance.phase == Instance::Phase::ended || instance.phase == Instance::Phase::failed) return;
  instance.phase = Instance::Phase::ended;
  instance.exit = exit;
  instance.ends_at.reset();
  push_log(key, instance);
  report_state(key, instance);
}

void SimulatedMachine::print(const InstanceKey& key, std::string_view text) {
  const auto found = instances_.find(key);
  if (found == instances_.end() || found->second.phase != Instance::Phase::running) return;
  found->second.log += text;
}

// How far it was taken the sink knows.
void SimulatedMachine::push_log(const InstanceKey& key, Instance& instance) {
  const Labels& labels = instance.spec.labels;
  if (log_ == nullptr || labels.log_group.empty()) return;
  const std::size_t taken = log_->taken(labels);
  if (taken >= instance.log.size()) return;
  const bool ended = instance.phase == Instance::Phase::ended;
  log_->take(key, labels,
             {.text = std::string_view(instance.log).substr(taken),
              .offset = taken,
              .follows = ended ? LogPart::Follows::nothing : LogPart::Follows::more_may});
}

// A start that is repeated is answered with what the key is, at the next advance().
void SimulatedMachine::start(const InstanceKey& key, const InstanceSpec& spec) {
  if (starting_) starting_();
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
  // No chance is drawn for what is not asked for: the others fall as they did.
  if (faults.prepares > 0 && happens(faults.prepares)) {
    instance.prepares = true;
    instance.started_at += between(0, preparing_ms_max);
    repeated_.push_back(key);
  }
  auto refused = refusal(capabilities_, spec);
  if (refused) instance.why = *std::move(refused);
  if (refused || happens(faults.start_fails)) {
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
  if (!instance.ends_at && faults.succeeds > 0 && happens(faults.succeeds)) {
    instance.ends_at = instance.started_at + between(0, work_ms_max);
    instance.exit.status = 0;
  }
  if (faults.ends_unseen > 0 && happens(faults.ends_unseen)) instance.exit = {};
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
    if (instance.phase != Instance::Phase::running || instance.observed == instance.log.size())
      continue;
    instance.observed = instance.log.size();
    push_log(key, instance);
    report({.kind = Observation::Kind::printed, .key = key, .tail = tail_of(instance)});
  }
}

void SimulatedMachine::report_state(const InstanceKey& key, const Instance& instance) {
  Observation observation{.key = key, .labels = instance.spec.labels};
  switch (instance.phase) {
    case Instance::Phase::starting:
      if (!instance.prepares) return;
      observation.kind = Observation::Kind::preparing;
      observation.reason = "the image is on its way";
      break;
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
      observation.reason = instance.why;
      break;
  }
  report(std::move(observation));
}

std::string SimulatedMachine::tail_of(const Instance& instance) {
  return std::string(last_part(instance.log, log_tail_bytes_max));
}

Addresses SimulatedMachine::addresses_of(const InstanceKey& key, const InstanceSpec& spec) {
  Addresses addresses;
  for (const Port& port : spec.ports)
    addresses.ports[port.inside] = "simulated:" + std::to_string(port.inside);
  if (!spec.http_socket.empty())
    addresses.http = "unix:/simulated/" + key.file_name() + "/http";
  else if (!spec.ports.empty())
    addresses.http = addresses.ports.at(spec.ports.front().inside);
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

SimulatedPlace::SimulatedPlace(SimulatedMachine& machine, ObservationSink sink, LogSink* log)
    : machine_(machine) {
  machine_.sink_ = std::move(sink);
  machine_.log_ = log;
}

SimulatedPlace::~SimulatedPlace() {
  machine_.sink_ = nullptr;
  machine_.log_ = nullptr;
}

Capabilities SimulatedPlace::capabilities() const { return machine_.capabilities_; }

Capabilities SimulatedMachine::everything() {
  return {.runs_programs = true,
          .runs_images = true,
          .survives_server = true,
          .sees_host_paths = true,
          .limits_memory = true,
          .limits_cpu = true,
          .gives_gpus = true,
          .maps_ports = true,
          .sets_user = true};
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
  for (auto& [key, instance] : machine_.instances_) {
    machine_.push_log(key, instance);
    if (instance.phase == SimulatedMachine::Instance::Phase::running)
      machine_.report({.kind = Observation::Kind::adopted,
                       .key = key,
                       .labels = instance.spec.labels,
                       .addresses = machine_.addresses_of(key, instance.spec),
                       .tail = machine_.tail_of(instance)});
    else if (instance.phase == SimulatedMachine::Instance::Phase::failed)
      machine_.report({.kind = Observation::Kind::exited,
                       .key = key,
                       .labels = instance.spec.labels,
                       .exit = instance.exit,
                       .tail = machine_.tail_of(instance)});
    else
      machine_.report_state(key, instance);
  }
  machine_.report({.kind = Observation::Kind::adoption_done, .key = {}});
}

std::filesystem::path SimulatedPlace::directory_of(const InstanceKey& key) const {
  return std::filesystem::path("/simulated") / key.file_name();
}

void SimulatedPlace::push_logs(std::move_only_function<void()> done) {
  for (auto& [key, instance] : machine_.instances_) machine_.push_log(key, instance);
  done();
}

}  // namespace slipway::place
