// Reading policy documents: the first half of policy.h.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cctype>

#include "base/text.h"
#include "engine/identity/policy.h"
#include "engine/identity/policy_tests.h"

namespace slipway::identity {
namespace {

namespace json = boost::json;

constexpr std::size_t depth_max = 16;

std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCode::invalid_argument, std::move(message), "malformed_policy");
}

std::unexpected<Error> syntax_error() { return refuse("Syntax errors in policy."); }

// A text, a number or a truth value as text; nullopt for what has an inside.
std::optional<std::string> scalar(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_bool()) return value.get_bool() ? "true" : "false";
  if (value.is_number()) return json::serialize(value);
  return std::nullopt;
}

// One scalar or an array of them.
Result<std::vector<std::string>> scalars(const json::value& value) {
  std::vector<std::string> out;
  if (const auto one = scalar(value)) return std::vector{*one};
  if (!value.is_array()) return syntax_error();
  for (const json::value& item : value.get_array()) {
    auto text = scalar(item);
    if (!text) return syntax_error();
    out.push_back(*std::move(text));
  }
  return out;
}

Result<> read_effect(Statement& statement, const json::value& value) {
  if (value == "Allow")
    statement.effect = Statement::Effect::allow;
  else if (value == "Deny")
    statement.effect = Statement::Effect::deny;
  else
    return syntax_error();
  return {};
}

