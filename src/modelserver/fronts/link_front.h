// The framed link: connections from routers on a unix socket.
#pragma once

#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "modelserver/fronts/request_sink.h"
#include "net/link_frame.h"
#include "net/loop.h"
#include "net/socket.h"

namespace slipway::modelserver {

// Bytes of answers that wait for a router that does not read; past it nothing more is read from it.
inline constexpr std::size_t link_output_bytes_max = std::size_t{32} << 20;
// Bytes taken in by one read.
inline constexpr std::size_t link_read_bytes = std::size_t{256} << 10;

class LinkFront;

// One connection. Loop thread only. Lives as long as the front or an unanswered request holds it.
class LinkConnection final : public net::Watcher,
                             public std::enable_shared_from_this<LinkConnection> {
 public:
  LinkConnection(LinkFront& front, net::Fd socket);
  ~LinkConnection() override;

  void on_ready(std::uint32_t events) override;
  // Queues an answer; it is written at the end of the batch. After close() nothing happens.
  void respond(std::uint32_t id, const Answer& answer, net::LinkPace pace = 0);
  // An answer in parts, frame by frame; `answer` has its status and content type.
  void begin(std::uint32_t id, const Answer& answer);
  void part(std::uint32_t id, std::string_view bytes);
  void end(std::uint32_t id);
  void abort(std::uint32_t id, std::string_view why);
  bool open() const { return front_ != nullptr; }
  // Writes what is queued, as far as the socket takes it.
  void flush();
  void close();

 private:
  void read();
  void take_frames();
  // Returns where the next frame is written; null once closed.
  std::string* output();
  void submit(const net::LinkFrame& frame);
  void update_watch();

  LinkFront* front_;
  net::Fd socket_;
  net::LinkInput input_;
  std::string output_;
  std::size_t written_ = 0;
  std::uint32_t watched_ = 0;
};

// The pair of a request that says which of many models it is for.
inline constexpr std::string_view link_model_name = "x-slipway-model";

// Listens and keeps the connections. Loop thread only; `loop` and `sink` outlive it.
class LinkFront final : public net::Watcher, public net::BatchHook {
 public:
  LinkFront(net::Loop& loop, RequestSink& sink, net::Fd listener);
  ~LinkFront() override;

  void on_ready(std::uint32_t events) override;
  // No new connections; those that are there go on.
  void stop_listening();

  void on_batch_end() override;

 private:
  friend class LinkConnection;

  // A link has bytes to be written at the end of this batch, behind everything that answers.
  void flush_later(std::shared_ptr<LinkConnection> link);

  net::Loop& loop_;
  RequestSink& sink_;
  std::vector<std::shared_ptr<LinkConnection>> dirty_;
  net::Fd listener_;
  std::unordered_set<std::shared_ptr<LinkConnection>> connections_;
};

}  // namespace slipway::modelserver
