// The one place where it is decided whether a caller may do what it asks for: after its request was
// decoded and validated, before the handler runs, in the handler's own transaction. Who has which
// policies, and what these say together, is the engine's to know (engine/identity); what an
// operation needs is its door's (permissions.h).
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/identity/access.h"
#include "engine/identity/directory.h"
#include "service/permissions.h"

namespace slipway::service {

// Policies of resources as they were parsed last, by their text and whom it speaks of. Thread-safe.
class PolicyTexts {
 public:
  static constexpr std::size_t remembered_max = 1'000;

  // With its principals bound to `principals` (principal_ids.h). Null where the text is no
  // policy: it was stored before policies were checked. Such a text grants nothing and denies
  // nothing.
  std::shared_ptr<const identity::Policy> parse(const std::string& text,
                                                const std::string& principals);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const identity::Policy>> parsed_;
};

// Filled once, then only asked, from any thread.
class Authorizer {
 public:
  // What is found out once for all questions of one call, in one transaction.
  class Session;

  // `directory` outlives it.
  explicit Authorizer(const identity::Directory& directory);

  // A line that names no operation of the service's model is a bug: std::logic_error at start.
  void add(Permissions permissions);

  // Whether the caller may; else the refusal in the words of the service, of kind "not_allowed",
  // which the door's error table translates. An operation without lines may be done by those alone
  // who may do the action of its name to everything.
  Result<> check(const Question& question, Session& session) const;

  // The same for one thing that a handler finds out by itself that it needs, with condition keys of
  // that thing alone.
  Result<> check_one(const Question& question, Session& session, std::string_view action,
                     const std::string& resource, Call::Keys keys = {}) const;

  // Whether `failure` of the operation is not for everyone who may do it.
  bool may_hide(const wire::Operation& operation, const Error& failure) const;
  // What is answered in its place: the failure itself to those who may know it.
  Error veiled(const Question& question, Session& session, Error failure) const;

  // The lines of an operation.
  std::span<const Need> needs_of(const wire::Operation& operation) const;

  const identity::Directory& directory() const { return directory_; }

 private:
  struct Rules {
    const Permissions* service = nullptr;
    std::vector<Need> needs;
    std::vector<Veil> veils;
  };
  struct Demand;

  const Rules* rules_of(const wire::Operation& operation) const;
  // All condition keys of one demand.
  static Context context_of(const Question& question, const Permissions& service,
                            const Demand& demand, const Guarded& guarded, Session& session);
  Result<> decide(const Question& question, const Permissions& service, const Demand& demand,
                  Session& session) const;
  Error refusal(const Question& question, const Permissions& service, const Demand& demand,
                const identity::Verdict& verdict) const;

  const identity::Directory& directory_;
  std::vector<std::unique_ptr<const Permissions>> services_;
  std::unordered_map<const wire::Operation*, Rules> rules_;
  mutable PolicyTexts policies_;
  const identity::Policy everyone_;  // lets everyone do everything: what a list comes to
};

// Made anew for each call: root mostly needs nothing of it, and whoever has policies needs the same
// for each of an operation's questions.
class Authorizer::Session {
 public:
  // Another account's resource or one with a policy is asked; everything else is the caller's own.
  struct Side {
    Guarded guarded;
    std::shared_ptr<const identity::Policy> policy;
  };

  // Whether any question was answered with yes.
  bool granted() const { return granted_; }

 private:
  friend class Authorizer;

  Result<const identity::PrincipalPolicies*> policies(const identity::Directory& directory,
                                                      const identity::Principal& principal);
  const Context& context(const Question& question, const Permissions& service);
  Result<const Side*> side(const Question& question, const Permissions& service,
                           std::string_view arn, PolicyTexts& texts);

  std::optional<identity::PrincipalPolicies> policies_;
  std::optional<Context> context_;
  std::string guard_;  // whose side it is
  std::optional<Side> side_;
  bool granted_ = false;
};

}  // namespace slipway::service
