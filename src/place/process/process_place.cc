#include "place/process/process_place.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/fd.h"
#include "base/log.h"
#include "place/process/disk_watch.h"
#include "place/process/groups.h"
#include "place/process/isolation.h"
#include "place/process/log_watch.h"
#include "place/process/memory_watch.h"
#include "place/process/pidfd.h"
#include "place/process/root_lock.h"
#include "place/process/run_directory.h"
#include "place/process/starter.h"
#include "place/process/users.h"
#include "place/process/zygote.h"

namespace slipway::place {

namespace {

using Command = std::move_only_function<void()>;
using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds pid_file_poll{2};
// A server may die between a fork and the child's own first steps: a successor gives a fresh
// directory this long to show a process before it takes it for one that never ran.
constexpr std::chrono::milliseconds young_directory_age{500};
constexpr std::size_t events_max = 64;
// A socket's address holds 107 bytes; longer roots are reached through a descriptor.
constexpr std::size_t root_bytes_max = 56;
// An instance without a memory limit has its turn at one of so many looks at what instances take.
constexpr unsigned turns = 30;

}  // namespace

class ProcessPlace::Impl {
 public:
  Impl(ProcessPlaceOptions options, const cell::Layers& layers, ObservationSink sink, Fd root_lock);
  ~Impl();

  void post(Command command);
  void start(const InstanceKey& key, const InstanceSpec& spec);
  void stop(const InstanceKey& key, std::chrono::milliseconds grace);
  std::future<void> end(std::chrono::milliseconds grace);
  void forget(const InstanceKey& key);
  void adopt();

  const cell::Layers& layers() const { return layers_; }
  RunDirectory directory_of(const InstanceKey& key) const {
    return RunDirectory(options_.root / key.file_name());
  }
  std::mutex& log_mutex() const { return log_mutex_; }

 private:
  // The instance's addresses by a path that fits into a socket's address.
  Addresses addresses_of(const RunDirectory& directory) const;

  struct Running {
    RunDirectory directory;
    ProcessId process;
    int pidfd = -1;
    SteadyClock::time_point forced_at = SteadyClock::time_point::max();
    std::uint64_t memory_bytes_max = 0;
    unsigned turn = 0;
    std::optional<cell::Cgroup> group = {};
    bool forced = false;      // ended by us
    bool holds_room = false;  // and its files go as soon as it has ended
  };

  void run();
  void run_commands();
  int wait_ms() const;
  void force(Running& running);
  void force_what_is_late();
  void tend_now_and_then();
  void watch_usage();
  void watch_disk();
  bool disk_is_full() const { return options_.room && options_.room->is_nearly_full(); }
  void end_over_limit(const InstanceKey& key, Running& running, const std::string& reason);

  void start_fresh(const InstanceKey& key, const InstanceSpec& spec, const RunDirectory& directory);
  cell::Order order_of(const InstanceSpec& spec, const RunDirectory& directory, uid_t user) const;
  Result<ProcessId> start_process(const InstanceSpec& spec, const RunDirectory& directory,
                                  uid_t user);
  bool watch(const InstanceKey& key, const RunDirectory& directory, const ProcessId& process);
  // Watches what an earlier start, perhaps of a former server, left running in the directory;
  // false where nothing runs there.
  bool take_over(const InstanceKey& key, const RunDirectory& directory);
  void adopt_one(const RunDirectory& directory);
  void report_end_of(const InstanceKey& key, const RunDirectory& directory, const Exit& otherwise);
  void on_exit(const InstanceKey& key);

  const ProcessPlaceOptions options_;
  const cell::Layers layers_;
  const ObservationSink sink_;
  const Fd root_lock_;
  const int root_;
  const std::string reach_;  // the root by a short path
  const int epoll_;
  const int wake_;

  std::mutex mutex_;
  std::deque<Command> commands_;  // guarded by mutex_
  bool stopping_ = false;         // guarded by mutex_
  std::atomic<bool> ending_ = false;
  mutable std::mutex log_mutex_;  // moving logs aside against reading them

