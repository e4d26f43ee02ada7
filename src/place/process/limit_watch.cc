#include "place/process/limit_watch.h"

#include "base/log.h"
#include "place/process/groups.h"

namespace slipway::place {

LimitWatch::LimitWatch(RunningInstances& running, const Reports& reports, const DiskRoom* room)
    : running_(running), reports_(reports), room_(room) {}

void LimitWatch::look() {
  look_at_usage();
  look_at_disk();
}

// Those with a limit each time; the others in turn, for the count of their processes.
void LimitWatch::look_at_usage() {
  const unsigned turn = ++looks_ % usage_turns;
  running_.for_each([&](RunningInstance& each) {
    if (each.forced || (each.memory_bytes_max == 0 && each.turn != turn)) return;
    const auto excess = excess_of(each.process.pid, each.group, each.memory_bytes_max);
    if (!excess.empty()) end(each, excess);
  });
}

// Each within its limits; and where the disk is full, the one that holds most is ended, and then
// the next, until it is not.
void LimitWatch::look_at_disk() {
  const auto begun = DiskLooks::Clock::now();
  if (running_.empty() || !disk_looks_.due(disk_is_full(), begun)) return;
  bool room_is_coming = false;
  running_.for_each(
      [&](const RunningInstance& each) { room_is_coming = room_is_coming || each.holds_room; });
  if (room_is_coming) return;
  RunningInstance* most = nullptr;
  DiskUse most_use;
  running_.for_each([&](RunningInstance& each) {
    const DiskUse use = disk_use_of(each.directory.own(), each.process.pid);
    if (use.weight() > most_use.weight()) most = &each, most_use = use;
    if (const std::string excess = disk_excess(use); !excess.empty() && !each.forced) {
      each.holds_room = true;
      end(each, excess);
    }
  });
  disk_looks_.note(begun, DiskLooks::Clock::now());
  if (!most || most->holds_room || most_use.weight() < filling_weight_min || !disk_is_full())
    return;
  most->holds_room = true;
  end(*most, filling_reason(most_use));
}

// Told first, then ended: whoever loses its connection can look up why.
void LimitWatch::end(RunningInstance& instance, const std::string& reason) {
  instance.directory.note_in_log("slipway: this instance: " + reason);
  log_warning("place", "an instance passed its limit",
              {{"instance", instance.key.text}, {"what", reason}});
  reports_.passed_limit(instance.key, reason);
  running_.force(instance.key);
}

}  // namespace slipway::place
