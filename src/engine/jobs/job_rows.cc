#include "engine/jobs/job_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>

#include "engine/jobs/job_spec_text.h"
#include "store/document.h"

namespace slipway::jobs {

namespace {

constexpr store::Migration steps[] = {
    {"jobs/program", 1,
     "CREATE TABLE job_program("
     "  id TEXT PRIMARY KEY, spec TEXT NOT NULL, stop INTEGER NOT NULL, state INTEGER NOT NULL,"
     "  attempt INTEGER NOT NULL, failures INTEGER NOT NULL, number INTEGER NOT NULL,"
     "  not_before INTEGER NOT NULL, began INTEGER, ending INTEGER NOT NULL,"
     "  contents TEXT NOT NULL, over_limit TEXT NOT NULL, created INTEGER NOT NULL, started "
     "INTEGER, ended INTEGER,"
     "  outcome INTEGER, exit_status INTEGER, exit_signal INTEGER, exit_asked INTEGER,"
     "  reason TEXT, tail TEXT) WITHOUT ROWID;"
     "CREATE INDEX job_program_open ON job_program(id) WHERE state < 3;"
     "CREATE TABLE job_number(last INTEGER NOT NULL);"
     "INSERT INTO job_number(last) VALUES(0);"},
};
static_assert(static_cast<int>(JobState::ended) == 3, "as the index has it");

constexpr std::string_view owner = "job";

std::int64_t stored(Timestamp time) { return time.time_since_epoch().count(); }
std::optional<std::int64_t> stored(const std::optional<Timestamp>& time) {
  return time ? std::optional(stored(*time)) : std::nullopt;
}
std::optional<std::int64_t> optional_integer(const store::Rows& rows, int column) {
  return rows.is_null(column) ? std::nullopt : std::optional(rows.integer(column));
}
Timestamp time_from(std::int64_t us) { return Timestamp(std::chrono::microseconds(us)); }
std::optional<Timestamp> optional_time(const store::Rows& rows, int column) {
  return rows.is_null(column) ? std::nullopt : std::optional(time_from(rows.integer(column)));
}

// A stored enum whose last value is `last`.
template <typename E>
E enum_from(std::int64_t value, E last) {
  if (value < 0 || value > static_cast<std::int64_t>(last))
    throw std::runtime_error(
        fmt::format("a stored job has the value {}, which is not known", value));
  return static_cast<E>(value);
}

std::optional<int> optional_int(const store::Rows& rows, int column) {
  return rows.is_null(column) ? std::nullopt
                              : std::optional(static_cast<int>(rows.integer(column)));
}

// A content's name has no blank.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t blank = text.find(' ');
    words.emplace_back(text.substr(0, blank));
    text.remove_prefix(std::min(text.size(), words.back().size() + 1));
  }
  return words;
}

// Columns 13 to 18.
std::optional<Outcome> outcome_from(const store::Rows& rows) {
  const auto kind = optional_integer(rows, 13);
  if (!kind) return std::nullopt;
  return Outcome{.kind = enum_from(*kind, Outcome::Kind::timed_out),
                 .exit = {.status = optional_int(rows, 14),
                          .signal = optional_int(rows, 15),
                          .asked = rows.integer(16) != 0},
                 .reason = std::string(rows.text(17)),
                 .tail = std::string(rows.text(18))};
}

}  // namespace

std::span<const store::Migration> migrations() { return steps; }

std::optional<JobRow> load_job(store::Transaction& tx, const JobId& id) {
  auto rows = tx.query(
      "SELECT spec,stop,state,attempt,failures,number,not_before,began,ending,over_limit,created,"
      "started,ended,outcome,exit_status,exit_signal,exit_asked,reason,tail,contents "
      "FROM job_program WHERE id=?1",
      id.text);
  if (!rows.next()) return std::nullopt;
  JobRow row{.spec = store::value_of(spec_from_text(rows.text(0)))};
  row.stop = enum_from(rows.integer(1), JobRow::Stop::asked);
  row.state = enum_from(rows.integer(2), JobState::ended);
  row.attempt = static_cast<unsigned>(rows.integer(3));
  row.failures = static_cast<unsigned>(rows.integer(4));
  row.number = rows.integer(5);
  row.not_before = server_time_from(rows.integer(6));
  if (const auto began = optional_integer(rows, 7)) row.began = server_time_from(*began);
  row.ending = enum_from(rows.integer(8), Ending::timed_out);
  row.over_limit = rows.text(9);
  row.created = time_from(rows.integer(10));
  row.started = optional_time(rows, 11);
  row.ended = optional_time(rows, 12);
  row.outcome = outcome_from(rows);
  row.contents = words_of(rows.text(19));
  return row;
}

void insert_job(store::Transaction& tx, const JobId& id, const JobRow& row) {
  tx.run(
      "INSERT INTO job_program(id,spec,stop,state,attempt,failures,number,not_before,ending,"
      "contents,over_limit,created) VALUES(?1,?2,?3,?4,0,0,0,0,0,'','',?5)",
      id.text, to_text(row.spec), row.stop, row.state, stored(row.created));
}

void save_progress(store::Transaction& tx, const JobId& id, const JobRow& row) {
  const std::optional<Outcome>& outcome = row.outcome;
  const Outcome none;
  const Outcome& shown = outcome ? *outcome : none;
  const auto began = row.began ? std::optional(to_microseconds(*row.began)) : std::nullopt;
  tx.run(
      "UPDATE job_program SET state=?2,attempt=?3,failures=?4,number=?5,not_before=?6,began=?7,"
      "ending=?8,over_limit=?9,started=?10,ended=?11,outcome=?12,exit_status=?13,exit_signal=?14,"
      "exit_asked=?15,reason=?16,tail=?17,contents=?18 WHERE id=?1",
      id.text, row.state, row.attempt, row.failures, row.number, to_microseconds(row.not_before),
      began, row.ending, row.over_limit, stored(row.started), stored(row.ended),
      outcome ? std::optional(static_cast<std::int64_t>(outcome->kind)) : std::nullopt,
      shown.exit.status, shown.exit.signal, shown.exit.asked, shown.reason, shown.tail,
      fmt::format("{}", fmt::join(row.contents, " ")));
}

std::vector<std::string> open_jobs(store::Transaction& tx) {
  auto rows = tx.query("SELECT id FROM job_program WHERE state<3");
  std::vector<std::string> ids;
  while (rows.next()) ids.emplace_back(rows.text(0));
  return ids;
}

std::int64_t next_number(store::Transaction& tx) {
  tx.run("UPDATE job_number SET last=last+1");
  auto rows = tx.query("SELECT last FROM job_number");
  rows.next();
  return rows.integer(0);
}

std::set<std::string> contents_used(store::Transaction& tx) {
  auto rows = tx.query("SELECT contents FROM job_program WHERE state<3 AND contents<>''");
  std::set<std::string> all;
  while (rows.next())
    for (std::string& content : words_of(rows.text(0))) all.insert(std::move(content));
  return all;
}

place::InstanceKey key_of(const JobId& id, std::int64_t number) {
  return {fmt::format("{}/{}/{}", owner, id.text, number)};
}

std::optional<JobId> job_of(const place::InstanceKey& key) {
  const std::size_t end = key.text.rfind('/');
  if (key.owner() != owner || end == std::string::npos || end <= owner.size()) return std::nullopt;
  return JobId{key.text.substr(owner.size() + 1, end - owner.size() - 1)};
}

}  // namespace slipway::jobs
