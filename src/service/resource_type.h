// The resource contract: what a type of CloudFormation's ("AWS::SQS::Queue") comes to in operations
// of this server. A type is a row, which its door gives to the registry beside its operations; the
// driver (resources.h) interprets it, for stacks and Cloud Control alike. Names are the published
// schema's and the model's, and a test holds every row against both.
//
// Rows are constant data: everything a row refers to lives as long as the program.
#pragma once

#include <algorithm>
#include <array>
#include <boost/json/value.hpp>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "wire/schema.h"

namespace slipway::service {

// How a value looks as a property and as a member; null: the same. The names of members within are
// mostly the same too, and input_from() takes scalars for each other.
struct Form {
  using Turn = Result<boost::json::value> (*)(const boost::json::value&);
  Turn to_member = nullptr;
  Turn to_property = nullptr;
};

namespace forms {
extern const Form same;
extern const Form scalar_text;  // 30 ↔ "30", true ↔ "true": in a map of attributes
extern const Form document;   // a policy: an object, or its text ↔ its text, percent-encoded or not
extern const Form tag_map;    // [{"Key": "a", "Value": "b"}] ↔ {"a": "b"}
extern const Form only_item;  // "a" ↔ ["a"]: of a list of one
extern const Form name_of_arn;  // read alone: what stands after the last '/' or ':'
extern const Form dashed;       // written alone: "PublicRead" → "public-read"
}  // namespace forms

// A property of the type.
struct Property {
  enum class Use : std::uint8_t {
    settable,     // may change in place
    create_only,  // another value takes another resource ("replacement")
    write_only,   // settable, and never read back
    attribute,    // read-only: what GetAtt answers
    manner,       // how a change of others is to be made: by itself it changes nothing
  };
  std::string_view name;
  Use use = Use::settable;
  const Form& form = forms::same;
  // The property's value where a template takes it away, as JSON; empty: it cannot be taken away,
  // unless an Update has a `clear`.
  std::string_view unset = {};
  // Of an attribute that no operation shows: a text with {name} (its identifier), {region} and
  // {account} in it.
  std::string_view computed = {};
};

// Where a property stands in an operation's input or output: a path of members, and of keys of
// maps; through the items of lists. In an input "region" is the caller's, as if it were one. Empty:
// a member of the property's own name; ".": the input or output itself.
struct PropertyPlace {
  std::string_view property;
  std::string_view path = {};
  const Form* form = nullptr;  // of a member of an item; null: the property's own
};
// Two tables of places as one.
template <std::size_t A, std::size_t B>
constexpr auto join_places(const PropertyPlace (&a)[A], const PropertyPlace (&b)[B]) {
  std::array<PropertyPlace, A + B> out;
  std::ranges::copy(b, std::ranges::copy(a, out.begin()).out);
  return out;
}

// An operation with what it is given.
struct Step {
  std::string_view operation = {};  // empty: there is none
  // The member that takes the resource's identifier, or of an ARN the name alone.
  std::string_view id = {};
  std::string_view id_name = {};
  // What `id` takes instead where that is no identifier of CloudFormation's: a text with {name}
  // (the identifier), {region} and {account} in it.
  std::string_view id_text = {};
  std::span<const PropertyPlace> places = {};
  std::string_view fixed = {};  // members that are always the same, as JSON

  explicit operator bool() const { return !operation.empty(); }
};

// A failure that says "not there": AWS's code, and the beginning of its message where a code alone
// does not tell.
struct Absence {
  std::string_view code;
  std::string_view message = {};
};

// Properties that one operation reads.
struct Reading {
  Step step;            // `places` are those of its output
  Absence absent = {};  // then its properties are not set, and the resource is there
  std::span<const PropertyPlace> asked_by = {};  // what of earlier readings its input takes
};

// Properties that are changed together; those that `create` has no place for are also set so, right
// after it.
struct Update {
  Step write;
  Step clear = {};  // where a template gives none of them any more
  // Afterwards: takes away what was replaced, by the attributes that were before (a version).
  Step retire = {};
};

// A property that is a list of which each item is added and removed by itself: attached policies.
// In `places`, the property "item" is the item, and "item.PolicyName" a member of it.
struct Items {
  std::string_view property;
  std::string_view key = {};  // the member that tells items apart; empty: items are texts
  Step add;  // also for an item that changed, and for all where another property in it changed
  Step remove;
  // Where the items are read; a path of their keys where `get` reads the rest of each. Without
  // `list` those are read that whoever asks knows of.
  Step list = {};
  Step get = {};  // `places` are those of its output
  Absence absent = {};
};

// The operations that change the property Tags.
struct Tagging {
  Step add;     // takes those that are wanted
  Step remove;  // its one place takes the keys of those that are not
  Step list;
};

// How a `create` is kept from taking over what has the name already, where its operation answers as
// if it had made it: a stack that is undone would remove what was never its own.
struct ExistenceProbe {
  Step step = {};            // succeeds where there is one
  std::string_view id = {};  // for `step.id`: a text with {name}, {region} and {account} in it
  Absence absent = {};       // beside `gone`
};

// When a resource is what was asked for. It is on its way as long as its read operation names a
// topic to wait for (OperationAnswer::awaited), and has failed where it does not and `stable` does
// not hold its state.
struct Stability {
  std::string_view state;   // path in the first reading's output; empty: at once
  std::string_view stable;  // "InService"
  std::string_view reason;  // path of why it failed
};

// How a service tells that a list goes on: the members that give and take the rest's token.
struct Paging {
  std::string_view given = {};
  std::string_view taken = {};
};

// One type of resource: what CloudFormation calls it, and how operations of its door make, read,
// change, remove and list such a resource. A row of its door's table.
struct ResourceType {
  std::string_view name;       // "AWS::SQS::Queue"
  const wire::Schema& schema;  // whose operations these are
  std::span<const Property> properties;
  // The property that identifies a resource, and where it stands in what `create` answers; empty:
  // it is the property's value as it was given.
  std::string_view identifier;
  std::string_view made = {};
  // The property that takes a name where a template gives none.
  std::string_view named = {};
  Step create = {};
  ExistenceProbe probe = {};
  std::span<const Reading> readings = {};  // the first one says whether the resource is there
  Absence gone = {};
  std::span<const Update> updates = {};
  std::span<const Items> items = {};
  Tagging tagging = {};
  Step remove = {};
  // Where identifiers are listed.
  Step list = {};
  std::string_view listed = {};
  Paging paging = {};
  Stability stability = {};
  // Properties of the published schema that this server cannot set: refused by name.
  std::string_view refused = {};
};

}  // namespace slipway::service
