#include "engine/environments/environment_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "base/log.h"
#include "engine/artifacts/left_tree.h"
#include "engine/artifacts/read_only.h"
#include "wire/auth/hmac.h"

namespace slipway::environments {

namespace fs = std::filesystem;

namespace {

constexpr const char* plan_file = "plan.json";
constexpr const char* built_folder = "environment";

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

place::InstanceSpec with_arguments(place::InstanceSpec spec, const place::Labels& labels,
                                   const std::vector<std::string>& arguments) {
  spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
  spec.memory_bytes_max = build_memory_bytes_max;
  spec.labels = labels;
  return spec;
}

// A digest of all that a plan depends on: contents are folders that never change, named by what is
// in them.
std::string subject_of(const place::InstanceSpec& spec) {
  wire::Sha256 digest;
  const auto add = [&](std::string_view text) {
    digest.update(fmt::format("{}:", text.size()));
    digest.update(text);
  };
  add(fmt::format("{} {}", spec.argv.size(), spec.environment.size()));
  for (const std::string& argument : spec.argv) add(argument);
  for (const auto& [name, value] : spec.environment) add(name), add(value);
  for (const place::Mount& mount : spec.mounts) add(mount.host_path), add(mount.inside);
  const auto sum = digest.finish();
  return {reinterpret_cast<const char*>(sum.data()), sum.size()};
}

// In whose names something is awaited: of those whose askers live.
template <typename Waiting>
std::set<std::string> owners_of(const Waiting& waiting, const std::string& key) {
  std::set<std::string> owners;
  const auto found = waiting.find(key);
  if (found == waiting.end()) return owners;
  for (const auto& each : found->second)
    if (!each.need.asker.expired()) owners.insert(each.need.owner);
  return owners;
}

}  // namespace

EnvironmentCache::EnvironmentCache(fs::path root, Needs needs)
    : needs_(std::move(needs)),
      folders_(std::move(root),
               {.name = "environment",
                .damaged = "an environment is not what was installed; it is installed anew",
                .listed = artifacts::Listed::everything,
                .files = artifacts::SealedFolders::Kind::Files::shared}),
      programs_({.loop = needs_.loop,
                 .store = needs_.store,
                 .jobs = needs_.jobs,
                 .progress = needs_.progress,
                 .changes = needs_.changes,
                 .place = needs_.place,
                 .random = needs_.random,
                 .room = needs_.room,
                 .at_once_max = needs_.programs_at_once_max}) {}

EnvironmentCache::~EnvironmentCache() = default;

void EnvironmentCache::prepare(EnvironmentNeed need, artifacts::FetchDone done) {
  if (stop_.stop_requested()) return done(no_environment_while_stopping());
  needs_.loop.post([this, asked = Asked{std::move(need), std::move(done)}]() mutable {
    plan(std::move(asked));
  });
}

void EnvironmentCache::plan(Asked asked) {
  const std::string subject = subject_of(asked.need.with_contents);
  if (const auto known = planned_.find(subject); known != planned_.end())
    return follow_plan(known->second, std::move(asked));
  auto& waiting = planning_[subject];
  waiting.push_back(std::move(asked));
  if (waiting.size() == 1) run_plan(subject, waiting.front().need);
}

void EnvironmentCache::run_plan(const std::string& subject, const EnvironmentNeed& need) {
  EnvironmentPrograms::Program program{
      .kind = EnvironmentPrograms::Kind::plan,
      .name = need.name,
      .reason = need.flags.reason,
      .spec = with_arguments(need.with_contents, need.labels, {need.flags.plan, plan_file}),
      .time_max = plan_time_max,
      .awaited_by = [this, subject] { return owners_of(planning_, subject); },
      .tell = [](const std::string&) {},
      .ended = {}};
  program.ended = [this, subject](Result<std::shared_ptr<const Left>> left) {
    if (!left) return finish_plan(subject, std::unexpected(left.error()));
    needs_.workers.post([this, subject, left = *std::move(left)] {
      needs_.loop.post([this, subject, text = read_plan_file(left->directory / plan_file)] {
        finish_plan(subject, text);
      });
    });
  };
  programs_.run(std::move(program));
}

// Who came while a program that nobody had waited for was being ended has it run anew.
void EnvironmentCache::finish_plan(const std::string& subject, const Result<std::string>& text) {
  auto waiting = planning_.extract(subject);
  if (text && planned_.size() >= plans_kept_max) planned_.clear();
  if (text) planned_.emplace(subject, *text);
  for (Asked& asked : waiting.mapped()) {
    if (text)
      follow_plan(*text, std::move(asked));
    else if (text.error().kind == abandoned && !asked.need.asker.expired())
      plan(std::move(asked));
    else
      asked.done(std::unexpected(text.error()));
  }
}

void EnvironmentCache::follow_plan(const std::string& text, Asked asked) {
  if (text.empty()) return asked.done(artifacts::FetchedArtifact{});
  needs_.workers.post([this, text, asked = std::move(asked)]() mutable {
    auto plan = read_plan(text, asked.need.contents);
    if (!plan) return asked.done(std::unexpected(plan.error()));
    needs_.loop.post(
        [this, waiter = Waiter{std::move(asked.need), *std::move(plan),
                               std::move(asked.done)}]() mutable { obtain(std::move(waiter)); });
  });
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
      if (stop_.stop_requested()) return finish(content, no_environment_while_stopping());
      if (const auto room = programs_.has_room(); !room) return finish(content, room);
      const Waiter& first = waiting_.at(content).front();
      build(first.need, first.plan);
    });
  });
}

