#include "service/errands.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/text.h"
#include "engine/identity/session_record.h"
#include "service/execution_role.h"
#include "service/refusal.h"
#include "service/request_keys.h"

namespace slipway::service {
namespace {

std::string bucket_arn(const objects::ObjectName& name) {
  return fmt::format("arn:aws:s3:::{}", name.bucket);
}
std::string object_arn(const objects::ObjectName& name) {
  return fmt::format("arn:aws:s3:::{}/{}", name.bucket, name.key);
}

// What this server does by itself comes from it alone: nothing of the caller's request is in it.
void add_own_keys(Timestamp now, Context& out) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  out.push_back({"aws:CurrentTime", {to_iso8601(seconds)}});
  out.push_back({"aws:EpochTime", {fmt::to_string(seconds.time_since_epoch().count())}});
  out.push_back({"aws:SecureTransport", {"true"}});
  out.push_back({"aws:ViaAWSService", {"false"}});
}

std::string place_of(const Errand& errand) {
  return fmt::format(R"( on resource: "{}{}")", errand.resource,
                     errand.extent == Errand::Extent::all_below ? "*" : "");
}

// Before the text that tells who is meant.
constexpr std::string_view as_role = "role";
constexpr std::string_view as_caller = "caller";

std::unexpected<Error> is_gone(std::string_view who) {
  return fail(ErrorCode::permission_denied,
              fmt::format("{}, for whom this is done, does not exist any more.", who));
}

}  // namespace

Errand read_object(const objects::ObjectName& name) { return {"s3:GetObject", object_arn(name)}; }

Errand read_below(const objects::ObjectName& prefix) {
  return {"s3:GetObject", object_arn(prefix), Errand::Extent::all_below};
}

Errand write_object(const objects::ObjectName& name) { return {"s3:PutObject", object_arn(name)}; }

Errand write_below(const objects::ObjectName& prefix) {
  return {"s3:PutObject", object_arn(prefix), Errand::Extent::all_below};
}

Errand list_below(const objects::ObjectName& prefix) {
  return {"s3:ListBucket", bucket_arn(prefix), Errand::Extent::one, {{"s3:prefix", {prefix.key}}}};
}

std::vector<Errand> read_all_below(const objects::ObjectName& prefix) {
  return {list_below(prefix), read_below(prefix)};
}

Errand publish(std::string_view topic_arn) { return {"sns:Publish", std::string(topic_arn)}; }

void Errands::add(std::string service, Find find) {
  services_.emplace(std::move(service), std::move(find));
}

Result<Errands::Goer> Errands::goer(const Call& call, std::string_view role_arn) const {
  TRY(const auto role, find_execution_role(call.tx(), role_arn));
  if (!role) return Goer{call.caller().principal, Goer::Kind::caller};
  TRY(identity::Principal session,
      assume_execution_role(*role, std::chrono::floor<std::chrono::seconds>(call.now())));
  TRY_DO(directory_.snapshot()->refresh(session));
  return Goer{std::move(session), Goer::Kind::role};
}

Result<> Errands::check(const Call& call, const Goer& goer, const Errand& errand) const {
  Context keys;
  if (goer.kind == Goer::Kind::role)
    add_own_keys(call.now(), keys);
  else
    add_request_keys(call, keys);
  return decide(call.tx(), goer, errand, std::move(keys));
}

std::string Errands::remembered(const identity::Principal& asker) {
  identity::SessionRecord record{
      .access_key_id = {}, .secret = {}, .expires = {}, .principal = asker};
  if (!record.principal.session)
    record.principal.session = std::make_shared<const identity::SessionTerms>();
  return fmt::format("{}:{}", as_caller, to_base64(identity::to_bytes(record)));
}

Result<std::string> Errands::remembered(store::Transaction& tx, std::string_view role_arn,
                                        std::string_view asker) {
  TRY(const auto role, find_execution_role(tx, role_arn));
  return role ? fmt::format("{}:{}", as_role, role_arn) : std::string(asker);
}

bool Errands::is_role(std::string_view remembered) {
  return take_until(remembered, ':') == as_role;
}

// A role is meant by its ARN, as SageMaker means it: one that is made anew goes on. Jobs of former
// versions remember the role's session instead.
Result<Errands::Goer> Errands::goer_later(store::Transaction& tx, Timestamp now,
                                          std::string_view remembered) const {
  const auto kind = take_until(remembered, ':') == as_role ? Goer::Kind::role : Goer::Kind::caller;
  if (kind == Goer::Kind::role && remembered.starts_with("arn:")) {
    TRY(const auto role, find_execution_role(tx, remembered));
    if (!role) return is_gone(remembered);
    TRY(identity::Principal session,
        assume_execution_role(*role, std::chrono::floor<std::chrono::seconds>(now)));
    TRY_DO(directory_.snapshot()->refresh(session));
    return Goer{std::move(session), kind};
  }
  const auto bytes = from_base64(remembered);
  if (!bytes) return fail(ErrorCode::corrupted, "It is not known any more for whom this is done.");
  TRY(identity::SessionRecord record, identity::session_record(*bytes));
  Goer goer{std::move(record.principal), kind};
  using Asker = identity::Principal::Kind;
  if (goer.principal.kind == Asker::root || goer.principal.kind == Asker::user)
    goer.principal.session = nullptr;
  if (!directory_.snapshot()->refresh(goer.principal)) return is_gone(goer.principal.name);
  return goer;
}

Result<> Errands::check_later(store::Transaction& tx, Timestamp now, std::string_view remembered,
                              const Errand& errand) const {
  TRY(const Goer goer, goer_later(tx, now, remembered));
  Context keys;
  add_own_keys(now, keys);
  return decide(tx, goer, errand, std::move(keys));
}

Result<> Errands::decide(store::Transaction& tx, const Goer& goer, const Errand& errand,
                         Context context) const {
  Guarded guarded;
  const auto service = services_.find(errand.action.substr(0, errand.action.find(':')));
  if (service != services_.end()) {
    TRY(guarded, service->second(tx, errand.resource));
  }
  std::shared_ptr<const identity::Policy> policy;
  if (guarded.policy) policy = policies_.parse(*guarded.policy, guarded.principals);

  const identity::Principal& principal = goer.principal;
  identity::PrincipalPolicies policies;
  if (!principal.is_root()) {
    TRY(policies, directory_.policies_of(principal));
  }
  for (auto& entry : identity::principal_context(principal)) context.push_back(std::move(entry));
  context.insert(context.end(), errand.keys.begin(), errand.keys.end());
  add_resource_tags(tx, guarded, context);
  context.push_back(
      {"aws:ResourceAccount", {guarded.account.empty() ? principal.account : guarded.account}});
  const auto verdict = identity::decide(principal, policies,
                                        {.action = errand.action,
                                         .resource = errand.resource,
                                         .context = context,
                                         .extent = errand.extent},
                                        {.account = guarded.account, .policy = policy.get()});
  if (verdict.allowed()) return {};
  return std::unexpected(Error{ErrorCode::permission_denied,
                               refusal_text(principal, errand.action, place_of(errand), verdict),
                               "not_allowed"});
}

}  // namespace slipway::service
