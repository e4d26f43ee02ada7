#include "engine/logs/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace slipway::logs {

namespace {

using std::chrono::days;

std::string key_of(const GroupName& name) { return fmt::format("{} {}", name.space, name.group); }

GroupName name_of(std::string_view key) {
  const std::string_view space = take_until(key, ' ');
  return {std::string(space), std::string(key)};
}

Timestamp timestamp_of(std::int64_t microseconds) {
  return Timestamp(std::chrono::microseconds(microseconds));
}

// From the columns created, retention_days.
LogGroup group_of(std::string name, const store::Rows& rows, int column) {
  LogGroup out{.name = std::move(name), .created = timestamp_of(rows.integer(column))};
  if (!rows.is_null(column + 1)) out.retention_days = static_cast<int>(rows.integer(column + 1));
  return out;
}

std::optional<LogGroup> row_of(store::Transaction& tx, const GroupName& name) {
  auto rows =
      tx.query("SELECT created, retention_days FROM log_group WHERE space = ?1 AND name = ?2",
               name.space, name.group);
  if (!rows.next()) return std::nullopt;
  return group_of(name.group, rows, 0);
}

// The number below which the group's streams are removed; 0: none are.
std::uint64_t removed_before(store::Transaction& tx, const GroupName& name) {
  auto rows =
      tx.query("SELECT streams_before FROM log_group_removal WHERE space = ?1 AND name = ?2",
               name.space, name.group);
  return rows.next() ? static_cast<std::uint64_t>(rows.integer(0)) : 0;
}

void put_row(store::Transaction& tx, const GroupName& name, Timestamp created) {
  tx.run("INSERT INTO log_group(space, name, created) VALUES(?1, ?2, ?3)", name.space, name.group,
         created.time_since_epoch().count());
}

// The groups that a query means, of those in the store and those in the book, both by name.
class Merge {
 public:
  explicit Merge(const GroupQuery& query) : query_(query) {}

  bool is_full() const { return groups_.size() >= query_.groups_max; }
  void take(LogGroup group) {
    if (is_full() || group.name <= query_.after || !group.name.contains(query_.contains)) return;
    groups_.push_back(std::move(group));
  }
  std::vector<LogGroup> groups() && { return std::move(groups_); }

 private:
  const GroupQuery& query_;
  std::vector<LogGroup> groups_;
};

LogGroup group_of(const GroupInfo& info) {
  return {.name = info.name, .created = info.created, .stored_bytes = info.stored_bytes};
}

}  // namespace

std::optional<Timestamp> LogGroup::kept_from(Timestamp now) const {
  if (!retention_days) return std::nullopt;
  return now - days(*retention_days);
}

tags::TaggedThing tagged(const GroupName& name) {
  std::string_view region = name.space;
  const std::string_view account = take_until(region, '/');
  return {std::string(account), std::string(region), "log-group/" + name.group};
}

LogGroups::LogGroups(const Needs& needs) : needs_(needs), clock_watch_(needs.loop.clock()) {
  needs_.loop.add(*this);
}

Result<std::unique_ptr<LogGroups>> LogGroups::open(store::Store& store, const Needs& needs) {
  TRY_DO(store.read([&](store::Transaction& tx) -> Result<> {
    auto rows = tx.query("SELECT space, name, streams_before FROM log_group_removal");
    while (rows.next())
      needs.book.remove({std::string(rows.text(0)), std::string(rows.text(1))},
                        static_cast<std::uint64_t>(rows.integer(2)));
    return {};
  }));
  return std::unique_ptr<LogGroups>(new LogGroups(needs));
}

Result<> LogGroups::create(store::Transaction& tx, const GroupName& name, Timestamp now) const {
  if (find(tx, name))
    return fail(ErrorCode::already_exists, "The specified log group already exists",
                "group_exists");
  put_row(tx, name, now);
  return {};
}

Result<LogGroup> LogGroups::find(store::Transaction& tx, const GroupName& name) const {
  auto group = row_of(tx, name);
  const auto info = needs_.book.group(name);
  if (info && info->newest_stream >= removed_before(tx, name)) {
    if (!group) return group_of(*info);
    group->stored_bytes = info->stored_bytes;
  }
  if (!group)
    return fail(ErrorCode::not_found, "The specified log group does not exist.", "no_such_group");
  return *std::move(group);
}

