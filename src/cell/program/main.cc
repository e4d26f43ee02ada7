// slipway-cell: makes a cell around one program and leaves.
//
//   slipway-cell                  reads an order from standard input, answers on standard output
//   slipway-cell --probe FOLDER   prints what this machine has to close cells with; FOLDER is empty
//                                 and may be written
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "cell/cell.h"

namespace {

using namespace slipway;

constexpr int status_failed = 1;

int find_layers(const char* folder) {
  const std::string program = std::filesystem::read_symlink("/proc/self/exe");
  std::puts(cell::to_text(cell::probe(folder, program)).c_str());
  std::fflush(stdout);
  return 0;
}

std::string read_order() {
  std::string text;
  char bytes[16384];
  while (!cell::is_whole(text) && text.size() < cell::order_bytes_max) {
    const ssize_t got = ::read(0, bytes, sizeof bytes);
    if (got == 0 || (got < 0 && errno != EINTR)) break;
    if (got > 0) text.append(bytes, static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  // The program of a trial: that it came so far is the answer.
  if (std::getenv("SLIPWAY_CELL_TRIAL") != nullptr) return ::pause();
  std::signal(SIGPIPE, SIG_IGN);
  if (argc == 3 && std::string_view(argv[1]) == "--probe") return find_layers(argv[2]);
  const auto keeper = cell::start(read_order(), 1, {});
  if (keeper) return 0;
  // fmt::print would throw where it cannot be written.
  std::fputs(fmt::format("slipway-cell: {}\n", keeper.error().message).c_str(), stderr);
  return status_failed;
}
