#include "place/process/zygote.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "base/backoff.h"
#include "base/fd.h"
#include "base/log.h"
#include "place/process/pidfd.h"
#include "place/process/process_place.h"
#include "place/process/spawn.h"
#include "place/process/starter.h"

namespace slipway::place {

namespace {

constexpr Backoff restart_backoff{.first = std::chrono::seconds(1),
                                  .most = std::chrono::seconds(60)};
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

Zygote::Zygote(net::Loop& loop, std::vector<std::string> command, std::filesystem::path directory,
               const std::string& reach)
    : loop_(loop),
      command_(std::move(command)),
      directory_(std::move(directory)),
      socket_(reach + "/" + socket_name) {}

Zygote::~Zygote() {
  loop_.cancel(restart_);
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
  if (pidfd_) loop_.unwatch(pidfd_.get(), *this);
  pidfd_.reset();
  close_one(input_);
  close_one(output_);
  ready_ = false;
}

void Zygote::on_ready(std::uint32_t) noexcept {
  if (::waitpid(pid_, nullptr, WNOHANG) == 0) return;
  log_warning("place", "the warmed parent ended; instances start plainly until it is back",
              {{"log", directory_ / "zygote.log"}});
  pid_ = 0;
  close_all();
  start_later();
}

void Zygote::begin() {
  if (command_.empty()) return;
  restart_ = 0;
  if (!start()) start_later();
}

void Zygote::start_later() {
  restart_ = loop_.after(restart_backoff.after(++failures_), [this]() noexcept { begin(); });
}

// False: it cannot be started.
bool Zygote::start() {
  int in[2];
  int out[2];
  if (::pipe2(in, O_CLOEXEC) != 0) return false;
  if (::pipe2(out, O_CLOEXEC) != 0) {
    ::close(in[0]);
    ::close(in[1]);
    return false;
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
  if (!started) {
    log_warning("place", started.error().message);
    close_all();
    return false;
  }
  pid_ = *started;
  pidfd_.reset(pidfd_open(pid_));
  if (pidfd_) {
    loop_.watch(pidfd_.get(), EPOLLIN, *this);
    return true;
  }
  ::kill(pid_, SIGKILL);
  ::waitpid(std::exchange(pid_, 0), nullptr, 0);
  close_all();
  return false;
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
