// Who asks: what a key speaks for, and what its session was given when it was made.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace slipway::identity {

class Policy;
struct Party;

using Tag = std::pair<std::string, std::string>;

// What was fixed when a session was made and is sealed in its token. Immutable once made.
struct SessionTerms {
  Timestamp issued{};
  std::string source_identity;               // empty: none was set
  std::vector<Tag> tags;                     // those given and those inherited
  std::vector<std::string> transitive_keys;  // of `tags`: passed on to the next session
  std::string policy_document;               // of the session's own policy; empty: none
  std::shared_ptr<const Policy> policy;      // the same, read
  std::vector<std::string> policies;         // full names of further session policies
  // What an identity provider's word let the session in by: aws:FederatedProvider, "ISSUER:sub".
  std::vector<Tag> provider_keys = {};
  std::optional<Timestamp> factor_shown;  // when a second factor was, if one was
};

// Cheap to copy: what is bulky is shared and immutable.
struct Principal {
  enum class Kind : std::uint8_t {
    root,            // the account's own key
    root_session,    // temporary credentials of it
    role_session,    // an assumed role
    user,            // a user's long-term key
    user_session,    // temporary credentials of a user
    federated_user,  // temporary credentials that a user gave to somebody by a name
    anonymous,       // nobody signed
    service,         // a service of this house, by itself: `name` is "sns.amazonaws.com"
    web_identity,    // who has an identity provider's token: `name` is the provider's ARN
  };
  Kind kind = Kind::root;
  std::string account;  // twelve digits; empty for strangers
  std::string name;     // its ARN, as refusals and GetCallerIdentity tell it
  // The account for root, "AIDA..." for a user, "AROA...:session" for a role's session; whose key
  // let it in and the name for a federated user.
  std::string id;
  // The user or role that it is a session of, as it stands now; for a federated user the user who
  // let it in. Null for root, whom root let in, and strangers.
  std::shared_ptr<const Party> party = {};
  std::shared_ptr<const SessionTerms> session = {};  // temporary credentials only

  bool is_root() const { return kind == Kind::root || kind == Kind::root_session; }
  // Belongs to no account: only a resource's own policy can let it in.
  bool is_stranger() const {
    return kind == Kind::anonymous || kind == Kind::service || kind == Kind::web_identity;
  }
  // The id of the user or role alone, which is never used again: a party made anew under the same
  // name has another.
  std::string_view party_id() const { return std::string_view(id).substr(0, id.find(':')); }
};

}  // namespace slipway::identity
