// Any text as policy documents, and questions to them: whatever is a policy answers, and two
// policies together answer as AWS puts it: what one denies is denied, else what one allows is
// allowed; a boundary and a session's policy only take away, and a resource's only what both sides
// leave open.
//
// The input is fields with a NUL between: two documents, action, resource, and then lines KEY=VALUE
// of the request's context.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/identity/access.h"

namespace {

using namespace slipway::identity;

// Beyond these a pattern with many stars costs its length times the text's, which is no finding.
constexpr std::size_t pattern_bytes_max = 200;

void check(bool holds) {
  if (!holds) __builtin_trap();
}

std::string_view take_until(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  const std::string_view field = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return field;
}

std::vector<ContextEntry> read_context(std::string_view text) {
  std::vector<ContextEntry> context;
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    const std::string key(take_until(line, '='));
    if (!context.empty() && context.back().key == key)
      context.back().values.emplace_back(line);
    else
      context.push_back({key, {std::string(line)}});
  }
  return context;
}

// What '*' and '?' mean, by the definition and without cleverness.
bool matches_by_definition(std::string_view pattern, std::string_view text) {
  std::vector<bool> reached(text.size() + 1, false);
  reached[0] = true;
  for (const char c : pattern) {
    std::vector<bool> next(text.size() + 1, false);
    for (std::size_t i = 0; i <= text.size(); ++i) {
      if (c == '*') next[i] = reached[i] || (i > 0 && next[i - 1]);
      if (c != '*' && i > 0) next[i] = reached[i - 1] && (c == '?' || c == text[i - 1]);
    }
    reached = std::move(next);
  }
  return reached[text.size()];
}

using Shared = std::shared_ptr<const Policy>;

const Principal& someone() {
  static const Principal user{.kind = Principal::Kind::user,
                              .account = "000000000000",
                              .name = "arn:aws:iam::000000000000:user/johndoe",
                              .id = "AIDAEXAMPLE"};
  return user;
}

PolicyDecision ask(const PrincipalPolicies& policies, const AccessRequest& request,
                   const Policy* at_resource = nullptr) {
  const ResourceSide resource{.policy = at_resource};
  Explanation why;
  const Verdict verdict = decide(someone(), policies, request, resource, why);
  check(decide(someone(), policies, request, resource).decision == verdict.decision);
  for (const auto& matched : why.matched)
    check(matched.statement < matched.policy->statements().size());
  return verdict.decision;
}

PolicyDecision together(PolicyDecision a, PolicyDecision b) {
  if (a == PolicyDecision::explicitly_denied || b == PolicyDecision::explicitly_denied)
    return PolicyDecision::explicitly_denied;
  if (a == PolicyDecision::allowed || b == PolicyDecision::allowed) return PolicyDecision::allowed;
  return PolicyDecision::implicitly_denied;
}

bool is_denied(PolicyDecision decision) { return decision == PolicyDecision::explicitly_denied; }
bool is_allowed(PolicyDecision decision) { return decision == PolicyDecision::allowed; }

// `limit` in a place where it can only take away: what comes of it is allowed by both or denied.
void check_limit(PolicyDecision limited, PolicyDecision alone, PolicyDecision limit) {
  check(is_denied(limited) == (is_denied(alone) || is_denied(limit)));
  check(is_allowed(limited) == (is_allowed(alone) && is_allowed(limit)));
}

void ask_all(const Shared& first, const Shared& second, const AccessRequest& request) {
  const PolicyDecision one = ask({.own = {first}}, request);
  const PolicyDecision other = ask({.own = {second}}, request);
  check(ask({.own = {first, second}}, request) == together(one, other));
  check(ask({.own = {second, first}}, request) == together(one, other));
  check(ask({}, request) == PolicyDecision::implicitly_denied);
  check_limit(ask({.own = {first}, .boundary = Policies{second}}, request), one, other);
  check_limit(ask({.own = {first}, .session = Policies{second}}, request), one, other);
}

void ask_resource(const Shared& first, const Policy& at_resource, const AccessRequest& request) {
  const PolicyDecision one = ask({.own = {first}}, request);
  const PolicyDecision granted = ask({}, request, &at_resource);
  const PolicyDecision both = ask({.own = {first}}, request, &at_resource);
  check(both == together(one, granted));
}

Shared shared(const slipway::Result<Policy>& policy) {
  return policy ? std::make_shared<const Policy>(*policy) : nullptr;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view first = take_until(text, '\0');
  const std::string_view second = take_until(text, '\0');
  const std::string_view action = take_until(text, '\0');
  const std::string_view resource = take_until(text, '\0');
  const std::vector<ContextEntry> context = read_context(text);
  (void)Policy::parse(first, PolicyUse::trust);
  const Shared one = shared(Policy::parse(first, PolicyUse::permissions));
  const Shared other = shared(Policy::parse(second, PolicyUse::permissions));
  const auto at_resource = Policy::parse(second, PolicyUse::resource);
  const AccessRequest request{.action = action, .resource = resource, .context = context};
  if (one) ask_all(one, other ? other : one, request);
  if (one && at_resource) ask_resource(one, *at_resource, request);
  if (action.size() <= pattern_bytes_max && resource.size() <= pattern_bytes_max &&
      action.find_first_of("\x01\x02") == std::string_view::npos)
    check(matches_wildcard(action, resource) == matches_by_definition(action, resource));
  return 0;
}
