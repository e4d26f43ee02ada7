// An answer in parts on its way from a model to whoever asked.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "modelserver/backends/model.h"
#include "net/loop.h"

namespace slipway::modelserver {

// Bytes that are collected for somebody who cannot take an answer in parts.
inline constexpr std::size_t collected_bytes_max = std::size_t{32} << 20;
// From the going away of whoever asked to the end of the model's code, before it is ended by force.
inline constexpr std::chrono::seconds stop_time_max{10};

// Says whether a sink takes more right away.
enum class Room : std::uint8_t { left, none };

// A sink is where parts go. Loop thread.
class PartSink {
 public:
  virtual ~PartSink() = default;
  // Room::none: the bytes were taken, and no more may come until the stream is told to go on.
  virtual Room write(std::string_view bytes) = 0;
  virtual void end() = 0;
  virtual void abort(std::string_view why) = 0;
};

// Reads the source as fast as the sink takes it. Loop thread; `loop` outlives it. `done` is called
// once, when the source has ended or was given up, never from within the constructor; the owner
// destroys this then, but not within that call.
class AnswerStream final : public net::Watcher {
 public:
  AnswerStream(net::Loop& loop, std::shared_ptr<PartSource> source, std::unique_ptr<PartSink> sink,
               std::function<void(AnswerStream&)> done);
  ~AnswerStream() override;

  void on_ready(std::uint32_t events) override;
  // The sink has room again.
  void go_on();
  // Nobody waits any more: the model's code is asked to end.
  void reader_gone();

 private:
  enum class State : std::uint8_t { flowing, paused, stopping, ended };

  void take(const PartSource::Chunk& chunk);
  void finish();
  void watch();
  void unwatch();
  void watch_time();

  net::Loop& loop_;
  std::shared_ptr<PartSource> source_;  // null once it ended: what it holds is free again
  std::unique_ptr<PartSink> sink_;
  std::function<void(AnswerStream&)> done_;
  State state_ = State::flowing;
  bool watched_ = false;
  Instant last_at_;  // something came, or was let in again
  net::TimerId timer_ = 0;
};

}  // namespace slipway::modelserver
