// Carries requests to instances: picks the variant and the instance, sends, waits, answers.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "engine/routing/capture.h"
#include "engine/routing/model_loader.h"
#include "engine/routing/routes.h"
#include "net/http.h"

namespace slipway::net {
class Loop;
}

namespace slipway::routing {

// Limits.
inline constexpr std::size_t link_backlog_bytes_max = 16 * 1024 * 1024;  // unsent, per link
inline constexpr std::size_t answer_bytes_max = 26 * 1024 * 1024;
inline constexpr std::chrono::milliseconds connect_timeout{1'000};
inline constexpr unsigned attempts_max = 3;  // instances tried before giving up
// A request that meets a fleet whose instances are all being replaced waits so long for one.
inline constexpr std::chrono::milliseconds hold_time_max{5'000};
inline constexpr std::size_t held_max = 1'024;  // requests that wait so, per router

using HeaderView = net::Header;

class RouterCore;
class InstanceLink;
class Relay;
struct VariantCells;

// How an answer of the 2xx kind is handed over.
enum class AnswerMode : std::uint8_t {
  whole,     // collected: one answered()
  streamed,  // as it comes: begun(), part() any number of times, ended()
};

// Where at its link an exchange is.
struct ExchangePlace {
  enum class Way : std::uint8_t { none, framed, http };
  Way way = Way::none;
  std::uint64_t number = 0;  // framed: the slot; http: the client's call
  bool begun = false;        // the answer is streamed, and begun() was told
};

// What to send. Header names and values, the body and the names are views: they belong to the
// Invocation.
struct InvokeRequest {
  std::string_view fleet;
  std::string_view target_variant;  // empty: by weight
  Access access = Access::direct;   // the fleet's own, or the request is refused
  std::string_view model;           // of a variant that has many; empty: none was named
  std::string_view container;       // which one, of a variant in direct execution; else empty
  // Not empty: the key of the one instance that may get it; it is never sent elsewhere.
  std::string_view instance;
  std::string_view content_type;  // empty: none was given
  std::string_view accept;
  std::span<const HeaderView> headers;  // further ones, sent as they are
  std::string_view body;
  // What a captured copy says of the request beside its bodies.
  std::string_view caller_id;
  std::string_view caller_note;
  // Not empty: the body stands in files instead, and goes by HTTP as it is read. Called for each
  // attempt.
  std::function<net::FileSequence()> body_files;
  AnswerMode answer_mode = AnswerMode::whole;
  // From the arrival to the answer's end, whatever the receiver's pace; 0: the fleet's own limit,
  // and of an elastic variant at most that.
  std::chrono::milliseconds time_limit{0};
};

// What the instance said: any status, its 4xx and 5xx too. Views live until answered() returns.
struct InvokeAnswer {
  int status = 200;
  std::string_view content_type;
  std::span<const HeaderView> headers;  // without content type, length and connection's own
  std::string_view body;
  std::string* body_owned = nullptr;  // not null: the body stands in this string, take it
  std::string_view variant;
  std::string_view container;  // empty: the variant has one
  // Its key; empty: none can be asked again (in series, elastic, of many models).
  std::string_view instance;
  std::chrono::microseconds model_time{0};  // from sent to answered; of a series: all of them
  // begun(): what the fleet asks of whoever passes it on.
  PartBorder part_border = PartBorder::none;
};

enum class InvokeFailure : std::uint8_t {
  not_found,          // there is no such fleet
  other_access,       // the fleet takes requests of the other kind of access
  no_such_variant,    // the fleet has no variant of that name
  no_such_container,  // the variant needs a container's name, and it has none of the one given
  not_direct,         // a container was named, and the variant's containers are not asked directly
  no_such_instance,   // the instance that was named is gone
  other_instance,     // it is none of the variant or the container that was named with it
  not_serving,        // nothing of the fleet serves: its first generation is not up, or failed
  at_zero,            // the variant wants no instance, and refuses meanwhile
  offered,            // the variant runs nothing of its own: other fleets are placed on it
  unavailable,        // it had no instance for hold_time_max, or all were too busy or unreachable
  timeout,            // the instance did not answer within the fleet's request timeout
  broken,             // the instance ended or cut the connection with the request under way
  too_large,          // the answer passed answer_bytes_max, or an elastic variant's own limit;
                      // of a streamed one, also after it began
  // Of elastic variants:
  request_too_large,  // the request passed the variant's own limit
  throttled,          // concurrency_max were under way, for turn_wait_max
  not_ready,          // no instance was up within the request's time
  start_failed,       // its instances do not start; `detail` says why
  // Of variants with many models:
  model_missing,     // the request names none
  model_unexpected,  // the request names one, and the variant does not have many
  no_such_model,     // nothing stands where the model should; the detail is its URI
  model_unusable,    // what stands there cannot be fetched or unpacked
  model_loading,     // the model was not loaded in time; the loading goes on
};

std::string_view name_of(InvokeFailure failure);

// A request on its way. The door derives from it, keeps in it what it needs to answer, and hands it
// over: from then on the router owns it and destroys it after the one call of answered(), ended()
// or failed().
class Invocation {
 public:
  Invocation();
  Invocation(const Invocation&) = delete;
  Invocation& operator=(const Invocation&) = delete;
  virtual ~Invocation();

  // Its views stay valid as long as this object lives.
  InvokeRequest request;

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
  void pause();
  void resume();
  // The container that the request is at, or was at when it ended; empty where the variant has one,
  // or none was picked.
  std::string_view container() const;
  // Nobody waits for the answer any more: the instance is told where it can be (its connection is
  // cut, or the link says so), nothing further is called, and this object is destroyed: soon, where
  // it is called from within begun() or part(), else at once. Not from within answered(), failed()
  // or ended(), and not before invoke() returned.
  void give_up();

 private:
  friend class RouterCore;
  friend class InstanceLink;
  friend class FramedLink;
  friend class HttpStream;
  friend class ElasticLines;

  // What the instance calls the model that is asked; empty: it has one.
  std::string_view model_name() const { return model_ ? model_.name() : std::string_view(); }

  // The router's: where the request is and since when.
  std::shared_ptr<const FleetRoute> route_;
  const VariantRoute* variant_ = nullptr;
  VariantCells* cells_ = nullptr;
  RouterCore* router_ = nullptr;  // from invoke() to the end
  InstanceLink* link_ = nullptr;
  ExchangePlace place_;
  ModelHandle model_;        // what keeps the model loaded
  bool model_lost_ = false;  // an instance did not have it any more: it was loaded once more
  Instant arrived_at_ = {};
  Instant sent_at_ = {};
  unsigned attempts_ = 0;
  std::unique_ptr<CaptureRecord> captured_;  // of a streamed answer, while it comes
  ElasticTurn turn_;                         // of an elastic variant
  std::uint64_t streamed_bytes_ = 0;         // of its answer, so far
  Audience audience_ = Audience::callers;
  std::unique_ptr<Relay> relay_;  // of a serial variant
};

// Counts since the router's start, readable from any thread; one set for each router and fleet
// variant, summed by the reader.
struct LatencyHistogram {
  // Bucket i counts model times in [2^i, 2^(i+1)) microseconds.
  std::array<std::uint64_t, 32> buckets = {};
};
struct VariantCounters {
  std::string fleet;
  std::string variant;
  std::uint64_t invocations = 0;
  std::uint64_t answers_4xx = 0;
  std::uint64_t answers_5xx = 0;
  std::uint64_t failures = 0;
  std::uint64_t model_time_us = 0;
  std::uint64_t request_bytes = 0;
  std::uint64_t answer_bytes = 0;  // of whole answers
  LatencyHistogram model_time;
};

// One for each I/O loop; every method on that loop's thread unless said otherwise. Holds that
// thread's own connections to instances. Destroyed on the loop's thread, or after the loop ended.
//
// A request is tried on another instance only where the first cannot have seen it (connection
// refused, or the link went down before a byte of it was sent). What an instance answers, with any
// status, is passed up. Bodies that fit go over the instance's framed link, where it has one; all
// others by HTTP.
class Router {
 public:
  // Everything outlives this object. Without `captures` nothing is captured.
  Router(net::Loop& loop, RouteTable& routes, Random& random, CaptureBuffer* captures = nullptr);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  void invoke(std::unique_ptr<Invocation> invocation);

  // The fleet as this router sees it now; null where there is none of that name.
  std::shared_ptr<const FleetRoute> route_of(std::string_view fleet);

  // From any thread: what was counted so far.
  std::vector<VariantCounters> counters() const;

 private:
  std::shared_ptr<RouterCore> core_;
};

}  // namespace slipway::routing