  // The thread's own.
  std::map<InstanceKey, Running> running_;
  std::map<int, InstanceKey> keys_;  // by pidfd
  LogWatch logs_;
  Users users_{layers_};
  Groups groups_;
  Zygote zygote_;
  SteadyClock::time_point tended_at_ = {};
  SteadyClock::time_point zygote_tended_at_ = {};
  SteadyClock::time_point usage_checked_at_ = {};
  unsigned watched_ = 0;
  unsigned looks_ = 0;
  DiskLooks disk_looks_;
  std::jthread thread_;
};

ProcessPlace::Impl::Impl(ProcessPlaceOptions options, const cell::Layers& layers,
                         ObservationSink sink, Fd root_lock)
    : options_(std::move(options)),
      layers_(layers),
      sink_(std::move(sink)),
      root_lock_(std::move(root_lock)),
      root_(::open(options_.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
      reach_(options_.root.native().size() <= root_bytes_max
                 ? options_.root.string()
                 : fmt::format("/proc/self/fd/{}", root_)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      groups_(divide_group(options_, layers_)),
      zygote_(options_.zygote, options_.root, reach_) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = wake_}};
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
  thread_ = std::jthread([this] { run(); });
}

ProcessPlace::Impl::~Impl() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  post([] {});
  thread_.join();
  groups_.tend();
  for (const auto& [key, running] : running_) ::close(running.pidfd);
  ::close(wake_);
  ::close(epoll_);
  ::close(root_);
}

Addresses ProcessPlace::Impl::addresses_of(const RunDirectory& directory) const {
  Addresses addresses = directory.addresses();
  const std::string prefix = "unix:" + options_.root.string();
  for (std::string* address : {&addresses.http, &addresses.link})
    if (address->starts_with(prefix)) address->replace(0, prefix.size(), "unix:" + reach_);
  return addresses;
}

void ProcessPlace::Impl::post(Command command) {
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back(std::move(command));
  }
  const std::uint64_t one = 1;
  if (::write(wake_, &one, sizeof one) < 0) return;  // full: it is awake
}

void ProcessPlace::Impl::run() {
  tend_now_and_then();
  for (;;) {
    std::array<epoll_event, events_max> events;
    const int count = ::epoll_wait(epoll_, events.data(), events_max, wait_ms());
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (const auto key = keys_.find(fd); fd != wake_ && key != keys_.end())
        on_exit(InstanceKey(key->second));
    }
    run_commands();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ && commands_.empty()) return;
    }
    force_what_is_late();
    tend_now_and_then();
    watch_usage();
    watch_disk();
  }
}

void ProcessPlace::Impl::run_commands() {
  std::uint64_t count = 0;
  if (::read(wake_, &count, sizeof count) < 0 && errno != EAGAIN) return;
  std::deque<Command> commands;
  {
    const std::lock_guard lock(mutex_);
    commands.swap(commands_);
  }
  for (Command& command : commands) command();
}

int ProcessPlace::Impl::wait_ms() const {
  const bool idle = running_.empty() && !groups_.has_more_to_remove();
  if (idle && options_.zygote.empty()) return -1;
  auto until = idle ? zygote_tended_at_ + zygote_check_period : tended_at_ + log_check_period;
  for (const auto& [key, running] : running_) until = std::min(until, running.forced_at);
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - SteadyClock::now());
  return static_cast<int>(std::max<std::int64_t>(wait.count(), 0));
}

// All that the instance started ends with it: with its keeper, where that is process 1 of a
// namespace; else by looking for it.
void ProcessPlace::Impl::force(Running& running) {
  running.forced = true;
  running.forced_at = SteadyClock::time_point::max();
  if (running.group)
    running.group->end_all();
  else if (!layers_.namespaces)
    end_all_below(running.process.pid);
  pidfd_signal(running.pidfd, SIGKILL);
}

void ProcessPlace::Impl::force_what_is_late() {
  const auto now = SteadyClock::now();
  for (auto& [key, running] : running_)
    if (running.forced_at <= now) force(running);
}

void ProcessPlace::Impl::tend_now_and_then() {
  const auto now = SteadyClock::now();
  if (now - zygote_tended_at_ >= zygote_check_period) {
    zygote_tended_at_ = now;
    zygote_.tend();
  }
  if (now - tended_at_ < log_check_period) return;
  tended_at_ = now;
  groups_.tend();
  for (const InstanceKey& key : logs_.grown()) {
    std::unique_lock lock(log_mutex_);
    running_.at(key).directory.rotate_log(log_bytes_max);
    lock.unlock();
    sink_({.kind = Observation::Kind::printed, .key = key});
  }
}

// Those with a limit each time; the others in turn, for the count of their processes.
void ProcessPlace::Impl::watch_usage() {
  const auto now = SteadyClock::now();
  if (now - usage_checked_at_ < memory_check_period) return;
  usage_checked_at_ = now;
  const unsigned turn = ++looks_ % turns;
  for (auto& [key, running] : running_) {
    if (running.forced || (running.memory_bytes_max == 0 && running.turn != turn)) continue;
    const auto excess = excess_of(running.process.pid, running.group, running.memory_bytes_max);
    if (!excess.empty()) end_over_limit(key, running, excess);
  }
}

