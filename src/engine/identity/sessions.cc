#include "engine/identity/sessions.h"

#include <fmt/format.h>

namespace slipway::identity {

std::size_t bytes_of(const SessionTerms& terms) {
  std::size_t bytes = terms.policy_document.size() + terms.source_identity.size();
  for (const auto& [key, value] : terms.tags) bytes += key.size() + value.size();
  for (const std::string& key : terms.transitive_keys) bytes += key.size();
  for (const std::string& name : terms.policies) bytes += name.size();
  for (const auto& [key, value] : terms.provider_keys) bytes += key.size() + value.size();
  return bytes;
}

Principal role_session(const Role& role, std::string_view session_name, SessionTerms terms) {
  return {.kind = Principal::Kind::role_session,
          .account = role.account,
          .name = fmt::format("arn:aws:sts::{}:assumed-role/{}/{}", role.account, role.name,
                              session_name),
          .id = fmt::format("{}:{}", role.id, session_name),
          .session = std::make_shared<const SessionTerms>(std::move(terms))};
}

Principal federated_user(const Principal& giver, std::string_view name, SessionTerms terms) {
  return {.kind = Principal::Kind::federated_user,
          .account = giver.account,
          .name = fmt::format("arn:aws:sts::{}:federated-user/{}", giver.account, name),
          .id = fmt::format("{}:{}", giver.party_id(), name),
          .session = std::make_shared<const SessionTerms>(std::move(terms))};
}

std::string user_id(const Principal& principal) {
  if (principal.kind != Principal::Kind::federated_user) return principal.id;
  return principal.account + principal.id.substr(principal.id.find(':'));
}

Principal session_of_key(const Principal& principal, Timestamp now,
                         std::optional<Timestamp> factor_shown) {
  Principal session = principal;
  session.kind =
      principal.is_root() ? Principal::Kind::root_session : Principal::Kind::user_session;
  session.session = std::make_shared<const SessionTerms>(
      SessionTerms{.issued = now, .factor_shown = factor_shown});
  return session;
}

}  // namespace slipway::identity
