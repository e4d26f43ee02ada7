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
#include "place/place.h"

namespace slipway::place {

// Keeps one zygote running and asks it for instances. One thread. The zygote ends with this object
// (or with the server: it reads a pipe of ours to its end); its instances live on.
class Zygote {
 public:
  // `command`: the program and its arguments; the socket's path is appended. `directory`: where the
  // socket and the zygote's log go; `reach`: a path to it that is short enough for a socket's
  // address. Empty command: never available.
  Zygote(std::vector<std::string> command, std::filesystem::path directory,
         const std::string& reach);
  ~Zygote();
  Zygote(const Zygote&) = delete;
  Zygote& operator=(const Zygote&) = delete;

  // Starts it where it does not run; it becomes available a little later. Called now and then.
  void tend();
  // Whether it would take this order: it is ready, and the program is its own.
  bool takes(const cell::Order& order);

  // Sends it the order for an instance in a cell; the answer comes on the socket
  // (read_cell_answer()). unavailable of kind "silent": it is not reached.
  Result<Fd> ask(const cell::Order& order);
  // One that does not answer is ended, and begun anew by tend().
  void note_answer(bool answered);

 private:
  bool reap();
  void close_all();

  const std::vector<std::string> command_;
  const std::filesystem::path directory_;
  const std::string socket_;
  pid_t pid_ = 0;
  int input_ = -1;   // our end of its standard input
  int output_ = -1;  // its "ready"
  bool ready_ = false;
  unsigned failures_ = 0;
  std::chrono::steady_clock::time_point not_before_ = {};
};

}  // namespace slipway::place
