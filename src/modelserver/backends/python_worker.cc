#include "modelserver/backends/python_worker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>
#include <thread>

#include "modelserver/formats/json_cursor.h"

extern char** environ;

namespace slipway::modelserver {
namespace {

constexpr std::size_t head_bytes_max = 1 << 20;
constexpr std::chrono::milliseconds end_time{1'000};  // from closing the channel to killing
constexpr std::chrono::hours load_time_max{24};       // whoever waits for /ping decides, not this
constexpr int channel_in_child = 3;

void append_member(std::string& json, std::string_view name, std::string_view value) {
  json += json.size() > 1 ? ", " : "";
  append_json_string(json, name);
  json += ": ";
  append_json_string(json, value);
}

std::string settings_of(const PythonOptions& options) {
  std::string json = "{";
  append_member(json, "model_dir", options.model_dir);
  append_member(json, "image", options.image);
  append_member(json, "libsvm_indices", options.libsvm_indices);
  append_member(json, "venv_cache", options.venv_cache);
  append_member(json, "environment", options.environment);
  json += ", \"find_links\": [";
  for (const auto& folder : options.find_links) {
    if (&folder != options.find_links.data()) json += ", ";
    append_json_string(json, folder);
  }
  return json + "]}";
}

// This process's environment and what the worker is told.
std::vector<std::string> child_environment(const PythonOptions& options) {
  std::vector<std::string> variables;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view variable(*at);
    if (!variable.starts_with("SLIPWAY_WORKER") && !variable.starts_with("SM_MODEL_DIR="))
      variables.emplace_back(variable);
  }
  variables.push_back("SLIPWAY_WORKER=" + settings_of(options));
  variables.push_back("SM_MODEL_DIR=" + options.model_dir);
  variables.emplace_back("PYTHONUNBUFFERED=1");
  return variables;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// The members of a flat JSON object that are strings or numbers.
struct Head {
  std::string event;
  std::string message;
  std::string content_type;
  std::string custom_attributes;
  int status = 0;
};

Result<Head> parse_head(std::string_view text) {
  Head head;
  JsonCursor cursor(text);
  TRY_DO(read_object(cursor, [&](const std::string& key) -> Result<> {
    if (key == "status") {
      TRY(const std::string_view word, cursor.read_word());
      std::from_chars(word.data(), word.data() + word.size(), head.status);
      return {};
    }
    TRY(std::string value, cursor.read_string());
    if (key == "event")
      head.event = std::move(value);
    else if (key == "message")
      head.message = std::move(value);
    else if (key == "content_type")
      head.content_type = std::move(value);
    else if (key == "custom_attributes")
      head.custom_attributes = std::move(value);
    return {};
  }));
  return head;
}

void put_u32(char* to, std::size_t value) {
  const auto narrow = static_cast<std::uint32_t>(value);
  std::memcpy(to, &narrow, sizeof narrow);
}

std::size_t get_u32(const char* from) {
  std::uint32_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace

Result<std::string> read_stream_end(std::string_view text) {
  TRY(Head head, parse_head(text));
  if (head.event == "end") return std::string();
  if (head.event == "failed") return std::move(head.message);
  return fail(ErrorCode::corrupted, "no end of a stream");
}

Result<std::unique_ptr<PythonWorker>> PythonWorker::start(const PythonOptions& options) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(ErrorCode::unavailable,
                "No socket for the Python worker: " + net::errno_text(errno));
  net::Fd ours(ends[0]);
  net::Fd theirs(ends[1]);
  fcntl(ours.get(), F_SETFL, O_NONBLOCK);

  auto variables = child_environment(options);
  std::vector<std::string> arguments{options.interpreter, options.script,
                                     std::to_string(channel_in_child)};
  auto argv = pointers_to(arguments);
  auto envp = pointers_to(variables);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, theirs.get(), channel_in_child);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t defaults;
  sigfillset(&defaults);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, options.interpreter.c_str(), &files, &attributes,
                                 argv.data(), envp.data());
  theirs.reset();  // so that the child's end is the channel's end
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    return fail(
        ErrorCode::unavailable,
        fmt::format("The Python interpreter '{}' does not start: {}. Install python3 or name "
                    "one in SLIPWAY_PYTHON.",
                    options.interpreter, net::errno_text(error)));
  }
  std::unique_ptr<PythonWorker> worker(new PythonWorker(pid, std::move(ours)));
  const auto first = worker->receive(std::chrono::steady_clock::now() + load_time_max);
  if (!first)
    return fail(ErrorCode::unavailable,
                "The Python worker " + worker->describe_end() + " while loading.");
  TRY(const Head head, parse_head(first->head));
  if (head.event != "ready") return fail(ErrorCode::invalid_argument, head.message);
  return worker;
}

