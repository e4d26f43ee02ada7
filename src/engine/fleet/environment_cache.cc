#include "engine/fleet/environment_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/log.h"
#include "engine/fleet/left_tree.h"
#include "engine/fleet/read_only.h"

namespace slipway::fleet {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view key_owner = "environment";
constexpr std::size_t key_digits = 16;
constexpr const char* plan_file = "plan.json";
constexpr const char* built_folder = "environment";
constexpr std::size_t quoted_log_lines = 10;
// How our own program begins its last line.
constexpr std::string_view last_word = "slipway-modelserver: ";

// Of what was ended because nobody waited for it.
constexpr const char* abandoned = "abandoned";

std::unexpected<Error> stopped() {
  return fail(ErrorCode::unavailable, "No environment is made: the server stops.");
}

// The program's own sentence, where it came to one; else how it ended, and what it printed last.
std::string reason_of(const place::Exit& exit, std::string log) {
  while (log.ends_with('\n')) log.pop_back();
  const std::string_view last = std::string_view(log).substr(log.rfind('\n') + 1);
  if (last.starts_with(last_word)) return std::string(last.substr(last_word.size()));
  std::string reason = fmt::format("The program that makes it {}.", exit.describe());
  if (!log.empty()) reason += fmt::format(" It printed:\n{}", log);
  return reason;
}

// The folder is a stranger's. Empty: there is none.
Result<std::string> read_plan_file(const fs::path& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno == ENOENT) return "";
  struct stat facts{};
  if (!file || ::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode))
    return fail(ErrorCode::invalid_argument, "What its code needs is not to be read.");
  if (static_cast<std::uint64_t>(facts.st_size) > environment_plan_bytes_max)
    return fail(ErrorCode::limit_exceeded,
                fmt::format("Its variables and the names of its wheels have more than {} bytes.",
                            environment_plan_bytes_max));
  std::string text(static_cast<std::size_t>(facts.st_size), '\0');
  const ssize_t got = ::read(file.get(), text.data(), text.size());
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return text;
}

// The last line that a stranger's program printed, fit for an answer.
std::string last_line(std::string log) {
  constexpr std::size_t line_bytes_max = 120;
  while (log.ends_with('\n')) log.pop_back();
  std::string line = log.substr(log.rfind('\n') + 1).substr(0, line_bytes_max);
  for (char& c : line)
    if (c < ' ' || c > '~') c = '?';
  return line;
}

place::InstanceSpec with_arguments(place::InstanceSpec spec,
                                   const std::vector<std::string>& arguments) {
  spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
  spec.memory_bytes_max = build_memory_bytes_max;
  return spec;
}

}  // namespace

struct EnvironmentCache::Left {
  place::Place& place;
  place::InstanceKey key;
  fs::path directory;

  Left(place::Place& place, place::InstanceKey key, fs::path directory)
      : place(place), key(std::move(key)), directory(std::move(directory)) {}
  Left(const Left&) = delete;
  Left& operator=(const Left&) = delete;
  ~Left() { place.forget(key); }
};

EnvironmentCache::EnvironmentCache(fs::path root, Needs needs)
    : needs_(std::move(needs)),
      folders_(std::move(root),
               {.name = "environment",
                .damaged = "an environment is not what was installed; it is installed anew",
                .listed = Listed::everything,
                .files = SealedFolders::Kind::Files::shared}) {}

EnvironmentCache::~EnvironmentCache() = default;

void EnvironmentCache::prepare(EnvironmentNeed need, FetchDone done) {
  if (stop_.stop_requested()) return done(stopped());
  needs_.loop.post([this, need = std::move(need), done = std::move(done)]() mutable {
    plan(std::move(need), std::move(done));
  });
}

void EnvironmentCache::plan(EnvironmentNeed need, FetchDone done) {
  const std::string name = need.name;
  auto spec = with_arguments(need.with_contents, {"--plan-environment", plan_file});
  Running running{.until = needs_.loop.now() + plan_time_max,
                  .is_awaited = [asker = need.asker] { return !asker.expired(); }};
  running.ended = [this, need = std::move(need),
                   done = std::move(done)](Result<std::shared_ptr<const Left>> left) mutable {
    if (!left) return done(std::unexpected(left.error()));
    needs_.workers.post([this, left = *std::move(left), need = std::move(need),
                         done = std::move(done)]() mutable {
      const auto text = read_plan_file(left->directory / plan_file);
      if (!text) return done(std::unexpected(text.error()));
      if (text->empty()) return done(FetchedArtifact{});
      auto plan = read_plan(*text, need.contents);
      if (!plan) return done(std::unexpected(plan.error()));
      needs_.loop.post(
          [this, waiter = Waiter{std::move(need), *std::move(plan), std::move(done)}]() mutable {
            obtain(std::move(waiter));
          });
    });
  };
  run(name, std::move(spec), std::move(running));
}

