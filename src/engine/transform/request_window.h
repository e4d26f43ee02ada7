// The requests of one job that are under way: how many at once, how often each is tried.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/backoff.h"
#include "engine/transform/instances.h"

namespace slipway::transform {

// Between two tries of one request.
inline constexpr Backoff request_retry{.first = std::chrono::milliseconds(100),
                                       .most = std::chrono::seconds(2)};

// Blocks of memory that are used again: a fresh one costs a page fault every 4 KiB. Thread-safe.
class Blocks {
 public:
  explicit Blocks(std::size_t bytes) : bytes_(bytes) {}
  std::size_t block_bytes() const { return bytes_; }
  // Given back when the last pointer goes; outlives this object.
  static std::shared_ptr<char[]> take(const std::shared_ptr<Blocks>& blocks);

 private:
  const std::size_t bytes_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<char[]>> idle_;
};

// Holds what goes to an instance as one request, and what became of it.
struct Chunk {
  std::shared_ptr<char[]> block;  // holds what `input` views
  std::string_view input;         // as it stands in the file; of one record, without its framing
  std::string made;               // holds what is sent, where that is not a part of the input
  std::string_view sent;
  std::function<net::FileSequence()> sent_files;  // in place of `sent`: a whole object
  std::uint64_t first_record = 0;                 // in the file, from 1
  std::uint64_t records = 0;
  std::uint64_t offset = 0;  // in the file, where it is not compressed
  std::uint64_t bytes = 0;

  // The RequestWindow's alone until `done`.
  bool done = false;
  bool dropped = false;  // nobody waits for it any more
  unsigned tries = 0;
  InstanceReply reply;
};

// Bounds how many requests of one job are under way or held, and asks again where that may help.
// Thread-safe. Replies that come after stop() find an object that is still there.
class RequestWindow : public std::enable_shared_from_this<RequestWindow> {
 public:
  struct Terms {
    routing::FleetId fleet;
    std::string content_type;
    std::string accept;
    std::uint32_t under_way_max = 1;
    std::uint32_t retries_max = 3;
  };
  // `instances` outlives the job.
  RequestWindow(TransformInstances& instances, Terms terms)
      : instances_(instances), terms_(std::move(terms)) {}

  // What whoever works on a file does next: cut another chunk, write its first one, or give up.
  enum class Turn : std::uint8_t { cut, write, stop };
  enum class Wants : std::uint8_t { more, no_more };
  // Waits for a turn. At most twice as many chunks are held as may be under way: one that is
  // answered and waits for those before it keeps its room, so memory is bounded whatever the order.
  // `cut` takes a room; it is given back by submit()'s chunk once taken or dropped, or by skip().
  Turn wait(const Chunk* first, Wants wants);
  void submit(const std::shared_ptr<Chunk>& chunk);
  void skip();
  // The file has taken the reply of a chunk that is done.
  void taken(const Chunk& chunk);
  // The file failed: what did not begin is not asked any more.
  void drop(const std::shared_ptr<Chunk>& chunk);

  // Every wait() returns `stop` from now on, and nothing more is asked.
  void stop();
  bool stopping() const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  void pump(Lock lock);
  void ask(const std::shared_ptr<Chunk>& chunk);
  void take_reply(const std::shared_ptr<Chunk>& chunk, InstanceReply reply);
  void ask_again(const std::shared_ptr<Chunk>& chunk);

  TransformInstances& instances_;
  const Terms terms_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::size_t held_ = 0;
  std::size_t under_way_ = 0;
  std::deque<std::shared_ptr<Chunk>> waiting_;
};

}  // namespace slipway::transform
