// The warmed parent that instances are forked from (protocol: src/modelserver/README.md).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "cell/order.h"
#include "net/loop.h"
#include "place/place.h"

namespace slipway::place {

// Keeps one zygote running and asks it for instances. The loop's thread only. The zygote ends with
// this object (or with the server: it reads a pipe of ours to its end); its instances live on.
class Zygote final : public net::Watcher {
 public:
  // `command`: the program and its arguments; the socket's path is appended. `directory`: where the
  // socket and the zygote's log go; `reach`: a path to it that is short enough for a socket's
  // address. Empty command: never available. `loop` outlives this object.
  Zygote(net::Loop& loop, std::vector<std::string> command, std::filesystem::path directory,
         const std::string& reach);
  ~Zygote() override;
  Zygote(const Zygote&) = delete;
  Zygote& operator=(const Zygote&) = delete;

  // Starts it; it becomes available a little later. Where it ends, or cannot be started, it is
  // started again: after 1 s, doubling to 60 s until it answers.
  void begin();
  // Whether it would take this order: it is ready, and the program is its own.
  bool takes(const cell::Order& order);

  // Sends it the order for an instance in a cell; the answer comes on the socket
  // (read_cell_answer()). unavailable of kind "silent": it is not reached.
  Result<Fd> ask(const cell::Order& order);
  // One that does not answer is ended.
  void note_answer(bool answered);

 private:
  void on_ready(std::uint32_t events) noexcept override;  // it has ended
  bool start();
  void start_later();
  void close_all();

  net::Loop& loop_;
  const std::vector<std::string> command_;
  const std::filesystem::path directory_;
  const std::string socket_;
  pid_t pid_ = 0;
  Fd pidfd_;
  int input_ = -1;   // our end of its standard input
  int output_ = -1;  // its "ready"
  bool ready_ = false;
  unsigned failures_ = 0;
  net::TimerId restart_ = 0;
};

}  // namespace slipway::place