void EnvironmentCache::build(const EnvironmentNeed& need, const EnvironmentPlan& plan) {
  const std::string path = folders_.path_of(plan.content);
  auto spec = with_arguments(need.without, need.labels,
                             {need.flags.install, built_folder, need.flags.environment, path,
                              need.flags.plan_text, plan.text});
  for (const auto& [name, value] : plan.variables) spec.environment[name] = value;
  spec.mounts.insert(spec.mounts.end(), plan.inputs.begin(), plan.inputs.end());
  log_info("environments", "an environment is being installed",
           {{"content", plan.content}, {"for", need.name}});
  const std::string content = plan.content;
  auto disk = std::make_shared<const Fd>(folders_.open_disk());
  EnvironmentPrograms::Program program{
      .kind = EnvironmentPrograms::Kind::installation,
      .name = need.name,
      .reason = need.flags.reason,
      .spec = std::move(spec),
      .time_max = build_time_max,
      .awaited_by = [this, content] { return owners_of(waiting_, content); },
      .tell = [this, content](const std::string& text) { note_for_all(content, text); },
      .ended = {}};
  program.ended = [this, content, disk](Result<std::shared_ptr<const Left>> left) {
    if (!left) return finish(content, std::unexpected(left.error()));
    note_for_all(content, "all are there, and are written to the disk");
    needs_.workers.post([this, content, disk, left = *std::move(left)] {
      auto sealed = seal(content, *disk, *left);
      if (sealed) log_info("environments", "an environment is installed", {{"content", content}});
      needs_.loop.post([this, content, sealed = std::move(sealed)] { finish(content, sealed); });
    });
  };
  programs_.run(std::move(program));
}

// Nothing else has the folder: what the build started has ended with it.
Result<> EnvironmentCache::seal(const std::string& content, const Fd& disk, const Left& left) {
  const fs::path built = left.directory / built_folder;
  const fs::path draft = folders_.draft_of(content);
  if (auto taken = artifacts::take_over_tree(built); !taken) return taken;
  std::error_code error;
  artifacts::remove_tree(draft);
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
    log_warning("environments", "an environment is not installed",
                {{"content", content}, {"why", outcome.error().message}});
  for (Waiter& waiter : waiting.mapped()) {
    if (outcome)
      waiter.done(
          artifacts::FetchedArtifact{.content = content, .directory = folders_.path_of(content)});
    else if (outcome.error().kind == abandoned && !waiter.need.asker.expired())
      obtain(std::move(waiter));
    else
      waiter.done(std::unexpected(outcome.error()));
  }
}

void EnvironmentCache::note_for_all(const std::string& content, const std::string& text) {
  const auto waiting = waiting_.find(content);
  if (waiting == waiting_.end()) return;
  const std::lock_guard lock(doing_mutex_);
  for (const Waiter& waiter : waiting->second) doing_[waiter.need.name] = text;
}

std::string EnvironmentCache::doing(const std::string& need) const {
  const std::lock_guard lock(doing_mutex_);
  const auto found = doing_.find(need);
  return found == doing_.end() ? std::string() : found->second;
}

void EnvironmentCache::observe(const place::Observation& observation) {
  using Kind = place::Observation::Kind;
  if (observation.key.owner() != "environment") return;
  needs_.loop.post([&place = needs_.place, key = observation.key, kind = observation.kind] {
    if (kind == Kind::adopted) place.stop(key, std::chrono::milliseconds(0));
    if (kind == Kind::exited || kind == Kind::start_failed) place.forget(key);
  });
}

void EnvironmentCache::stop() {
  stop_.request_stop();
  needs_.loop.post([this] { programs_.stop(); });
}

}  // namespace slipway::environments