// Each within its limits; and where the disk is full, the one that holds most is ended, and then
// the next, until it is not.
void ProcessPlace::Impl::watch_disk() {
  const auto begun = SteadyClock::now();
  const bool full = disk_is_full();
  if (running_.empty() || !disk_looks_.due(full, begun)) return;
  if (std::ranges::any_of(running_, [](auto& each) { return each.second.holds_room; }))
    return;  // room is coming
  std::pair<const InstanceKey, Running>* most = nullptr;
  DiskUse most_use;
  for (auto& entry : running_) {
    auto& [key, running] = entry;
    const DiskUse use = disk_use_of(running.directory.own(), running.process.pid);
    if (use.weight() > most_use.weight()) most = &entry, most_use = use;
    if (const std::string excess = disk_excess(use); !excess.empty() && !running.forced) {
      running.holds_room = true;
      end_over_limit(key, running, excess);
    }
  }
  disk_looks_.note(begun, SteadyClock::now());
  if (!most || most->second.holds_room || most_use.weight() < filling_weight_min || !disk_is_full())
    return;
  most->second.holds_room = true;
  end_over_limit(most->first, most->second, filling_reason(most_use));
}

// Told first, then ended: whoever loses its connection can look up why.
void ProcessPlace::Impl::end_over_limit(const InstanceKey& key, Running& running,
                                        const std::string& reason) {
  running.directory.note_in_log("slipway: this instance: " + reason);
  log_warning("place", "an instance passed its limit", {{"instance", key.text}, {"what", reason}});
  sink_({.kind = Observation::Kind::over_memory, .key = key, .reason = reason});
  force(running);
}

void ProcessPlace::Impl::start(const InstanceKey& key, const InstanceSpec& spec) {
  if (ending_) return;
  const RunDirectory directory = directory_of(key);
  if (const auto found = running_.find(key); found != running_.end())
    return sink_(
        {.kind = Observation::Kind::started, .key = key, .addresses = addresses_of(directory)});
  if (directory.key().value_or(key) != key)
    return sink_({.kind = Observation::Kind::start_failed,
                  .key = key,
                  .reason = fmt::format("The run directory {} belongs to another instance.",
                                        directory.path().string())});
  if (const auto exit = directory.ended())
    return sink_({.kind = Observation::Kind::exited, .key = key, .exit = *exit});
  if (take_over(key, directory))
    return sink_(
        {.kind = Observation::Kind::adopted, .key = key, .addresses = addresses_of(directory)});
  if (directory.process()) return report_end_of(key, directory, {});
  start_fresh(key, spec, directory);
}

void ProcessPlace::Impl::start_fresh(const InstanceKey& key, const InstanceSpec& spec,
                                     const RunDirectory& directory) {
  Observation observation{.kind = Observation::Kind::started, .key = key};
  const uid_t user = users_.take();
  const std::string group = groups_.path_for(key.file_name());
  auto made = users_.is_range() && user == 0
                  ? fail(ErrorCode::limit_exceeded, "No user of this machine is left for it.")
                  : directory.make(key, spec, user, group);
  if (made) made = groups_.make(group, spec.memory_bytes_max);
  if (!made) {
    users_.give_back(user);
    observation.kind = Observation::Kind::start_failed;
    observation.reason = made.error().message;
    return sink_(std::move(observation));
  }
  const auto process = start_process(spec, directory, user);
  if (!process && process.error().kind == "locked" && take_over(key, directory)) {
    observation.kind = Observation::Kind::adopted;
  } else if (!process) {
    observation.kind = Observation::Kind::start_failed;
    observation.reason = process.error().message;
    directory.note_end({});
    groups_.remove(find_group(group));
    return sink_(std::move(observation));
  } else if (!watch(key, directory, *process)) {
    return report_end_of(key, directory, {});
  }
  observation.addresses = addresses_of(directory);
  sink_(std::move(observation));
}

