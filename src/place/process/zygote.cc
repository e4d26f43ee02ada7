#include "place/process/zygote.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>

#include "base/log.h"
#include "place/process/process_place.h"
#include "place/process/spawn.h"

namespace slipway::place {

namespace {

constexpr std::chrono::seconds restart_delay{1};
constexpr std::chrono::seconds restart_delay_max{60};
constexpr std::size_t answer_bytes_max = 64 * 1024;
constexpr int descriptor_min = 64;
constexpr const char* socket_name = "zygote.sock";

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += '\\';
    if (byte < 0x20)
      out += fmt::format("\\u{:04x}", byte);
    else
      out += c;
  }
  return out + '"';
}

std::string request_line(const InstanceSpec& spec, const RunDirectory& directory) {
  std::string line = R"({"argv":[)";
  for (std::size_t i = 0; i < spec.argv.size(); ++i)
    line += (i == 0 ? "" : ",") + json_text(spec.argv[i]);
  line += R"(],"env":{)";
  bool first = true;
  for (const auto& [name, value] : spec.environment) {
    line += (first ? "" : ",") + json_text(name) + ":" + json_text(value);
    first = false;
  }
  return line + R"(},"run_dir":)" + json_text(directory.path().string()) + R"(,"lock":)" +
         json_text(directory.file("lock")) + "}\n";
}

std::optional<std::uint64_t> number_after(std::string_view text, std::string_view name) {
  std::size_t at = text.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  at = text.find_first_of("0123456789", at + name.size());
  if (at == std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  std::from_chars(text.data() + at, text.data() + text.size(), value);
  return value;
}

Result<ProcessId> read_answer(std::string_view answer) {
  const auto pid = number_after(answer, "\"pid\"");
  const auto start_time = number_after(answer, "\"start_time\"");
  if (pid && start_time) return ProcessId{static_cast<pid_t>(*pid), *start_time};
  const std::string kind = answer.find("\"locked\"") == std::string_view::npos ? "" : "locked";
  return fail(ErrorCode::unavailable, fmt::format("The warmed parent answered {}.", answer), kind);
}

// One line there, one line back, on a connection of its own.
Result<std::string> converse(const std::string& path, std::string_view line) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{.tv_sec = zygote_answer_max.count() / 1000, .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  bool fine = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  while (fine && !line.empty()) {
    const ssize_t sent = ::send(fd, line.data(), line.size(), MSG_NOSIGNAL);
    fine = sent > 0;
    if (fine) line.remove_prefix(static_cast<std::size_t>(sent));
  }
  std::string answer;
  char part[4096];
  while (fine && !answer.ends_with('\n') && answer.size() < answer_bytes_max) {
    const ssize_t got = ::recv(fd, part, sizeof part, 0);
    fine = got > 0;
    if (fine) answer.append(part, static_cast<std::size_t>(got));
  }
  ::close(fd);
  if (!answer.ends_with('\n'))
    return fail(ErrorCode::unavailable, "The warmed parent did not answer.");
  answer.pop_back();
  return answer;
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
                       .lock_file = {},
                       .pid_file = {},
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

bool Zygote::takes(const InstanceSpec& spec) {
  if (pid_ == 0 || command_.empty() || spec.argv.empty()) return false;
  if (spec.argv.front() != command_.front()) return false;
  if (!ready_) {
    char text[64];
    ready_ = ::read(output_, text, sizeof text) > 0;
  }
  return ready_;
}

Result<ProcessId> Zygote::start(const InstanceSpec& spec, const RunDirectory& directory) {
  auto answer = converse(socket_, request_line(spec, directory));
  if (!answer) {
    ::kill(pid_, SIGKILL);
    return std::unexpected(std::move(answer).error());
  }
  failures_ = 0;
  return read_answer(*answer);
}

}  // namespace slipway::place
