#include "service/resource_policy.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "engine/identity/condition_tests.h"

namespace slipway::service {
namespace {

using identity::Condition;
using identity::PrincipalPattern;
using identity::Statement;

// Keys of which one value holds for few.
constexpr std::array<std::string_view, 13> narrowing_keys = {
    "aws:principalaccount",      "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths",
    "aws:sourceaccount",         "aws:sourcearn",    "aws:sourceip",       "aws:sourceorgid",
    "aws:sourceowner",           "aws:sourcevpc",    "aws:sourcevpce",     "aws:userid",
    "s3:dataaccesspointaccount",
};

constexpr std::array<std::string_view, 5> narrowing_tests = {"StringEquals", "StringLike",
                                                             "ArnEquals", "ArnLike", "IpAddress"};

// "0.0.0.0/0" and the like.
bool is_fixed(const identity::PolicyPattern& value) {
  return !value.variables && !value.text.contains('*') && !value.text.contains('?') &&
         !value.text.ends_with("/0");
}

bool narrows(const Condition& condition) {
  return condition.when_absent == Condition::WhenAbsent::fails &&
         condition.quantifier != Condition::Quantifier::all_values &&
         std::ranges::find(narrowing_keys, to_lower(condition.key)) != narrowing_keys.end() &&
         std::ranges::find(narrowing_tests, condition.test->name) != narrowing_tests.end() &&
         std::ranges::all_of(condition.values, is_fixed);
}

bool speaks_of_everyone(const Statement& statement) {
  return statement.principal_match == Statement::Match::others ||
         std::ranges::find(statement.principals, PrincipalPattern::Kind::everyone,
                           &PrincipalPattern::kind) != statement.principals.end();
}

}  // namespace

Result<identity::Policy> read_resource_policy(std::string_view text) {
  TRY(identity::Policy policy, identity::Policy::parse(text, identity::PolicyUse::resource));
  for (const Statement& statement : policy.statements())
    if (statement.principals.empty())
      return fail(ErrorCode::invalid_argument, "Missing required field Principal",
                  "malformed_policy");
  return policy;
}

bool is_public(const identity::Policy& policy) {
  return std::ranges::any_of(policy.statements(), [](const Statement& statement) {
    return statement.effect == Statement::Effect::allow && speaks_of_everyone(statement) &&
           std::ranges::none_of(statement.conditions, narrows);
  });
}

}  // namespace slipway::service
