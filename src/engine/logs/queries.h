// Queries that run beside their caller, who asks later what they found.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/worker_pool.h"

namespace slipway::logs {

// Limits.
inline constexpr std::size_t queries_running_max = 100;
inline constexpr std::size_t queries_kept_max = 1'000;  // ended ones; then the oldest goes
inline constexpr std::uint64_t answers_bytes_max = 256ULL << 20;  // of ended ones; likewise

// One row that a query found: names and values.
using QueryRow = std::vector<std::pair<std::string, std::string>>;

// What a query found, and what it looked at for that.
struct QueryAnswer {
  std::vector<QueryRow> rows;
  std::uint64_t matched = 0;
  std::uint64_t scanned = 0;
  std::uint64_t bytes = 0;

  std::uint64_t size() const;  // in memory, about
};

// A query as it is now.
struct QueryState {
  enum class Status : std::uint8_t { waiting, running, complete, failed, cancelled };

  std::string id;
  std::string space;
  std::vector<std::string> groups;
  std::string text;
  Timestamp created{};
  Status status = Status::waiting;
  std::chrono::milliseconds took{0};
  std::string failure = {};                        // why it failed
  std::shared_ptr<const QueryAnswer> answer = {};  // complete

  bool has_ended() const { return status != Status::waiting && status != Status::running; }
};

// Runs queries, one after the other on a thread of its own, and keeps what they found until there
// is more than the limits say; the end of the server forgets it. Thread-safe.
class Queries {
 public:
  // Looks at `stopped` now and then and ends early where it is set.
  using Task = std::move_only_function<Result<QueryAnswer>(const std::atomic<bool>& stopped)>;

  // `clock` outlives this object.
  explicit Queries(const Clock& clock) : clock_(clock) {}

  // `query` has a new id. limit_exceeded: queries_running_max run.
  Result<> start(QueryState query, Task task);
  // not_found, kind "no_such_query".
  Result<QueryState> find(const std::string& space, const std::string& id) const;
  // Whether it was running; not_found as find().
  Result<bool> stop(const std::string& space, const std::string& id);
  // The newest first.
  std::vector<QueryState> list(const std::string& space) const;
  // Stops those that run, and waits for that. Nothing is started after it.
  void end();

 private:
  struct Query {
    QueryState state;
    std::uint64_t number = 0;
    std::atomic<bool> stopped{false};
  };
  using Pointer = std::shared_ptr<Query>;

  void run(const Pointer& query, Task task);
  static Result<QueryAnswer> answer_of(Task& task, const std::atomic<bool>& stopped);
  void drop_old();
  Result<Pointer> query_of(const std::string& space, const std::string& id) const;

  const Clock& clock_;
  mutable std::mutex mutex_;
  // Guarded by mutex_, with the states in them:
  std::map<std::string, Pointer> queries_;
  std::uint64_t next_number_ = 0;
  std::size_t running_ = 0;
  std::uint64_t answer_bytes_ = 0;
  // The last one, so that its task ends before what it works on.
  WorkerPool pool_{1, WorkerPool::Priority::background, "log-query"};
};

}  // namespace slipway::logs
