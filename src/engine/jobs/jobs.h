// Jobs: one program each that runs on a place until it ends. What is wanted and what came of it are
// rows; JobReconciler (job_reconciler.h) makes it so.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/artifacts/artifact.h"
#include "place/place.h"
#include "store/store.h"

namespace slipway::jobs {

// Whose it is, and which: "training/000000000000/us-east-1/name". The first segment is the owner.
struct JobId {
  std::string text;
  auto operator<=>(const JobId&) const = default;
};

// The topic of engine::Changes that moves whenever a job's status has changed.
std::string topic_of(const JobId& id);

// Files that a job reads: fetched before each attempt, as they are then.
struct JobInput {
  artifacts::Artifact artifact;
  std::string inside = {};    // where the program sees them, where the place can show them there
  std::string variable = {};  // of its environment that says where they are; empty: none does
};

// What is to be done.
struct JobSpec {
  // What runs, with all that it is given and the labels that say where its log is kept: a stream of
  // its own, and for later attempts that stream's name with "-2", "-3" behind it. Its output is
  // what it leaves in its working directory, or in a folder that is mounted for writing.
  place::InstanceSpec program;
  std::vector<JobInput> inputs = {};

  // A failure is followed by another attempt, `retry_delay` later, until there were so many.
  unsigned attempts_max = 1;
  std::chrono::milliseconds retry_delay{1'000};
  // From the start of an attempt, once all that it needs was fetched, to its forced end. 0: none.
  std::chrono::seconds time_max{0};
  // Between asking it to end and forcing it.
  std::chrono::milliseconds stop_grace{30'000};

  // What follows an attempt that the program did not end itself: the server ended, or the machine
  // did. It is no failure.
  enum class Interrupted : std::uint8_t {
    begin_again,  // another attempt
    end,          // as `interrupted`: what it has done already must not be done twice
  } interrupted = Interrupted::begin_again;
};

// What came of a job.
struct Outcome {
  enum class Kind : std::uint8_t {
    succeeded,      // it exited with status 0
    failed,         // with another, or by a signal
    out_of_memory,  // it passed a limit of memory or disk; `reason` says which
    never_started,  // `reason` says why: an input, or what the place could not
    interrupted,    // nobody knows how it would have ended, and it is not to begin again
    stopped,        // it was asked to end, and had not ended by then
    timed_out,      // it ran for time_max
  };
  Kind kind = Kind::succeeded;
  place::Exit exit = {};
  std::string reason = {};
  std::string tail = {};  // of the last attempt's log (place::tail_lines)

  bool operator==(const Outcome&) const = default;
};

std::string_view name_of(Outcome::Kind kind);

// Says how far a job is.
enum class JobState : std::uint8_t {
  waiting,   // for its next attempt
  starting,  // what it needs is fetched, and it starts
  running,
  ended,
};

// Says what is shown of a job.
struct JobStatus {
  JobState state = JobState::waiting;
  unsigned attempt = 0;  // the latest; 0: there was none yet
  // Of the latest attempt: place::Place::directory_of() says where it works, and what it left there
  // stays until the job is removed. Empty: there is none.
  place::InstanceKey instance = {};
  Timestamp created = {};
  std::optional<Timestamp> started = {};  // the latest attempt
  std::optional<Timestamp> ended = {};
  std::optional<Outcome> outcome = {};  // once it has ended; it never changes
};

// The contents of inputs that stored jobs read, or will when they start: they are not to go.
std::set<std::string> contents_used(store::Transaction& tx);

// The tables of jobs. For store::Store::open.
std::span<const store::Migration> migrations();

// What doors and other engines ask for. Each method is a step of the caller's transaction: whoever
// owns a job waits for its topic, and reads the outcome, acts on it and removes the job in one
// change, so that an outcome is acted on once.
class Jobs {
 public:
  // Called, from any thread, after a change of a job was committed.
  using Changed = std::function<void(const JobId&)>;
  Jobs(const Clock& clock, Changed changed) : clock_(clock), changed_(std::move(changed)) {}

  // already_exists: there is a job of that id. invalid_argument: an id without an owner, or a spec
  // without an attempt.
  Result<> put(store::Transaction& tx, const JobId& id, const JobSpec& spec) const;
  // Asks it to end. Stopping one that has ended is fine. not_found: there is no such job.
  Result<> stop(store::Transaction& tx, const JobId& id) const;
  // not_found: there is no such job.
  Result<JobStatus> status(store::Transaction& tx, const JobId& id) const;
  // Forgets it with all that it left; what still runs ends at once. Removing what is not there is
  // fine. The id may be used again.
  void remove(store::Transaction& tx, const JobId& id) const;
  // All of an owner, in the order of their ids.
  std::vector<JobId> all_of(store::Transaction& tx, std::string_view owner) const;

 private:
  void tell(store::Transaction& tx, const JobId& id) const;

  const Clock& clock_;
  const Changed changed_;
};

}  // namespace slipway::jobs
