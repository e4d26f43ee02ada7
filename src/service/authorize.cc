#include "service/authorize.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/text.h"
#include "engine/identity/principal_ids.h"
#include "service/refusal.h"
#include "service/request_keys.h"

namespace slipway::service {
namespace {

using identity::Principal;

void add_key(Context& out, std::string_view key, std::string_view value) {
  if (!value.empty()) out.push_back({std::string(key), {std::string(value)}});
}

void add_keys_of_members(const Question& question, std::span<const KeyOfMember> keys,
                         Context& out) {
  for (const KeyOfMember& key : keys) {
    if (key.key.ends_with('/')) {
      for (auto& [name, value] : question.tags(key.path))
        out.push_back({fmt::format("{}{}", key.key, name), {std::move(value)}});
      continue;
    }
    auto values = question.texts(key.path);
    if (values.empty()) continue;
    const auto found = std::ranges::find(out, key.key, &identity::ContextEntry::key);
    if (found == out.end())
      out.push_back({std::string(key.key), std::move(values), key.arity});
    else
      found->values.insert(found->values.end(), values.begin(), values.end());
  }
}

// The texts that `word` stands for: several where it is a member of the items of a list.
std::vector<std::string> texts_of(const Question& question, const Permissions& service,
                                  std::string_view word) {
  if (service.word)
    if (auto known = service.word(question, word)) return *std::move(known);
  const Call& call = question.call();
  if (word == "region") return {call.region()};
  if (word == "account") return {call.account()};
  if (word == "arn")
    return {fmt::format("arn:aws:{}:{}:{}", service.schema.service.signing_name, call.region(),
                        call.account())};
  constexpr std::string_view lower_mark = "lower:";
  if (!word.starts_with(lower_mark)) return question.texts(word);
  auto texts = question.texts(word.substr(lower_mark.size()));
  for (std::string& text : texts) text = to_lower(text);
  return texts;
}

// All that a template comes to: one text, or one for each item where a word has several.
std::vector<std::string> fill(const Question& question, const Permissions& service,
                              std::string_view pattern) {
  if (pattern.starts_with('{') && pattern.find('}') == pattern.size() - 1) {  // one word, no more
    auto texts = texts_of(question, service, pattern.substr(1, pattern.size() - 2));
    if (texts.empty()) texts.emplace_back();
    return texts;
  }
  std::vector<std::string> out(1);
  while (!pattern.empty()) {
    const std::string_view plain = take_until(pattern, '{');
    for (std::string& each : out) each += plain;
    if (pattern.empty()) break;
    auto texts = texts_of(question, service, take_until(pattern, '}'));
    if (texts.empty()) texts.emplace_back();
    std::vector<std::string> longer;
    for (const std::string& each : out)
      for (const std::string& text : texts) longer.push_back(each + text);
    out = std::move(longer);
  }
  return out;
}

// A member is given where the request has it, be it empty, as its handler sees it; a word of the
// door's where it comes to something.
bool is_given(const Question& question, const Permissions& service, std::string_view name) {
  if (service.word)
    if (const auto texts = service.word(question, name))
      return std::ranges::any_of(*texts, [](const std::string& text) { return !text.empty(); });
  return question.has(name);
}

bool applies(const Question& question, const Permissions& service, std::string_view when) {
  if (when.empty()) return true;
  if (when.starts_with('!')) return !is_given(question, service, when.substr(1));
  return is_given(question, service, when);
}

std::string spelled(std::string_view action, RefusalStyle style) {
  std::string out(action);
  const auto service_end = out.begin() + static_cast<std::ptrdiff_t>(action.find(':'));
  if (style.action == RefusalStyle::Action::lower_case) return to_lower(action);
  if (style.action == RefusalStyle::Action::service_in_capitals)
    std::transform(out.begin(), service_end, out.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return out;
}

}  // namespace

std::shared_ptr<const identity::Policy> PolicyTexts::parse(const std::string& text,
                                                           const std::string& principals) {
  const std::string name = fmt::format("{}\n{}", principals, text);
  const std::scoped_lock lock(mutex_);
  if (const auto found = parsed_.find(name); found != parsed_.end()) return found->second;
  if (parsed_.size() >= remembered_max) parsed_.clear();
  auto policy = identity::Policy::parse(text, identity::PolicyUse::resource);
  if (policy) policy->bind_principals(identity::principal_ids_of(principals));
  auto shared = policy ? std::make_shared<const identity::Policy>(*std::move(policy)) : nullptr;
  return parsed_.emplace(name, std::move(shared)).first->second;
}

// One thing that must be allowed.
struct Authorizer::Demand {
  std::string_view action;
  std::vector<std::string> resources;  // spellings of one; the first is what the service shows
  std::string shown;
  std::pair<std::string_view, std::string_view> with = {};
  Call::Keys keys = {};
};

Result<const identity::PrincipalPolicies*> Authorizer::Session::policies(
    const identity::Directory& directory, const Principal& principal) {
  if (!policies_) {
    // Root needs no policies, and strangers have none.
    if (principal.is_root() || principal.is_stranger()) {
      policies_.emplace();
    } else {
      TRY(policies_, directory.policies_of(principal));
    }
  }
  return &*policies_;
}

const Context& Authorizer::Session::context(const Question& question, const Permissions& service) {
  if (!context_) {
    context_ = identity::principal_context(question.call().caller().principal);
    add_request_keys(question.call(), *context_);
    add_keys_of_members(question, service.keys, *context_);
  }
  return *context_;
}

Result<const Authorizer::Session::Side*> Authorizer::Session::side(const Question& question,
                                                                   const Permissions& service,
                                                                   std::string_view arn,
                                                                   PolicyTexts& texts) {
  const std::string_view guard = service.guard_of ? service.guard_of(arn) : arn;
  if (side_ && guard_ == guard) return &*side_;
  Side fresh;
  if (service.find && arn != "*") {
    TRY(fresh.guarded, service.find(question, guard));
    if (fresh.guarded.policy)
      fresh.policy = texts.parse(*fresh.guarded.policy, fresh.guarded.principals);
  }
  guard_ = guard;
  side_ = std::move(fresh);
  return &*side_;
}

Authorizer::Authorizer(const identity::Directory& directory)
    : directory_(directory),
      everyone_(*identity::Policy::parse(R"({"Statement":{"Effect":"Allow","Principal":"*",)"
                                         R"("Action":"*","Resource":"*"}})",
                                         identity::PolicyUse::resource)) {}

void Authorizer::add(Permissions permissions) {
  services_.push_back(std::make_unique<const Permissions>(std::move(permissions)));
  const Permissions& service = *services_.back();
  const auto rules = [&](std::string_view name) -> Rules& {
    const wire::Operation* const operation = service.schema.find_operation(name);
    if (!operation)
      throw std::logic_error(
          fmt::format("{} is no operation of {}", name, service.schema.service.name));
    return rules_[operation];
  };
  for (const wire::Operation& operation : service.schema.operations)
    rules_[&operation].service = &service;
  for (const Need& need : service.needs) {
    std::vector<Need>& needs = rules(need.operation).needs;
    // check() leaves the whole operation to its handler, or to nobody.
    const auto is_here = [](const Need& each) { return each.asked == Need::Asked::here; };
    if (!needs.empty() && is_here(needs.front()) != is_here(need))
      throw std::logic_error(
          fmt::format("what {} needs is asked partly here and partly elsewhere", need.operation));
    needs.push_back(need);
  }
  for (const Veil& veil : service.veils) rules(veil.operation).veils.push_back(veil);
}

const Authorizer::Rules* Authorizer::rules_of(const wire::Operation& operation) const {
  const auto found = rules_.find(&operation);
  return found == rules_.end() ? nullptr : &found->second;
}

std::span<const Need> Authorizer::needs_of(const wire::Operation& operation) const {
  const Rules* const rules = rules_of(operation);
  return rules ? std::span<const Need>(rules->needs) : std::span<const Need>();
}

Result<> Authorizer::check(const Question& question, Session& session) const {
  const wire::Operation& operation = question.operation();
  const Rules* const rules = rules_of(operation);
  if (!rules) throw std::logic_error(fmt::format("nobody said who may do {}", operation.name));
  const Permissions& service = *rules->service;
  bool asked = false;
  for (const Need& need : rules->needs) {
    if (need.asked != Need::Asked::here) return {};
    if (!applies(question, service, need.when)) continue;
    asked = true;
    std::vector<std::string> also;
    if (!need.also.empty()) also = fill(question, service, need.also);
    auto resources = fill(question, service, need.resource);
    for (std::size_t i = 0; i < resources.size(); ++i) {
      Demand demand{need.action, {}, {}, need.with};
      demand.resources.push_back(std::move(resources[i]));
      if (i < also.size()) demand.resources.push_back(also[i]);
      if (!need.shown.empty()) demand.shown = fill(question, service, need.shown).front();
      TRY_DO(decide(question, service, demand, session));
    }
  }
  if (asked) return {};
  // No line says what this takes: the action of its name, on everything.
  const std::string action =
      fmt::format("{}:{}", service.schema.service.signing_name, operation.name);
  return decide(question, service, {action, {"*"}, {}}, session);
}

Result<> Authorizer::check_one(const Question& question, Session& session, std::string_view action,
                               const std::string& resource, Call::Keys keys) const {
  const Rules* const rules = rules_of(question.operation());
  if (!rules)
    throw std::logic_error(fmt::format("nobody said who may do {}", question.operation().name));
  return decide(question, *rules->service,
                {.action = action, .resources = {resource}, .shown = {}, .keys = keys}, session);
}

bool Authorizer::may_hide(const wire::Operation& operation, const Error& failure) const {
  const Rules* const rules = rules_of(operation);
  return rules &&
         std::ranges::find(rules->veils, failure.kind, &Veil::failure) != rules->veils.end();
}

Error Authorizer::veiled(const Question& question, Session& session, Error failure) const {
  const Rules& rules = *rules_of(question.operation());
  const auto veil = std::ranges::find(rules.veils, failure.kind, &Veil::failure);
  if (veil == rules.veils.end()) return failure;
  const Demand demand{veil->action, fill(question, *rules.service, veil->resource), {}};
  const Result<> known = decide(question, *rules.service, demand, session);
  return known ? std::move(failure) : known.error();
}

Context Authorizer::context_of(const Question& question, const Permissions& service,
                               const Demand& demand, const Guarded& guarded, Session& session) {
  Context context = session.context(question, service);
  if (service.add_keys) service.add_keys(question, demand.resources.front(), context);
  add_resource_tags(question.call().tx(), guarded, context);
  add_key(context, "aws:ResourceAccount",
          guarded.account.empty() ? question.call().account() : guarded.account);
  add_key(context, demand.with.first, demand.with.second);
  context.insert(context.end(), demand.keys.begin(), demand.keys.end());
  return context;
}

Result<> Authorizer::decide(const Question& question, const Permissions& service,
                            const Demand& demand, Session& session) const {
  const Caller& caller = question.call().caller();
  const Principal& principal = caller.principal;
  const std::string& first = demand.resources.front();
  TRY(const Session::Side* const side, session.side(question, service, first, policies_));
  const std::string& owner = side->guarded.account;
  const bool own = owner.empty() || owner == caller.account();
  if (principal.is_root() && own && !side->policy) {
    session.granted_ = true;
    return {};
  }

  TRY(const identity::PrincipalPolicies* const policies, session.policies(directory_, principal));
  // Most policies ask for no more than who does what, and then nothing more is gathered.
  Context context;
  if (policies->ask_context() || (side->policy && side->policy->asks_context()))
    context = context_of(question, service, demand, side->guarded, session);
  // Where a resource has two spellings, a policy may use either: what denies one of them denies it.
  std::optional<identity::Verdict> best;
  for (const std::string& resource : demand.resources) {
    const identity::Verdict verdict = identity::decide(
        principal, *policies, {.action = demand.action, .resource = resource, .context = context},
        {.account = owner, .policy = side->policy.get()});
    if (!best || verdict.decision == identity::PolicyDecision::explicitly_denied ||
        (verdict.allowed() && best->decision == identity::PolicyDecision::implicitly_denied))
      best = verdict;
  }
  if (best->decision == identity::PolicyDecision::implicitly_denied && service.listed) {
    TRY(const bool listed, service.listed(question, demand.action, first));
    if (listed)
      best = identity::decide(principal, *policies,
                              {.action = demand.action, .resource = first, .context = context},
                              {.account = owner, .policy = &everyone_});
  }
  if (!best->allowed()) return std::unexpected(refusal(question, service, demand, *best));
  session.granted_ = true;
  return {};
}

Error Authorizer::refusal(const Question& question, const Permissions& service,
                          const Demand& demand, const identity::Verdict& verdict) const {
  const Caller& caller = question.call().caller();
  if (caller.unsigned_refusal) return *caller.unsigned_refusal;
  const std::string action = spelled(demand.action, service.style);
  std::string_view resource = demand.shown.empty() ? demand.resources.front() : demand.shown;
  if (resource == "*" || resource == "-") resource = {};
  const std::string_view quote = service.style.quotes_resource ? "\"" : "";
  const std::string place =
      resource.empty() ? std::string() : fmt::format(" on resource: {0}{1}{0}", quote, resource);
  return {ErrorCode::permission_denied, refusal_text(caller.principal, action, place, verdict),
          "not_allowed"};
}

}  // namespace slipway::service
