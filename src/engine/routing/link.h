// How a router talks to one instance: what a link sees of a request, what it tells, and the link.
// Implementations: FramedLink (our own programs), HttpLink (everybody's).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "engine/routing/request.h"

namespace slipway::routing {

// Limits.
inline constexpr std::chrono::milliseconds connect_timeout{1'000};

class Link;

// A request under way to an instance: all that a link sees of it, and what the link notes in it.
// Invocation is the router's, with what the caller is told and where the request stands.
class Exchange {
 public:
  Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  virtual ~Exchange() = default;

  // Its views stay valid as long as this object lives.
  InvokeRequest request;

 protected:
  // What the instance calls the model that is asked; empty: it has one.
  std::string_view instance_model_;

  // The link that it is under way on; null: none has it.
  Link* link() const { return link_; }
  // Whether its answer is streamed and began, on the link that has it or had it last.
  bool has_begun() const { return begun_; }

 private:
  friend class Link;
  Link* link_ = nullptr;
  std::uint64_t number_ = 0;  // which of the link's it is
  bool begun_ = false;
};

// Whether a streamed answer is read on.
enum class Flow : std::uint8_t { flowing, paused };

// Is told what became of an exchange. Called on the loop, never from within send() of the same
// exchange.
class LinkUser {
 public:
  virtual ~LinkUser() = default;
  virtual void on_answer(std::unique_ptr<Exchange> exchange, InvokeAnswer&& answer) = 0;
  // The instance cannot have seen it: it may be sent elsewhere.
  virtual void on_unsent(std::unique_ptr<Exchange> exchange, std::string_view why) = 0;
  virtual void on_failure(std::unique_ptr<Exchange> exchange, InvokeFailure failure,
                          std::string_view why) = 0;
  // A streamed answer of the 2xx kind; on_answer does not follow. The exchange may be dropped in
  // on_begun and on_part.
  virtual void on_begun(Exchange& exchange, InvokeAnswer&& head) = 0;
  virtual void on_part(Exchange& exchange, std::string_view bytes) = 0;
  virtual void on_ended(std::unique_ptr<Exchange> exchange) = 0;
  // The instance wants this one again by HTTP, because its answer does not fit into a frame.
  virtual void on_again_by_http(std::unique_ptr<Exchange> exchange) = 0;
};

// One way to one instance; many exchanges may be under way on it at once. Loop thread only. Owns
// what was sent until it tells its user what became of it; what is under way when it goes fails.
class Link {
 public:
  enum class Sent : std::uint8_t {
    taken,    // it is on its way
    not_now,  // the link is down or too busy: another instance may take it
    unfit,    // this way carries no such request, or is lost: another way to the instance may
  };

  virtual ~Link() = default;

  // Takes the exchange, or leaves it where it is. It fails with `timeout` after `time_limit`.
  virtual Sent send(std::unique_ptr<Exchange>& exchange, std::chrono::milliseconds time_limit) = 0;
  // Stops and restarts the reading of a streamed answer that began.
  virtual void set_paused(Exchange& exchange, Flow flow) = 0;
  // Ends the exchange without a word to the user and destroys it, at the latest when what the loop
  // is at has returned.
  virtual void drop(Exchange& exchange) = 0;
  // Fails what should have been answered by now. Called every tenth of a second while anything is
  // under way.
  virtual void expire(Instant now) = 0;
  virtual std::size_t under_way() const = 0;

 protected:
  // What an implementation notes. It is on this link from now on, under that number:
  void note_taken(Exchange& exchange, std::uint64_t number) {
    exchange.link_ = this;
    exchange.number_ = number;
    exchange.begun_ = false;
  }
  // Its streamed answer begins: on_begun() follows.
  static void note_begun(Exchange& exchange) { exchange.begun_ = true; }
  // The user has it again next.
  static void note_over(Exchange& exchange) { exchange.link_ = nullptr; }
  static std::uint64_t number_of(const Exchange& exchange) { return exchange.number_; }
  static bool has_begun(const Exchange& exchange) { return exchange.begun_; }
  static std::string_view model_of(const Exchange& exchange) { return exchange.instance_model_; }
};

}  // namespace slipway::routing
