#include "place/process/log_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstddef>

namespace slipway::place {

LogWatch::LogWatch() : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

void LogWatch::add(const InstanceKey& key, const std::filesystem::path& log) {
  remove(key);
  logs_[key] = {.path = log};
  unwatched_.insert(key);
}

void LogWatch::remove(const InstanceKey& key) {
  const auto found = logs_.find(key);
  if (found == logs_.end()) return;
  if (const int watch = found->second.watch; watch >= 0) {
    ::inotify_rm_watch(inotify_.get(), watch);
    keys_.erase(watch);
  }
  unwatched_.erase(key);
  logs_.erase(found);
}

// False as well where two names lead to one log: its watch is the first one's.
bool LogWatch::watch(const InstanceKey& key, Log& log) {
  const int watch = ::inotify_add_watch(inotify_.get(), log.path.c_str(), IN_MODIFY);
  if (watch < 0 || !keys_.try_emplace(watch, key).second) return false;
  log.watch = watch;
  return true;
}

// What was written before the watch began is told by the log's size.
std::set<InstanceKey> LogWatch::grown() {
  std::set<InstanceKey> grown;
  std::erase_if(unwatched_, [&](const InstanceKey& key) {
    Log& log = logs_.at(key);
    const bool watched = watch(key, log);
    std::error_code error;
    if (!watched || std::filesystem::file_size(log.path, error) > 0) grown.insert(key);
    return watched;
  });
  alignas(inotify_event) std::array<std::byte, 4096> events;
  ssize_t bytes = 0;
  while ((bytes = ::read(inotify_.get(), events.data(), events.size())) > 0)
    for (ssize_t at = 0; at < bytes;) {
      const auto& event = *reinterpret_cast<const inotify_event*>(events.data() + at);
      at += static_cast<ssize_t>(sizeof event + event.len);
      if (event.mask & IN_Q_OVERFLOW)  // the kernel lost count
        for (const auto& [key, log] : logs_) grown.insert(key);
      else if (const auto key = keys_.find(event.wd); key != keys_.end())
        grown.insert(key->second);
    }
  return grown;
}

}  // namespace slipway::place
