#include "place/process/process_place.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <set>

#include "base/log.h"
#include "base/thread_name.h"
#include "place/process/isolation.h"
#include "place/process/memory_watch.h"
#include "place/process/pidfd.h"
#include "place/process/process_impl.h"
#include "place/process/root_lock.h"

namespace slipway::place {

namespace {

constexpr std::size_t events_max = 64;
// A socket's address holds 107 bytes; longer roots are reached through a descriptor.
constexpr std::size_t root_bytes_max = 56;

}  // namespace

ProcessPlace::Impl::Impl(Ground ground, ObservationSink sink)
    : options_(std::move(ground.options)),
      layers_(ground.layers),
      sink_(std::move(sink)),
      root_lock_(std::move(ground.lock)),
      root_(::open(options_.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
      reach_(options_.root.native().size() <= root_bytes_max
                 ? options_.root.string()
                 : fmt::format("/proc/self/fd/{}", root_)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      logs_(options_.log),
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
  name_this_thread("place");
  tend_now_and_then();
  for (;;) {
    std::array<epoll_event, events_max> events;
    const int count = ::epoll_wait(epoll_, events.data(), events_max, wait_ms());
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (const auto key = keys_.find(fd); fd != wake_ && key != keys_.end())
        on_exit(InstanceKey(key->second));
      else if (auto answered = starts_.read(fd))
        take_answer(*std::move(answered));
    }
    run_commands();
    begin_those_that_may();
    tell_end();
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
  for (PendingStarts::Outcome& late : starts_.late(now)) take_answer(std::move(late));
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
  logs_.look();
  if (logs_.is_due(now)) push_logs();
}

void ProcessPlace::Impl::push_logs() {
  for (const InstanceKey& key : logs_.push())
    sink_({.kind = Observation::Kind::printed,
           .key = key,
           .tail = running_.at(key).directory.log_tail(tail_lines)});
}

// Those with a limit each time; the others in turn, for the count of their processes.
void ProcessPlace::Impl::watch_usage() {
  const auto now = SteadyClock::now();
  if (now - usage_checked_at_ < memory_check_period) return;
  usage_checked_at_ = now;
  const unsigned turn = ++looks_ % usage_turns;
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

void ProcessPlace::Impl::stop(const InstanceKey& key, std::chrono::milliseconds grace) {
  const auto found = running_.find(key);
  if (found == running_.end()) return stop_unstarted(key, grace);
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
  std::promise<void> asked;
  auto done = asked.get_future();
  post([this, grace, asked = std::move(asked)]() mutable {
    line_.clear();
    starts_.stop_all(grace);
    for (const auto& [key, running] : running_) stop(key, grace);
    end_ = std::move(asked);
  });
  return done;
}

// All have been asked to end once the last that was on its way runs, and was asked.
void ProcessPlace::Impl::tell_end() {
  if (!end_ || !starts_.empty()) return;
  end_->set_value();
  end_.reset();
}

void ProcessPlace::Impl::forget(const InstanceKey& key) {
  if (running_.contains(key) || starts_.contains(key)) return;
  const RunDirectory directory = directory_of(key);
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
  if (running_.contains(*key) || starts_.contains(*key)) return;
  const bool has_ended = directory.ended().has_value();
  if (!has_ended && take_over(*key, directory))
    return tell_running(*key, directory, Observation::Kind::adopted);
  logs_.finish(*key, directory, labels_of(options_, *key, directory));
  if (has_ended) return tell_exit(*key, directory, *directory.ended());
  report_end_of(*key, directory, {});
}

// The keeper noted how the program ended, unless it was ended itself.
void ProcessPlace::Impl::report_end_of(const InstanceKey& key, const RunDirectory& directory,
                                       const Exit& otherwise) {
  const std::optional<Exit> noted = directory.ended();
  directory.note_end(noted && (noted->status || noted->signal) ? *noted : otherwise);
  const Exit exit = directory.ended().value_or(otherwise);
  directory.remove_sockets();
  tell_exit(key, directory, exit);
}

void ProcessPlace::Impl::tell_running(const InstanceKey& key, const RunDirectory& directory,
                                      Observation::Kind kind) {
  sink_({.kind = kind,
         .key = key,
         .labels = labels_of(options_, key, directory),
         .addresses = addresses_of(directory),
         .tail = kind == Observation::Kind::adopted ? directory.log_tail(tail_lines) : ""});
}

void ProcessPlace::Impl::tell_exit(const InstanceKey& key, const RunDirectory& directory,
                                   const Exit& exit) {
  sink_({.kind = Observation::Kind::exited,
         .key = key,
         .labels = labels_of(options_, key, directory),
         .exit = exit,
         .tail = directory.log_tail(tail_lines)});
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
  logs_.finish(key, running.directory, labels_of(options_, key, running.directory));
  running_.erase(key);
  groups_.remove(running.group);
  if (running.holds_room || disk_is_full()) running.directory.remove_own();
  Exit unseen;
  if (running.forced) unseen.signal = SIGKILL;
  report_end_of(key, running.directory, unseen);
}

Result<std::unique_ptr<ProcessPlace>> ProcessPlace::open(ProcessPlaceOptions options,
                                                         ObservationSink sink) {
  TRY(Ground ground, prepare(std::move(options)));
  return open(std::move(ground), std::move(sink));
}

Result<ProcessPlace::Ground> ProcessPlace::prepare(ProcessPlaceOptions options) {
  TRY(Fd lock, lock_root(options.root));
  std::error_code error;
  auto root = std::filesystem::canonical(options.root, error);
  if (!error) options.root = std::move(root);
  if (options.cell.empty()) options.cell = cell_beside_this_program();
  TRY(const cell::Layers layers, find_layers(options));
  if (walks_host_paths(layers)) let_users_pass(options.root);
  return Ground{.options = std::move(options), .lock = std::move(lock), .layers = layers};
}

std::unique_ptr<ProcessPlace> ProcessPlace::open(Ground ground, ObservationSink sink) {
  return std::unique_ptr<ProcessPlace>(
      new ProcessPlace(std::make_unique<Impl>(std::move(ground), std::move(sink))));
}

ProcessPlace::ProcessPlace(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ProcessPlace::~ProcessPlace() = default;

Capabilities ProcessPlace::capabilities() const { return capabilities_with(impl_->layers()); }

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

void ProcessPlace::push_logs(std::move_only_function<void()> done) {
  impl_->post([this, done = std::move(done)]() mutable {
    impl_->push_logs();
    done();
  });
}

std::filesystem::path ProcessPlace::directory_of(const InstanceKey& key) const {
  return impl_->directory_of(key).own();
}

}  // namespace slipway::place
