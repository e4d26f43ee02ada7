// The named things of the doors: a table in which a resource is a name with a document, and a list
// is a page in the order of an index.
//
// It is for what a door itself keeps: a model, an endpoint configuration, a project, a function's
// description. What an engine works on (queues, objects, fleets) stays the engine's own. A new kind
// of resource is a new `type`, and no new table.
//
// Every function works inside the caller's transaction, on its thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/tags/tags.h"
#include "store/store.h"

namespace slipway::service {

// A resource of a door that has a name, as its row holds it.
struct NamedResource {
  std::string name;
  std::string arn;       // of no other resource of any type
  std::string document;  // the door's: mostly what its Create was given, as JSON
  Timestamp created{};
  Timestamp modified{};
  std::string maker;  // Errands::remembered(); empty in rows of former versions
};

// Whose resources of which type. Names are unique among them, as they are written.
struct ResourceScope {
  std::string_view account;
  std::string_view region;
  std::string_view type;  // "sagemaker:model"
};

// Which page of a list. All that is said must hold; times are without the instant itself.
struct ResourceQuery {
  enum class By : std::uint8_t { created, name } by = By::created;
  enum class Order : std::uint8_t { ascending, descending } order = Order::descending;
  std::string position = {};  // ResourcePage::next of the page before; empty: the first page
  std::size_t items_max = 10;
  std::string_view name_contains = {};
  std::optional<Timestamp> created_after = {}, created_before = {};
  std::optional<Timestamp> modified_after = {}, modified_before = {};
};

// A part of a list of resources, and where it goes on.
struct ResourcePage {
  std::vector<NamedResource> items;
  std::optional<std::string> next;  // the position behind the last item, where there are more
};

// Borrows the transaction and the scope's texts.
class NamedResources {
 public:
  NamedResources(store::Transaction& tx, const ResourceScope& scope) : tx_(tx), scope_(scope) {}

  // already_exists where one of this type has the name, or any has the ARN. It counts as modified
  // when it was created.
  Result<> create(const NamedResource& resource) const;

  // not_found. So do all that take a name and may fail.
  Result<NamedResource> get(std::string_view name) const;
  std::optional<NamedResource> find(std::string_view name) const;

  Result<> put_document(std::string_view name, std::string_view document, Timestamp now) const;
  Result<> mark_modified(std::string_view name, Timestamp now) const;
  // With its tags.
  Result<> erase(std::string_view name) const;

  // A page costs the rows that it shows, and those that `name_contains` and times other than those
  // of its order pass over. `keep` leaves out what the row does not tell, and may change what is
  // shown; a page is filled up with those that it keeps.
  using Keep = std::function<bool(NamedResource&)>;
  ResourcePage list(const ResourceQuery& query, const Keep& keep = {}) const;
  // The statement that list() reads, for whoever asks SQLite for its plan.
  static std::string sql_of(const ResourceQuery& query);

 private:
  store::Rows rows_in_order(const ResourceQuery& query) const;

  store::Transaction& tx_;
  const ResourceScope scope_;
};

// By what the tags of a resource are kept: by its ARN.
tags::TaggedThing tagged_by(std::string_view arn);

// The resource with that ARN, whatever its type.
std::optional<NamedResource> find_resource(store::Transaction& tx, std::string_view arn);

std::span<const store::Migration> named_resource_migrations();

}  // namespace slipway::service
