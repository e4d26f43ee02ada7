// Makes, reads, changes and removes resources as their types' rows say (resource_type.h), by the
// operations of the doors alone: what stacks and Cloud Control are made of.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "service/resource_type.h"
#include "service/run_operation.h"

namespace slipway::service {

// A resource that was made.
struct MadeResource {
  const ResourceType& type;
  std::string id;                         // what ResourceOperations::create() returned
  const boost::json::object& properties;  // as it was last made or changed
};

// What another template asks of a resource, by the names of properties.
struct PropertyChanges {
  std::vector<std::string> in_place;
  std::vector<std::string> replacing;  // takes a new resource in the place of this one

  bool any() const { return !in_place.empty() || !replacing.empty(); }
};
PropertyChanges changes_between(const ResourceType& type, const boost::json::object& before,
                                const boost::json::object& after);

// A resource as it is now.
struct ResourceState {
  enum class Kind : std::uint8_t {
    stable,   // it is what was asked for
    pending,  // on its way there: read anew when `topic` of engine::Changes moves
    failed,   // it will not be
    gone,     // it is not there
  } kind = Kind::stable;
  std::string topic = {};
  std::string reason = {};  // of a failure
  // As a template has them, with what the service set by itself, and attributes.
  boost::json::object properties = {};
};

// One who asks, in one transaction. Of a call that fails nothing remains, and the transaction goes
// on. Errors are those of the operations; invalid_argument names a property that the type does not
// have, that this server cannot set, or whose value cannot be one: none is dropped.
class ResourceOperations {
 public:
  // All outlive this object; it is the transaction's thread's.
  ResourceOperations(const Operations& operations, const Caller& caller, store::Transaction& tx)
      : operations_(operations), caller_(caller), tx_(tx) {}

  // The identifier of a new resource. `name` is for a type that has one, where `properties` give
  // none.
  Result<std::string> create(const ResourceType& type, boost::json::object properties,
                             std::string_view name);

  Result<ResourceState> read(const MadeResource& resource);

  // Changes it to have `wanted`. Returns what takes another resource: then nothing was done.
  Result<PropertyChanges> update(const MadeResource& resource, const boost::json::object& wanted);

  // What is gone already is removed.
  Result<> remove(const MadeResource& resource);

  // The identifiers of all that are there.
  Result<std::vector<std::string>> list(const ResourceType& type);

 private:
  class Run;

  const Operations& operations_;
  const Caller& caller_;
  store::Transaction& tx_;
};

}  // namespace slipway::service
