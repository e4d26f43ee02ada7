#include "service/access_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/log.h"
#include "base/thread_name.h"

namespace slipway::service {
namespace {

using namespace std::chrono_literals;

// A pipe that is ready takes so much without blocking (PIPE_BUF).
constexpr std::size_t piece_bytes_max = 4096;
constexpr auto ready_wait = 100ms;
constexpr std::chrono::seconds end_wait{1};
constexpr std::chrono::minutes warn_period{1};

Fd open_to_append(const std::string& file) {
  return Fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                   0600));
}

std::uint64_t lines_in(std::string_view text) {
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

}  // namespace

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& file, const Clock& clock,
                                                   std::size_t bytes_max) {
  Fd out = file == "-" ? Fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)) : open_to_append(file);
  if (!out)
    return fail(ErrorCode::invalid_argument,
                fmt::format("--access-log {} cannot be opened: {}.", file, errno_text(errno)));
  return std::unique_ptr<AccessLog>(new AccessLog(file, std::move(out), clock, bytes_max));
}

AccessLog::AccessLog(std::string file, Fd out, const Clock& clock, std::size_t bytes_max)
    : file_(std::move(file)),
      clock_(clock),
      bytes_max_(bytes_max),
      out_(std::move(out)),
      thread_([this] { run(); }) {}

AccessLog::~AccessLog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    give_up_at_ = clock_.monotonic() + end_wait;
  }
  wake_.notify_one();
}

void AccessLog::add(std::string_view line) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + line.size() > bytes_max_) {
      ++overflowed_;
      return;
    }
    waiting_ += line;
    if (waiting_.size() > line.size()) return;  // the thread was told
  }
  wake_.notify_one();
}

std::uint64_t AccessLog::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_ + overflowed_;
}

bool AccessLog::gives_up() const {
  const std::lock_guard lock(mutex_);
  return clock_.monotonic() >= give_up_at_;
}

void AccessLog::run() {
  name_this_thread("access-log");
  std::string lines;
  for (;;) {
    std::uint64_t overflowed = 0;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      lines.clear();
      lines.swap(waiting_);
      overflowed = std::exchange(overflowed_, 0);
    }
    follow_rotation();
    write(lines);
    if (overflowed == 0) continue;
    write(fmt::format("{{\"time\":\"{}\",\"lost\":{}}}\n",
                      to_iso8601(clock_.now(), Fraction::milliseconds), overflowed));
    lose(overflowed, "they came faster than they could be written");
  }
}

// Whoever moved the file away wants the next lines under the old name.
void AccessLog::follow_rotation() {
  if (file_ == "-") return;
  struct stat named{};
  struct stat open{};
  const bool same = ::stat(file_.c_str(), &named) == 0 && ::fstat(out_.get(), &open) == 0 &&
                    named.st_ino == open.st_ino && named.st_dev == open.st_dev;
  if (same) return;
  if (Fd fresh = open_to_append(file_)) out_ = std::move(fresh);
}

void AccessLog::write(std::string_view lines) {
  std::string_view cause = "the server ended";
  std::string failure;
  for (bool goes_on = true; goes_on && !lines.empty() && !gives_up();) {
    goes_on = write_piece(lines);
    if (!goes_on) cause = failure = errno_text(errno);
  }
  if (lines.empty()) return;
  torn_ = begun_;
  lose(lines_in(lines), cause);
}

// As much as is taken now without waiting for long; false: it cannot be written.
bool AccessLog::write_piece(std::string_view& rest) {
  pollfd out{.fd = out_.get(), .events = POLLOUT, .revents = 0};
  const int ready = ::poll(&out, 1, static_cast<int>(ready_wait.count()));
  if (ready == 0) return true;
  if (torn_) {
    if (::write(out_.get(), "\n", 1) != 1) return errno == EINTR || errno == EAGAIN;
    torn_ = false;
  }
  const std::string_view piece = rest.substr(0, piece_bytes_max);
  const ssize_t written = ::write(out_.get(), piece.data(), piece.size());
  if (written < 0) return errno == EINTR || errno == EAGAIN;
  begun_ = written > 0 && piece[static_cast<std::size_t>(written) - 1] != '\n';
  rest.remove_prefix(static_cast<std::size_t>(written));
  return true;
}

void AccessLog::lose(std::uint64_t lines, std::string_view why) {
  {
    const std::lock_guard lock(mutex_);
    lost_ += lines;
  }
  const Instant now = clock_.monotonic();
  if (warned_at_ != Instant{} && now - warned_at_ < warn_period) return;
  warned_at_ = now;
  log_warning("access", "lines of the access log are lost",
              {{"lines", fmt::to_string(lost())}, {"why", std::string(why)}});
}

}  // namespace slipway::service
