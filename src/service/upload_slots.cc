#include "service/upload_slots.h"

#include <algorithm>
#include <vector>

namespace slipway::service {
namespace {

constexpr std::size_t slots_min = 8;

std::size_t held(const std::map<std::string, std::size_t>& counts, const std::string& name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

void add(std::map<std::string, std::size_t>& counts, const std::string& name, int by) {
  const auto found = counts.try_emplace(name, 0).first;
  found->second += static_cast<std::size_t>(by);  // -1 wraps, and takes one away
  if (found->second == 0) counts.erase(found);
}

}  // namespace

UploadSlots::UploadSlots(std::uint64_t memory_bytes, std::function<void()> begun)
    : slots_(static_cast<std::size_t>(
          std::clamp<std::uint64_t>(memory_bytes / upload_bytes, slots_min, uploads_max))),
      share_(slots_ / 2),
      begun_(std::move(begun)) {}

bool UploadSlots::has_room(const Uploader& uploader) const {
  return taken_ < slots_ && held(by_key_, uploader.access_key_id) < share_ &&
         held(by_address_, uploader.address) < share_ &&
         (uploader.url.empty() || held(by_url_, uploader.url) < uploads_of_url_max);
}

void UploadSlots::count(const Uploader& uploader, int by) {
  taken_ += static_cast<std::size_t>(by);
  add(by_key_, uploader.access_key_id, by);
  add(by_address_, uploader.address, by);
  if (!uploader.url.empty()) add(by_url_, uploader.url, by);
}

UploadSlots::Slot UploadSlots::make_slot(const Uploader& uploader) {
  count(uploader, 1);
  return {this, [this, uploader](const void*) { give_back(uploader); }};
}

std::size_t UploadSlots::waiting_of(const std::string& url) const {
  if (url.empty()) return 0;
  return static_cast<std::size_t>(std::ranges::count_if(
      waiting_, [&](const Waiting& each) { return each.uploader.url == url; }));
}

UploadSlots::Slot UploadSlots::take(const Uploader& uploader, Instant now, Granted later) {
  bool waits = false;
  {
    const std::lock_guard lock(mutex_);
    if (has_room(uploader)) return make_slot(uploader);
    waits = !closed_ && waiting_.size() < waiting_uploads_max &&
            waiting_of(uploader.url) < waiting_uploads_of_url_max;
    if (waits) waiting_.push_back({uploader, now + upload_wait_max, std::move(later)});
  }
  if (!waits) later(nullptr);
  if (waits && begun_) begun_();
  return nullptr;
}

// What is granted is told outside the lock: it may give its slot back at once.
void UploadSlots::give_back(const Uploader& uploader) {
  std::vector<std::pair<Granted, Slot>> granted;
  {
    const std::lock_guard lock(mutex_);
    count(uploader, -1);
    for (auto each = waiting_.begin(); each != waiting_.end() && taken_ < slots_;) {
      if (!has_room(each->uploader)) {
        ++each;
        continue;
      }
      Slot slot = make_slot(each->uploader);
      granted.emplace_back(std::move(each->granted), std::move(slot));
      each = waiting_.erase(each);
    }
  }
  for (auto& [tell, slot] : granted) tell(std::move(slot));
}

void UploadSlots::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  expire(Instant::max());
}

std::size_t UploadSlots::expire(Instant now) {
  std::vector<Granted> late;
  std::size_t left = 0;
  {
    const std::lock_guard lock(mutex_);
    while (!waiting_.empty() && waiting_.front().until <= now) {
      late.push_back(std::move(waiting_.front().granted));
      waiting_.pop_front();
    }
    left = waiting_.size();
  }
  for (Granted& tell : late) tell(nullptr);
  return left;
}

}  // namespace slipway::service