cell::Order ProcessPlace::Impl::order_of(const InstanceSpec& spec, const RunDirectory& directory,
                                         uid_t user) const {
  cell::Order order{
      .layers = layers_, .kept_free = options_.kept_free, .user = user, .arguments = spec.argv};
  order.control = directory.path();
  order.directory = directory.own();
  order.cgroup = groups_.path_for(directory.path().filename());
  order.given.push_back({.host = spec.argv.front(), .inside = {}});
  for (const Mount& mount : spec.mounts)
    order.given.push_back({.host = std::filesystem::absolute(mount.host_path),
                           .inside = mount.inside,
                           .access = mount.access == Mount::Access::read_write
                                         ? cell::Given::Access::read_write
                                         : cell::Given::Access::read_only});
  auto environment = spec.environment;
  environment.try_emplace("HOME", order.directory);
  environment.try_emplace("TMPDIR", order.directory + "/tmp");
  // A user of its own has no entry in the system's list: programs that ask for a name find one
  // here.
  for (const char* name : {"USER", "LOGNAME"}) environment.try_emplace(name, "slipway");
  for (const auto& [name, value] : environment) order.variables.push_back(name + "=" + value);
  order.limits.open_files = open_files_max;
  if (layers_ == cell::no_layers) return order;
  order.limits.processes = tasks_max;
  order.limits.file_bytes = file_bytes_max;
  order.limits.shared_memory_bytes = spec.memory_bytes_max == 0
                                         ? shared_memory_bytes_max
                                         : std::min(shared_memory_bytes_max, spec.memory_bytes_max);
  return order;
}

Result<ProcessId> ProcessPlace::Impl::start_process(const InstanceSpec& spec,
                                                    const RunDirectory& directory, uid_t user) {
  if (spec.argv.empty() || !spec.image.empty())
    return fail(ErrorCode::not_implemented,
                "This place runs programs of this host, not container images.");
  const cell::Order order = order_of(spec, directory, user);
  if (zygote_.takes(order)) {
    auto forked = zygote_.start(order);
    if (forked || forked.error().kind != "silent") return forked;
    log_warning("place", forked.error().message);
  }
  return start_in_cell(options_.cell, order);
}

bool ProcessPlace::Impl::watch(const InstanceKey& key, const RunDirectory& directory,
                               const ProcessId& process) {
  const int pidfd = pidfd_open(process.pid);
  if (pidfd < 0) return false;
  epoll_event event{.events = EPOLLIN, .data = {.fd = pidfd}};
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, pidfd, &event);
  running_[key] = {.directory = directory,
                   .process = process,
                   .pidfd = pidfd,
                   .memory_bytes_max = directory.memory_bytes_max(),
                   .turn = ++watched_ % turns,
                   .group = find_group(directory.cgroup())};
  keys_[pidfd] = key;
  logs_.add(key, directory.file("log"));
  return true;
}

bool ProcessPlace::Impl::take_over(const InstanceKey& key, const RunDirectory& directory) {
  if (!directory.used()) return false;
  // A process that took the lock writes its pid within moments.
  const auto patience = SteadyClock::now() + pid_file_wait_max;
  while (!directory.process() && SteadyClock::now() < patience &&
         (directory.locked() || directory.age() < young_directory_age))
    std::this_thread::sleep_for(pid_file_poll);
  const auto process = directory.process();
  if (!process || !is_alive(*process)) return false;
  if (!watch(key, directory, *process)) return false;
  // The number may have been given to another between the look and the pidfd: look again.
  if (is_alive(*process)) return true;
  ::close(running_[key].pidfd);
  keys_.erase(running_[key].pidfd);
  logs_.remove(key);
  running_.erase(key);
  return false;
}

void ProcessPlace::Impl::stop(const InstanceKey& key, std::chrono::milliseconds grace) {
  const auto found = running_.find(key);
  if (found == running_.end()) return;
  Running& running = found->second;
  const auto forced_at = SteadyClock::now() + grace;
  if (running.forced_at == SteadyClock::time_point::max()) {
    running.directory.note_stop();
    pidfd_signal(running.pidfd, SIGTERM);
  }
  running.forced_at = std::min(running.forced_at, forced_at);
}

std::future<void> ProcessPlace::Impl::end(std::chrono::milliseconds grace) {
  ending_ = true;
  auto asked = std::make_shared<std::promise<void>>();
  auto done = asked->get_future();
  post([this, grace, asked] {
    for (const auto& [key, running] : running_) stop(key, grace);
    asked->set_value();
  });
  return done;
}

void ProcessPlace::Impl::forget(const InstanceKey& key) {
  if (running_.contains(key)) return;
  const RunDirectory directory = directory_of(key);
  const std::lock_guard lock(log_mutex_);
  if (directory.key() != key) return;
  users_.give_back(directory.user());
  directory.remove();
}

void ProcessPlace::Impl::adopt() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(options_.root, error))
    if (entry.is_directory(error)) adopt_one(RunDirectory(entry.path()));
  std::set<std::string> groups;
  for (const auto& [key, running] : running_)
    if (running.group) groups.insert(running.group->path());
  groups_.remove_others(groups);
  sink_({.kind = Observation::Kind::adoption_done, .key = {}});
}

