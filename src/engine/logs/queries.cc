#include "engine/logs/queries.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <new>

#include "base/log.h"

namespace slipway::logs {

std::uint64_t QueryAnswer::size() const {
  std::uint64_t total = 0;
  for (const QueryRow& row : rows)
    for (const auto& [name, value] : row)
      total += name.size() + value.size() + sizeof(QueryRow::value_type);
  return total;
}

Result<> Queries::start(QueryState state, Task task) {
  const auto query = std::make_shared<Query>();
  query->state = std::move(state);
  {
    const std::scoped_lock lock(mutex_);
    if (running_ >= queries_running_max)
      return fail(ErrorCode::limit_exceeded,
                  fmt::format("{} queries are running; wait until one has ended.", running_));
    ++running_;
    query->number = next_number_++;
    queries_.emplace(query->state.id, query);
  }
  pool_.post([this, query, task = std::move(task)]() mutable { run(query, std::move(task)); });
  return {};
}

// A query is a stranger's: whatever it brings about ends it alone.
Result<QueryAnswer> Queries::answer_of(Task& task, const std::atomic<bool>& stopped) {
  try {
    return task(stopped);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::limit_exceeded, "There is not enough memory for the query.");
  } catch (const std::exception& bug) {
    log_error("logs", "a query threw", {{"what", bug.what()}});
    return fail(ErrorCode::internal, "The query failed because of a bug in the server.");
  }
}

void Queries::run(const Pointer& query, Task task) {
  const Instant begin = clock_.monotonic();
  {
    const std::scoped_lock lock(mutex_);
    if (!query->state.has_ended()) query->state.status = QueryState::Status::running;
  }
  auto answer =
      query->stopped ? Result<QueryAnswer>(QueryAnswer()) : answer_of(task, query->stopped);
  const std::scoped_lock lock(mutex_);
  --running_;
  QueryState& state = query->state;
  state.took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.monotonic() - begin);
  if (state.has_ended()) return;  // it was stopped
  if (answer) {
    state.status = QueryState::Status::complete;
    answer_bytes_ += answer->size();
    state.answer = std::make_shared<const QueryAnswer>(*std::move(answer));
  } else {
    state.status = QueryState::Status::failed;
    state.failure = answer.error().message;
  }
  drop_old();
}

// The last one stays, however large.
void Queries::drop_old() {
  while (queries_.size() - running_ > queries_kept_max || answer_bytes_ > answers_bytes_max) {
    auto oldest = queries_.end();
    std::size_t ended = 0;
    for (auto at = queries_.begin(); at != queries_.end(); ++at) {
      if (!at->second->state.has_ended()) continue;
      ++ended;
      if (oldest == queries_.end() || at->second->number < oldest->second->number) oldest = at;
    }
    if (ended <= 1) return;
    if (oldest->second->state.answer) answer_bytes_ -= oldest->second->state.answer->size();
    queries_.erase(oldest);
  }
}

Result<Queries::Pointer> Queries::query_of(const std::string& space, const std::string& id) const {
  const auto found = queries_.find(id);
  if (found == queries_.end() || found->second->state.space != space)
    return fail(ErrorCode::not_found, fmt::format("Query with ID {} not found.", id),
                "no_such_query");
  return found->second;
}

Result<QueryState> Queries::find(const std::string& space, const std::string& id) const {
  const std::scoped_lock lock(mutex_);
  TRY(const Pointer query, query_of(space, id));
  return query->state;
}

Result<bool> Queries::stop(const std::string& space, const std::string& id) {
  const std::scoped_lock lock(mutex_);
  TRY(const Pointer query, query_of(space, id));
  if (query->state.has_ended()) return false;
  query->stopped = true;
  query->state.status = QueryState::Status::cancelled;
  return true;
}

std::vector<QueryState> Queries::list(const std::string& space) const {
  const std::scoped_lock lock(mutex_);
  std::vector<Pointer> found;
  for (const auto& [id, query] : queries_)
    if (query->state.space == space) found.push_back(query);
  std::ranges::sort(found, std::greater(), [](const Pointer& query) { return query->number; });
  std::vector<QueryState> out;
  for (const Pointer& query : found) out.push_back(query->state);
  return out;
}

void Queries::end() {
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, query] : queries_) query->stopped = true;
  }
  pool_.stop();
}

}  // namespace slipway::logs
