// One container from its start to its removal.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/backoff.h"
#include "net/loop.h"
#include "place/docker/container_log.h"
#include "place/docker/container_notes.h"
#include "place/docker/engine_client.h"
#include "place/docker/engine_documents.h"
#include "place/docker/image_source.h"
#include "place/place.h"

namespace slipway::place {

// How long a container that has ended may take to hand over the last that it printed.
inline constexpr std::chrono::seconds log_drain_time{3};
// Between two tries to reach an engine that went away.
inline constexpr Backoff engine_retry{.first = std::chrono::milliseconds(500),
                                      .most = std::chrono::seconds(30)};
// A container that was forced and runs on is forced again.
inline constexpr std::chrono::seconds force_period{10};

// Holds what each container of a place needs of it. All of this outlives them.
struct ContainerNeeds {
  net::Loop& loop;
  const NoteBook& notes;
  ImageSource& images;
  LogSink* log;  // null: nobody keeps what is printed
  const ContainerNames& names;
  const ObservationSink& sink;
  // It becomes one of these: nothing more is told of it, and the life goes soon after.
  enum class Left : std::uint8_t { nothing, container };  // that is to be removed
  std::function<void(const InstanceKey&, Left)> over;
  std::function<void()> printed;  // push() is due
};

// Follows one key: makes its container, watches it and tells what it does. The engine is asked
// again where its answer was lost, so that a start is made once and an end is told once. The
// place's loop thread only.
class ContainerLife {
 public:
  // `notes` are written already.
  ContainerLife(const ContainerNeeds& needs, ContainerNotes notes);
  ~ContainerLife();
  ContainerLife(const ContainerLife&) = delete;
  ContainerLife& operator=(const ContainerLife&) = delete;

  // Once, one of these. `engine` outlives this object.
  void begin(EngineClient& engine, const EngineMachine& machine, InstanceSpec spec);
  // Goes on with what a former server left; the container was started.
  void resume(EngineClient& engine, const ContainerState& state);
  // It never runs.
  using Left = ContainerNeeds::Left;
  void fail(std::string reason, Left left = Left::nothing);

  // Politely, then by force after `grace`; what does not run yet is given up.
  void stop(std::chrono::milliseconds grace);
  // Offers what it printed to the log's sink.
  void push();
  // Tells `started` again where it runs.
  void tell_again() const;

  bool is_over() const { return phase_ == Phase::over; }

 private:
  enum class Phase : std::uint8_t { waiting, making, starting, running, ending, over };
  using Kind = Observation::Kind;

  // Wraps a callback so that it does nothing once this object is gone.
  template <typename F>
  auto here(F act) {
    return [alive = std::weak_ptr(alive_), act = std::move(act)](auto&&... what) mutable {
      if (!alive.expired()) act(std::forward<decltype(what)>(what)...);
    };
  }
  std::string path(std::string_view rest) const;
  void note();
  void tell(Observation observation) const;
  net::TimerId later(std::chrono::microseconds delay, void (ContainerLife::*act)());

  // Beginnings.
  void make();
  void on_made(Result<EngineAnswer> answer);
  void start();
  void on_started(Result<EngineAnswer> answer);
  void take(const ContainerState& state, Kind kind);

  // While it runs, and its end.
  void follow_log();
  void on_log_end(const Result<>& outcome);
  void await_end();
  void look();
  void look_later();
  void inspect(std::move_only_function<void(Result<ContainerState>)> then);
  void end(const ContainerState& state);
  void settle();
  void signal(std::string_view name);
  void force();

  const ContainerNeeds& needs_;
  ContainerNotes notes_;
  ContainerLog log_;
  EngineClient* engine_ = nullptr;
  EngineMachine machine_;
  InstanceSpec spec_;
  Phase phase_ = Phase::waiting;
  std::optional<std::chrono::milliseconds> stop_;  // asked before it ran
  ContainerState state_;                           // as it was seen last
  struct LogStream {
    net::CallId call = 0;  // 0: none
    bool whole = false;    // the last one ended in order
    bool paused = false;
  } stream_;
  std::uint64_t lost_looks_ = 0;  // in a row
  struct Timers {
    net::TimerId look = 0;
    net::TimerId force = 0;
    net::TimerId drain = 0;
  } timers_;
  std::shared_ptr<const int> alive_ = std::make_shared<int>(0);
};

}  // namespace slipway::place
