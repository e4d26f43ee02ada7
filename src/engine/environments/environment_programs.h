// The programs that plan and install environments: jobs (engine/jobs), so many at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/disk_room.h"
#include "base/random.h"
#include "base/result.h"
#include "engine/changes.h"
#include "engine/jobs/job_reconciler.h"
#include "engine/jobs/jobs.h"
#include "net/loop.h"
#include "place/place.h"
#include "store/store.h"

namespace slipway::environments {

// How often programs are looked at: their time, and the disk.
inline constexpr std::chrono::milliseconds program_check_period{500};
// How many of a kind run at once on a machine with few cores; on others, one for each core.
inline constexpr std::size_t programs_at_once_least = 4;

// The `kind` of the error of what was ended because nobody waited for it.
inline constexpr const char* abandoned = "abandoned";

// What an installation that was, or is, to be stopped ends with.
std::unexpected<Error> no_environment_while_stopping();

// Jobs "environment/<name of the need>/<random>"; those of a former server, which nobody waits for
// any more, are removed as this begins. Those that may not run yet stand in line. Of one owner at
// most half of those at once run, so that whoever asks for many, or for some that take their hour,
// leaves room for others; and plans, which are quick, wait for plans alone. All on the loop.
class EnvironmentPrograms {
 public:
  // All outlive this object.
  struct Needs {
    net::Loop& loop;
    store::Store& store;  // its last change is done before `jobs` goes
    const jobs::Jobs& jobs;
    const jobs::JobReconciler& progress;
    engine::Changes& changes;
    place::Place& place;
    Random& random;
    const DiskRoom* room = nullptr;  // whose reserve programs leave alone; null: without limit
    std::size_t at_once_max = 0;     // of a kind, at least 2; 0: by this machine's cores
  };
  explicit EnvironmentPrograms(Needs needs);

  // Removes jobs, for as long as the programs are there: what is left then goes with the next
  // start.
  struct Remover {
    store::Store& store;
    const jobs::Jobs& jobs;
    void remove(const jobs::JobId& id) const;
  };
  // Where a program worked that did what it was to do; its job is removed as this goes.
  struct Left {
    std::weak_ptr<const Remover> remover;
    jobs::JobId job;
    std::filesystem::path directory;

    Left(std::weak_ptr<const Remover> remover, jobs::JobId job, std::filesystem::path directory);
    Left(const Left&) = delete;
    Left& operator=(const Left&) = delete;
    ~Left();
  };
  enum class Kind : std::uint8_t { plan, installation };
  struct Program {
    Kind kind;
    std::string name;    // of the need that it is for
    std::string reason;  // EnvironmentFlags's
    place::InstanceSpec spec;
    std::chrono::seconds time_max;
    // In whose names it is awaited now; it begins as soon as one of them may. None: it is ended.
    std::function<std::set<std::string>()> awaited_by;
    // Told now and then what it does, as plain text.
    std::function<void(const std::string&)> tell;
    // Called once: where it worked, or why it did not do it.
    std::move_only_function<void(Result<std::shared_ptr<const Left>>)> ended;
  };
  void run(Program program);

  // unavailable: the disk has no room for what installations write.
  Result<> has_room() const;

  // What runs, what is in line and what comes later counts as ended at once, as unavailable.
  void stop();

 private:
  struct Running {
    Program program;
    std::string owner;  // in whose name it began
    Instant began;
    std::optional<Error> reason = {};  // why it is ended
  };
  void remove_former();
  bool has_share(const std::string& owner, Kind kind) const;
  // In whose name it may begin.
  std::optional<std::string> may_begin(const Program& program) const;
  void begin_those_that_may();
  void begin(Program program, std::string owner);
  // Whether it has ended, now and whenever its topic moves.
  void look(const jobs::JobId& id);
  void await_change(const jobs::JobId& id, std::uint64_t since);
  void take_end(const jobs::JobId& id, const jobs::JobStatus& status);
  void give_up(const jobs::JobId& id, const Error& error);
  void check();
  void end(const jobs::JobId& id);
  void check_line();
  void check_running(const jobs::JobId& id, Running& running, const Result<>& room);

  const Needs needs_;
  const std::size_t at_once_max_;
  const std::shared_ptr<const Remover> remover_;
  std::map<jobs::JobId, Running> running_;
  std::deque<Program> line_;
  bool checking_ = false;
  bool stopping_ = false;
};

}  // namespace slipway::environments
