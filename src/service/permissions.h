// What each operation needs its caller to be allowed: the table that a door gives to the frame, and
// a request as such a table reads it. Who is allowed what is decided in authorize.h.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/identity/policy.h"
#include "engine/tags/tags.h"
#include "service/call.h"
#include "wire/node.h"
#include "wire/schema.h"

namespace slipway::service {

// One right that an operation needs: a line of a door's table. An operation may have several; all
// that apply must be allowed, and one at least must apply.
//
//     {"DeleteModel", "sagemaker:DeleteModel", "{arn}:model/{lower:ModelName}"},
//     Need{"CreateModel", "iam:PassRole", "{ExecutionRoleArn}"}.where("ExecutionRoleArn"),
struct Need {
  // `by_handler`: the operation's handler asks by itself, through Call::permit(). `of_nobody`:
  // every caller that is known may, whatever policies say. An operation's lines are all `here`, or
  // none is.
  enum class Asked : std::uint8_t { here, by_handler, of_nobody };

  std::string_view operation;
  std::string_view action;  // "sagemaker:CreateEndpoint"
  // An ARN whose {words} are filled in: {region} and {account} of the call, {arn} for
  // "arn:aws:SERVICE:REGION:ACCOUNT", a word of the door's own (Permissions::word), else a member
  // of the input, {lower:Member} in lower case. A word that the request does not give is empty; one
  // that has several texts makes several questions. "*": the action has no resource.
  std::string_view resource = "*";
  std::string_view also = {};
  std::string_view when = {};
  std::string_view shown = {};
  std::pair<std::string_view, std::string_view> with = {};
  Asked asked = Asked::here;

  // Applies only where the request gives this member or word; "!Member": only where it does not.
  constexpr Need where(std::string_view member) const {
    Need out = *this;
    out.when = member;
    return out;
  }
  // Policies may use this other spelling of the resource too.
  constexpr Need also_as(std::string_view spelling) const {
    Need out = *this;
    out.also = spelling;
    return out;
  }
  // How a refusal names the resource, where not by `resource`: "role {RoleName}"; "-": not at all.
  constexpr Need shown_as(std::string_view name) const {
    Need out = *this;
    out.shown = name;
    return out;
  }
  // This question alone has such a condition key.
  constexpr Need adding(std::pair<std::string_view, std::string_view> key) const {
    Need out = *this;
    out.with = key;
    return out;
  }
  constexpr Need by(Asked who) const {
    Need out = *this;
    out.asked = who;
    return out;
  }
};

// A condition key whose values stand in the input, at every operation that has such a member. A key
// that ends in '/' is one for each tag: "aws:RequestTag/" of a list of keys and values.
struct KeyOfMember {
  using Arity = identity::ContextEntry::Arity;

  std::string_view key;
  std::string_view path;
  Arity arity = Arity::one;  // `many`: what only ForAllValues and ForAnyValue match
};

// An operation whose failure tells that something is not there, which only those may know who may
// `action` on `resource`; everyone else hears that the operation itself is refused.
struct Veil {
  std::string_view operation;
  std::string_view failure;  // Error::kind
  std::string_view action;
  std::string_view resource;
};

// A request that is to be decided on. Views; lives as long as one check.
class Question {
 public:
  Question(Call& call, const wire::Operation& operation, const wire::Node& input)
      : call_(call), operation_(operation), input_(input) {}

  Call& call() const { return call_; }
  const wire::Operation& operation() const { return operation_; }

  // The texts at a path of members ("ProductionVariants.InstanceType"), through all items of the
  // lists on the way; the keys of a map; numbers and booleans as text. Empty where the operation
  // has no such member, or the request does not give it.
  std::vector<std::string> texts(std::string_view path) const;
  std::string text(std::string_view path) const;  // the first of them, or empty
  // Keys and values of a list of tags, or of a map.
  std::vector<std::pair<std::string, std::string>> tags(std::string_view path) const;
  bool has(std::string_view path) const { return !texts(path).empty(); }

 private:
  Call& call_;
  const wire::Operation& operation_;
  const wire::Node& input_;
};

// A resource as its owner has it.
struct Guarded {
  std::string account = {};                // its owner's; empty: the caller's own
  std::optional<std::string> policy = {};  // JSON, where it has one
  std::string principals = {};             // whom it speaks of: lines of identity::PrincipalIds
  std::optional<tags::TaggedThing> tagged = {};  // its tags, where `add_keys` does not tell them
};

// The same for a queue or a topic, whose id begins with its account ("account/region/name") and
// whose policy stands among its notes.
template <typename MadeResource>
Guarded guarded_by_notes(const MadeResource& resource, std::string principals) {
  Guarded out{.account = resource.id.text.substr(0, resource.id.text.find('/')),
              .principals = std::move(principals),
              .tagged = tagged(resource.id)};
  const auto& notes = resource.settings.notes;
  if (const auto policy = notes.find("Policy"); policy != notes.end()) out.policy = policy->second;
  return out;
}

using Context = std::vector<identity::ContextEntry>;

// aws:ResourceTag/... of what `guarded` says has tags.
void add_resource_tags(store::Transaction& tx, const Guarded& guarded, Context& out);

// How a service spells out a refusal.
struct RefusalStyle {
  enum class Action : std::uint8_t {
    as_written,
    lower_case,
    service_in_capitals
  } action = Action::as_written;
  bool quotes_resource = false;
};

// One service's side of the check. What it refers to outlives the check. Functions may be empty;
// they run in the call's transaction.
struct Permissions {
  const wire::Schema& schema;
  std::span<const Need> needs;
  std::span<const KeyOfMember> keys = {};
  std::span<const Veil> veils = {};
  RefusalStyle style = {};
  // A word between braces that is no member; nullopt: it is none of the door's.
  std::function<std::optional<std::vector<std::string>>(const Question&, std::string_view word)>
      word = {};
  // The resource that a policy stands at and that `find` is asked for: an object's bucket. Empty:
  // each for itself.
  std::function<std::string_view(std::string_view arn)> guard_of = {};
  // Owner and policy of the resource with that ARN. An error is the answer to the call: what is so
  // for everyone (NoSuchBucket) may be said before anyone is asked who he is.
  std::function<Result<Guarded>(const Question&, std::string_view arn)> find = {};
  // Whether something beside policies lets the caller do it that does what no policy allows: the
  // list of a bucket or an object. It counts as a policy of the resource for everyone would.
  std::function<Result<bool>(const Question&, std::string_view action, std::string_view arn)>
      listed = {};
  // Condition keys beyond `keys`: tags that `find` does not give, what headers say.
  std::function<void(const Question&, std::string_view arn, Context&)> add_keys = {};
};

}  // namespace slipway::service
