// Any text as policy documents, and questions to them: whatever is a policy answers, and two
// policies together answer as AWS puts it: what one denies is denied, else what one allows is
// allowed.
//
// The input is fields with a NUL between: two documents, action, resource, and then lines KEY=VALUE
// of the request's context.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "engine/identity/access.h"
#include "engine/identity/policy_check.h"

namespace {

using namespace slipway::identity;
using slipway::take_until;

// Beyond these a pattern with many stars costs its length times the text's, which is no finding.
constexpr std::size_t pattern_bytes_max = 200;

void check(bool holds) {
  if (!holds) __builtin_trap();
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

Decision ask(const Policies& policies, const AccessRequest& request) {
  const Principal user{Principal::Kind::user, "1", "arn:aws:iam::1:user/u", "AIDAU"};
  const PrincipalPolicies own{.own = policies, .boundary = {}, .session = {}};
  Explanation why;
  const Verdict verdict = decide(user, own, request, {}, why);
  for (const auto& each : why.matched) check(each.statement < each.policy->statements().size());
  check(verdict.decision == decide(user, own, request, {}).decision);
  return verdict.decision;
}

Decision together(Decision a, Decision b) {
  if (a == Decision::explicitly_denied || b == Decision::explicitly_denied)
    return Decision::explicitly_denied;
  if (a == Decision::allowed || b == Decision::allowed) return Decision::allowed;
  return Decision::implicitly_denied;
}

void ask_both(const Policy& first, const Policy& second, const AccessRequest& request) {
  // Everyone may ask who he is.
  if (slipway::equal_ignoring_case(request.action, "sts:GetCallerIdentity")) return;
  const auto one = std::make_shared<const Policy>(first);
  const auto other = std::make_shared<const Policy>(second);
  const Decision right = together(ask({one}, request), ask({other}, request));
  check(ask({one, other}, request) == right);
  check(ask({other, one}, request) == right);
  check(ask({}, request) == Decision::implicitly_denied);
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
  (void)Policy::parse(first, PolicyUse::resource);
  for (const auto kind : {DocumentKind::managed, DocumentKind::inline_policy, DocumentKind::trust})
    (void)check_document(first, kind);
  const auto one = Policy::parse(first, PolicyUse::permissions);
  const auto other = Policy::parse(second, PolicyUse::permissions);
  const AccessRequest request{.action = action, .resource = resource, .context = context};
  if (one) ask_both(*one, other ? *other : *one, request);
  if (action.size() <= pattern_bytes_max && resource.size() <= pattern_bytes_max &&
      action.find_first_of("\x01\x02") == std::string_view::npos)
    check(matches_wildcard(action, resource) == matches_by_definition(action, resource));
  return 0;
}