// The first who needs a content looks whether it is there, and builds it where it is not; the
// others wait for that.
void EnvironmentCache::obtain(Waiter waiter) {
  const std::string content = waiter.plan.content;
  auto& waiting = waiting_[content];
  waiting.push_back(std::move(waiter));
  if (waiting.size() > 1) return;
  needs_.workers.post([this, content] {
    folders_.begin(content);
    const bool sound = folders_.is_sound(content, stop_.get_token());
    if (!sound && !stop_.stop_requested()) folders_.drop(content);
    if (!sound && needs_.relieve && folders_.disk_is_short()) needs_.relieve();
    needs_.loop.post([this, content, sound] {
      if (sound) return finish(content, {});
      if (stop_.stop_requested()) return finish(content, stopped());
      if (const auto room = has_room(); !room) return finish(content, room);
      const Waiter& first = waiting_.at(content).front();
      build(first.need, first.plan);
    });
  });
}

bool EnvironmentCache::is_awaited(const std::string& content) const {
  const auto waiting = waiting_.find(content);
  return waiting != waiting_.end() &&
         std::ranges::any_of(waiting->second,
                             [](const Waiter& waiter) { return !waiter.need.asker.expired(); });
}

void EnvironmentCache::build(const EnvironmentNeed& need, const EnvironmentPlan& plan) {
  const std::string path = folders_.path_of(plan.content);
  auto spec = with_arguments(need.without, {"--install-environment", built_folder, "--environment",
                                            path, "--environment-plan", plan.text});
  for (const auto& [name, value] : plan.variables) spec.environment[name] = value;
  spec.mounts.insert(spec.mounts.end(), plan.inputs.begin(), plan.inputs.end());
  log_info("fleet", "an environment is being installed",
           {{"content", plan.content}, {"for", need.name}});
  const std::string content = plan.content;
  auto disk = std::make_shared<const Fd>(folders_.open_disk());
  Running running{.until = needs_.loop.now() + build_time_max,
                  .content = content,
                  .began = needs_.loop.now(),
                  .is_awaited = [this, content] { return is_awaited(content); }};
  running.ended = [this, content, disk](Result<std::shared_ptr<const Left>> left) {
    if (!left) return finish(content, std::unexpected(left.error()));
    note_for_all(content, "all are there, and are written to the disk");
    needs_.workers.post([this, content, disk, left = *std::move(left)] {
      auto sealed = seal(content, *disk, *left);
      if (sealed) log_info("fleet", "an environment is installed", {{"content", content}});
      needs_.loop.post([this, content, sealed = std::move(sealed)] { finish(content, sealed); });
    });
  };
  run(need.name, std::move(spec), std::move(running));
}

// Nothing else has the folder: what the build started has ended with it.
Result<> EnvironmentCache::seal(const std::string& content, const Fd& disk, const Left& left) {
  const fs::path built = left.directory / built_folder;
  const fs::path draft = folders_.draft_of(content);
  if (auto taken = take_over_tree(built); !taken) return taken;
  std::error_code error;
  remove_tree(draft);
  fs::rename(built, draft, error);
  if (error)
    return fail(ErrorCode::unavailable,
                fmt::format("The environment cannot be kept: {}.", error.message()));
  return folders_.keep(content, disk, stop_.get_token());
}

// Who came while an installation that nobody had waited for was being ended has it begun anew.
void EnvironmentCache::finish(const std::string& content, const Result<>& outcome) {
  folders_.end(content);
  auto waiting = waiting_.extract(content);
  {
    const std::lock_guard lock(doing_mutex_);
    for (const Waiter& waiter : waiting.mapped()) doing_.erase(waiter.need.name);
  }
  if (!outcome)
    log_warning("fleet", "an environment is not installed",
                {{"content", content}, {"why", outcome.error().message}});
  for (Waiter& waiter : waiting.mapped()) {
    if (outcome)
      waiter.done(FetchedArtifact{.content = content, .directory = folders_.path_of(content)});
    else if (outcome.error().kind == abandoned && !waiter.need.asker.expired())
      obtain(std::move(waiter));
    else
      waiter.done(std::unexpected(outcome.error()));
  }
}

