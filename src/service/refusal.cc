#include "service/refusal.h"

#include <fmt/format.h>

namespace slipway::service {
namespace {

// "an identity-based policy", as "no" or "an" stands before it.
std::string_view name_of(identity::PolicyKind kind) {
  switch (kind) {
    case identity::PolicyKind::resource: return "resource-based policy";
    case identity::PolicyKind::session: return "session policy";
    case identity::PolicyKind::boundary: return "permissions boundary";
    case identity::PolicyKind::trust: return "role trust policy";
    default: return "identity-based policy";
  }
}

}  // namespace

std::string reason_of(const identity::Verdict& verdict, std::string_view action) {
  const std::string_view policy = name_of(verdict.kind);
  if (verdict.decision == identity::PolicyDecision::explicitly_denied)
    return fmt::format("with an explicit deny in {} {}", policy.starts_with('i') ? "an" : "a",
                       policy);
  return fmt::format("because no {} allows the {} action", policy, action);
}

std::string refusal_text(const identity::Principal& principal, std::string_view action,
                         std::string_view place, const identity::Verdict& verdict) {
  return fmt::format("User: {} is not authorized to perform: {}{} {}", principal.name, action,
                     place, reason_of(verdict, action));
}

}  // namespace slipway::service
