#include "service/sagemaker/resources.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "service/errands.h"
#include "service/errors.h"
#include "service/sagemaker/sagemaker.h"

namespace slipway::sagemaker {
namespace {

using service::refuse;
using service::ResourceQuery;

constexpr tags::Rules tag_rules{.reserved_prefix = "aws:"};

// AWS's words (aws/sagemaker-python-sdk#1301).
std::unexpected<Error> reserved_key(std::string_view key) {
  return refuse("ValidationException",
                fmt::format("System prefix 'aws:' reserved for AWS usage in tag key: {}", key));
}

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
    // Resources moved into the table of all doors.
    {.room = "service/sagemaker", .version = 5, .sql = R"(
       INSERT INTO named_resource(
         type, account, region, name, arn, document, maker, created_us, modified_us)
         SELECT 'sagemaker:' || kind, account, region, name, arn, document, maker, created_us,
           modified_us FROM sagemaker_resource;
       DROP TABLE sagemaker_resource;
     )"},
    // So did their tags, which were ordered by key.
    {.room = "service/sagemaker", .version = 6, .sql = R"(
       INSERT INTO tag(account, region, resource, key, value, place)
         SELECT account, region, t.arn, key, value,
           row_number() OVER (PARTITION BY t.arn ORDER BY key)
         FROM sagemaker_tag t JOIN named_resource r ON r.arn = t.arn;
       DROP TABLE sagemaker_tag;
     )"},
    {.room = "service/sagemaker/component", .version = 1, .sql = R"(
       CREATE TABLE sagemaker_component(
         arn TEXT PRIMARY KEY, endpoint TEXT NOT NULL, slots TEXT NOT NULL) WITHOUT ROWID;
       CREATE INDEX sagemaker_component_endpoint ON sagemaker_component(endpoint);
     )"}};

service::NamedResources resources_of(const Call& call, const ResourceKind& kind) {
  return {call.tx(), {call.account(), call.region(), kind.type}};
}

std::unexpected<Error> could_not_find(const Call& call, const ResourceKind& kind,
                                      std::string_view name) {
  return refuse("ValidationException",
                fmt::format("Could not find {} \"{}\".", kind.noun, arn_of(call, kind, name)));
}

bool within(Timestamp time, const std::optional<Timestamp>& after,
            const std::optional<Timestamp>& before) {
  return (!after || time > *after) && (!before || time < *before);
}

// What a look tells is not in the rows: the status, and when it changed.
bool matches(const ListedResource& item, const ResourceListQuery& query) {
  return (!query.status_equals || *query.status_equals == item.status) &&
         within(item.resource.modified, query.modified_after, query.modified_before);
}

ResourceQuery::Order order_of(const ResourceListQuery& query) {
  return query.sort_order == "Ascending" ? ResourceQuery::Order::ascending
                                         : ResourceQuery::Order::descending;
}

struct Found {
  std::vector<ListedResource> items;
  std::optional<std::string> next;  // the position behind them, where there are more
};

// Reads resources in the order of `rows`, with what `look` tells of each.
Found find_all(const Call& call, const ResourceKind& kind, const ResourceListQuery& query,
               const Look& look, ResourceQuery rows) {
  rows.name_contains = query.name_contains.value_or("");
  rows.created_after = query.created_after;
  rows.created_before = query.created_before;
  std::vector<std::string> statuses;
  auto page = resources_of(call, kind).list(rows, [&](Resource& row) {
    ListedResource item{.resource = std::move(row), .status = {}};
    const bool kept = (!look || look(item)) && matches(item, query);
    row = std::move(item.resource);
    if (kept) statuses.push_back(std::move(item.status));
    return kept;
  });
  Found out{.items = {}, .next = std::move(page.next)};
  for (std::size_t i = 0; i < page.items.size(); ++i)
    out.items.push_back({std::move(page.items[i]), std::move(statuses[i])});
  return out;
}

// In the order of statuses, which no row has: all are looked at.
Found find_by_status(const Call& call, const ResourceKind& kind, const ResourceListQuery& query,
                     const Look& look, const ResourceQuery& rows) {
  Found found =
      find_all(call, kind, query, look,
               {.by = ResourceQuery::By::name, .position = {}, .items_max = std::string::npos});
  const auto position = [](const ListedResource& item) {
    return fmt::format("{}\x1f{}", item.status, item.resource.name);
  };
  const auto before = [&](const std::string& a, const std::string& b) {
    return rows.order == ResourceQuery::Order::ascending ? a < b : b < a;
  };
  std::ranges::sort(found.items, before, position);
  if (!rows.position.empty())
    std::erase_if(found.items, [&](const ListedResource& item) {
      return !before(rows.position, position(item));
    });
  if (found.items.size() > rows.items_max) {
    found.items.resize(rows.items_max);
    found.next = position(found.items.back());
  }
  return found;
}

}  // namespace

std::span<const store::Migration> migrations() { return tables; }

std::string arn_of(const Call& call, const ResourceKind& kind, std::string_view name) {
  const std::string_view type = kind.type.substr(kind.type.find(':') + 1);
  return call.arn("sagemaker", fmt::format("{}/{}", type, to_lower(name)));
}

Result<Resource> create(const Call& call, const ResourceKind& kind, std::string_view name,
                        std::string document) {
  Resource row{.name = std::string(name),
               .arn = arn_of(call, kind, name),
               .document = std::move(document),
               .created = call.now(),
               .modified = call.now(),
               .maker = service::Errands::remembered(call.caller().principal)};
  if (!resources_of(call, kind).create(row))
    return refuse("ValidationException",
                  fmt::format("Cannot create already existing {} \"{}\".", kind.noun, row.arn));
  return row;
}

std::optional<Resource> find(const Call& call, const ResourceKind& kind, std::string_view name) {
  return resources_of(call, kind).find(name);
}

Result<Resource> get(const Call& call, const ResourceKind& kind, std::string_view name) {
  if (auto row = find(call, kind, name)) return *std::move(row);
  return could_not_find(call, kind, name);
}

void put_document(const Call& call, const ResourceKind& kind, const Resource& resource) {
  (void)resources_of(call, kind).put_document(resource.name, resource.document, call.now());
}

void touch(const Call& call, const ResourceKind& kind, std::string_view name) {
  (void)resources_of(call, kind).mark_modified(name, call.now());
}

Result<> remove(const Call& call, const ResourceKind& kind, std::string_view name) {
  TRY(const Resource row, get(call, kind, name));
  call.tx().run("DELETE FROM sagemaker_leaving WHERE arn=?1", row.arn);
  return resources_of(call, kind).erase(name);
}

void mark_leaving(const Call& call, const Resource& resource) {
  tags::erase_all(call.tx(), service::tagged_by(resource.arn));
  call.tx().run("INSERT INTO sagemaker_leaving VALUES(?1) ON CONFLICT DO NOTHING", resource.arn);
}

bool is_leaving(const Call& call, const Resource& resource) {
  return call.tx().query("SELECT 1 FROM sagemaker_leaving WHERE arn=?1", resource.arn).next();
}

std::vector<Resource> leaving(const Call& call, const ResourceKind& kind) {
  const std::string ours = arn_of(call, kind, "");
  std::vector<Resource> list;
  auto rows = call.tx().query(
      "SELECT arn FROM sagemaker_leaving WHERE substr(arn, 1, length(?1)) = ?1", ours);
  while (rows.next())
    if (auto row = service::find_resource(call.tx(), rows.text(0))) list.push_back(*std::move(row));
  return list;
}

std::unexpected<Error> invalid_token() {
  return refuse("ValidationException", "Invalid NextToken: it does not belong to this request.");
}

Result<ResourceListPage> list(const Call& call, const ResourceKind& kind,
                              const ResourceListQuery& query, const Look& look) {
  TRY(std::string position, query.tokens.position_or(query.next_token, invalid_token));
  const std::string_view by = query.sort_by.value_or("CreationTime");
  const ResourceQuery rows{
      .by = by == "Name" ? ResourceQuery::By::name : ResourceQuery::By::created,
      .order = order_of(query),
      .position = std::move(position),
      .items_max = static_cast<std::size_t>(query.max_results.value_or(page_size_default))};
  Found found = by == "Status" ? find_by_status(call, kind, query, look, rows)
                               : find_all(call, kind, query, look, rows);
  ResourceListPage page{.items = std::move(found.items), .next_token = {}};
  if (found.next) page.next_token = query.tokens.token_behind(*found.next);
  return page;
}

Result<> put_tags(const Call& call, std::string_view arn,
                  const wire::ListView<aws::sagemaker::Tag>& given) {
  tags::TagList list;
  for (const auto tag : given) list.emplace_back(tag.Key(), tag.Value());
  // AWS's model has looked at each key and value: what is left is that one stands twice, or is of
  // those that AWS alone gives.
  if (const auto violation = tags::find_violation(list, tag_rules)) {
    if (violation->rule == tags::Violation::Rule::reserved_key)
      return reserved_key(violation->tag.first);
    return refuse("ValidationException",
                  fmt::format("Duplicate tag keys found: {}.", violation->tag.first));
  }
  if (tags::put(call.tx(), service::tagged_by(arn), list, tag_rules)) return {};
  return refuse("ValidationException",
                fmt::format("A resource may have at most {} tags.", tag_rules.tags_max));
}

Result<> erase_tags(const Call& call, std::string_view arn,
                    const wire::ListView<std::string_view>& keys) {
  const std::vector<std::string> all(keys.begin(), keys.end());
  for (const std::string& key : all)
    if (key.starts_with(tag_rules.reserved_prefix)) return reserved_key(key);
  tags::erase(call.tx(), service::tagged_by(arn), all, tag_rules);
  return {};
}

}  // namespace slipway::sagemaker
