// The framed link to our own programs (net/link_frame.h).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/routing/exchange_slots.h"
#include "engine/routing/link.h"
#include "net/link_frame.h"
#include "net/loop.h"

namespace slipway::routing {

// Limits.
inline constexpr std::size_t link_backlog_bytes_max = 16 * 1024 * 1024;  // unsent
// So long a link that is down refuses, before requests go by HTTP instead.
inline constexpr std::chrono::milliseconds link_patience{1'000};

// Many requests under way at once on one unix socket; what one batch of the loop sends goes out in
// one write.
class FramedLink final : public Link, private net::Watcher, private net::BatchHook {
 public:
  // All but the address outlive this object; `spare` is shared by the links of the loop.
  FramedLink(net::Loop& loop, net::Address address, LinkUser& user, net::LinkSpare& spare);
  ~FramedLink() override;

  // `unfit`: what does not fit into a frame, a body in files; and everything while it cannot be
  // connected for so long that HTTP is worth a try. When an instance dies, its link goes down
  // moments before its last socket does: what is sent there then is lost.
  Sent send(std::unique_ptr<Exchange>& exchange, std::chrono::milliseconds time_limit) override;
  void set_paused(Exchange& exchange, Flow flow) override;
  void drop(Exchange& exchange) override;
  void expire(Instant now) override;
  std::size_t under_way() const override { return slots_.under_way(); }

 private:
  void on_ready(std::uint32_t events) override;
  void on_batch_end() override;
  bool fits(const Exchange& exchange);
  bool is_lost() const { return !fd_ && loop_.now() - down_since_ >= link_patience; }
  // The pairs that go with it; until the next is sent.
  std::span<const net::Header> headers_of(const Exchange& exchange);
  bool connect();
  void rest();
  void go_down(const std::string& why);
  void read_some();
  bool take_frames();
  void on_frame(net::LinkFrame& frame);
  void answer(std::unique_ptr<Exchange> exchange, net::LinkFrame& frame);
  void on_response(net::LinkFrame& frame);
  void on_begin(net::LinkFrame& frame);
  void on_part(const net::LinkFrame& frame);
  void on_stream_end(const net::LinkFrame& frame);
  void grant(std::uint32_t id);
  void read_pairs(net::LinkFrame& frame);
  void stream_whole(net::LinkFrame& frame);
  void flush();
  std::unique_ptr<Exchange> release(std::size_t slot);

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
  ExchangeSlots slots_;
  std::vector<net::Header> pairs_;       // of the answer at hand
  std::vector<net::Header> sent_pairs_;  // of the request at hand
};

}  // namespace slipway::routing
