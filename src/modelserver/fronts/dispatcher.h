// Gathers the requests of one batch of the loop and gives them to the model.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/worker_pool.h"
#include "modelserver/backends/model.h"
#include "modelserver/fronts/answer_stream.h"
#include "modelserver/fronts/request_sink.h"
#include "modelserver/fronts/run_pace.h"
#include "modelserver/options.h"
#include "net/http_server.h"
#include "net/link_frame.h"
#include "net/loop.h"
#include "net/precise_timer.h"

namespace slipway::modelserver {

class LinkSink;

// Requests that may wait, and the bytes of their bodies; past either: 503.
inline constexpr std::size_t waiting_requests_max = 8192;
inline constexpr std::size_t waiting_bytes_max = std::size_t{512} << 20;

// The body of a slow model's request that runs on the loop all the same (lone_run_time_max).
inline constexpr std::size_t lone_body_bytes_max = std::size_t{64} << 10;
// How many requests must come alone before the next one counts as such again.
inline constexpr unsigned lone_requests_min = 64;

// Requests wait until the end of the loop's batch, so that all that arrived together, over one link
// or several, run together: batches form by themselves. Nobody waits for one, unless Batching says
// how long to wait for more, or another batch runs: then what is there waits a part of a run for
// its share of those that are under way, since a batch of few costs nearly what one of many does.
// How long a request takes is measured as it goes; the first ones run on worker threads, and when
// that shows the model to be fast the rest runs on the loop thread itself, without a hop.
//
// Loop thread only. `loop` outlives it, and runs no more when it goes, unless it is idle().
class Dispatcher final : public net::BatchHook, public RequestSink {
 public:
  // `pool`: worker threads that it shares with others and that outlive it; null: it makes its own
  // when it needs them.
  Dispatcher(net::Loop& loop, Batching batching, WorkerPool* pool = nullptr);
  ~Dispatcher() override;

  // From here on requests are answered by `model`; before, with 503.
  void set_model(std::unique_ptr<Model> model);
  const Model* model() const { return model_.get(); }
  // Gives the model back; to be called when idle().
  std::unique_ptr<Model> take_model() { return std::move(model_); }

  // A request that names a model is refused with 404: there is one, without a name.
  void submit(std::string_view model, const ModelCall& invocation, Reply reply) override;
  void submit(const ModelCall& invocation, Reply reply);
  // Ends what answers in parts.
  void cancel(const LinkConnection& link, std::uint32_t id) override;

  void add_credit(const LinkConnection& link, std::uint32_t id, std::uint32_t bytes) override;
  void link_closed(const LinkConnection& link) override;

  bool idle() const { return waiting_.empty() && running_ == 0 && streams_.empty(); }
  // Runs once, at the end of the first batch that leaves nothing to do.
  void when_idle(Task task);

  void on_batch_end() override;

 private:
  struct Waiting;
  struct Stream {
    std::unique_ptr<AnswerStream> stream;
    LinkSink* link = nullptr;  // its sink, where it goes over a link
  };
  struct Batch;

  std::size_t batch_max() const;
  bool waits_for_more();
  std::chrono::nanoseconds wait_of(std::size_t* enough) const;
  std::size_t free_slots() const;
  bool comes_alone();
  void run_here();
  void run_batch_here();
  void run_elsewhere();
  std::unique_ptr<Batch> take_batch(std::size_t count);
  void finish(Batch& batch, std::chrono::nanoseconds took);
  void keep_bytes();
  void send(Waiting& waiting, Answer& answer);
  void start_stream(Reply& reply, Answer& answer);
  Stream* find_stream(const LinkConnection& link, std::uint32_t id);
  void stream_done(AnswerStream& stream);
  void cancel_stream(const LinkConnection& link, std::uint32_t id);

  net::Loop& loop_;
  const Batching batching_;
  std::unique_ptr<net::PreciseTimer> timer_;  // made when first needed
  bool waited_enough_ = false;
  std::unique_ptr<Model> model_;
  std::unique_ptr<WorkerPool> own_pool_;  // made when first needed
  WorkerPool* pool_;
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::size_t running_ = 0;           // batches on worker threads
  std::size_t running_requests_ = 0;  // in them
  unsigned alone_ = 0;                // requests, one after the other
  std::unique_ptr<Batch> spare_;
  std::vector<Stream> streams_;
  RunPace pace_;
  Task idle_task_;
};

}  // namespace slipway::modelserver
