// One router's way to one instance: a framed link where the instance has one, HTTP for the rest.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/routing/router.h"
#include "net/http_client.h"
#include "net/link_frame.h"
#include "net/loop.h"

namespace slipway::routing {

inline constexpr std::chrono::milliseconds link_patience{1'000};

enum class Flow : std::uint8_t { flowing, paused };

// Is told what became of an invocation. Called on the loop, never from within send() of the same
// invocation.
class LinkUser {
 public:
  virtual ~LinkUser() = default;
  virtual void on_answer(std::unique_ptr<Invocation> invocation, InvokeAnswer&& answer) = 0;
  // The instance cannot have seen it: it may be sent elsewhere.
  virtual void on_unsent(std::unique_ptr<Invocation> invocation, std::string_view why) = 0;
  virtual void on_failure(std::unique_ptr<Invocation> invocation, InvokeFailure failure,
                          std::string_view why) = 0;
  // A streamed answer of the 2xx kind; on_answer does not follow. The invocation may be given up in
  // on_begun and on_part.
  virtual void on_begun(Invocation& invocation, InvokeAnswer&& head) = 0;
  virtual void on_part(Invocation& invocation, std::string_view bytes) = 0;
  virtual void on_ended(std::unique_ptr<Invocation> invocation) = 0;
  // The model server wants this one again by HTTP, because its answer does not fit into a frame.
  virtual void on_again_by_http(std::unique_ptr<Invocation> invocation) = 0;
};

// The framed link: many requests under way at once on one unix socket; what one batch of the loop
// sends goes out in one write. Loop thread only.
class FramedLink final : private net::Watcher, private net::BatchHook {
 public:
  // All but the address outlive this object; `spare` is shared by the links of the loop.
  FramedLink(net::Loop& loop, net::Address address, LinkUser& user, net::LinkSpare& spare);
  ~FramedLink();  // what is under way fails

  // Takes the invocation where it can be sent now; otherwise leaves it and returns false: the link
  // is down, or its backlog is full.
  bool send(std::unique_ptr<Invocation>& invocation, Instant deadline);
  // The pairs that go with it; until the next is sent.
  std::span<const net::Header> headers_of(const Invocation& invocation);
  // Whether it cannot be connected for so long that HTTP is worth a try. When an instance dies, its
  // link goes down moments before its last socket does: what is sent there then is lost.
  bool is_lost() const { return !fd_ && loop_.now() - down_since_ >= link_patience; }
  std::size_t under_way() const { return under_way_; }
  // What the newest answer said of its model.
  net::LinkPace pace() const { return pace_; }
  // Fails with `timeout` what should have been answered by now.
  void expire(Instant now);
  // As InstanceLink's.
  void set_paused(Invocation& invocation, Flow flow);
  void drop(Invocation& invocation);

 private:
  struct Slot {
    std::unique_ptr<Invocation> invocation;
    Instant deadline = {};
    std::uint64_t begins_at = 0;  // its frame's first byte, counted over the connection's life
    std::uint16_t turn = 0;       // tells a late answer from one to the slot's next user
    // Of an answer in parts: what the instance may still send, and what was taken since it was last
    // told so.
    std::uint32_t window = 0;
    std::uint32_t taken_bytes = 0;
    Flow flow = Flow::flowing;
  };

  void on_ready(std::uint32_t events) override;
  void on_batch_end() override;
  bool connect();
  void rest();
  void go_down(const std::string& why);
  void read_some();
  bool take_frames();
  void on_frame(net::LinkFrame& frame);
  void answer(std::unique_ptr<Invocation> invocation, net::LinkFrame& frame);
  void on_response(net::LinkFrame& frame);
  void on_begin(net::LinkFrame& frame);
  void on_part(const net::LinkFrame& frame);
  void on_stream_end(const net::LinkFrame& frame);
  void grant(std::uint32_t id);
  void read_pairs(net::LinkFrame& frame);
  void stream_whole(net::LinkFrame& frame);
  bool is_current(std::uint32_t id) const;
  void flush();
  std::size_t take_slot();
  std::unique_ptr<Invocation> release(std::size_t slot);
  static std::uint32_t id_of(std::size_t slot, std::uint16_t turn);

  net::Loop& loop_;
  const net::Address address_;
  LinkUser& user_;
  net::LinkSpare& spare_;
  net::Fd fd_;
  Instant down_until_ = {};
  Instant down_since_ = Instant::max();  // max: it is up, or was never tried
  bool writable_later_ = false;          // EPOLLOUT is watched
  std::string out_;                      // not yet written: from out_begin_ on
  std::size_t out_begin_ = 0;
  std::uint64_t written_ = 0;  // bytes, over the connection's life
  net::LinkInput input_{&spare_};
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::size_t under_way_ = 0;
  net::LinkPace pace_ = 0;
  std::vector<net::Header> pairs_;       // of the answer at hand
  std::vector<net::Header> sent_pairs_;  // of the request at hand
};

// Loop thread only. Holds the instance: while this object lives, the instance is not drained.
class InstanceLink {
 public:
  InstanceLink(net::Loop& loop, std::shared_ptr<const InstanceRoute> instance, LinkUser& user,
               net::LinkSpare& spare);
  ~InstanceLink();

  const InstanceRoute& instance() const { return *instance_; }
  // Takes the invocation, or leaves it (link down and no HTTP, or too busy) and returns false.
  bool send(std::unique_ptr<Invocation>& invocation, std::chrono::milliseconds time_limit);
  bool send_by_http(std::unique_ptr<Invocation>& invocation, std::chrono::milliseconds time_limit);
  // Stops and restarts the reading of a streamed answer.
  void set_paused(Invocation& invocation, Flow flow);
  // Ends the exchange without a word to the user and destroys the invocation, at the latest when
  // what the loop is at has returned.
  void drop(Invocation& invocation);
  void expire(Instant now);
  std::size_t under_way() const;
  // As the newest answer said; 0 of one that says nothing.
  net::LinkPace pace() const { return framed_ ? framed_->pace() : net::LinkPace{0}; }

 private:
  friend class HttpStream;

  void on_http_answer(std::unique_ptr<Invocation> invocation, Result<net::ClientResponse> result);

  net::Loop& loop_;
  const std::shared_ptr<const InstanceRoute> instance_;
  LinkUser& user_;
  std::unique_ptr<FramedLink> framed_;
  std::optional<net::Address> http_address_;
  std::unique_ptr<net::HttpClient> http_;  // made when it is first needed: few are
  std::size_t http_under_way_ = 0;
};

}  // namespace slipway::routing
