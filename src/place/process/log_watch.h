// Which instances printed something since the last look, without a look at each.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <vector>

#include "base/fd.h"
#include "place/place.h"

namespace slipway::place {

// One look is one system call, however many logs there are: the kernel notes what is written
// (inotify(7)). A log that it takes no watch for counts as written to at each look. One thread.
class LogWatch {
 public:
  LogWatch();

  // The log need not be there yet; what stands in it already counts as new.
  void add(const InstanceKey& key, const std::filesystem::path& log);
  void remove(const InstanceKey& key);

  // Those whose logs were written to, each once.
  std::set<InstanceKey> grown();

 private:
  struct Log {
    std::filesystem::path path;
    int watch = -1;  // none: looked at each time
  };

  bool watch(const InstanceKey& key, Log& log);

  const Fd inotify_;
  std::map<InstanceKey, Log> logs_;
  std::map<int, InstanceKey> keys_;  // by watch
  std::set<InstanceKey> unwatched_;
};

}  // namespace slipway::place