void ProcessPlace::Impl::adopt_one(const RunDirectory& directory) {
  const auto key = directory.key();
  if (!key || directory.path().filename() != key->file_name()) return directory.remove();
  users_.note(directory.user());
  if (running_.contains(*key)) return;
  if (const auto exit = directory.ended())
    return sink_({.kind = Observation::Kind::exited, .key = *key, .exit = *exit});
  if (!take_over(*key, directory)) return report_end_of(*key, directory, {});
  sink_({.kind = Observation::Kind::adopted, .key = *key, .addresses = addresses_of(directory)});
}

// The keeper noted how the program ended, unless it was ended itself.
void ProcessPlace::Impl::report_end_of(const InstanceKey& key, const RunDirectory& directory,
                                       const Exit& otherwise) {
  const std::optional<Exit> noted = directory.ended();
  directory.note_end(noted && (noted->status || noted->signal) ? *noted : otherwise);
  const Exit exit = directory.ended().value_or(otherwise);
  directory.remove_sockets();
  sink_({.kind = Observation::Kind::exited, .key = key, .exit = exit});
}

void ProcessPlace::Impl::on_exit(const InstanceKey& key) {
  Running& ending = running_.at(key);
  // The kernel may have been quicker than our look.
  const std::string excess =
      ending.forced ? "" : kept_excess_of(ending.group, ending.memory_bytes_max);
  if (!excess.empty()) end_over_limit(key, ending, excess);
  const Running running = ending;
  siginfo_t ignored{};
  ::waitid(P_PIDFD, static_cast<id_t>(running.pidfd), &ignored,
           WEXITED | WNOHANG);  // if it is ours
  ::close(running.pidfd);
  keys_.erase(running.pidfd);
  logs_.remove(key);
  running_.erase(key);
  groups_.remove(running.group);
  if (running.holds_room || disk_is_full()) running.directory.remove_own();
  Exit unseen;
  if (running.forced) unseen.signal = SIGKILL;
  report_end_of(key, running.directory, unseen);
}

Result<std::unique_ptr<ProcessPlace>> ProcessPlace::open(ProcessPlaceOptions options,
                                                         ObservationSink sink) {
  TRY(Fd lock, lock_root(options.root));
  std::error_code error;
  auto root = std::filesystem::canonical(options.root, error);
  if (!error) options.root = std::move(root);
  if (options.cell.empty()) options.cell = cell_beside_this_program();
  TRY(const cell::Layers layers, find_layers(options));
  if (walks_host_paths(layers)) let_users_pass(options.root);
  return std::unique_ptr<ProcessPlace>(new ProcessPlace(
      std::make_unique<Impl>(std::move(options), layers, std::move(sink), std::move(lock))));
}

ProcessPlace::ProcessPlace(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ProcessPlace::~ProcessPlace() = default;

Capabilities ProcessPlace::capabilities() const {
  const cell::Layers& layers = impl_->layers();
  return {.runs_programs = true,
          .runs_images = false,
          .survives_server = true,
          .sees_host_paths = true,
          .limits_memory = true,
          .walks_host_paths = walks_host_paths(layers),
          .closes_files = layers.closes_files(),
          .closes_processes = layers.closes_processes(),
          .hides_processes = layers.namespaces,
          .closes_names = layers.closes_names(),
          .ends_everything = true};
}

void ProcessPlace::start(const InstanceKey& key, const InstanceSpec& spec) {
  impl_->post([this, key, spec] { impl_->start(key, spec); });
}

void ProcessPlace::stop(const InstanceKey& key, std::chrono::milliseconds grace) {
  impl_->post([this, key, grace] { impl_->stop(key, grace); });
}

std::future<void> ProcessPlace::end(std::chrono::milliseconds grace) { return impl_->end(grace); }

void ProcessPlace::forget(const InstanceKey& key) {
  impl_->post([this, key] { impl_->forget(key); });
}

void ProcessPlace::adopt() {
  impl_->post([this] { impl_->adopt(); });
}

std::string ProcessPlace::log_tail(const InstanceKey& key, std::size_t lines) const {
  const std::lock_guard lock(impl_->log_mutex());
  return impl_->directory_of(key).log_tail(lines);
}

Result<LogPart> ProcessPlace::read_log(const InstanceKey& key, std::uint64_t offset) const {
  const std::lock_guard lock(impl_->log_mutex());
  return impl_->directory_of(key).read_log(offset);
}

std::filesystem::path ProcessPlace::directory_of(const InstanceKey& key) const {
  return impl_->directory_of(key).own();
}

}  // namespace slipway::place