std::vector<LogGroup> LogGroups::list(store::Transaction& tx, const std::string& space,
                                      const GroupQuery& query) const {
  const std::vector<GroupInfo> printed = needs_.book.groups(space, query.prefix);
  auto next = printed.begin();
  Merge merge(query);
  const auto take_printed = [&] {
    if (next->newest_stream >= removed_before(tx, {space, next->name})) merge.take(group_of(*next));
    ++next;
  };
  auto rows = tx.query(
      "SELECT name, created, retention_days FROM log_group "
      "WHERE space = ?1 AND name > ?2 AND name >= ?3 ORDER BY name",
      space, query.after, query.prefix);
  while (!merge.is_full() && rows.next()) {
    LogGroup group = group_of(std::string(rows.text(0)), rows, 1);
    if (!group.name.starts_with(query.prefix)) break;
    while (next != printed.end() && next->name < group.name) take_printed();
    if (next != printed.end() && next->name == group.name) {
      if (next->newest_stream >= removed_before(tx, {space, group.name}))
        group.stored_bytes = next->stored_bytes;
      ++next;
    }
    merge.take(std::move(group));
  }
  while (!merge.is_full() && next != printed.end()) take_printed();
  return std::move(merge).groups();
}

Result<> LogGroups::keep(store::Transaction& tx, const GroupName& name) const {
  TRY(const LogGroup group, find(tx, name));
  if (!row_of(tx, name)) put_row(tx, name, group.created);
  return {};
}

Result<> LogGroups::set_retention(store::Transaction& tx, const GroupName& name,
                                  std::optional<int> days) {
  TRY_DO(keep(tx, name));
  tx.run("UPDATE log_group SET retention_days = ?3 WHERE space = ?1 AND name = ?2", name.space,
         name.group, days);
  tx.on_commit([this, key = key_of(name)] { needs_.loop.wake(*this, key); });
  return {};
}

Result<> LogGroups::remove(store::Transaction& tx, const GroupName& name) {
  TRY_DO(find(tx, name));
  tx.run("DELETE FROM log_group WHERE space = ?1 AND name = ?2", name.space, name.group);
  tags::erase_all(tx, tagged(name));
  const std::uint64_t before = needs_.book.next_stream();
  tx.run("INSERT OR REPLACE INTO log_group_removal VALUES(?1, ?2, ?3)", name.space, name.group,
         before);
  tx.on_commit([this, name, before] {
    needs_.book.remove(name, before);
    needs_.loop.wake(*this, key_of(name));
  });
  return {};
}

std::vector<std::string> LogGroups::keys(store::Transaction& tx) {
  std::vector<std::string> keys;
  auto rows = tx.query(
      "SELECT concat(space, ' ', name) FROM log_group WHERE retention_days IS NOT NULL "
      "UNION SELECT concat(space, ' ', name) FROM log_group_removal");
  while (rows.next()) keys.emplace_back(rows.text(0));
  return keys;
}

// Whether files are left to delete. The row goes once none are.
bool LogGroups::finish_removal(store::Transaction& tx, const GroupName& name) const {
  const std::uint64_t before = removed_before(tx, name);
  if (before == 0) return false;
  if (needs_.book.has_streams_before(name, before)) return true;
  tx.run("DELETE FROM log_group_removal WHERE space = ?1 AND name = ?2", name.space, name.group);
  return false;
}

engine::Wake LogGroups::reconcile(std::string_view key, store::Transaction& tx, const Moment& now,
                                  engine::Effects& effects) {
  const GroupName name = name_of(key);
  if (finish_removal(tx, name))
    effects.add([this, name] {
      needs_.book.delete_removed(name);
      needs_.loop.wake(*this, key_of(name));
    });
  const auto group = row_of(tx, name);
  const auto kept_from = group ? group->kept_from(now.civil) : std::nullopt;
  if (!kept_from) return engine::Wake::never();
  if (const auto left = clock_watch_.wait(now); left > left.zero())
    return engine::Wake::after(left);
  effects.add([this, name, from = *kept_from] { needs_.book.expire(name, from); });
  return engine::Wake::after(expiry_period);
}

std::span<const store::Migration> migrations() {
  static constexpr store::Migration steps[] = {tags::table,
                                               {.room = "logs", .version = 1, .sql = R"(
    CREATE TABLE log_group(
      space TEXT NOT NULL, name TEXT NOT NULL,
      created INTEGER NOT NULL,   -- microseconds
      retention_days INTEGER,     -- NULL: for ever
      PRIMARY KEY(space, name)) WITHOUT ROWID;
    -- Whose streams with a lower number are gone, and their files to be deleted.
    CREATE TABLE log_group_removal(
      space TEXT NOT NULL, name TEXT NOT NULL, streams_before INTEGER NOT NULL,
      PRIMARY KEY(space, name)) WITHOUT ROWID;
  )"}};
  return steps;
}

}  // namespace slipway::logs
