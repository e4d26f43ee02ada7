#include "service/sagemaker/resources.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

#include "base/text.h"
#include "service/errands.h"
#include "service/errors.h"
#include "service/sagemaker/sagemaker.h"

namespace slipway::sagemaker {
namespace {

using service::refuse;

constexpr store::Migration tables[] = {
    {.room = "service/sagemaker", .version = 1, .sql = R"(
       CREATE TABLE sagemaker_resource(
         kind TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
         arn TEXT NOT NULL, document TEXT NOT NULL,
         created_us INTEGER NOT NULL, modified_us INTEGER NOT NULL,
         PRIMARY KEY(kind, account, region, name)) WITHOUT ROWID;
       CREATE UNIQUE INDEX sagemaker_resource_arn ON sagemaker_resource(arn);
       CREATE TABLE sagemaker_tag(
         arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
         PRIMARY KEY(arn, key)) WITHOUT ROWID;
       CREATE TABLE sagemaker_deployment(
         arn TEXT PRIMARY KEY, generation INTEGER NOT NULL, wanted TEXT NOT NULL, former TEXT,
         started_us INTEGER NOT NULL) WITHOUT ROWID;
     )"},
    {.room = "service/sagemaker",
     .version = 2,
     .sql = "CREATE TABLE sagemaker_leaving(arn TEXT PRIMARY KEY) WITHOUT ROWID;"},
    {.room = "service/sagemaker",
     .version = 3,
     .sql = "ALTER TABLE sagemaker_resource ADD COLUMN maker TEXT NOT NULL DEFAULT '';"},
    {.room = "service/sagemaker",
     .version = 4,
     .sql = "CREATE INDEX sagemaker_resource_created ON "
            "sagemaker_resource(kind, account, region, created_us, name);"},
    {.room = "service/sagemaker/component", .version = 1, .sql = R"(
       CREATE TABLE sagemaker_component(
         arn TEXT PRIMARY KEY, endpoint TEXT NOT NULL, slots TEXT NOT NULL) WITHOUT ROWID;
       CREATE INDEX sagemaker_component_endpoint ON sagemaker_component(endpoint);
     )"}};

constexpr std::string_view columns = "name, r.arn, document, created_us, modified_us, maker";

Timestamp time_of(std::int64_t microseconds) {
  return Timestamp(std::chrono::microseconds(microseconds));
}

std::int64_t number_of(Timestamp time) { return time.time_since_epoch().count(); }

Resource read_row(const store::Rows& rows) {
  return {.name = std::string(rows.text(0)),
          .arn = std::string(rows.text(1)),
          .document = std::string(rows.text(2)),
          .created = time_of(rows.integer(3)),
          .modified = time_of(rows.integer(4)),
          .maker = std::string(rows.text(5))};
}

bool within(Timestamp time, const std::optional<Timestamp>& after,
            const std::optional<Timestamp>& before) {
  return (!after || time > *after) && (!before || time < *before);
}

bool row_matches(const Resource& row, const ListQuery& query) {
  return !query.name_contains || row.name.find(*query.name_contains) != std::string::npos;
}

bool look_matches(const Listed& item, const ListQuery& query) {
  return (!query.status_equals || *query.status_equals == item.status) &&
         within(item.resource.modified, query.modified_after, query.modified_before);
}

// Where an item stands in the order of a query, as text that compares that way.
std::string position_of(const Listed& item, std::string_view sort_by) {
  if (sort_by == "Name") return item.resource.name;
  const std::string time = fmt::format("{:020}", number_of(item.resource.created));
  const std::string_view first = sort_by == "Status" ? std::string_view(item.status) : time;
  return fmt::format("{}\x1f{}", first, item.resource.name);
}

// Up to which many items a query lists, in which order and behind which position.
struct Walk {
  std::string_view sort_by;
  bool ascending = false;
  std::optional<std::string> after;
  std::size_t items = 0;
};

// The time and the name of a position in the order of creation; malformed ones are before all.
std::pair<std::int64_t, std::string_view> time_and_name(std::string_view position) {
  const std::size_t end = std::min(position.find('\x1f'), position.size());
  std::int64_t time = 0;
  std::from_chars(position.data(), position.data() + end, time);
  return {time, position.substr(std::min(end + 1, position.size()))};
}

// The rows of the query in the order of an index, so that a page costs what it shows.
store::Rows rows_in_order(const Call& call, const Kind& kind, const ListQuery& query,
                          const Walk& walk) {
  constexpr std::string_view all =
      "SELECT {} FROM sagemaker_resource r WHERE kind=?1 AND account=?2 AND region=?3 AND ";
  const auto sql = [&](std::string_view rest) {
    return fmt::format(all, columns) + fmt::format(fmt::runtime(rest), walk.ascending ? ">" : "<",
                                                   walk.ascending ? "ASC" : "DESC");
  };
  const auto lowest = std::numeric_limits<std::int64_t>::min();
  const auto highest = std::numeric_limits<std::int64_t>::max();
  const auto after = query.created_after ? number_of(*query.created_after) : lowest;
  const auto before = query.created_before ? number_of(*query.created_before) : highest;
  const std::string_view behind_all_names = walk.ascending ? "" : "\x7f";
  if (walk.sort_by == "Name")
    return call.tx().query(
        sql("+created_us > ?4 AND +created_us < ?5 AND name {0} ?6 ORDER BY name {1}"),
        kind.arn_type, call.account(), call.region(), after, before,
        walk.after ? std::string_view(*walk.after) : behind_all_names);
  const auto [time, name] = walk.after
                                ? time_and_name(*walk.after)
                                : std::pair(walk.ascending ? lowest : highest, behind_all_names);
  return call.tx().query(sql("created_us > ?4 AND created_us < ?5 AND (created_us, name) {0} "
                             "(?6, ?7) ORDER BY created_us {1}, name {1}"),
                         kind.arn_type, call.account(), call.region(), after, before, time, name);
}

// In the order of their creation or names; one that is ordered by status is for sorted().
std::vector<Listed> walk_along(const Call& call, const Kind& kind, const ListQuery& query,
                               const Look& look, const Walk& walk) {
  std::vector<Listed> items;
  auto rows = rows_in_order(call, kind, query, walk);
  while (items.size() < walk.items && rows.next()) {
    Listed item{.resource = read_row(rows), .status = {}};
    if (!row_matches(item.resource, query) || (look && !look(item))) continue;
    if (look_matches(item, query)) items.push_back(std::move(item));
  }
  return items;
}

// By status, which no row has: all are looked at.
std::vector<Listed> sorted_by_status(const Call& call, const Kind& kind, const ListQuery& query,
                                     const Look& look, const Walk& walk) {
  std::vector<Listed> items =
      walk_along(call, kind, query, look,
                 {.sort_by = "Name", .ascending = true, .after = {}, .items = std::string::npos});
  const auto position = [&](const Listed& item) { return position_of(item, walk.sort_by); };
  const auto before = [&](const std::string& a, const std::string& b) {
    return walk.ascending ? a < b : b < a;
  };
  std::ranges::sort(items, before, position);
  if (walk.after)
    std::erase_if(items, [&](const Listed& item) { return !before(*walk.after, position(item)); });
  items.resize(std::min(items.size(), walk.items));
  return items;
}

}  // namespace

std::span<const store::Migration> migrations() { return tables; }

std::string arn_of(const Call& call, const Kind& kind, std::string_view name) {
  return call.arn("sagemaker", fmt::format("{}/{}", kind.arn_type, to_lower(name)));
}

Result<Resource> create(const Call& call, const Kind& kind, std::string_view name,
                        std::string document) {
  Resource row{.name = std::string(name),
               .arn = arn_of(call, kind, name),
               .document = std::move(document),
               .created = call.now(),
               .modified = call.now(),
               .maker = service::Errands::remembered(call.caller().principal)};
  const std::int64_t added = call.tx().run(
      "INSERT INTO sagemaker_resource VALUES(?1,?2,?3,?4,?5,?6,?7,?7,?8) ON CONFLICT DO NOTHING",
      kind.arn_type, call.account(), call.region(), row.name, row.arn, row.document,
      number_of(row.created), row.maker);
  if (added == 0)
    return refuse("ValidationException",
                  fmt::format("Cannot create already existing {} \"{}\".", kind.noun, row.arn));
  return row;
}

std::optional<Resource> find(const Call& call, const Kind& kind, std::string_view name) {
  auto rows = call.tx().query(fmt::format("SELECT {} FROM sagemaker_resource r "
                                          "WHERE kind=?1 AND account=?2 AND region=?3 AND name=?4",
                                          columns),
                              kind.arn_type, call.account(), call.region(), name);
  if (!rows.next()) return std::nullopt;
  return read_row(rows);
}

Result<Resource> get(const Call& call, const Kind& kind, std::string_view name) {
  if (auto row = find(call, kind, name)) return *std::move(row);
  return refuse("ValidationException",
                fmt::format("Could not find {} \"{}\".", kind.noun, arn_of(call, kind, name)));
}

void touch(const Call& call, const Kind& kind, std::string_view name) {
  call.tx().run(
      "UPDATE sagemaker_resource SET modified_us=?5 "
      "WHERE kind=?1 AND account=?2 AND region=?3 AND name=?4",
      kind.arn_type, call.account(), call.region(), name, number_of(call.now()));
}

Result<> remove(const Call& call, const Kind& kind, std::string_view name) {
  TRY(const Resource row, get(call, kind, name));
  call.tx().run("DELETE FROM sagemaker_tag WHERE arn=?1", row.arn);
  call.tx().run("DELETE FROM sagemaker_leaving WHERE arn=?1", row.arn);
  call.tx().run("DELETE FROM sagemaker_resource WHERE arn=?1", row.arn);
  return {};
}

void mark_leaving(const Call& call, const Resource& resource) {
  call.tx().run("DELETE FROM sagemaker_tag WHERE arn=?1", resource.arn);
  call.tx().run("INSERT INTO sagemaker_leaving VALUES(?1) ON CONFLICT DO NOTHING", resource.arn);
}

std::vector<Resource> leaving(const Call& call, const Kind& kind) {
  std::vector<Resource> list;
  auto rows = call.tx().query(
      fmt::format("SELECT {} FROM sagemaker_leaving l JOIN sagemaker_resource r ON r.arn=l.arn "
                  "WHERE kind=?1 AND account=?2 AND region=?3",
                  columns),
      kind.arn_type, call.account(), call.region());
  while (rows.next()) list.push_back(read_row(rows));
  return list;
}

std::unexpected<Error> invalid_token() {
  return refuse("ValidationException", "Invalid NextToken: it does not belong to this request.");
}

Result<Page> list(const Call& call, const Kind& kind, const ListQuery& query, const Look& look) {
  Walk walk{.sort_by = query.sort_by.value_or("CreationTime"),
            .ascending = query.sort_order.value_or("Descending") == "Ascending",
            .after = query.tokens.position_in(query.next_token)};
  if (!walk.after) return invalid_token();
  if (walk.after->empty()) walk.after.reset();
  const auto limit = static_cast<std::size_t>(query.max_results.value_or(page_size_default));
  walk.items = limit + 1;
  Page page{.items = walk.sort_by == "Status" ? sorted_by_status(call, kind, query, look, walk)
                                              : walk_along(call, kind, query, look, walk),
            .next_token = {}};
  if (page.items.size() > limit) {
    page.items.resize(limit);
    page.next_token = query.tokens.token_behind(position_of(page.items.back(), walk.sort_by));
  }
  return page;
}

Result<> put_tags(const Call& call, std::string_view arn,
                  const wire::ListView<aws::sagemaker::Tag>& tags) {
  std::set<std::string_view> keys;
  for (const auto tag : tags) {
    if (!keys.insert(tag.Key()).second)
      return refuse("ValidationException", fmt::format("Duplicate tag keys found: {}.", tag.Key()));
    call.tx().run("INSERT INTO sagemaker_tag VALUES(?1,?2,?3) ON CONFLICT DO UPDATE SET value=?3",
                  arn, tag.Key(), tag.Value());
  }
  auto count = call.tx().query("SELECT count(*) FROM sagemaker_tag WHERE arn=?1", arn);
  if (count.next() && count.integer(0) > static_cast<std::int64_t>(tags_max))
    return refuse("ValidationException",
                  fmt::format("A resource may have at most {} tags.", tags_max));
  return {};
}

}  // namespace slipway::sagemaker
