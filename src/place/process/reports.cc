#include "place/process/reports.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <utility>

namespace slipway::place {

namespace {

// A socket's address holds 107 bytes; longer roots are reached through a descriptor.
constexpr std::size_t root_bytes_max = 56;

}  // namespace

ShortRoot::ShortRoot(const std::filesystem::path& root) : path_(root.string()) {
  if (path_.size() <= root_bytes_max) return;
  directory_.reset(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  path_ = fmt::format("/proc/self/fd/{}", directory_.get());
}

Reports::Reports(const ProcessPlaceOptions& options, const ShortRoot& root, ObservationSink sink)
    : options_(options), root_(root), sink_(std::move(sink)) {}

void Reports::running(const InstanceKey& key, const RunDirectory& directory,
                      Observation::Kind kind) const {
  sink_({.kind = kind,
         .key = key,
         .labels = labels_of(key, directory),
         .addresses = addresses_of(directory),
         .tail = kind == Observation::Kind::adopted ? directory.log_tail(tail_lines) : ""});
}

void Reports::never_ran(const InstanceKey& key, std::string reason) const {
  sink_({.kind = Observation::Kind::start_failed, .key = key, .reason = std::move(reason)});
}

void Reports::printed(const InstanceKey& key, const RunDirectory& directory) const {
  sink_({.kind = Observation::Kind::printed, .key = key, .tail = directory.log_tail(tail_lines)});
}

void Reports::passed_limit(const InstanceKey& key, const std::string& reason) const {
  sink_({.kind = Observation::Kind::over_memory, .key = key, .reason = reason});
}

void Reports::exited(const InstanceKey& key, const RunDirectory& directory,
                     const Exit& exit) const {
  sink_({.kind = Observation::Kind::exited,
         .key = key,
         .labels = labels_of(key, directory),
         .exit = exit,
         .tail = directory.log_tail(tail_lines)});
}

void Reports::end_seen(const InstanceKey& key, const RunDirectory& directory,
                       const Exit& otherwise) const {
  const std::optional<Exit> noted = directory.ended();
  directory.note_end(noted && (noted->status || noted->signal) ? *noted : otherwise);
  const Exit exit = directory.ended().value_or(otherwise);
  directory.remove_sockets();
  exited(key, directory, exit);
}

void Reports::adoption_done() const {
  sink_({.kind = Observation::Kind::adoption_done, .key = {}});
}

Labels Reports::labels_of(const InstanceKey& key, const RunDirectory& directory) const {
  if (auto labels = directory.labels()) return *std::move(labels);
  return options_.labels_of_older ? options_.labels_of_older(key) : Labels();
}

Addresses Reports::addresses_of(const RunDirectory& directory) const {
  Addresses addresses = directory.addresses();
  const std::string prefix = "unix:" + options_.root.string();
  for (std::string* address : {&addresses.http, &addresses.link})
    if (address->starts_with(prefix)) address->replace(0, prefix.size(), "unix:" + root_.path());
  return addresses;
}

}  // namespace slipway::place
