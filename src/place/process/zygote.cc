#include "place/process/zygote.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/fd.h"
#include "base/log.h"
#include "place/process/process_place.h"
#include "place/process/spawn.h"
#include "place/process/starter.h"

namespace slipway::place {

namespace {

constexpr std::chrono::seconds restart_delay{1};
constexpr std::chrono::seconds restart_delay_max{60};
constexpr int descriptor_min = 64;
constexpr const char* socket_name = "zygote.sock";

Result<Fd> connect_to(const std::string& path) {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return socket;
  return fail(ErrorCode::unavailable,
              fmt::format("The warmed parent is not reached: {}.", errno_text(errno)), "silent");
}

int move_up(int fd) {
  const int high = ::fcntl(fd, F_DUPFD_CLOEXEC, descriptor_min);
  ::close(fd);
  return high;
}

void close_one(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

}  // namespace

Zygote::Zygote(std::vector<std::string> command, std::filesystem::path directory,
               const std::string& reach)
    : command_(std::move(command)),
      directory_(std::move(directory)),
      socket_(reach + "/" + socket_name) {}

Zygote::~Zygote() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    close_all();
    pollfd ended{.fd = -1, .events = 0, .revents = 0};
    for (int tries = 0; tries < 200 && ::waitpid(pid_, nullptr, WNOHANG) == 0; ++tries)
      ::poll(&ended, 0, 5);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

void Zygote::close_all() {
  close_one(input_);
  close_one(output_);
  ready_ = false;
}

// Whether none runs.
bool Zygote::reap() {
  if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == 0) return false;
  if (pid_ > 0) {
    log_warning("place", "the warmed parent ended; instances start plainly until it is back",
                {{"log", directory_ / "zygote.log"}});
    const auto delay = restart_delay * (1LL << std::min(failures_++, 6U));
    not_before_ = std::chrono::steady_clock::now() +
                  std::min<std::chrono::steady_clock::duration>(delay, restart_delay_max);
    pid_ = 0;
    close_all();
  }
  return true;
}

void Zygote::tend() {
  if (command_.empty() || !reap() || std::chrono::steady_clock::now() < not_before_) return;
  int in[2];
  int out[2];
  if (::pipe2(in, O_CLOEXEC) != 0) return;
  if (::pipe2(out, O_CLOEXEC) != 0) {
    ::close(in[0]);
    ::close(in[1]);
    return;
  }
  for (int* fd : {&in[0], &in[1], &out[0], &out[1]}) *fd = move_up(*fd);
  SpawnRequest request{.argv = command_,
                       .environment = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}},
                       .directory = directory_,
                       .log_file = directory_ / "zygote.log",
                       .standard_input = in[0],
                       .standard_output = out[1],
                       .open_files_max = open_files_max};
  request.argv.push_back(socket_name);
  const auto started = spawn(request);
  ::close(in[0]);
  ::close(out[1]);
  input_ = in[1];
  output_ = out[0];
  ::fcntl(output_, F_SETFL, O_NONBLOCK);
  if (started) {
    pid_ = *started;
    return;
  }
  log_warning("place", started.error().message);
  not_before_ = std::chrono::steady_clock::now() + restart_delay_max;
  close_all();
}

bool Zygote::takes(const cell::Order& order) {
  if (pid_ == 0 || command_.empty() || order.arguments.front() != command_.front()) return false;
  if (!ready_) {
    char text[64];
    ready_ = ::read(output_, text, sizeof text) > 0;
  }
  return ready_;
}

Result<Fd> Zygote::ask(const cell::Order& order) {
  TRY(const std::string text, cell::to_text(order));
  TRY(Fd socket, connect_to(socket_));
  if (!send_order(socket.get(), text)) return no_cell_answer();
  return socket;
}

void Zygote::note_answer(bool answered) {
  if (answered)
    failures_ = 0;
  else if (pid_ > 0)
    ::kill(pid_, SIGKILL);
}

}  // namespace slipway::place
