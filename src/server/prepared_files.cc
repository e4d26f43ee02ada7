#include "server/prepared_files.h"

#include "base/log.h"
#include "server/instance_files.h"

namespace slipway::server {
namespace {

// What no fleet uses is kept for the next deployment, up to this much of each kind.
constexpr std::uint64_t spare_bytes_max = 20ULL << 30;
constexpr std::chrono::seconds short_disk_age_min{60};

}  // namespace

PreparedFiles::PreparedFiles(const Needs& needs)
    : store_(needs.store),
      workers_(needs.workers),
      artifacts_(needs.artifacts),
      environments_(needs.data / "environments", {.loop = needs.loop,
                                                  .workers = needs.workers,
                                                  .store = needs.store,
                                                  .jobs = needs.jobs.jobs(),
                                                  .progress = needs.jobs.reconciler(),
                                                  .changes = needs.changes,
                                                  .place = needs.place,
                                                  .random = needs.random,
                                                  .room = &needs.disk,
                                                  .relieve = [this] { relieve(); }}),
      model_folders_(needs.data / "models", needs.workers),
      models_({.loop = needs.loop,
               .artifacts = artifacts_,
               .folders = model_folders_,
               .discard = [this](const std::string& content) { discard(content); }}) {
  if (needs.place.capabilities().walks_host_paths)
    for (const char* passed : {"", "artifacts", "environments", "models"})
      let_instances_pass(needs.data / passed);
  artifacts_.on_short_disk([this] { relieve(); });
}

void PreparedFiles::observe(const place::Observation& observation) {
  model_folders_.observe(observation);
  environments_.observe(observation);
}

Result<fleet::Used> PreparedFiles::used() {
  TRY(auto used, store_.read([](store::Transaction& tx) -> Result<fleet::Used> {
    fleet::Used all = fleet::used_by_fleets(tx);
    all.contents.merge(jobs::contents_used(tx));
    return all;
  }));
  used.contents.merge(models_.contents());
  return used;
}

void PreparedFiles::collect() {
  const auto used = this->used();
  if (!used) return log_warning("server", "unused artifacts stay", {{"why", used.error().message}});
  artifacts_.collect(used->contents, spare_bytes_max);
  environments_.collect(used->environments, spare_bytes_max);
}

void PreparedFiles::relieve() {
  const auto used = this->used();
  if (!used) return;
  artifacts_.collect(used->contents, 0, short_disk_age_min);
  environments_.collect(used->environments, 0, short_disk_age_min);
}

void PreparedFiles::discard(const std::string& content) {
  workers_.post([this, content] {
    const auto used = this->used();
    if (used && !used->contents.contains(content)) artifacts_.remove(content);
  });
}

void PreparedFiles::stop() {
  artifacts_.stop();
  environments_.stop();
}

}  // namespace slipway::server
