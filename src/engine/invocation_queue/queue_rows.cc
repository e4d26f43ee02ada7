#include "engine/invocation_queue/queue_rows.h"

#include <string>

#include "base/text.h"
#include "engine/invocation_queue/queue.h"
#include "engine/objects/pairs.h"

namespace slipway::invocation_queue {
namespace {

// AUTOINCREMENT: a number is never given again, also where the last row is gone. An index's rows
// end with the row's number, so that the first index lists a queue in its order.
constexpr store::Migration queue_steps[] = {
    {"jobs/queue", 1,
     "CREATE TABLE jobs_queue("
     "  id INTEGER PRIMARY KEY AUTOINCREMENT, fleet TEXT NOT NULL, open INTEGER NOT NULL,"
     "  concurrency INTEGER NOT NULL, document TEXT NOT NULL);"
     "CREATE UNIQUE INDEX jobs_queue_open ON jobs_queue(fleet) WHERE open=1;"
     "CREATE TABLE jobs_request("
     "  number INTEGER PRIMARY KEY AUTOINCREMENT, queue INTEGER NOT NULL,"
     "  accepted INTEGER NOT NULL, expires INTEGER NOT NULL, time_limit_ms INTEGER NOT NULL,"
     "  content_type TEXT NOT NULL, accept TEXT NOT NULL, headers BLOB NOT NULL,"
     "  input_bucket TEXT, input_key TEXT, output_bucket TEXT NOT NULL, output_key TEXT NOT NULL,"
     "  failure_bucket TEXT, failure_key TEXT, document TEXT NOT NULL, body BLOB NOT NULL);"
     "CREATE INDEX jobs_request_order ON jobs_request(queue);"
     "CREATE INDEX jobs_request_expiry ON jobs_request(queue, expires);"},
    // `expires` and `since` stand on the server's time line, `accepted` is shown.
    {"jobs/queue", 2,
     "ALTER TABLE jobs_request ADD COLUMN since INTEGER NOT NULL DEFAULT 0;"
     "UPDATE jobs_request SET since = accepted;"},
    {"jobs/queue", 3,
     "CREATE TABLE jobs_queue_next("
     "  queue INTEGER NOT NULL, generation INTEGER NOT NULL, concurrency INTEGER NOT NULL,"
     "  document TEXT NOT NULL, PRIMARY KEY(queue, generation)) WITHOUT ROWID;"},
    // Lines; NULL: the settings are of a former version.
    {"jobs/queue", 4,
     "ALTER TABLE jobs_queue ADD COLUMN writers TEXT;"
     "ALTER TABLE jobs_queue_next ADD COLUMN writers TEXT;"},
};

std::int64_t stored(Timestamp time) { return time.time_since_epoch().count(); }
Timestamp time_from(std::int64_t us) { return Timestamp(std::chrono::microseconds(us)); }

// Each ends its line, so that none differs from an empty one.
std::optional<std::string> writers_text(const InvocationQueueSettings& settings) {
  if (!settings.writers) return std::nullopt;
  std::string text;
  for (const std::string& writer : *settings.writers) text += writer + '\n';
  return text;
}

// From three columns.
InvocationQueueSettings read_settings(const store::Rows& rows, int column) {
  InvocationQueueSettings settings{.concurrency = static_cast<std::uint32_t>(rows.integer(column)),
                                   .document = std::string(rows.text(column + 1))};
  if (rows.is_null(column + 2)) return settings;
  std::string_view lines = rows.text(column + 2);
  auto& writers = settings.writers.emplace();
  while (!lines.empty()) writers.emplace_back(take_until(lines, '\n'));
  return settings;
}

InvocationQueue read_queue(const store::Rows& rows) {
  return {
      .id = rows.integer(0),
      .fleet = std::string(rows.text(1)),
      .state = rows.integer(2) != 0 ? InvocationQueue::State::open : InvocationQueue::State::closed,
      .settings = read_settings(rows, 3)};
}

std::optional<objects::ObjectName> read_name(const store::Rows& rows, int column) {
  if (rows.is_null(column)) return std::nullopt;
  return objects::ObjectName{.bucket = std::string(rows.text(column)),
                             .key = std::string(rows.text(column + 1))};
}

QueuedRequest read_request(const store::Rows& rows) {
  return {.number = rows.integer(0),
          .accepted = {.civil = time_from(rows.integer(1)),
                       .server = server_time_from(rows.integer(15))},
          .expires = server_time_from(rows.integer(2)),
          .time_limit = std::chrono::milliseconds(rows.integer(3)),
          .content_type = std::string(rows.text(4)),
          .accept = std::string(rows.text(5)),
          .headers = objects::decode_pairs(rows.blob(6)),
          .input = read_name(rows, 7),
          .output = *read_name(rows, 9),
          .failure = read_name(rows, 11),
          .document = std::string(rows.text(13))};
}

std::optional<std::string> bucket_of(const std::optional<objects::ObjectName>& name) {
  if (!name) return std::nullopt;
  return name->bucket;
}
std::optional<std::string> key_of(const std::optional<objects::ObjectName>& name) {
  if (!name) return std::nullopt;
  return name->key;
}

std::vector<std::int64_t> first_column(store::Rows rows) {
  std::vector<std::int64_t> list;
  while (rows.next()) list.push_back(rows.integer(0));
  return list;
}

}  // namespace

std::span<const store::Migration> queue_migrations() { return queue_steps; }

std::optional<InvocationQueue> load_queue(store::Transaction& tx, InvocationQueueId id) {
  auto rows =
      tx.query("SELECT id,fleet,open,concurrency,document,writers FROM jobs_queue WHERE id=?1", id);
  if (!rows.next()) return std::nullopt;
  return read_queue(rows);
}

std::optional<InvocationQueue> load_open_queue(store::Transaction& tx, std::string_view fleet) {
  auto rows = tx.query(
      "SELECT id,fleet,open,concurrency,document,writers FROM jobs_queue WHERE fleet=?1 AND open=1",
      fleet);
  if (!rows.next()) return std::nullopt;
  return read_queue(rows);
}

InvocationQueueId insert_queue(store::Transaction& tx, std::string_view fleet,
                               const InvocationQueueSettings& settings) {
  tx.run("INSERT INTO jobs_queue(fleet,open,concurrency,document,writers) VALUES(?1,1,?2,?3,?4)",
         fleet, settings.concurrency, settings.document, writers_text(settings));
  return tx.last_id();
}

void update_queue(store::Transaction& tx, InvocationQueueId id,
                  const InvocationQueueSettings& settings) {
  tx.run("UPDATE jobs_queue SET concurrency=?2, document=?3, writers=?4 WHERE id=?1", id,
         settings.concurrency, settings.document, writers_text(settings));
}

void save_next_settings(store::Transaction& tx, InvocationQueueId id,
                        const NextQueueSettings& next) {
  tx.run(
      "INSERT INTO jobs_queue_next(queue,generation,concurrency,document,writers) "
      "VALUES(?1,?2,?3,?4,?5)",
      id, next.generation, next.settings.concurrency, next.settings.document,
      writers_text(next.settings));
}

std::optional<InvocationQueueSettings> take_next_settings(store::Transaction& tx,
                                                          InvocationQueueId id,
                                                          routing::Generation generation) {
  std::optional<InvocationQueueSettings> taken;
  {
    auto rows = tx.query(
        "SELECT concurrency,document,writers FROM jobs_queue_next WHERE queue=?1 AND generation=?2",
        id, generation);
    if (!rows.next()) return std::nullopt;
    taken = read_settings(rows, 0);
  }
  tx.run("DELETE FROM jobs_queue_next WHERE queue=?1 AND generation<=?2", id, generation);
  return taken;
}

void close_queue(store::Transaction& tx, InvocationQueueId id) {
  tx.run("UPDATE jobs_queue SET open=0 WHERE id=?1", id);
}

void delete_queue(store::Transaction& tx, InvocationQueueId id) {
  tx.run("DELETE FROM jobs_queue_next WHERE queue=?1", id);
  tx.run("DELETE FROM jobs_queue WHERE id=?1", id);
}

std::vector<InvocationQueueId> all_queues(store::Transaction& tx) {
  return first_column(tx.query("SELECT id FROM jobs_queue"));
}

std::int64_t insert_request(store::Transaction& tx, InvocationQueueId queue,
                            const QueuedRequest& request) {
  tx.run(
      "INSERT INTO jobs_request(queue,accepted,expires,time_limit_ms,content_type,accept,headers,"
      "input_bucket,input_key,output_bucket,output_key,failure_bucket,failure_key,document,body,"
      "since) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)",
      queue, stored(request.accepted.civil), to_microseconds(request.expires),
      request.time_limit.count(), request.content_type, request.accept,
      store::SqlBlob{objects::encode_pairs(request.headers)}, bucket_of(request.input),
      key_of(request.input), request.output.bucket, request.output.key, bucket_of(request.failure),
      key_of(request.failure), request.document, store::SqlBlob{request.body},
      to_microseconds(request.accepted.server));
  return tx.last_id();
}

void delete_request(store::Transaction& tx, std::int64_t number) {
  tx.run("DELETE FROM jobs_request WHERE number=?1", number);
}

std::optional<QueuedRequest> load_request(store::Transaction& tx, std::int64_t number,
                                          WithBody body) {
  auto rows = tx.query(
      "SELECT number,accepted,expires,time_limit_ms,content_type,accept,headers,input_bucket,"
      "input_key,output_bucket,output_key,failure_bucket,failure_key,document,body,"
      "since FROM jobs_request WHERE number=?1",
      number);
  if (!rows.next()) return std::nullopt;
  QueuedRequest request = read_request(rows);
  if (body == WithBody::yes) request.body = rows.blob(14);
  return request;
}

std::vector<std::int64_t> numbers_after(store::Transaction& tx, InvocationQueueId queue,
                                        std::int64_t after, std::size_t count_max) {
  return first_column(
      tx.query("SELECT number FROM jobs_request INDEXED BY jobs_request_order "
               "WHERE queue=?1 AND number>?2 ORDER BY number LIMIT ?3",
               queue, after, count_max));
}

std::vector<std::int64_t> expired_numbers(store::Transaction& tx, InvocationQueueId queue,
                                          std::int64_t after, ServerTime now) {
  return first_column(
      tx.query("SELECT number FROM jobs_request INDEXED BY jobs_request_expiry "
               "WHERE queue=?1 AND expires<=?2 AND number>?3 ORDER BY expires LIMIT ?4",
               queue, to_microseconds(now), after, settled_per_run_max));
}

std::optional<ServerTime> next_expiry(store::Transaction& tx, InvocationQueueId queue,
                                      std::int64_t after) {
  auto rows = tx.query(
      "SELECT expires FROM jobs_request INDEXED BY jobs_request_expiry "
      "WHERE queue=?1 AND number>?2 ORDER BY expires LIMIT 1",
      queue, after);
  if (!rows.next()) return std::nullopt;
  return server_time_from(rows.integer(0));
}

std::int64_t count_requests(store::Transaction& tx, InvocationQueueId queue) {
  auto rows = tx.query("SELECT COUNT(*) FROM jobs_request WHERE queue=?1", queue);
  rows.next();
  return rows.integer(0);
}

std::optional<ServerTime> oldest_request(store::Transaction& tx, InvocationQueueId queue) {
  auto rows =
      tx.query("SELECT since FROM jobs_request WHERE queue=?1 ORDER BY number LIMIT 1", queue);
  if (!rows.next()) return std::nullopt;
  return server_time_from(rows.integer(0));
}

}  // namespace slipway::invocation_queue
