#include "place/process/starter.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>

#include "base/fd.h"
#include "place/process/spawn.h"

namespace slipway::place {

namespace {

constexpr std::size_t answer_bytes_max = 64 * 1024;

std::optional<std::uint64_t> number_after(std::string_view text, std::string_view name) {
  std::size_t at = text.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  at = text.find_first_of("0123456789", at + name.size());
  if (at == std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  std::from_chars(text.data() + at, text.data() + text.size(), value);
  return value;
}

// The sentence in {"error": "..."}, whose text is JSON's.
std::string sentence_of(std::string_view answer) {
  constexpr std::string_view name = "{\"error\": \"";
  if (!answer.starts_with(name)) return fmt::format("The cell answered '{}'.", answer);
  std::string text;
  for (std::size_t at = name.size(); at < answer.size() && answer[at] != '"'; ++at) {
    if (answer[at] == '\\' && at + 1 < answer.size()) ++at;
    text += answer[at];
  }
  return text;
}

Result<ProcessId> read_answer(std::string_view answer) {
  if (!answer.starts_with("{\"error\"")) {
    const auto pid = number_after(answer, "\"pid\"");
    const auto start_time = number_after(answer, "\"start_time\"");
    if (pid && start_time) return ProcessId{static_cast<pid_t>(*pid), *start_time};
  }
  const bool locked = answer.ends_with("\"kind\": \"locked\"}");
  return fail(ErrorCode::unavailable, sentence_of(answer), locked ? "locked" : "");
}

bool send_all(int to, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(to, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

std::unexpected<Error> no_cell_answer() {
  return fail(ErrorCode::unavailable, "Who makes the instance's cell did not answer.", "silent");
}

bool send_order(int socket, std::string_view order) {
  const timeval limit{.tv_sec = cell_answer_seconds_max, .tv_usec = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return send_all(socket, order);
}

std::optional<Result<ProcessId>> read_cell_answer(int socket, std::string& so_far) {
  while (!so_far.ends_with('\n') && so_far.size() < answer_bytes_max) {
    char part[4096];
    const ssize_t got = ::recv(socket, part, sizeof part, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return std::nullopt;
    if (got <= 0) return no_cell_answer();
    so_far.append(part, static_cast<std::size_t>(got));
  }
  if (!so_far.ends_with('\n')) return no_cell_answer();
  return read_answer(std::string_view(so_far).substr(0, so_far.size() - 1));
}

// The same, from a socket that waits, for so long.
Result<ProcessId> ask_for_cell(int socket, std::string_view order) {
  const timeval limit{.tv_sec = cell_answer_seconds_max, .tv_usec = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::string answer;
  if (!send_order(socket, order)) return no_cell_answer();
  return read_cell_answer(socket, answer).value_or(no_cell_answer());
}

Result<ProcessId> start_in_cell(const std::string& program, const cell::Order& order) {
  TRY(const std::string text, cell::to_text(order));
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(ErrorCode::unavailable,
                fmt::format("No socket for a new process can be made: {}.", errno_text(errno)));
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  TRY(const pid_t maker, spawn({.argv = {program},
                                .environment = {},
                                .directory = order.control,
                                .log_file = {},
                                .standard_input = theirs.get(),
                                .standard_output = theirs.get()}));
  theirs.reset();
  auto process = ask_for_cell(ours.get(), text);
  ::waitpid(maker, nullptr, 0);  // it leaves as soon as the keeper is there
  return process;
}

}  // namespace slipway::place
