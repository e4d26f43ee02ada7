// Which uploads are under way at once: each may hold a few megabytes and keep a worker busy.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"

namespace slipway::service {

// What one upload holds at most: blocks on their way to the sink, and the sink's own buffers.
inline constexpr std::uint64_t upload_bytes = 9ULL << 20;
inline constexpr std::size_t uploads_max = 256;
// Of one presigned URL, which is one key of one bucket: whoever got it needs no more.
inline constexpr std::size_t uploads_of_url_max = 8;
// Uploads that wait for a slot; more are refused at once.
inline constexpr std::size_t waiting_uploads_max = 1024;
inline constexpr std::size_t waiting_uploads_of_url_max = 32;
// After that an upload is refused: below every client's own limit (60 s).
inline constexpr std::chrono::seconds upload_wait_max{20};

// Who sends an upload.
struct Uploader {
  std::string access_key_id;
  std::string address;  // without the port
  std::string url;      // where it was presigned: bucket and key; else empty
};

// Gives slots in the order of asking, but past those whose key, address or URL has its share. One
// key and one address have at most half of all slots.
// Thread-safe; outlives every slot.
class UploadSlots {
 public:
  using Slot = std::shared_ptr<const void>;  // given back when the last copy goes
  using Granted = std::move_only_function<void(Slot)>;

  // As many slots as `memory_bytes` holds uploads, at least 8, at most uploads_max. `begun` is
  // called when somebody begins to wait: from then on expire() is to be called until it returns 0.
  // On any thread; empty: the caller knows.
  explicit UploadSlots(std::uint64_t memory_bytes = ~0ULL, std::function<void()> begun = {});

  // A slot at once where there is one; else nullptr, and `later` is called once: with a slot when
  // it is free, or with nullptr when none was in time or too many wait. From the thread that gives
  // a slot back or calls expire(), or inside this call.
  Slot take(const Uploader& uploader, Instant now, Granted later);

  // Refuses those who waited too long, and returns how many wait on.
  std::size_t expire(Instant now);
  // Refuses all who wait, and from now on who would have to.
  void close();

  std::size_t slots() const { return slots_; }

 private:
  struct Waiting {
    Uploader uploader;
    Instant until;
    Granted granted;
  };

  bool has_room(const Uploader& uploader) const;
  void count(const Uploader& uploader, int by);
  Slot make_slot(const Uploader& uploader);
  void give_back(const Uploader& uploader);
  std::size_t waiting_of(const std::string& url) const;

  const std::size_t slots_;
  const std::size_t share_;  // of one key, and of one address
  const std::function<void()> begun_;
  mutable std::mutex mutex_;
  // All guarded by mutex_.
  std::size_t taken_ = 0;
  std::map<std::string, std::size_t> by_key_;
  std::map<std::string, std::size_t> by_address_;
  std::map<std::string, std::size_t> by_url_;
  std::deque<Waiting> waiting_;
  bool closed_ = false;
};

}  // namespace slipway::service
