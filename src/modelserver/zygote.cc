#include "modelserver/zygote.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>

#include "base/log.h"
#include "modelserver/json_cursor.h"
#include "modelserver/onnx_model.h"
#include "modelserver/options.h"
#include "modelserver/server.h"
#include "net/socket.h"

namespace slipway::modelserver {
namespace {

constexpr std::size_t clients_max = 64;
constexpr int start_time_field = 22;  // of /proc/PID/stat

volatile sig_atomic_t* ended_by_signal() {
  static volatile sig_atomic_t ended = 0;
  return &ended;
}

void on_signal(int) { *ended_by_signal() = 1; }

void catch_ending_signals() {
  struct sigaction action{};
  action.sa_handler = on_signal;  // without SA_RESTART: poll returns
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

void restore_signals() {
  signal(SIGTERM, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  signal(SIGPIPE, SIG_DFL);
}

Result<std::vector<std::string>> read_strings(JsonCursor& cursor) {
  std::vector<std::string> strings;
  TRY_DO(read_array(cursor, [&]() -> Result<> {
    TRY(std::string text, cursor.read_string());
    strings.push_back(std::move(text));
    return {};
  }));
  return strings;
}

Result<> read_environment(JsonCursor& cursor, std::map<std::string, std::string>& env) {
  return read_object(cursor, [&](const std::string& name) -> Result<> {
    TRY(std::string value, cursor.read_string());
    env[name] = std::move(value);
    return {};
  });
}

// What the instance is after the forks, told to the zygote through a pipe: the answer line.
std::string error_line(std::string_view sentence, std::string_view kind = {}) {
  std::string line = "{\"error\": ";
  append_json_string(line, sentence);
  if (!kind.empty()) {
    line += ", \"kind\": ";
    append_json_string(line, kind);
  }
  return line + "}\n";
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return;
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Field 22 of /proc/self/stat: when this process began, in clock ticks since the machine did.
std::string own_start_time() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::size_t at = text.rfind(')');  // the name before it may hold anything
  for (int field = 2; field < start_time_field && at != text.npos; ++field)
    at = text.find(' ', at + 1);
  if (at == text.npos) return "0";
  return text.substr(at + 1, text.find(' ', at + 1) - at - 1);
}

// Takes the instance's place in the world. The answer line, and whether to go on.
struct Settled {
  std::string answer;
  bool runs = false;
};

Settled settle(const ZygoteRequest& request) {
  setsid();
  const int lock = ::open(request.lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0)
    return {error_line(
        fmt::format("The lock {} does not open: {}.", request.lock, net::errno_text(errno)))};
  if (flock(lock, LOCK_EX | LOCK_NB) != 0)
    return {error_line(fmt::format("The lock {} is held.", request.lock), "locked")};
  if (chdir(request.run_dir.c_str()) != 0)
    return {error_line(fmt::format("The folder {} cannot be entered: {}.", request.run_dir,
                                   net::errno_text(errno)))};
  const int log = ::open("log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (log < 0 || nothing < 0 || dup2(nothing, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
    return {error_line(
        fmt::format("The log in {} does not open: {}.", request.run_dir, net::errno_text(errno)))};
  const std::string start_time = own_start_time();
  const int pid_file = ::open("pid", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  write_all(pid_file, fmt::format("{} {}\n", getpid(), start_time));
  ::close(pid_file);
  return {fmt::format("{{\"pid\": {}, \"start_time\": {}}}\n", getpid(), start_time), true};
}

class Zygote {
 public:
  explicit Zygote(std::string path) : path_(std::move(path)) {}

  Result<> prepare() {
    TRY(listener_, net::listen_unix(path_));
    fcntl(listener_.get(), F_SETFL, 0);
    if (auto runtime = OnnxRuntime::open()) {
      onnx_ = *std::move(runtime);
      onnx_->warm_up();
    } else {
      log_warning("modelserver", "the zygote goes on without ONNX Runtime",
                  {{"cause", runtime.error().message}});
    }
    struct stat status{};
    watches_input_ =
        fstat(0, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
    return {};
  }

  // Serves until told to end. A value: this is an instance now, and has ended with that status.
  std::optional<int> run() {
    catch_ending_signals();
    std::printf("ready\n");
    std::fflush(stdout);
    std::vector<pollfd> entries;
    while (*ended_by_signal() == 0) {
      entries.assign({{clients_.size() < clients_max ? listener_.get() : -1, POLLIN, 0},
                      {watches_input_ ? 0 : -1, POLLIN, 0}});
      for (const Client& client : clients_) entries.push_back({client.socket.get(), POLLIN, 0});
      if (poll(entries.data(), entries.size(), -1) < 0) continue;
      if (entries[1].revents != 0 && input_ended()) break;
      if (const auto status = serve_clients(entries)) return status;
      if (entries[0].revents != 0) accept_client();
    }
    ::unlink(path_.c_str());
    return std::nullopt;
  }

 private:
  struct Client {
    net::Fd socket;
    std::string buffer;  // what came and is no whole line yet
  };

  static bool input_ended() {
    char dropped[64];
    return ::read(0, dropped, sizeof dropped) <= 0;
  }

  void accept_client() {
    net::Fd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (socket) clients_.push_back({std::move(socket), {}});
  }

  // Reads from whom has something to say and does what whole lines ask for.
  std::optional<int> serve_clients(const std::vector<pollfd>& entries) {
    for (std::size_t i = 2; i < entries.size(); ++i) {
      Client& client = clients_[i - 2];
      if (entries[i].revents == 0) continue;
      if (!receive(client)) {
        client.socket.reset();
        continue;
      }
      for (auto end = client.buffer.find('\n'); end != std::string::npos;
           end = client.buffer.find('\n')) {
        const std::string line = client.buffer.substr(0, end);
        client.buffer.erase(0, end + 1);
        const auto request = parse_zygote_request(line);
        if (!request) {
          write_all(client.socket.get(), error_line(request.error().message));
        } else if (const auto status = start(*request, client.socket)) {
          return status;
        }
      }
    }
    std::erase_if(clients_, [](const Client& client) { return !client.socket; });
    return std::nullopt;
  }

  // False: the client is done, or talks too much.
  static bool receive(Client& client) {
    char bytes[16384];
    const auto got = ::recv(client.socket.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    client.buffer.append(bytes, static_cast<std::size_t>(got));
    return client.buffer.size() <= zygote_line_bytes_max;
  }

  // Forks twice, so that the instance is nobody's child here, and passes its answer on.
  std::optional<int> start(const ZygoteRequest& request, const net::Fd& client) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
      write_all(client.get(), error_line("No pipe: " + net::errno_text(errno)));
      return std::nullopt;
    }
    net::Fd reading(ends[0]);
    net::Fd writing(ends[1]);
    const pid_t middle = fork();
    if (middle == 0) {
      if (fork() != 0) _exit(0);
      reading.reset();
      return become(request, std::move(writing));
    }
    writing.reset();
    if (middle > 0) waitpid(middle, nullptr, 0);
    std::string answer;
    char bytes[4096];
    for (ssize_t got; (got = ::read(reading.get(), bytes, sizeof bytes)) > 0;)
      answer.append(bytes, static_cast<std::size_t>(got));
    if (answer.empty()) answer = error_line("No process could be forked.");
    write_all(client.get(), answer);
    return std::nullopt;
  }

  // In the instance: settles, tells so, and serves.
  int become(const ZygoteRequest& request, net::Fd teller) {
    listener_.reset();
    for (Client& client : clients_) client.socket.reset();
    restore_signals();
    const Settled settled = settle(request);
    write_all(teller.get(), settled.answer);
    teller.reset();
    if (!settled.runs) std::_Exit(75);
    clearenv();
    for (const auto& [name, value] : request.env) setenv(name.c_str(), value.c_str(), 1);
    forbid_telemetry();
    const auto options = read_options(std::span(request.argv).subspan(1));
    if (!options || !options->zygote_socket.empty()) {
      fmt::print(stderr, "slipway-modelserver: {}\n",
                 options ? "An instance cannot be a zygote." : options.error().message);
      std::fflush(stderr);
      std::_Exit(2);
    }
    const int status = serve(*options, onnx_);
    std::fflush(nullptr);
    std::_Exit(status);  // what lies below on this stack belongs to the zygote
  }

  std::string path_;
  net::Fd listener_;
  std::vector<Client> clients_;
  std::shared_ptr<const OnnxRuntime> onnx_;
  bool watches_input_ = false;
};

}  // namespace

Result<ZygoteRequest> parse_zygote_request(std::string_view line) {
  ZygoteRequest request;
  JsonCursor cursor(line);
  TRY_DO(read_object(cursor, [&](const std::string& key) -> Result<> {
    if (key == "env") return read_environment(cursor, request.env);
    if (key == "argv") {
      TRY(request.argv, read_strings(cursor));
      return {};
    }
    if (key != "run_dir" && key != "lock") return cursor.skip_value();
    TRY((key == "lock" ? request.lock : request.run_dir), cursor.read_string());
    return {};
  }));
  TRY_DO(cursor.expect_end());
  if (request.argv.empty()) return fail(ErrorCode::invalid_argument, "The request has no argv.");
  if (!request.run_dir.starts_with('/') || !request.lock.starts_with('/'))
    return fail(ErrorCode::invalid_argument, "run_dir and lock are absolute paths.");
  return request;
}

int run_zygote(const std::string& socket) {
  Zygote zygote(socket);
  if (auto prepared = zygote.prepare(); !prepared) {
    fmt::print(stderr, "slipway-modelserver: {}\n", prepared.error().message);
    return 1;
  }
  return zygote.run().value_or(0);
}

}  // namespace slipway::modelserver
