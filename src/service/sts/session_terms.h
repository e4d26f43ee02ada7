// What AssumeRole and GetFederationToken give a session in the same way.
#pragma once

#include <fmt/format.h>

#include "base/text.h"
#include "engine/identity/policy_check.h"
#include "engine/identity/sessions.h"
#include "service/errors.h"
#include "service/reserved_tag.h"
#include "service/sts/operations.h"

namespace slipway::sts {

// The session's own policy and the names of further ones.
template <typename Input>
Result<> add_policies(const Input& in, const StsNeeds& needs, identity::SessionTerms& terms) {
  terms.policy_document = in.Policy().value_or("");
  std::size_t characters = terms.policy_document.size();
  if (!terms.policy_document.empty())
    TRY_DO(identity::check_document(terms.policy_document, identity::DocumentKind::inline_policy));
  const auto parties = needs.directory.snapshot();
  for (const auto policy : in.PolicyArns()) {
    const std::string_view arn = policy.arn().value_or("");
    if (!parties->policies.find(arn))
      return service::refuse("ValidationError", fmt::format("The policy {} does not exist.", arn));
    characters += arn.size();
    terms.policies.emplace_back(arn);
  }
  if (characters <= identity::session_policies_characters_max) return {};
  return service::refuse(
      "PackedPolicyTooLarge",
      fmt::format("The session policies have {} characters, more than the {} allowed.", characters,
                  identity::session_policies_characters_max));
}

// Keys of session tags are the same in any case, and so is what AWS keeps for itself.
inline Result<> expect_own_tag(std::string_view key) {
  if (!to_lower(key).starts_with(service::reserved_tag_prefix)) return {};
  return service::refuse("InvalidParameterValue", std::string(service::reserved_tag_text));
}

inline std::unexpected<Error> duplicate_tag() {
  return service::refuse(
      "InvalidParameterValue",
      "Duplicate tag keys found. Please note that Tag keys are case insensitive.");
}

// How much of the room for it a session takes, in percent.
inline std::int32_t packed_percent(const identity::SessionTerms& terms) {
  const std::size_t bytes = bytes_of(terms);
  return bytes == 0 ? 0
                    : static_cast<std::int32_t>(1 + bytes * 99 / identity::session_terms_bytes_max);
}

// Has what the answer tells the size of.
inline bool is_packed(const identity::SessionTerms& terms) {
  return !terms.tags.empty() || !terms.policy_document.empty() || !terms.policies.empty();
}

inline Result<> check_size(const identity::SessionTerms& terms) {
  const std::int32_t percent = packed_percent(terms);
  if (percent <= 100) return {};
  return service::refuse(
      "PackedPolicyTooLarge",
      fmt::format("Packed size of session tags consumes {}% of allotted space.", percent));
}

}  // namespace slipway::sts
