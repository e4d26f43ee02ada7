#include "engine/transform/rows.h"

#include <stdexcept>

namespace slipway::transform {
namespace {

constexpr store::Migration tables[] = {{.room = "engine/jobs/transform", .version = 1, .sql = R"(
  CREATE TABLE transform_job(
    id TEXT PRIMARY KEY, plan TEXT NOT NULL, state INTEGER NOT NULL, stop INTEGER NOT NULL,
    listed INTEGER NOT NULL, fault INTEGER NOT NULL, reason TEXT NOT NULL,
    created_us INTEGER NOT NULL, started_us INTEGER, ended_us INTEGER,
    changed_us INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX transform_job_open ON transform_job(id) WHERE ended_us IS NULL;
  CREATE TABLE transform_file(
    job TEXT NOT NULL, ordinal INTEGER NOT NULL, bucket TEXT NOT NULL, key TEXT NOT NULL,
    output_key TEXT NOT NULL, bytes INTEGER NOT NULL, state INTEGER NOT NULL,
    fault INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY(job, ordinal)) WITHOUT ROWID;
)"}};

Timestamp time_of(std::int64_t microseconds) {
  return Timestamp(std::chrono::microseconds(microseconds));
}
std::int64_t number_of(Timestamp time) { return time.time_since_epoch().count(); }
std::optional<std::int64_t> number_of(const std::optional<Timestamp>& time) {
  return time ? std::optional(number_of(*time)) : std::nullopt;
}
std::optional<Timestamp> optional_time(const store::Rows& rows, int column) {
  if (rows.is_null(column)) return std::nullopt;
  return time_of(rows.integer(column));
}

TransformStatus read_status(const store::Rows& rows) {
  return {.state = static_cast<TransformState>(rows.integer(0)),
          .stop = static_cast<TransformStatus::Stop>(rows.integer(1)),
          .fault = static_cast<Fault>(rows.integer(2)),
          .reason = std::string(rows.text(3)),
          .created = time_of(rows.integer(4)),
          .started = optional_time(rows, 5),
          .ended = optional_time(rows, 6),
          .changed = time_of(rows.integer(7))};
}

constexpr std::string_view status_query =
    "SELECT state, stop, fault, reason, created_us, started_us, ended_us, changed_us "
    "FROM transform_job WHERE id=?1";

}  // namespace

std::span<const store::Migration> transform_migrations() { return tables; }

std::string topic_of(const TransformId& id) { return "transform/" + id.text; }

bool has_ended(TransformState state) {
  return state == TransformState::completed || state == TransformState::failed ||
         state == TransformState::stopped;
}

void Transforms::tell(store::Transaction& tx, const TransformId& id) {
  tx.on_commit([changed = changed_, id] { changed(id); });
}

Result<> Transforms::create(store::Transaction& tx, const TransformId& id,
                            const TransformPlan& plan, Timestamp now) {
  if (id.text.empty() || id.text.size() > transform_id_bytes_max)
    return fail(ErrorCode::invalid_argument, "A transform job's id is empty or too long.");
  TRY_DO(check(plan));
  const std::int64_t added = tx.run(
      "INSERT INTO transform_job VALUES(?1,?2,?3,?4,0,0,'',?5,NULL,NULL,?5) ON CONFLICT DO NOTHING",
      id.text, to_text(plan), TransformState::waiting, TransformStatus::Stop::not_asked,
      number_of(now));
  if (added == 0) return fail(ErrorCode::already_exists, "A job of that name was made before.");
  tell(tx, id);
  return {};
}

Result<> Transforms::stop(store::Transaction& tx, const TransformId& id, Timestamp now) {
  auto found = status(tx, id);
  if (!found) return fail(ErrorCode::not_found, "There is no such job.");
  if (has_ended(found->state)) return fail(ErrorCode::conflict, "The job has ended.");
  found->stop = TransformStatus::Stop::asked;
  found->changed = now;
  save_status(tx, id, *found);
  tell(tx, id);
  return {};
}

std::optional<TransformStatus> Transforms::status(store::Transaction& tx,
                                                  const TransformId& id) const {
  auto rows = tx.query(status_query, id.text);
  if (!rows.next()) return std::nullopt;
  return read_status(rows);
}

std::optional<TransformRow> load_transform(store::Transaction& tx, const TransformId& id) {
  TransformRow row;
  {
    auto rows = tx.query("SELECT plan, listed FROM transform_job WHERE id=?1", id.text);
    if (!rows.next()) return std::nullopt;
    auto plan = transform_plan_from_text(rows.text(0));
    if (!plan) throw std::runtime_error(plan.error().message);
    row.plan = *std::move(plan);
    row.files = static_cast<TransformRow::Files>(rows.integer(1));
  }
  auto rows = tx.query(status_query, id.text);
  if (rows.next()) row.status = read_status(rows);
  return row;
}

void save_status(store::Transaction& tx, const TransformId& id, const TransformStatus& status) {
  tx.run(
      "UPDATE transform_job SET state=?2, stop=?3, fault=?4, reason=?5, started_us=?6, "
      "ended_us=?7, "
      "changed_us=?8 WHERE id=?1",
      id.text, status.state, status.stop, status.fault, status.reason, number_of(status.started),
      number_of(status.ended), number_of(status.changed));
}

std::vector<std::string> open_transforms(store::Transaction& tx) {
  std::vector<std::string> ids;
  auto rows = tx.query("SELECT id FROM transform_job WHERE ended_us IS NULL");
  while (rows.next()) ids.emplace_back(rows.text(0));
  return ids;
}

void save_files(store::Transaction& tx, const TransformId& id,
                const std::vector<TransformFile>& files) {
  const std::int64_t first = tx.run(
      "UPDATE transform_job SET listed=1 WHERE id=?1 AND listed=0 AND ended_us IS NULL", id.text);
  if (first == 0) return;
  for (const TransformFile& file : files)
    tx.run("INSERT INTO transform_file VALUES(?1,?2,?3,?4,?5,?6,?7,0,'')", id.text, file.ordinal,
           file.bucket, file.key, file.output_key, file.bytes, FileState::waiting);
}

std::vector<TransformFile> waiting_files(store::Transaction& tx, const TransformId& id) {
  std::vector<TransformFile> files;
  auto rows = tx.query(
      "SELECT ordinal, bucket, key, output_key, bytes FROM transform_file "
      "WHERE job=?1 AND state=?2 ORDER BY ordinal",
      id.text, FileState::waiting);
  while (rows.next())
    files.push_back({.ordinal = static_cast<std::uint64_t>(rows.integer(0)),
                     .bucket = std::string(rows.text(1)),
                     .key = std::string(rows.text(2)),
                     .output_key = std::string(rows.text(3)),
                     .bytes = static_cast<std::uint64_t>(rows.integer(4))});
  return files;
}

FileCounts count_files(store::Transaction& tx, const TransformId& id) {
  FileCounts counts;
  auto rows =
      tx.query("SELECT state, count(*) FROM transform_file WHERE job=?1 GROUP BY state", id.text);
  while (rows.next()) {
    const auto count = static_cast<std::uint64_t>(rows.integer(1));
    switch (static_cast<FileState>(rows.integer(0))) {
      case FileState::waiting: counts.waiting = count; break;
      case FileState::done: counts.done = count; break;
      case FileState::failed: counts.failed = count; break;
    }
  }
  auto failure = tx.query(
      "SELECT fault, reason FROM transform_file WHERE job=?1 AND state=?2 ORDER BY ordinal LIMIT 1",
      id.text, FileState::failed);
  if (failure.next()) {
    counts.first_fault = static_cast<Fault>(failure.integer(0));
    counts.first_failure = failure.text(1);
  }
  return counts;
}

bool end_file(store::Transaction& tx, const TransformId& id, std::uint64_t ordinal, FileState state,
              Fault fault, std::string_view reason) {
  return tx.run(
             "UPDATE transform_file SET state=?3, fault=?4, reason=?5 "
             "WHERE job=?1 AND ordinal=?2 AND state=?6",
             id.text, ordinal, state, fault, reason, FileState::waiting) == 1;
}

void forget_files(store::Transaction& tx, const TransformId& id) {
  tx.run("DELETE FROM transform_file WHERE job=?1", id.text);
}

}  // namespace slipway::transform
