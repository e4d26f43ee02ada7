#include "engine/logs/queries.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <set>

#include "base/random.h"
#include "engine/logs/collector.h"
#include "service/logs/insights_run.h"
#include "service/logs/operations.h"
#include "service/logs/pages.h"

namespace slipway::logs_door {
namespace {

using logs::QueryState;
using service::PageTokens;

// Limits, which are AWS's.
constexpr std::size_t query_groups_max = 50;
constexpr std::size_t query_list_default = 1'000;

// What a query looks through.
struct QueryScope {
  struct Group {
    logs::GroupName name;
    logs::TimeRange range;
  };
  std::vector<Group> groups;
  std::string account;
};

Timestamp time_of(std::int64_t seconds) {
  constexpr std::int64_t seconds_max = 1LL << 40;
  return Timestamp(std::chrono::seconds(std::min(seconds, seconds_max)));
}

Result<std::vector<logs::GroupName>> groups_of(const Call& call, const api::StartQueryRequest& in) {
  const int given = static_cast<int>(in.logGroupName().has_value()) +
                    static_cast<int>(!in.logGroupNames().empty()) +
                    static_cast<int>(!in.logGroupIdentifiers().empty());
  if (given != 1)
    return invalid(
        "Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be given.");
  std::set<logs::GroupName> names;
  if (in.logGroupName()) names.insert(group_named(call, *in.logGroupName()));
  for (const std::string_view name : in.logGroupNames()) names.insert(group_named(call, name));
  for (const std::string_view each : in.logGroupIdentifiers())
    names.insert(group_identified(call, each));
  if (names.size() > query_groups_max)
    return invalid(fmt::format("A query searches at most {} log groups.", query_groups_max));
  return std::vector<logs::GroupName>(names.begin(), names.end());
}

Result<QueryScope> scope_of(const LogsDoor& door, const Call& call,
                            const api::StartQueryRequest& in) {
  if (in.endTime() < in.startTime())
    return invalid("The end of the time range of a query is before its begin.");
  TRY(const auto names, groups_of(call, in));
  logs::collect(door.place);
  QueryScope scope{.account = call.account()};
  for (const logs::GroupName& name : names) {
    const auto group = door.find(name);
    if (!group && group.error().kind == "no_such_group")
      return refuse("ResourceNotFoundException",
                    fmt::format("Log group '{}' does not exist for account ID '{}' (Service: "
                                "AWSLogs; Status Code: 400; Error Code: "
                                "ResourceNotFoundException; Request ID: {}; Proxy: null)",
                                name.group, call.account(), call.request_id()));
    if (!group) return std::unexpected(group.error());
    const auto kept = group->kept_from(call.now()).value_or(Timestamp{});
    scope.groups.push_back({name,
                            {.from = std::max(time_of(in.startTime()), kept),
                             .until = time_of(in.endTime()) + std::chrono::seconds(1)}});
  }
  return scope;
}

Result<logs::QueryAnswer> run_query(const logs::LogBook& book, const QueryScope& scope,
                                    const InsightsQuery& query, std::size_t rows_max,
                                    const std::atomic<bool>& stopped) {
  InsightsRun run(query, rows_max);
  logs::QueryAnswer answer;
  for (const QueryScope::Group& group : scope.groups) {
    logs::Search search{.space = group.name.space, .group = group.name.group};
    search.range = group.range;
    search.order = logs::EventOrder::newest_first;
    search.filter.needles = needles_of(query);
    const std::string log = fmt::format("{}:{}", scope.account, group.name.group);
    Result<> done;
    const auto take = [&](const std::string& stream, logs::Event event) {
      event.message = printable(event.message);
      done = run.add(log, stream, std::move(event));
      return done.has_value() && !stopped.load(std::memory_order_relaxed);
    };
    const logs::WalkedBytes walked = logs::walk(book, search, take);
    answer.scanned += walked.events;
    answer.bytes += walked.bytes;
    TRY_DO(done);
    if (query.is_exhausted()) return exhausted();
  }
  answer.matched = run.matched();
  TRY(answer.rows, run.finish());
  if (query.is_exhausted()) return exhausted();
  return answer;
}

std::string_view status_of(QueryState::Status status) {
  switch (status) {
    case QueryState::Status::waiting: return "Scheduled";
    case QueryState::Status::running: return "Running";
    case QueryState::Status::complete: return "Complete";
    case QueryState::Status::failed: return "Failed";
    case QueryState::Status::cancelled: return "Cancelled";
  }
  return "Unknown";
}

}  // namespace

Result<api::StartQueryResponse> start_query(const LogsDoor& door, Call& call,
                                            api::StartQueryRequest in) {
  if (const auto language = in.queryLanguage().value_or("CWLI"); language != "CWLI")
    return fail(
        ErrorCode::not_implemented,
        fmt::format("queryLanguage {} is not supported by this version of Slipway.", language));
  TRY(InsightsQuery query, InsightsQuery::parse(in.queryString()));
  TRY(QueryScope scope, scope_of(door, call, in));
  const auto rows_max = static_cast<std::size_t>(in.limit().value_or(insights_rows_default));
  QueryState state{.id = make_uuid(call.random()), .space = space_of(call), .created = call.now()};
  std::vector<std::string> sources;
  for (const QueryScope::Group& group : scope.groups) {
    state.groups.push_back(group.name.group);
    sources.push_back(fmt::format("\"{}\"", group.name.group));
  }
  state.text = fmt::format("SOURCE {} START={}000 END={}999 | {}", fmt::join(sources, ", "),
                           in.startTime(), in.endTime(), in.queryString());
  auto out = call.output<api::StartQueryResponse>();
  out.queryId(state.id);
  TRY_DO(door.queries.start(std::move(state),
                            [&book = door.book, scope = std::move(scope), query = std::move(query),
                             rows_max](const std::atomic<bool>& stopped) {
                              return run_query(book, scope, query, rows_max, stopped);
                            }));
  return out;
}

Result<api::GetQueryResultsResponse> get_query_results(const LogsDoor& door, Call& call,
                                                       api::GetQueryResultsRequest in) {
  TRY(const QueryState query, door.queries.find(space_of(call), std::string(in.queryId())));
  const PageTokens tokens(call.caller(), in);
  const auto position = tokens.position_in(in.nextToken());
  std::size_t from = 0;
  if (position && !position->empty())
    std::from_chars(position->data(), position->data() + position->size(), from);
  if (!position) return invalid_token();
  constexpr std::size_t page_rows_max = 10'000;
  const auto asked = static_cast<std::size_t>(in.maxItems().value_or(0));
  const std::size_t most = asked == 0 ? page_rows_max : asked;
  auto out = call.output<api::GetQueryResultsResponse>();
  out.queryLanguage("CWLI").status(status_of(query.status)).results(wire::empty);
  auto statistics = out.make_statistics();
  const logs::QueryAnswer none;
  const logs::QueryAnswer& answer = query.answer ? *query.answer : none;
  statistics.recordsMatched(static_cast<double>(answer.matched))
      .recordsScanned(static_cast<double>(answer.scanned))
      .estimatedRecordsSkipped(0)
      .bytesScanned(static_cast<double>(answer.bytes))
      .estimatedBytesSkipped(0)
      .logGroupsScanned(static_cast<double>(query.groups.size()));
  const std::size_t end = std::min(answer.rows.size(), from + most);
  for (std::size_t i = from; i < end; ++i) {
    wire::ListBuilder<api::ResultField> row(call.arena());
    for (const auto& [name, value] : answer.rows[i])
      row.add(api::ResultField(call.arena()).field(name).value_(value));
    out.add_results(row.view());
  }
  if (end < answer.rows.size()) out.nextToken(tokens.token_behind(std::to_string(end)));
  return out;
}

Result<api::StopQueryResponse> stop_query(const LogsDoor& door, Call& call,
                                          api::StopQueryRequest in) {
  TRY(const bool was_running, door.queries.stop(space_of(call), std::string(in.queryId())));
  if (!was_running) return invalid(fmt::format("Query with ID {} has ended.", in.queryId()));
  auto out = call.output<api::StopQueryResponse>();
  out.success(true);
  return out;
}

Result<api::DescribeQueriesResponse> describe_queries(const LogsDoor& door, Call& call,
                                                      api::DescribeQueriesRequest in) {
  auto queries = door.queries.list(space_of(call));
  std::erase_if(queries, [&](const QueryState& query) {
    const bool is_of_group =
        !in.logGroupName() ||
        std::ranges::find(query.groups, *in.logGroupName()) != query.groups.end();
    const bool has_status = !in.status() || *in.status() == status_of(query.status);
    return !is_of_group || !has_status || in.queryLanguage().value_or("CWLI") != "CWLI";
  });
  const PageTokens tokens(call.caller(), in);
  const auto after = tokens.position_in(in.nextToken());
  if (!after) return invalid_token();
  if (!after->empty()) {
    const auto found = std::ranges::find(queries, *after, &QueryState::id);
    if (found != queries.end()) queries.erase(queries.begin(), found + 1);
  }
  const auto most = static_cast<std::size_t>(
      in.maxResults().value_or(static_cast<std::int32_t>(query_list_default)));
  const bool has_more = queries.size() > most;
  if (has_more) queries.resize(most);
  auto out = call.output<api::DescribeQueriesResponse>();
  out.queries(wire::empty);
  for (const QueryState& query : queries) {
    auto shown = out.add_queries();
    shown.queryLanguage("CWLI")
        .queryId(query.id)
        .queryString(query.text)
        .status(status_of(query.status))
        .createTime(to_milliseconds(query.created))
        .queryDuration(query.took.count());
    if (query.groups.size() == 1) shown.logGroupName(query.groups.front());
    if (query.answer) shown.bytesScanned(static_cast<double>(query.answer->bytes));
  }
  if (has_more) out.nextToken(tokens.token_behind(queries.back().id));
  return out;
}

}  // namespace slipway::logs_door
