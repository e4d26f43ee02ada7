// A request on its way through a router: what its caller is told, and where it stands.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "engine/routing/capture.h"
#include "engine/routing/concurrency_limiter.h"
#include "engine/routing/counters.h"
#include "engine/routing/instance_link.h"
#include "engine/routing/link.h"
#include "engine/routing/model_loader.h"
#include "engine/routing/request.h"
#include "engine/routing/routes.h"
#include "engine/routing/serial_pipeline.h"

namespace slipway::routing {

class Invocation;

// Whoever carries an invocation, as far as the invocation's owner may tell him something.
class Carrier {
 public:
  virtual ~Carrier() = default;
  virtual void set_paused(Invocation& invocation, Flow flow) = 0;
  virtual void give_up(Invocation& invocation) = 0;
};

// A request on its way. The door derives from it, keeps in it what it needs to answer, and hands it
// over: from then on the router owns it and destroys it after the one call of answered(), ended()
// or failed().
class Invocation : public Exchange {
 public:
  // An instance was picked and the request is on its way to it; again for each further attempt.
  virtual void sent() {}

  // Exactly one of answered(), failed() and ended(), once, on the router's loop. They may call
  // invoke(). A streamed answer of another kind than 2xx comes by answered(), whole.
  virtual void answered(const InvokeAnswer& answer) = 0;
  // `detail` is a sentence; `variant` is empty where none was picked. Of a streamed answer: also
  // after begun(), in place of what is missing.
  virtual void failed(InvokeFailure failure, std::string_view detail, std::string_view variant) = 0;

  // A streamed answer: its head (`body` is empty), its bytes as they came, its end.
  virtual void begun(const InvokeAnswer& head) { (void)head; }
  virtual void part(std::string_view bytes) { (void)bytes; }
  virtual void ended() {}

  // Stops and restarts the reading of a streamed answer, from begun() on: whoever cannot take more
  // slows the instance down. After pause() at most what was already read, or on its way within the
  // link's window, still comes. Nothing is called from within these. The time limit runs on.
  void pause() {
    if (carrier_ != nullptr) carrier_->set_paused(*this, Flow::paused);
  }
  void resume() {
    if (carrier_ != nullptr) carrier_->set_paused(*this, Flow::flowing);
  }
  // The container that the request is at, or was at when it ended; empty where the variant has one,
  // or none was picked.
  std::string_view container() const {
    return variant_ == nullptr ? std::string_view() : variant_->container();
  }
  // Nobody waits for the answer any more: the instance is told where it can be (its connection is
  // cut, or the link says so), nothing further is called, and this object is destroyed: soon, where
  // it is called from within begun() or part(), else at once. Not from within answered(), failed()
  // or ended(), and not before invoke() returned.
  void give_up() {
    if (carrier_ != nullptr) carrier_->give_up(*this);
  }

 private:
  // Routers alone ask it the following, and note in it where the request is and since when.
  friend class RouterCore;
  friend class ElasticDispatch;
  friend class ModelDispatch;

  // What is left of its time; a little in any case.
  std::chrono::milliseconds time_left(Instant now) const;
  // What its model took, were it answered now; of a series, what all of them took.
  std::chrono::microseconds model_time(Instant now) const;
  // The most bytes that its answer may have.
  std::uint64_t answer_limit() const;
  void tell_origin(InvokeAnswer& answer, Instant now) const;
  void count_answer(int status, Instant now) const;
  void set_model(ModelHandle model);
  // Whether the instance says, for the first time, that it has the model no more: it is loaded
  // anew for whoever asks next.
  bool has_lost_model(int status);
  // Tells that it failed, and counts it where a variant was picked.
  void refuse(InvokeFailure failure, std::string_view detail);

  std::shared_ptr<const GenerationRoute> route_;
  // Of a copy: the generation that it is made for, and no other gets it. 0: whichever its permit
  // is.
  Generation generation_ = 0;
  const VariantRoute* variant_ = nullptr;
  VariantCells* cells_ = nullptr;
  Carrier* carrier_ = nullptr;        // from invoke() to the end
  InstanceLink* instance_ = nullptr;  // that it was sent to last
  ModelHandle model_;                 // what keeps the model loaded
  bool model_lost_ = false;  // an instance did not have it any more: it was loaded once more
  Instant arrived_at_ = {};
  Instant sent_at_ = {};
  unsigned attempts_ = 0;
  std::unique_ptr<CaptureRecord> captured_;  // of a streamed answer, while it comes
  Permit permit_;                            // of an elastic variant
  std::uint64_t streamed_bytes_ = 0;         // of its answer, so far
  Audience audience_ = Audience::callers;
  std::unique_ptr<SerialPipeline> pipeline_;  // of a serial variant
};

}  // namespace slipway::routing
