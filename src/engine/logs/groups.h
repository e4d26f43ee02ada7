// Log groups: what somebody made or shaped stands in the store; what an instance prints into is
// there by itself, as long as it has streams. Both are the same to who looks.
//
// A group is removed in two steps. The change that removes it writes down which streams it had;
// with its commit these are out of the book, and the reconciler deletes their files. A server that
// was killed in between knows from the store which streams are gone, before it takes the first
// line.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/clock_watch.h"
#include "engine/logs/log_book.h"
#include "engine/logs/names.h"
#include "engine/reconciler.h"
#include "engine/tags/tags.h"
#include "store/store.h"

namespace slipway::logs {

// Limits.
inline constexpr std::chrono::hours expiry_period{1};  // how often old events are deleted

// A group as it is now.
struct LogGroup {
  std::string name;
  Timestamp created{};
  std::optional<int> retention_days = {};  // nullopt: events stay for ever
  std::uint64_t stored_bytes = 0;

  // Nobody is shown an event from before.
  std::optional<Timestamp> kept_from(Timestamp now) const;
};

// Which groups of a space.
struct GroupQuery {
  std::string prefix = {};
  std::string contains = {};
  std::string after = {};  // names behind this one
  std::size_t groups_max = 50;
};

// By what the tags of a group are kept; Groups::remove() removes them with it.
tags::TaggedThing tagged(const GroupName& name);

// The groups, and the reconciler that deletes what was removed and what is too old. Functions with
// a transaction work inside it, on its thread.
class LogGroups final : public engine::Reconciler {
 public:
  // Both outlive it; it adds itself to the loop.
  struct Needs {
    LogBook& book;
    engine::ReconcilerLoop& loop;
  };
  // Takes out of the book what was removed before. Before the first line is appended.
  static Result<std::unique_ptr<LogGroups>> open(store::Store& store, const Needs& needs);

  // already_exists, kind "group_exists".
  Result<> create(store::Transaction& tx, const GroupName& name, Timestamp now) const;
  // not_found, kind "no_such_group". So do all that take the name of a group.
  Result<LogGroup> find(store::Transaction& tx, const GroupName& name) const;
  // By name.
  std::vector<LogGroup> list(store::Transaction& tx, const std::string& space,
                             const GroupQuery& query) const;
  // From now on the group stays though its streams go.
  Result<> keep(store::Transaction& tx, const GroupName& name) const;
  Result<> set_retention(store::Transaction& tx, const GroupName& name, std::optional<int> days);
  // With its streams and tags. What an instance prints after this makes a group of the name anew.
  Result<> remove(store::Transaction& tx, const GroupName& name);

  std::string_view name() const override { return "log-groups"; }
  std::vector<std::string> keys(store::Transaction& tx) override;
  engine::Wake reconcile(std::string_view key, store::Transaction& tx, const Moment& now,
                         engine::Effects& effects) override;

 private:
  explicit LogGroups(const Needs& needs);
  bool finish_removal(store::Transaction& tx, const GroupName& name) const;

  const Needs needs_;
  engine::ClockWatch clock_watch_;  // the store's thread only
};

std::span<const store::Migration> migrations();

}  // namespace slipway::logs