Result<> read_actions(Statement& statement, const json::value& value) {
  TRY(std::vector<std::string> actions, scalars(value));
  if (actions.empty()) return refuse("Policy statement must contain actions.");
  for (std::string& action : actions) {
    if (action != "*" && action.find(':') == std::string::npos)
      return refuse("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
    statement.actions.push_back(to_lower(action));
  }
  return {};
}

Result<> read_resources(Statement& statement, const json::value& value) {
  TRY(statement.resources, scalars(value));
  if (statement.resources.empty()) return refuse("Policy statement must contain resources.");
  for (const std::string& resource : statement.resources)
    if (resource != "*" && !resource.starts_with("arn:") && !resource.starts_with("arn*"))
      return refuse(fmt::format("Resource {} must be in ARN format or \"*\".", resource));
  return {};
}

// "*", or {"Service": "x", "AWS": ["y", "z"]}.
Result<> read_principals(Statement& statement, const json::value& value) {
  if (value == "*") {
    statement.principals.emplace_back("*", "*");
    return {};
  }
  if (!value.is_object() || value.get_object().empty())
    return refuse("Invalid principal in policy");
  for (const auto& [kind, names] : value.get_object()) {
    constexpr std::array<std::string_view, 4> kinds = {"AWS", "Service", "Federated",
                                                       "CanonicalUser"};
    if (std::ranges::find(kinds, std::string_view(kind)) == kinds.end())
      return refuse("Invalid principal in policy");
    TRY(const std::vector<std::string> texts, scalars(names));
    for (const std::string& text : texts) statement.principals.emplace_back(kind, text);
  }
  return {};
}

// "ForAnyValue:StringLikeIfExists" taken apart.
Result<Condition> parse_operator(std::string_view text) {
  Condition condition;
  if (text.starts_with("ForAnyValue:"))
    condition.quantifier = Condition::Quantifier::any_value;
  else if (text.starts_with("ForAllValues:"))
    condition.quantifier = Condition::Quantifier::all_values;
  if (condition.quantifier != Condition::Quantifier::none) text.remove_prefix(text.find(':') + 1);
  if (text.ends_with("IfExists") && text != "IfExists") {
    condition.when_absent = Condition::WhenAbsent::holds;
    text.remove_suffix(std::string_view("IfExists").size());
  }
  if (!is_known_test(text)) return refuse(fmt::format("Invalid Condition type : {}.", text));
  condition.test = text;
  return condition;
}

Result<> read_conditions(Statement& statement, const json::value& value) {
  if (!value.is_object()) return syntax_error();
  for (const auto& [name, keys] : value.get_object()) {
    TRY(const Condition pattern, parse_operator(name));
    if (!keys.is_object()) return syntax_error();
    for (const auto& [key, values] : keys.get_object()) {
      Condition condition = pattern;
      condition.key = key;
      TRY(condition.values, scalars(values));
      statement.conditions.push_back(std::move(condition));
    }
  }
  return {};
}

Result<> read_id(Statement& statement, const json::value& value) {
  if (!value.is_string()) return syntax_error();
  statement.id = std::string(value.get_string());
  if (std::ranges::all_of(statement.id, [](unsigned char c) { return std::isalnum(c); })) return {};
  return refuse(
      "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular "
      "expression [0-9A-Za-z]*");
}

Result<> read_element(Statement& statement, std::string_view name, const json::value& value) {
  using Match = Statement::Match;
  if (name == "Sid") return read_id(statement, value);
  if (name == "Effect") return read_effect(statement, value);
  if (name == "Condition") return read_conditions(statement, value);
  if (name == "Action" || name == "NotAction") {
    if (!statement.actions.empty()) return syntax_error();
    statement.action_match = name == "Action" ? Match::listed : Match::others;
    return read_actions(statement, value);
  }
  if (name == "Resource" || name == "NotResource") {
    if (!statement.resources.empty()) return syntax_error();
    statement.resource_match = name == "Resource" ? Match::listed : Match::others;
    return read_resources(statement, value);
  }
  if (name == "Principal" || name == "NotPrincipal") {
    if (!statement.principals.empty()) return syntax_error();
    statement.principal_match = name == "Principal" ? Match::listed : Match::others;
    return read_principals(statement, value);
  }
  return syntax_error();
}

Result<> check_permissions(const Statement& statement) {
  if (!statement.principals.empty())
    return refuse("Policy document should not specify a principal.");
  if (statement.resources.empty()) return refuse("Policy statement must contain resources.");
  return {};
}

Result<> check_trust(const Statement& statement) {
  if (!statement.resources.empty()) return refuse("Has prohibited field Resource");
  if (statement.principals.empty()) return refuse("Missing required field Principal");
  for (const std::string& action : statement.actions)
    if (!action.starts_with("sts:"))
      return refuse("AssumeRole policy may only specify STS AssumeRole actions.");
  return {};
}

Result<Statement> read_statement(const json::value& value, PolicyUse use) {
  if (!value.is_object()) return syntax_error();
  const json::object& elements = value.get_object();
  Statement statement;
  for (const auto& [name, element] : elements) TRY_DO(read_element(statement, name, element));
  if (!elements.contains("Effect"))
    return use == PolicyUse::trust ? refuse("Missing required field Effect") : syntax_error();
  if (statement.actions.empty()) return refuse("Policy statement must contain actions.");
  TRY_DO(use == PolicyUse::trust ? check_trust(statement) : check_permissions(statement));
  return statement;
}

Result<> check_frame(const json::object& document) {
  for (const auto& [name, value] : document)
    if (name != "Version" && name != "Id" && name != "Statement") return syntax_error();
  const json::value* version = document.if_contains("Version");
  if (version != nullptr && *version != "2012-10-17" && *version != "2008-10-17")
    return syntax_error();
  return document.contains("Statement") ? Result<>{} : syntax_error();
}

Result<> check_ids_unique(std::span<const Statement> statements) {
  std::vector<std::string_view> ids;
  for (const Statement& statement : statements)
    if (!statement.id.empty()) ids.push_back(statement.id);
  std::ranges::sort(ids);
  if (std::ranges::adjacent_find(ids) == ids.end()) return {};
  return refuse("Statement IDs (SID) in a single policy must be unique.");
}

Result<json::value> parse_json(std::string_view text) {
  if (text.size() > policy_bytes_max)
    return refuse(fmt::format("The policy document is longer than {} bytes.", policy_bytes_max));
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = depth_max;
  json::value value = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
  if (error || !value.is_object()) return refuse("This policy contains invalid Json");
  return value;
}

}  // namespace

Result<Policy> Policy::parse(std::string_view text, PolicyUse use) {
  TRY(const json::value value, parse_json(text));
  TRY_DO(check_frame(value.get_object()));
  const json::value& listed = value.get_object().at("Statement");
  Policy policy;
  if (listed.is_object()) {
    TRY(Statement statement, read_statement(listed, use));
    policy.statements_.push_back(std::move(statement));
    return policy;
  }
  if (!listed.is_array() || listed.get_array().size() > policy_statements_max)
    return syntax_error();
  for (const json::value& item : listed.get_array()) {
    TRY(Statement statement, read_statement(item, use));
    policy.statements_.push_back(std::move(statement));
  }
  TRY_DO(check_ids_unique(policy.statements_));
  return policy;
}

}  // namespace slipway::identity
