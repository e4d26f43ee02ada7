#include "service/named_resources.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "service/arn.h"

namespace slipway::service {
namespace {

constexpr store::Migration tables[] = {tags::table,
                                       {.room = "service/named_resources", .version = 1, .sql = R"(
       CREATE TABLE named_resource(
         type TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
         arn TEXT NOT NULL, document TEXT NOT NULL, maker TEXT NOT NULL,
         created_us INTEGER NOT NULL, modified_us INTEGER NOT NULL,
         PRIMARY KEY(type, account, region, name)) WITHOUT ROWID;
       CREATE UNIQUE INDEX named_resource_arn ON named_resource(arn);
       CREATE INDEX named_resource_created ON
         named_resource(type, account, region, created_us, name);
       CREATE INDEX named_resource_modified ON
         named_resource(type, account, region, modified_us, name);
     )"},
                                       // No list is in that order, and every change pays for it.
                                       {.room = "service/named_resources",
                                        .version = 2,
                                        .sql = "DROP INDEX named_resource_modified;"}};

constexpr std::string_view columns = "name, arn, document, created_us, modified_us, maker";
constexpr std::string_view in_scope = "type=?1 AND account=?2 AND region=?3";

// Where nothing is said of a time.
constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();
constexpr std::string_view behind_all_names = "\xff";  // no UTF-8 text begins with it
constexpr char between = '\x1f';                       // the time and the name of a position

Timestamp time_of(std::int64_t microseconds) {
  return Timestamp(std::chrono::microseconds(microseconds));
}
std::int64_t number_of(Timestamp time) { return time.time_since_epoch().count(); }

NamedResource read_row(const store::Rows& rows) {
  return {.name = std::string(rows.text(0)),
          .arn = std::string(rows.text(1)),
          .document = std::string(rows.text(2)),
          .created = time_of(rows.integer(3)),
          .modified = time_of(rows.integer(4)),
          .maker = std::string(rows.text(5))};
}

std::string position_of(const NamedResource& row, ResourceQuery::By by) {
  if (by == ResourceQuery::By::name) return row.name;
  return fmt::format("{}{}{}", number_of(row.created), between, row.name);
}

// The times that a query lets through: between these two.
struct Times {
  std::int64_t after;
  std::int64_t before;
};
Times times_between(const std::optional<Timestamp>& after, const std::optional<Timestamp>& before) {
  return {after ? number_of(*after) : lowest, before ? number_of(*before) : highest};
}

// Where a page begins: behind this time of creation and this name.
using Start = std::pair<std::int64_t, std::string>;

Start read_position(const std::string& position, Start otherwise) {
  const std::size_t end = position.find(between);
  if (end == position.npos) return otherwise;
  std::int64_t time = 0;
  std::from_chars(position.data(), position.data() + end, time);
  return {time, position.substr(end + 1)};
}

// In the order of creation the page begins no earlier than the times that are let through, so that
// one range of the index is all that is read.
Start start_of(const ResourceQuery& query, const Times& created) {
  const bool up = query.order == ResourceQuery::Order::ascending;
  const std::string first_name(up ? std::string_view() : behind_all_names);
  if (query.by == ResourceQuery::By::name)
    return {0, query.position.empty() ? first_name : query.position};
  Start first = up ? Start(created.after, behind_all_names) : Start(created.before, "");
  if (query.position.empty()) return first;
  Start behind = read_position(query.position, first);
  return up ? std::max(std::move(first), std::move(behind))
            : std::min(std::move(first), std::move(behind));
}

// The conditions on the times. What stands behind a '+' is looked at in the rows alone: the range
// of the index begins at the page's start, and ends where the times do.
std::string_view condition_on_times(const ResourceQuery& query) {
  if (query.by == ResourceQuery::By::name)
    return "+created_us > ?4 AND +created_us < ?5 AND modified_us > ?6 AND modified_us < ?7";
  if (query.order == ResourceQuery::Order::ascending)
    return "+created_us > ?4 AND created_us < ?5 AND modified_us > ?6 AND modified_us < ?7";
  return "created_us > ?4 AND +created_us < ?5 AND modified_us > ?6 AND modified_us < ?7";
}

std::unexpected<Error> no_resource(std::string_view name) {
  return fail(ErrorCode::not_found, fmt::format("There is no '{}'.", name));
}

Result<> expect_one(std::int64_t changed, std::string_view name) {
  if (changed == 0) return no_resource(name);
  return {};
}

}  // namespace

std::span<const store::Migration> named_resource_migrations() { return tables; }

Result<> NamedResources::create(const NamedResource& resource) const {
  const std::int64_t added = tx_.run(
      "INSERT INTO named_resource(type, account, region, name, arn, document, maker, created_us, "
      "modified_us) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?8) ON CONFLICT DO NOTHING",
      scope_.type, scope_.account, scope_.region, resource.name, resource.arn, resource.document,
      resource.maker, number_of(resource.created));
  if (added != 0) return {};
  return fail(ErrorCode::already_exists, fmt::format("There is a '{}' already.", resource.name));
}

std::optional<NamedResource> NamedResources::find(std::string_view name) const {
  static const std::string sql =
      fmt::format("SELECT {} FROM named_resource WHERE {} AND name=?4", columns, in_scope);
  auto rows = tx_.query(sql, scope_.type, scope_.account, scope_.region, name);
  if (!rows.next()) return std::nullopt;
  return read_row(rows);
}

Result<NamedResource> NamedResources::get(std::string_view name) const {
  if (auto found = find(name)) return *std::move(found);
  return no_resource(name);
}

Result<> NamedResources::put_document(std::string_view name, std::string_view document,
                                      Timestamp now) const {
  return expect_one(
      tx_.run(
          fmt::format("UPDATE named_resource SET document=?5, modified_us=?6 WHERE {} AND name=?4",
                      in_scope),
          scope_.type, scope_.account, scope_.region, name, document, number_of(now)),
      name);
}

Result<> NamedResources::mark_modified(std::string_view name, Timestamp now) const {
  return expect_one(
      tx_.run(
          fmt::format("UPDATE named_resource SET modified_us=?5 WHERE {} AND name=?4", in_scope),
          scope_.type, scope_.account, scope_.region, name, number_of(now)),
      name);
}

Result<> NamedResources::erase(std::string_view name) const {
  TRY(const NamedResource resource, get(name));
  tags::erase_all(tx_, tagged_by(resource.arn));
  tx_.run("DELETE FROM named_resource WHERE arn=?1", resource.arn);
  return {};
}

std::string NamedResources::sql_of(const ResourceQuery& query) {
  using By = ResourceQuery::By;
  const bool up = query.order == ResourceQuery::Order::ascending;
  const std::string place =
      query.by == By::name
          ? fmt::format("name {} ?9 ORDER BY name {}", up ? ">" : "<", up ? "ASC" : "DESC")
          : fmt::format("(created_us, name) {0} (?8, ?9) ORDER BY created_us {1}, name {1}",
                        up ? ">" : "<", up ? "ASC" : "DESC");
  return fmt::format(
      "SELECT {} FROM named_resource WHERE {} AND {} AND instr(name, ?10) > 0 AND {}", columns,
      in_scope, condition_on_times(query), place);
}

store::Rows NamedResources::rows_in_order(const ResourceQuery& query) const {
  const Times created = times_between(query.created_after, query.created_before);
  const Times modified = times_between(query.modified_after, query.modified_before);
  const Start start = start_of(query, created);
  return tx_.query(sql_of(query), scope_.type, scope_.account, scope_.region, created.after,
                   created.before, modified.after, modified.before, start.first, start.second,
                   query.name_contains);
}

ResourcePage NamedResources::list(const ResourceQuery& query, const Keep& keep) const {
  ResourcePage page;
  std::string last;
  auto rows = rows_in_order(query);
  while (rows.next()) {
    NamedResource row = read_row(rows);
    std::string position = position_of(row, query.by);
    if (keep && !keep(row)) continue;
    if (page.items.size() == query.items_max) {
      page.next = std::move(last);
      break;
    }
    page.items.push_back(std::move(row));
    last = std::move(position);
  }
  return page;
}

tags::TaggedThing tagged_by(std::string_view arn) {
  const auto parts = parse_arn(arn);
  if (!parts) return {{}, {}, std::string(arn)};
  return {std::string(parts->account), std::string(parts->region), std::string(arn)};
}

std::optional<NamedResource> find_resource(store::Transaction& tx, std::string_view arn) {
  auto rows = tx.query(fmt::format("SELECT {} FROM named_resource WHERE arn=?1", columns), arn);
  if (!rows.next()) return std::nullopt;
  return read_row(rows);
}

}  // namespace slipway::service
