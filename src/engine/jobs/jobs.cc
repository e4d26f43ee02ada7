#include "engine/jobs/jobs.h"

#include <fmt/format.h>

#include "engine/jobs/job_rows.h"

namespace slipway::jobs {

namespace {

std::unexpected<Error> no_such_job(const JobId& id) {
  return fail(ErrorCode::not_found, fmt::format("There is no job '{}'.", id.text));
}

}  // namespace

std::string topic_of(const JobId& id) { return "job/" + id.text; }

std::string_view name_of(Outcome::Kind kind) {
  switch (kind) {
    case Outcome::Kind::succeeded: return "succeeded";
    case Outcome::Kind::failed: return "failed";
    case Outcome::Kind::out_of_memory: return "out_of_memory";
    case Outcome::Kind::never_started: return "never_started";
    case Outcome::Kind::interrupted: return "interrupted";
    case Outcome::Kind::stopped: return "stopped";
    case Outcome::Kind::timed_out: return "timed_out";
  }
  return "unknown";
}

void Jobs::tell(store::Transaction& tx, const JobId& id) const {
  tx.on_commit([this, id] { changed_(id); });
}

Result<> Jobs::put(store::Transaction& tx, const JobId& id, const JobSpec& spec) const {
  const std::size_t slash = id.text.find('/');
  if (slash == 0 || slash == std::string::npos || slash + 1 == id.text.size())
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' names no job.", id.text));
  if (spec.attempts_max == 0)
    return fail(ErrorCode::invalid_argument, "A job has one attempt at least.");
  if (load_job(tx, id))
    return fail(ErrorCode::already_exists, fmt::format("There is a job '{}'.", id.text));
  insert_job(tx, id, {.spec = spec, .created = clock_.now()});
  tell(tx, id);
  return {};
}

Result<> Jobs::stop(store::Transaction& tx, const JobId& id) const {
  if (tx.run("UPDATE job_program SET stop=1 WHERE id=?1", id.text) == 0) return no_such_job(id);
  tell(tx, id);
  return {};
}

Result<JobStatus> Jobs::status(store::Transaction& tx, const JobId& id) const {
  const auto row = load_job(tx, id);
  if (!row) return no_such_job(id);
  JobStatus status{.state = row->state,
                   .attempt = row->attempt,
                   .created = row->created,
                   .started = row->started,
                   .ended = row->ended,
                   .outcome = row->outcome};
  if (row->number != 0) status.instance = key_of(id, row->number);
  return status;
}

void Jobs::remove(store::Transaction& tx, const JobId& id) const {
  if (tx.run("DELETE FROM job_program WHERE id=?1", id.text) > 0) tell(tx, id);
}

std::vector<JobId> Jobs::all_of(store::Transaction& tx, std::string_view owner) const {
  auto rows = tx.query("SELECT id FROM job_program WHERE id>?1 AND id<?2 ORDER BY id",
                       fmt::format("{}/", owner), fmt::format("{}0", owner));  // '0' follows '/'
  std::vector<JobId> ids;
  while (rows.next()) ids.push_back({std::string(rows.text(0))});
  return ids;
}

}  // namespace slipway::jobs
