// One connection of the server sends its answers by this, one after the other. Internal to net.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/memory_budget.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/out_queue.h"
#include "net/response_head.h"
#include "net/transport.h"

namespace slipway::net {

// Frames answers as the client can read them, queues them, and knows how the client takes them. An
// answer is a head(), and then either a whole() body or any number of piece()s and an end(). The
// thread of the connection's loop, but for what says otherwise.
class ResponseWriter {
  using Framing = ResponseHead::Framing;

 public:
  // Says whom an answer is for.
  struct Terms {
    HttpVersion version = HttpVersion::v1_1;
    bool head_only = false;  // the method is HEAD
    bool keep_alive = true;  // a further request may come; once it is false it stays so
  };

  // `transport` outlives this object.
  explicit ResponseWriter(Transport& transport) : transport_(transport) {}

  // The next answer is for such a request.
  void begin(const Terms& terms) {
    terms_ = terms;
    begun_ = false;
    framing_ = Framing::none;
    length_left_ = 0;
  }
  bool begun() const { return begun_; }  // its head was written
  // This answer is the last one; said before its head, the head says it.
  void close_after() { terms_.keep_alive = false; }
  bool is_last() const { return !terms_.keep_alive; }

  // "HTTP/1.1 100 Continue": the client is to send its body.
  void invite();
  // `length`: of the body; none: it comes in pieces. `date`: "Date: ...\r\n", of now.
  void head(int status, const Fields& headers, std::optional<std::uint64_t> length,
            std::string_view date);
  void head(int status, std::span<const Header> headers, std::optional<std::uint64_t> length,
            std::string_view date);
  // Leaves the body out where none follows that head.
  void whole(Body&& body);
  void whole(std::string_view body);
  void piece(std::string_view bytes);  // not empty; what is longer than was promised is cut
  // False: the body is shorter than the head promised, which only a cut tells the client.
  bool end();

  bool empty() const { return out_.empty(); }
  std::uint64_t bytes() const { return out_.bytes(); }
  // Writes what the socket takes and others' turn allows.
  OutQueue::Flush flush(Instant now);
  // Since when the socket is full and takes nothing.
  std::optional<Instant> stalled_since() const { return stalled_since_; }
  // Counts what waits in memory for a client that reads slowly; false: there is no room for many
  // such.
  bool count_unread(MemoryBudget& memory, std::string_view owner, Standing standing);
  void clear();

  // A task for when everything was written; whoever sees that takes it and posts it.
  void set_drained(Task task) { drained_ = std::move(task); }
  Task take_drained() { return std::exchange(drained_, {}); }

  // From any thread: so much is on its way to the loop, or came there. The first returns what then
  // waits in all.
  std::size_t note_coming(std::size_t bytes);
  void note_come(std::size_t bytes) { coming_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  template <typename HeaderList>
  void write_head(int status, const HeaderList& headers, std::optional<std::uint64_t> length,
                  std::string_view date);
  void note_queue() { queued_bytes_.store(out_.bytes(), std::memory_order_relaxed); }

  Transport& transport_;
  OutQueue out_;
  Terms terms_;
  bool begun_ = false;
  Framing framing_ = Framing::none;
  std::uint64_t length_left_ = 0;  // with Framing::length, in pieces
  std::optional<Instant> stalled_since_;
  MemoryBudget::Share unread_;
  Task drained_;
  std::atomic<std::size_t> coming_bytes_ = 0;
  std::atomic<std::size_t> queued_bytes_ = 0;  // out_.bytes(), for other threads
};

}  // namespace slipway::net
