// The rows of jobs: what is wanted and how far it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/jobs/jobs.h"

namespace slipway::jobs {

// Why the running attempt is being ended.
enum class Ending : std::uint8_t { none, stopped, timed_out };

// One job as it is stored.
struct JobRow {
  JobSpec spec;
  enum class Stop : std::uint8_t { no, asked } stop = Stop::no;

  JobState state = JobState::waiting;
  unsigned attempt = 0;        // how many there were
  unsigned failures = 0;       // of these, those that count
  std::int64_t number = 0;     // of the running or last attempt, in its key; 0: there is none
  ServerTime not_before = {};  // waiting: the next attempt begins then
  std::optional<ServerTime> began = {};  // when the attempt was first seen to run
  Ending ending = Ending::none;
  std::vector<std::string> contents = {};  // of the attempt's inputs, once all are there
  std::string over_limit = {};             // that the attempt passed a limit, in the place's words

  Timestamp created = {};
  std::optional<Timestamp> started = {};
  std::optional<Timestamp> ended = {};
  std::optional<Outcome> outcome = {};
};

// Throws what a damaged row deserves (std::runtime_error).
std::optional<JobRow> load_job(store::Transaction& tx, const JobId& id);
void insert_job(store::Transaction& tx, const JobId& id, const JobRow& row);
// All but the spec and the wish to stop, which are the owner's.
void save_progress(store::Transaction& tx, const JobId& id, const JobRow& row);
// Those that have not ended.
std::vector<std::string> open_jobs(store::Transaction& tx);
// For the key of an attempt: never the same again, whatever becomes of its job.
std::int64_t next_number(store::Transaction& tx);

// "job/<id>/<number>".
place::InstanceKey key_of(const JobId& id, std::int64_t number);
// Returns nullopt for a key of another engine.
std::optional<JobId> job_of(const place::InstanceKey& key);

}  // namespace slipway::jobs