PythonWorker::~PythonWorker() {
  channel_.reset();
  const auto deadline = std::chrono::steady_clock::now() + end_time;
  while (!reaped_ && std::chrono::steady_clock::now() < deadline) {
    reaped_ = waitpid(pid_, nullptr, WNOHANG) != 0;
    if (!reaped_) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (reaped_) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::string PythonWorker::describe_end() {
  int status = 0;
  const auto deadline = std::chrono::steady_clock::now() + end_time;
  while (!reaped_ && std::chrono::steady_clock::now() < deadline) {
    reaped_ = waitpid(pid_, &status, WNOHANG) == pid_;
    if (!reaped_) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (!reaped_) return "closed its channel";
  if (WIFSIGNALED(status)) return fmt::format("was ended by signal {}", WTERMSIG(status));
  return fmt::format("ended with status {}", WEXITSTATUS(status));
}

PythonWorker::PythonWorker(pid_t pid, net::Fd channel)
    : pid_(pid),
      channel_(std::move(channel)),
      process_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}

// The child's end shows at its process: what it started may hold the channel open longer.
Result<> PythonWorker::wait_for(short events, Instant deadline) const {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return fail(ErrorCode::timeout, "The Python worker took too long.");
    std::array<pollfd, 2> entries{{{channel_.get(), events, 0}, {process_.get(), POLLIN, 0}}};
    const auto time = static_cast<int>(std::min<std::int64_t>(left.count(), 1 << 30));
    if (poll(entries.data(), entries.size(), time) <= 0) continue;
    if (entries[0].revents != 0) return {};
    return fail(ErrorCode::unavailable, "The Python worker is gone.");
  }
}

Result<> PythonWorker::write_all(std::string_view bytes, Instant deadline) {
  while (!bytes.empty()) {
    const auto sent = ::send(channel_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      TRY_DO(wait_for(POLLOUT, deadline));
    } else if (errno != EINTR) {
      return fail(ErrorCode::unavailable, "The Python worker is gone.");
    }
  }
  return {};
}

Result<> PythonWorker::read_all(char* to, std::size_t count, Instant deadline) {
  while (count > 0) {
    const auto got = ::recv(channel_.get(), to, count, 0);
    if (got > 0) {
      to += got;
      count -= static_cast<std::size_t>(got);
    } else if (got < 0 && errno == EAGAIN) {
      TRY_DO(wait_for(POLLIN, deadline));
    } else if (got == 0 || errno != EINTR) {
      return fail(ErrorCode::unavailable, "The Python worker is gone.");
    }
  }
  return {};
}

Result<> PythonWorker::send(std::string_view head, std::string_view body, Instant deadline) {
  std::string bytes(8, '\0');
  put_u32(bytes.data(), head.size());
  put_u32(bytes.data() + 4, body.size());
  bytes += head;
  TRY_DO(write_all(bytes, deadline));
  return write_all(body, deadline);
}

Result<PythonWorker::Message> PythonWorker::receive(Instant deadline) {
  char lengths[8];
  TRY_DO(read_all(lengths, sizeof lengths, deadline));
  Message message;
  const auto head_bytes = get_u32(lengths);
  const auto body_bytes = get_u32(lengths + 4);
  if (head_bytes > head_bytes_max || body_bytes > python_answer_bytes_max)
    return fail(ErrorCode::unavailable, "The Python worker's answer is past the limit.");
  message.head.resize(head_bytes);
  message.body.resize(body_bytes);
  TRY_DO(read_all(message.head.data(), head_bytes, deadline));
  TRY_DO(read_all(message.body.data(), body_bytes, deadline));
  return message;
}

bool PythonWorker::send_stop() {
  constexpr std::string_view head = R"({"event": "stop"})";
  std::string bytes(8, '\0');
  put_u32(bytes.data(), head.size());
  bytes += head;
  return ::send(channel_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

Result<PythonWorker::Form> PythonWorker::answer(ModelCall& invocation,
                                                std::chrono::milliseconds time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  std::string head = "{";
  append_member(head, "content_type", invocation.content_type);
  append_member(head, "accept", invocation.accept);
  append_member(head, "custom_attributes", invocation.custom_attributes);
  head += '}';
  TRY_DO(send(head, invocation.body, deadline));
  TRY(Message message, receive(deadline));
  TRY(Head parsed, parse_head(message.head));
  const bool sane = parsed.status >= 200 && parsed.status <= 599;
  invocation.answer.status = static_cast<std::uint16_t>(sane ? parsed.status : 500);
  invocation.answer.content_type = std::move(parsed.content_type);
  invocation.answer.custom_attributes = std::move(parsed.custom_attributes);
  invocation.answer.body = std::move(message.body);
  return parsed.event == "stream" ? Form::parts : Form::whole;
}

}  // namespace slipway::modelserver
