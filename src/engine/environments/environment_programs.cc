#include "engine/environments/environment_programs.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace slipway::environments {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view key_owner = "environment";
constexpr std::size_t key_digits = 16;
// How our own program begins its last line.
constexpr std::string_view last_word = "slipway-modelserver: ";

// The program's own sentence, where it came to one; else how it ended, and what it printed last.
std::string reason_of(const place::Exit& exit, std::string log) {
  while (log.ends_with('\n')) log.pop_back();
  const std::string_view last = std::string_view(log).substr(log.rfind('\n') + 1);
  if (last.starts_with(last_word)) return std::string(last.substr(last_word.size()));
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

EnvironmentPrograms::Left::Left(place::Place& place, place::InstanceKey key, fs::path directory)
    : place(place), key(std::move(key)), directory(std::move(directory)) {}

EnvironmentPrograms::Left::~Left() { place.forget(key); }

EnvironmentPrograms::EnvironmentPrograms(Needs needs)
    : needs_(std::move(needs)), at_once_max_(at_once(needs_.at_once_max)) {}

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
  const std::string number = make_token(needs_.random, key_digits, alphabet_hex);
  const place::InstanceKey key{fmt::format("{}/{}/{}", key_owner, program.name, number)};
  std::string& stream = program.spec.labels.log_stream;
  if (!stream.empty()) stream += "-" + number;
  const auto [running, fresh] =
      running_.emplace(key, Running{std::move(program), std::move(owner), needs_.loop.now()});
  needs_.place.start(key, running->second.program.spec);
}

void EnvironmentPrograms::observe(const place::Observation& observation) {
  if (observation.key.owner() == key_owner)
    needs_.loop.post([this, observation] { take_in(observation); });
}

void EnvironmentPrograms::take_in(const place::Observation& observation) {
  using Kind = place::Observation::Kind;
  const auto known = running_.find(observation.key);
  switch (observation.kind) {
    case Kind::printed:
      if (known != running_.end()) known->second.printed = last_line(observation.tail);
      return;
    case Kind::preparing:
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
    case Kind::exited: take_in_end(observation); return begin_those_that_may();
  }
}

void EnvironmentPrograms::take_in_end(const place::Observation& observation) {
  auto left = std::make_shared<const Left>(needs_.place, observation.key,
                                           needs_.place.directory_of(observation.key));
  auto known = running_.extract(observation.key);
  if (known.empty()) return;
  Running& running = known.mapped();
  auto& ended = running.program.ended;
  if (observation.kind == place::Observation::Kind::start_failed)
    return ended(fail(ErrorCode::unavailable, observation.reason));
  if (running.reason) return ended(std::unexpected(*running.reason));
  if (observation.exit.status != 0)
    return ended(fail(ErrorCode::invalid_argument, reason_of(observation.exit, observation.tail)));
  ended(std::move(left));
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
  for (auto& [key, running] : running_)
    if (!running.reason) check_running(key, running, room);
  check_line();
  begin_those_that_may();  // somebody else may wait for it by now
  needs_.loop.after(program_check_period, [this] { check(); });
}

// A program leaves the reserve of the disk alone: the place itself would end it only where nearly
// all of that is gone.
void EnvironmentPrograms::check_running(const place::InstanceKey& key, Running& running,
                                        const Result<>& room) {
  const auto passed =
      std::chrono::duration_cast<std::chrono::seconds>(needs_.loop.now() - running.began);
  if (!room)
    running.reason = room.error();
  else if (running.program.awaited_by().empty())
    running.reason = nobody_waits();
  else if (needs_.loop.now() >= running.began + running.program.time_max)
    running.reason = Error{ErrorCode::timeout, "It took longer than an installation may."};
  if (running.reason) needs_.place.stop(key, std::chrono::milliseconds(0));
  const std::string& line = running.printed;
  running.program.tell(fmt::format("{} s{}{}", passed.count(), line.empty() ? "" : ", ", line));
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

void EnvironmentPrograms::stop() {
  stopping_ = true;
  for (auto& [key, running] : running_) {
    running.reason = no_environment_while_stopping().error();
    needs_.place.stop(key, std::chrono::milliseconds(0));
  }
  for (Program& program : std::exchange(line_, {})) program.ended(no_environment_while_stopping());
}

}  // namespace slipway::environments