void EnvironmentCache::run(const std::string& name, place::InstanceSpec spec, Running running) {
  if (stop_.stop_requested()) return running.ended(stopped());
  const place::InstanceKey key{fmt::format("{}/{}/{}", key_owner, name,
                                           make_token(needs_.random, key_digits, alphabet_hex))};
  running_[key] = std::move(running);
  needs_.place.start(key, spec);
  if (!std::exchange(checking_, true)) check_running();
}

void EnvironmentCache::observe(const place::Observation& observation) {
  if (observation.key.owner() == key_owner)
    needs_.loop.post([this, observation] { take_in(observation); });
}

void EnvironmentCache::take_in(const place::Observation& observation) {
  using Kind = place::Observation::Kind;
  const auto known = running_.find(observation.key);
  switch (observation.kind) {
    case Kind::started:
    case Kind::adoption_done: return;
    case Kind::adopted:  // a former process built it, and nobody waits any more
      if (known == running_.end()) needs_.place.stop(observation.key, std::chrono::milliseconds(0));
      return;
    case Kind::over_memory:
      if (known != running_.end())
        known->second.reason = Error{ErrorCode::limit_exceeded, observation.reason};
      return;
    case Kind::start_failed:
    case Kind::exited: return take_in_end(observation);
  }
}

void EnvironmentCache::take_in_end(const place::Observation& observation) {
  auto left = std::make_shared<const Left>(needs_.place, observation.key,
                                           needs_.directory_of(observation.key));
  auto known = running_.extract(observation.key);
  if (known.empty()) return;
  Running& running = known.mapped();
  if (observation.kind == place::Observation::Kind::start_failed)
    return running.ended(fail(ErrorCode::unavailable, observation.reason));
  if (running.reason) return running.ended(std::unexpected(*running.reason));
  if (observation.exit.status != 0)
    return running.ended(fail(
        ErrorCode::invalid_argument,
        reason_of(observation.exit, needs_.place.log_tail(observation.key, quoted_log_lines))));
  running.ended(std::move(left));
}

Result<> EnvironmentCache::has_room() const {
  return needs_.room != nullptr ? needs_.room->admit_bytes(0) : Result<>();
}

// An installation leaves the reserve of the disk alone: the place itself would end it only where
// nearly all of that is gone.
void EnvironmentCache::check_running() {
  if (running_.empty()) {
    checking_ = false;
    return;
  }
  const auto room = has_room();
  for (auto& [key, running] : running_) {
    if (running.reason) continue;
    if (!room)
      running.reason = room.error();
    else if (!running.is_awaited())
      running.reason = Error{ErrorCode::unavailable, "Nobody waits for it any more.", abandoned};
    else if (needs_.loop.now() >= running.until)
      running.reason = Error{ErrorCode::timeout, "It took longer than an installation may."};
    if (running.reason) needs_.place.stop(key, std::chrono::milliseconds(0));
    note_what_it_does(key, running);
  }
  needs_.loop.after(build_check_period, [this] { check_running(); });
}

void EnvironmentCache::note_for_all(const std::string& content, const std::string& text) {
  const auto waiting = waiting_.find(content);
  if (waiting == waiting_.end()) return;
  const std::lock_guard lock(doing_mutex_);
  for (const Waiter& waiter : waiting->second) doing_[waiter.need.name] = text;
}

void EnvironmentCache::note_what_it_does(const place::InstanceKey& key, const Running& running) {
  const auto passed =
      std::chrono::duration_cast<std::chrono::seconds>(needs_.loop.now() - running.began);
  const std::string line = last_line(needs_.place.log_tail(key, 1));
  note_for_all(running.content,
               fmt::format("{} s{}{}", passed.count(), line.empty() ? "" : ", ", line));
}

std::string EnvironmentCache::doing(const std::string& need) const {
  const std::lock_guard lock(doing_mutex_);
  const auto found = doing_.find(need);
  return found == doing_.end() ? std::string() : found->second;
}

void EnvironmentCache::stop() {
  stop_.request_stop();
  needs_.loop.post([this] {
    for (auto& [key, running] : running_) {
      running.reason = stopped().error();
      needs_.place.stop(key, std::chrono::milliseconds(0));
    }
  });
}

}  // namespace slipway::fleet
