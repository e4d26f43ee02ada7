#include "engine/environments/environment_programs.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "base/log.h"

namespace slipway::environments {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view job_owner = "environment";
constexpr std::size_t id_digits = 16;
// Then a program is looked at again, though nothing changed.
constexpr std::chrono::hours wait_max{1};

// The program's own sentence, where it came to one; else how it ended, and what it printed last.
std::string reason_of(std::string_view begins, const place::Exit& exit, std::string log) {
  while (log.ends_with('\n')) log.pop_back();
  const std::string_view last = std::string_view(log).substr(log.rfind('\n') + 1);
  if (!begins.empty() && last.starts_with(begins)) return std::string(last.substr(begins.size()));
  std::string reason = fmt::format("The program that makes it {}.", exit.describe());
  if (!log.empty()) reason += fmt::format(" It printed:\n{}", log);
  return reason;
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

std::size_t at_once(std::size_t given) {
  if (given != 0) return given;
  return std::max<std::size_t>(programs_at_once_least, std::thread::hardware_concurrency());
}

Error nobody_waits() {
  return {ErrorCode::unavailable, "Nobody waits for it any more.", abandoned};
}

}  // namespace

std::unexpected<Error> no_environment_while_stopping() {
  return fail(ErrorCode::unavailable, "No environment is made: the server stops.");
}

EnvironmentPrograms::Left::Left(std::weak_ptr<const Remover> by, jobs::JobId job,
                                fs::path directory)
    : remover(std::move(by)), job(std::move(job)), directory(std::move(directory)) {}

EnvironmentPrograms::Left::~Left() {
  if (const auto remover = this->remover.lock()) remover->remove(job);
}

void EnvironmentPrograms::Remover::remove(const jobs::JobId& id) const {
  store.write_async(
      [&jobs = jobs, id](store::Transaction& tx) -> Result<> {
        jobs.remove(tx, id);
        return {};
      },
      [](const Result<>&) {});
}

EnvironmentPrograms::EnvironmentPrograms(Needs needs)
    : needs_(std::move(needs)),
      at_once_max_(at_once(needs_.at_once_max)),
      remover_(std::make_shared<Remover>(needs_.store, needs_.jobs)) {
  remove_former();
}

void EnvironmentPrograms::remove_former() {
  const auto removed = needs_.store.write([this](store::Transaction& tx) -> Result<> {
    for (const jobs::JobId& id : needs_.jobs.all_of(tx, job_owner)) needs_.jobs.remove(tx, id);
    return {};
  });
  if (!removed)
    log_warning("fleet", "what a former server was installing is left",
                {{"why", removed.error().message}});
}

void EnvironmentPrograms::run(Program program) {
  if (stopping_) return program.ended(no_environment_while_stopping());
  line_.push_back(std::move(program));
  begin_those_that_may();
  if (!std::exchange(checking_, true)) check();
}

bool EnvironmentPrograms::has_share(const std::string& owner, Kind kind) const {
  std::size_t of_kind = 0;
  std::size_t of_owner = 0;
  for (const auto& [key, running] : running_) {
    if (running.program.kind != kind) continue;
    ++of_kind;
    if (running.owner == owner) ++of_owner;
  }
  return of_kind < at_once_max_ && of_owner < at_once_max_ / 2;
}

std::optional<std::string> EnvironmentPrograms::may_begin(const Program& program) const {
  for (const std::string& owner : program.awaited_by())
    if (has_share(owner, program.kind)) return owner;
  return std::nullopt;
}

void EnvironmentPrograms::begin_those_that_may() {
  for (auto next = line_.begin(); next != line_.end();) {
    auto owner = may_begin(*next);
    if (!owner) {
      ++next;
      continue;
    }
    Program program = std::move(*next);
    next = line_.erase(next);
    begin(std::move(program), *std::move(owner));
  }
}

void EnvironmentPrograms::begin(Program program, std::string owner) {
  const std::string number = make_token(needs_.random, id_digits, alphabet_hex);
  const jobs::JobId id{fmt::format("{}/{}/{}", job_owner, program.name, number)};
  jobs::JobSpec spec{.program = std::move(program.spec),
                     .time_max = program.time_max,
                     .stop_grace = std::chrono::milliseconds(0)};
  std::string& stream = spec.program.labels.log_stream;
  if (!stream.empty()) stream += "-" + number;
  running_.emplace(id, Running{std::move(program), std::move(owner), needs_.loop.now()});
  needs_.store.write_async([&jobs = needs_.jobs, id, spec = std::move(spec)](
                               store::Transaction& tx) { return jobs.put(tx, id, spec); },
                           [this, &loop = needs_.loop, id](Result<> put) {
                             loop.post([this, id, put = std::move(put)] {
                               if (put) return look(id);
                               give_up(id, put.error());
                             });
                           });
}

void EnvironmentPrograms::look(const jobs::JobId& id) {
  if (!running_.contains(id)) return;
  const std::uint64_t since = needs_.changes.sequence();
  const auto status =
      needs_.store.read([&](store::Transaction& tx) { return needs_.jobs.status(tx, id); });
  if (!status) return give_up(id, status.error());
  if (status->outcome) return take_end(id, *status);
  await_change(id, since);
}

void EnvironmentPrograms::await_change(const jobs::JobId& id, std::uint64_t since) {
  needs_.changes.wait(jobs::topic_of(id), since, needs_.loop.now() + wait_max,
                      [this, &loop = needs_.loop, id](engine::WaitOutcome outcome) {
                        if (outcome == engine::WaitOutcome::closed) return;
                        loop.post([this, id] { look(id); });
                      });
}

void EnvironmentPrograms::take_end(const jobs::JobId& id, const jobs::JobStatus& status) {
  using Kind = jobs::Outcome::Kind;
  auto left =
      std::make_shared<const Left>(remover_, id, needs_.place.directory_of(status.instance));
  const jobs::Outcome& outcome = *status.outcome;
  Running running = std::move(running_.extract(id).mapped());
  const auto end = [&](const Error& error) { running.program.ended(std::unexpected(error)); };
  if (running.reason)
    end(*running.reason);
  else if (outcome.kind == Kind::succeeded)
    running.program.ended(std::move(left));
  else if (outcome.kind == Kind::never_started)
    end({ErrorCode::unavailable, outcome.reason});
  else if (outcome.kind == Kind::out_of_memory)
    end({ErrorCode::limit_exceeded, outcome.reason});
  else if (outcome.kind == Kind::timed_out)
    end({ErrorCode::timeout, "It took longer than an installation may."});
  else
    end({ErrorCode::invalid_argument,
         reason_of(running.program.reason, outcome.exit, outcome.tail)});
  begin_those_that_may();
}

// Of a job that is not there, or cannot be looked at: it may run all the same, for nobody.
void EnvironmentPrograms::give_up(const jobs::JobId& id, const Error& error) {
  auto running = running_.extract(id);
  if (running.empty()) return;
  remover_->remove(id);
  running.mapped().program.ended(std::unexpected(error));
  begin_those_that_may();
}

Result<> EnvironmentPrograms::has_room() const {
  return needs_.room != nullptr ? needs_.room->admit_bytes(0) : Result<>();
}

// Nobody stands in line where nothing runs.
void EnvironmentPrograms::check() {
  if (running_.empty()) {
    checking_ = false;
    return;
  }
  const auto room = has_room();
  for (auto& [id, running] : running_)
    if (!running.reason) check_running(id, running, room);
  check_line();
  begin_those_that_may();  // somebody else may wait for it by now
  needs_.loop.after(program_check_period, [this] { check(); });
}

// A program leaves the reserve of the disk alone: the place itself would end it only where nearly
// all of that is gone.
void EnvironmentPrograms::check_running(const jobs::JobId& id, Running& running,
                                        const Result<>& room) {
  const auto passed =
      std::chrono::duration_cast<std::chrono::seconds>(needs_.loop.now() - running.began);
  if (!room)
    running.reason = room.error();
  else if (running.program.awaited_by().empty())
    running.reason = nobody_waits();
  if (running.reason) end(id);
  const std::string line = last_line(needs_.progress.tail(id));
  running.program.tell(fmt::format("{} s{}{}", passed.count(), line.empty() ? "" : ", ", line));
}

// Where that cannot be written, as on a full disk, the next check finds the reason anew.
void EnvironmentPrograms::end(const jobs::JobId& id) {
  needs_.store.write_async(
      [&jobs = needs_.jobs, id](store::Transaction& tx) { return jobs.stop(tx, id); },
      [this, &loop = needs_.loop, id](const Result<>& asked) {
        if (asked) return;
        loop.post([this, id] {
          if (const auto running = running_.find(id); running != running_.end())
            running->second.reason.reset();
        });
      });
}

void EnvironmentPrograms::check_line() {
  std::deque<Program> line = std::exchange(line_, {});
  for (Program& program : line) {
    if (program.awaited_by().empty()) {
      program.ended(std::unexpected(nobody_waits()));
      continue;
    }
    program.tell("others are installed first");
    line_.push_back(std::move(program));
  }
}

// Their programs end with the server's instances, and their jobs are removed with the next start.
void EnvironmentPrograms::stop() {
  stopping_ = true;
  for (auto& [id, running] : std::exchange(running_, {}))
    running.program.ended(no_environment_while_stopping());
  for (Program& program : std::exchange(line_, {})) program.ended(no_environment_while_stopping());
}

}  // namespace slipway::environments
