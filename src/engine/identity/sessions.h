// The principals that temporary credentials are made for.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "engine/identity/principal.h"
#include "engine/identity/roles.h"

namespace slipway::identity {

// Tags, policies and source identity of one session, in bytes; more does not fit into a token.
inline constexpr std::size_t session_terms_bytes_max = 4'096;
// A session's own policy and the names of its other policies, in characters.
inline constexpr std::size_t session_policies_characters_max = 2'048;

std::size_t bytes_of(const SessionTerms& terms);

// A session of `role`; what it may is what the role may at each request, within `terms`.
Principal role_session(const Role& role, std::string_view session_name, SessionTerms terms);

// Credentials for somebody by a name, given by the long-term key of `giver`: what that one and the
// policies of `terms` both allow.
Principal federated_user(const Principal& giver, std::string_view name, SessionTerms terms);

// aws:userid: the id, but "account:name" for a federated user.
std::string user_id(const Principal& principal);

// Temporary credentials that speak for whom a long-term key speaks for; `factor_shown`: since when
// with a second factor.
Principal session_of_key(const Principal& principal, Timestamp now,
                         std::optional<Timestamp> factor_shown = std::nullopt);

}  // namespace slipway::identity
