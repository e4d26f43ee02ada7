// Keeps the instances of a process place to their limits by looking, where nobody else does.
#pragma once

#include <string>

#include "base/disk_room.h"
#include "place/process/disk_watch.h"
#include "place/process/reports.h"
#include "place/process/running.h"

namespace slipway::place {

// Looks at what instances take, of memory, processes and the disk, and ends those that passed a
// limit. The place's thread only.
class LimitWatch {
 public:
  // `room`: the disk of the instances' files; null: each has its limit, and that is all. All
  // outlive this object.
  LimitWatch(RunningInstances& running, const Reports& reports, const DiskRoom* room);

  // One look, to be taken every check_period.
  void look();
  // Tells that the instance passed a limit, and ends it.
  void end(RunningInstance& instance, const std::string& reason);
  bool disk_is_full() const { return room_ != nullptr && room_->is_nearly_full(); }

 private:
  void look_at_usage();
  void look_at_disk();

  RunningInstances& running_;
  const Reports& reports_;
  const DiskRoom* const room_;
  unsigned looks_ = 0;
  DiskLooks disk_looks_;
};

}  // namespace slipway::place
