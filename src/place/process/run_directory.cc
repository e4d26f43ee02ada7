#include "place/process/run_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace slipway::place {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t small_file_bytes_max = 64 * 1024;
constexpr std::uint64_t flood_factor = 2;  // a log of more than so many times its limit is told of

// The content of a small file, or nothing where it cannot be read.
std::optional<std::string> read_small(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::string text(small_file_bytes_max, '\0');
  const ssize_t got = ::read(fd, text.data(), text.size());
  ::close(fd);
  if (got < 0) return std::nullopt;
  text.resize(static_cast<std::size_t>(got));
  return text;
}

// The file appears whole or not at all.
bool write_small(const std::string& path, std::string_view text) {
  const std::string draft = path + ".new";
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool whole = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  return whole && ::rename(draft.c_str(), path.c_str()) == 0;
}

template <typename T>
std::optional<T> number(std::string_view& text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

// The fields of /proc/PID/stat after the command: state first.
struct ProcStat {
  char state = 'X';
  std::uint64_t start_time = 0;
};
std::optional<ProcStat> proc_stat(pid_t pid) {
  const auto text = read_small(fmt::format("/proc/{}/stat", pid));
  if (!text) return std::nullopt;
  const std::size_t close = text->rfind(')');
  if (close == std::string::npos || close + 2 >= text->size()) return std::nullopt;
  std::string_view rest = std::string_view(*text).substr(close + 2);
  ProcStat stat;
  stat.state = rest.front();
  for (int field = 3; field < 22; ++field) {
    const std::size_t blank = rest.find(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(blank + 1);
  }
  const auto start = number<std::uint64_t>(rest);
  if (!start) return std::nullopt;
  stat.start_time = *start;
  return stat;
}

std::uint64_t size_of(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

// Up to `bytes` of a file from `offset` on.
std::string read_range(const std::string& path, std::uint64_t offset, std::size_t bytes) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  struct stat status{};
  const std::uint64_t size =
      ::fstat(fd, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
  std::string text(std::min<std::uint64_t>(bytes, size - std::min(size, offset)), '\0');
  const ssize_t got = ::pread(fd, text.data(), text.size(), static_cast<off_t>(offset));
  ::close(fd);
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return text;
}

std::string last_bytes(const std::string& path, std::size_t bytes) {
  const std::uint64_t size = size_of(path);
  return read_range(path, size > bytes ? size - bytes : 0, bytes);
}

// Instances share the host's network.
std::string address_of(std::uint16_t port) { return fmt::format("127.0.0.1:{}", port); }

std::string spec_text(const InstanceSpec& spec, const Addresses& addresses, uid_t user,
                      const std::string& cgroup) {
  const Labels& labels = spec.labels;
  std::string text =
      fmt::format("http {}\nlink {}\nuser {}\n", addresses.http, addresses.link, user);
  text += fmt::format("service {}\nlog_space {}\nlog_group {}\nlog_stream {}\n", labels.service,
                      labels.log_space, labels.log_group, labels.log_stream);
  for (const auto& [port, address] : addresses.ports) text += fmt::format("port {}\n", port);
  if (spec.memory_bytes_max != 0) text += fmt::format("memory {}\n", spec.memory_bytes_max);
  if (!cgroup.empty()) text += fmt::format("cgroup {}\n", cgroup);
  for (const std::string& argument : spec.argv) text += fmt::format("argument {}\n", argument);
  return text;
}

bool is_one_line(std::string_view text) { return !text.contains('\n'); }

bool are_one_line_each(const Labels& labels) {
  return is_one_line(labels.service) && is_one_line(labels.log_space) &&
         is_one_line(labels.log_group) && is_one_line(labels.log_stream);
}

// Returns what the place itself noted of the key: what stands behind it is the instance's own
// arguments.
std::string noted_in(const RunDirectory& directory) {
  std::string text = read_small(directory.file("spec")).value_or("");
  if (const std::size_t end = text.find("\nargument "); end != text.npos) text.resize(end + 1);
  return text;
}

std::string value_of(std::string_view text, std::string_view name) {
  const std::size_t begin = text.starts_with(name) ? 0 : text.find(fmt::format("\n{}", name));
  if (begin == std::string_view::npos) return {};
  text.remove_prefix(text.find(name, begin) + name.size());
  return std::string(text.substr(0, text.find('\n')));
}

// The instance's user passes through ours and finds nothing to read there.
Result<> make_directories(const RunDirectory& directory, uid_t user) {
  std::error_code error;
  const std::string temporary = directory.own() + "/tmp";
  const std::string kept = directory.own() + "/kept";  // what a cell sees at kept_free
  fs::create_directories(temporary, error);
  if (!error) fs::create_directory(kept, error);
  const auto through = fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec;
  if (!error) fs::permissions(directory.path(), through, error);
  for (const std::string& own : {temporary, kept, directory.own()}) {
    if (!error) fs::permissions(own, fs::perms::owner_all, error);
    if (!error && user != 0 && ::chown(own.c_str(), user, user) != 0)
      error = std::error_code(errno, std::generic_category());
  }
  if (!error) return {};
  return fail(ErrorCode::unavailable, fmt::format("The run directory {} cannot be made: {}.",
                                                  directory.path().string(), error.message()));
}

// What is the instance's alone is its user's group's, which is that user's alone.
Result<> keep_for(uid_t user, const std::vector<Mount>& mounts) {
  if (user == 0) return {};
  for (const Mount& mount : mounts) {
    if (!mount.kept_for_it) continue;
    const char* const path = mount.host_path.c_str();
    if (::chown(path, static_cast<uid_t>(-1), user) == 0 &&
        ::chmod(path, S_IRWXU | S_IRGRP | S_IXGRP) == 0)
      continue;
    return fail(ErrorCode::unavailable, fmt::format("{} cannot be kept for its instance: {}.", path,
                                                    std::generic_category().message(errno)));
  }
  return {};
}

}  // namespace

bool is_alive(const ProcessId& process) {
  const auto stat = proc_stat(process.pid);
  return stat && stat->start_time == process.start_time && stat->state != 'Z' && stat->state != 'X';
}

bool has_new_owner(const ProcessId& process) {
  const auto stat = proc_stat(process.pid);
  return stat && stat->start_time != process.start_time;
}

Result<> RunDirectory::make(const InstanceKey& key, const InstanceSpec& spec, uid_t user,
                            const std::string& cgroup) const {
  if (!are_one_line_each(spec.labels))
    return fail(ErrorCode::invalid_argument, "A label of an instance is one line.");
  TRY_DO(keep_for(user, spec.mounts));
  TRY_DO(make_directories(*this, user));
  if (const auto other = this->key(); other && *other != key)
    return fail(ErrorCode::conflict,
                fmt::format("The run directory {} belongs to another instance.", path_.string()));
  Addresses addresses;
  for (const Port& port : spec.ports) addresses.ports[port.inside] = address_of(port.inside);
  if (!spec.http_socket.empty()) addresses.http = "unix:" + own() + "/" + spec.http_socket;
  if (spec.http_socket.empty() && !spec.ports.empty())
    addresses.http = address_of(spec.ports.front().inside);
  if (!spec.link_socket.empty()) addresses.link = "unix:" + own() + "/" + spec.link_socket;
  if (!write_small(file("key"), key.text) ||
      !write_small(file("spec"), spec_text(spec, addresses, user, cgroup)))
    return fail(ErrorCode::unavailable, fmt::format("The run directory {} cannot be written: {}.",
                                                    path_.string(), std::strerror(errno)));
  return {};
}

std::optional<InstanceKey> RunDirectory::key() const {
  auto text = read_small(file("key"));
  if (!text || text->empty()) return std::nullopt;
  return InstanceKey{std::move(*text)};
}

Addresses RunDirectory::addresses() const {
  const std::string text = noted_in(*this);
  Addresses addresses{.http = value_of(text, "http "), .link = value_of(text, "link ")};
  std::string_view rest = text;
  constexpr std::string_view name = "\nport ";
  for (std::size_t at = rest.find(name); at != rest.npos; at = rest.find(name)) {
    rest.remove_prefix(at + name.size());
    if (const auto port = number<std::uint16_t>(rest)) addresses.ports[*port] = address_of(*port);
  }
  return addresses;
}

std::optional<Labels> RunDirectory::labels() const {
  const std::string text = noted_in(*this);
  if (!text.contains("\nlog_group ")) return std::nullopt;
  return Labels{.service = value_of(text, "service "),
                .log_space = value_of(text, "log_space "),
                .log_group = value_of(text, "log_group "),
                .log_stream = value_of(text, "log_stream ")};
}

std::uint64_t RunDirectory::memory_bytes_max() const {
  const std::string text = value_of(noted_in(*this), "memory ");
  std::string_view rest = text;
  return number<std::uint64_t>(rest).value_or(0);
}

std::string RunDirectory::cgroup() const { return value_of(noted_in(*this), "cgroup "); }

uid_t RunDirectory::user() const {
  const std::string text = value_of(noted_in(*this), "user ");
  std::string_view rest = text;
  return number<uid_t>(rest).value_or(0);
}

void RunDirectory::note_in_log(std::string_view line) const {
  const int fd = ::open(file("log").c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return;
  const std::string text = fmt::format("{}\n", line);
  if (::write(fd, text.data(), text.size()) < 0) {
    // The disk is full: the observation says the same.
  }
  ::close(fd);
}

bool RunDirectory::used() const { return ::access(file("spec").c_str(), F_OK) == 0; }

std::optional<ProcessId> RunDirectory::process() const {
  const auto text = read_small(file("pid"));
  if (!text) return std::nullopt;
  std::string_view rest = *text;
  const auto pid = number<pid_t>(rest);
  const auto start = number<std::uint64_t>(rest);
  if (!pid || !start || *pid <= 1) return std::nullopt;
  return ProcessId{*pid, *start};
}

bool RunDirectory::locked() const {
  const int fd = ::open(file("lock").c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  const bool held = ::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(fd);
  return held;
}

std::chrono::milliseconds RunDirectory::age() const {
  std::error_code error;
  const auto written = fs::last_write_time(file("spec"), error);
  if (error) return std::chrono::hours(1);
  return std::chrono::duration_cast<std::chrono::milliseconds>(fs::file_time_type::clock::now() -
                                                               written);
}

void RunDirectory::note_stop() const { write_small(file("stop"), ""); }

std::optional<Exit> RunDirectory::ended() const {
  const auto text = read_small(file("ended"));
  if (!text) return std::nullopt;
  Exit exit{.asked = ::access(file("stop").c_str(), F_OK) == 0};
  std::string_view rest = *text;
  const std::size_t blank = rest.find(' ');
  if (blank == std::string_view::npos) return exit;
  const std::string_view word = rest.substr(0, blank);
  rest.remove_prefix(blank);
  if (word == "status") exit.status = number<int>(rest);
  if (word == "signal") exit.signal = number<int>(rest);
  return exit;
}

void RunDirectory::note_end(const Exit& exit) const {
  std::string text = "unknown";
  if (exit.status) text = fmt::format("status {}", *exit.status);
  if (exit.signal) text = fmt::format("signal {}", *exit.signal);
  write_small(file("ended"), text);
}

void RunDirectory::remove_sockets() const {
  for (const std::string& address : {addresses().http, addresses().link})
    if (address.starts_with("unix:")) ::unlink(address.c_str() + 5);
}

void RunDirectory::remove_own() const {
  std::error_code error;
  fs::remove_all(own(), error);
}

void RunDirectory::remove() const {
  std::error_code error;
  fs::remove_all(path_, error);
}

std::uint64_t RunDirectory::log_base() const {
  const auto text = read_small(file("log.base"));
  if (!text) return 0;
  std::string_view rest = *text;
  return number<std::uint64_t>(rest).value_or(0);
}

// The instance writes with O_APPEND through a descriptor of its own, so the file stays and its
// content moves. What is printed between the copy and the cut is lost: a line at most, as a rule.
void RunDirectory::rotate_log(std::uint64_t bytes_max) const {
  const std::string log = file("log");
  const std::uint64_t size = size_of(log);
  if (size <= bytes_max) return;
  if (!write_small(file("log.1"), last_bytes(log, bytes_max))) return;
  write_small(file("log.base"), fmt::format("{}", log_base() + size));
  if (::truncate(log.c_str(), 0) != 0) return;
  if (size > flood_factor * bytes_max)
    note_in_log(
        fmt::format("slipway: this instance printed {} MiB at once; only the last of it "
                    "is kept",
                    size >> 20));
}

std::string RunDirectory::log_tail(std::size_t lines) const {
  std::string text = last_bytes(file("log"), log_tail_bytes_max);
  if (text.size() < log_tail_bytes_max)
    text = last_bytes(file("log.1"), log_tail_bytes_max - text.size()) + text;
  std::size_t begin = text.size();
  if (begin > 0 && text.back() == '\n') --begin;
  for (; lines > 0 && begin > 0; --lines) {
    const std::size_t newline = text.rfind('\n', begin - 1);
    begin = newline == std::string::npos ? 0 : newline;
  }
  if (begin < text.size() && text[begin] == '\n') ++begin;
  return text.substr(begin);
}

Result<LogText> RunDirectory::read_log(std::uint64_t offset) const {
  if (!used()) return fail(ErrorCode::not_found, "No instance of that key is known.");
  const std::uint64_t base = log_base();
  const std::uint64_t kept = std::min(size_of(file("log.1")), base);
  LogText part;
  if (offset < base) {
    const std::uint64_t from = std::max(offset, base - kept);
    part.text = read_range(file("log.1"), from - (base - kept), log_read_bytes_max);
    part.next_offset = from + part.text.size();
    return part;
  }
  part.text = read_range(file("log"), offset - base, log_read_bytes_max);
  part.next_offset = offset + part.text.size();
  return part;
}

}  // namespace slipway::place
