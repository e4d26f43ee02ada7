// Reading policy documents: the first half of policy.h.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>

#include "base/text.h"
#include "engine/identity/condition_tests.h"
#include "engine/identity/json_keys.h"
#include "engine/identity/policy.h"

namespace slipway::identity {
namespace {

namespace json = boost::json;

constexpr std::size_t depth_max = 16;
constexpr std::size_t account_digits = 12;
constexpr std::string_view version_with_variables = "2012-10-17";

// What a document is read as.
struct Reading {
  PolicyUse use = PolicyUse::permissions;
  bool variables = false;  // ${...} is more than text
};

std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCode::invalid_argument, std::move(message), "malformed_policy");
}

std::unexpected<Error> syntax_error() { return refuse("Syntax errors in policy."); }

// Empty for what is no text.
std::string_view text_of(const json::value& value) {
  return value.is_string() ? std::string_view(value.get_string()) : std::string_view();
}

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

PolicyPattern pattern_of(std::string_view text, const Reading& reading) {
  return {std::string(text), reading.variables && text.find("${") != std::string_view::npos};
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

// "arn:aws:s3:::bucket/*" taken apart; what stands behind the fifth colon may hold variables. A
// name with fewer parts reaches over all that it leaves out, but in a resource's policy only where
// it says so by a wildcard.
ResourcePattern parse_resource(std::string_view text, const Reading& reading) {
  using Reach = ResourcePattern::Reach;
  ResourcePattern pattern;
  if (text == "*") {
    pattern.reach = Reach::everything;
    return pattern;
  }
  const bool has_wildcard = text.find_first_of("*?") != std::string_view::npos;
  std::size_t parts = 1;
  for (std::string& part : pattern.head) {
    part = "*";
    const std::size_t end = text.find(':');
    if (text.data() == nullptr) continue;
    part = to_lower(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (text.data() != nullptr) ++parts;
  }
  pattern.tail = text.data() != nullptr ? pattern_of(text, reading) : PolicyPattern{"*"};
  if (parts <= pattern.head.size() && reading.use == PolicyUse::resource && !has_wildcard)
    pattern.reach = Reach::nothing;
  return pattern;
}

Result<> read_resources(Statement& statement, const json::value& value, const Reading& reading) {
  TRY(const std::vector<std::string> resources, scalars(value));
  if (resources.empty()) return refuse("Policy statement must contain resources.");
  for (const std::string& resource : resources) {
    if (resource != "*" && !resource.starts_with("arn:") && !resource.starts_with("arn*"))
      return refuse(fmt::format("Resource {} must be in ARN format or \"*\".", resource));
    statement.resources.push_back(parse_resource(resource, reading));
  }
  return {};
}

bool is_account(std::string_view text) {
  return text.size() == account_digits &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

// "*", "123456789012", "arn:aws:iam::123456789012:root", the ARN of a party or its id.
PrincipalPattern principal_of(std::string_view text) {
  using Kind = PrincipalPattern::Kind;
  constexpr std::string_view prefix = "arn:aws:iam::";
  if (text == "*") return {Kind::everyone, {}};
  if (is_account(text)) return {Kind::account, std::string(text)};
  if (text.starts_with(prefix) && text.substr(prefix.size()).ends_with(":root") &&
      is_account(text.substr(prefix.size(), text.size() - prefix.size() - 5)))
    return {Kind::account, std::string(text.substr(prefix.size(), account_digits))};
  return {Kind::party, std::string(text)};
}

// "*", or {"Service": "x", "AWS": ["y", "z"]}.
Result<> read_principals(Statement& statement, const json::value& value) {
  using Kind = PrincipalPattern::Kind;
  if (value == "*") {
    statement.principals.push_back({Kind::everyone, {}});
    return {};
  }
  if (!value.is_object() || value.get_object().empty())
    return refuse("Invalid principal in policy");
  constexpr std::pair<std::string_view, Kind> kinds[] = {{"AWS", Kind::party},
                                                         {"Service", Kind::service},
                                                         {"Federated", Kind::federated},
                                                         {"CanonicalUser", Kind::canonical_user}};
  for (const auto& [name, texts] : value.get_object()) {
    const auto* kind =
        std::ranges::find(kinds, std::string_view(name), &std::pair<std::string_view, Kind>::first);
    if (kind == std::end(kinds)) return refuse("Invalid principal in policy");
    TRY(const std::vector<std::string> listed, scalars(texts));
    if (listed.empty() || std::ranges::find(listed, "") != listed.end())
      return refuse("Invalid principal in policy");
    for (const std::string& text : listed)
      statement.principals.push_back(
          kind->second == Kind::party ? principal_of(text) : PrincipalPattern{kind->second, text});
  }
  return {};
}

Result<> read_conditions(Statement& statement, const json::value& value, const Reading& reading) {
  if (!value.is_object()) return syntax_error();
  for (const auto& [name, keys] : value.get_object()) {
    const bool asks = !keys.is_object() || !keys.get_object().empty();
    if (!asks && reading.use == PolicyUse::permissions) continue;
    TRY(const Condition pattern, parse_operator(name));
    if (!keys.is_object()) return syntax_error();
    for (const auto& [key, values] : keys.get_object()) {
      Condition condition = pattern;
      condition.key = key;
      TRY(const std::vector<std::string> texts, scalars(values));
      for (const std::string& text : texts)
        condition.values.push_back(condition.test->variables == ConditionTest::Variables::filled
                                       ? pattern_of(text, reading)
                                       : PolicyPattern{text});
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

Result<> read_element(Statement& statement, std::string_view name, const json::value& value,
                      const Reading& reading) {
  using Match = Statement::Match;
  if (name == "Sid") return read_id(statement, value);
  if (name == "Effect") return read_effect(statement, value);
  if (name == "Condition") return read_conditions(statement, value, reading);
  if (name == "Action" || name == "NotAction") {
    if (!statement.actions.empty()) return syntax_error();
    statement.action_match = name == "Action" ? Match::listed : Match::others;
    return read_actions(statement, value);
  }
  if (name == "Resource" || name == "NotResource") {
    if (!statement.resources.empty()) return syntax_error();
    statement.resource_match = name == "Resource" ? Match::listed : Match::others;
    return read_resources(statement, value, reading);
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

Result<> check_use(const Statement& statement, PolicyUse use) {
  switch (use) {
    case PolicyUse::permissions: return check_permissions(statement);
    case PolicyUse::trust: return check_trust(statement);
    case PolicyUse::resource: return {};
  }
  return {};
}

Result<Statement> read_statement(const json::value& value, const Reading& reading) {
  if (!value.is_object()) return syntax_error();
  const json::object& elements = value.get_object();
  Statement statement;
  for (const auto& [name, element] : elements)
    TRY_DO(read_element(statement, name, element, reading));
  if (!elements.contains("Effect"))
    return reading.use == PolicyUse::trust ? refuse("Missing required field Effect")
                                           : syntax_error();
  if (statement.actions.empty()) return refuse("Policy statement must contain actions.");
  TRY_DO(check_use(statement, reading.use));
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
  if (error || !value.is_object() || has_key_twice(text))
    return refuse("This policy contains invalid Json");
  return value;
}

Result<std::vector<Statement>> read_statements(const json::value& listed, const Reading& reading) {
  std::vector<Statement> statements;
  if (listed.is_object()) {
    TRY(Statement statement, read_statement(listed, reading));
    statements.push_back(std::move(statement));
    return statements;
  }
  if (!listed.is_array() || listed.get_array().size() > policy_statements_max)
    return syntax_error();
  for (const json::value& item : listed.get_array()) {
    TRY(Statement statement, read_statement(item, reading));
    statements.push_back(std::move(statement));
  }
  TRY_DO(check_ids_unique(statements));
  return statements;
}

bool asks_more(const Statement& statement) {
  return !statement.conditions.empty() ||
         std::ranges::any_of(statement.resources,
                             [](const ResourcePattern& pattern) { return pattern.tail.variables; });
}

}  // namespace

Result<Condition> parse_operator(std::string_view text) {
  Condition condition;
  if (text.starts_with("ForAnyValue:"))
    condition.quantifier = Condition::Quantifier::any_value;
  else if (text.starts_with("ForAllValues:"))
    condition.quantifier = Condition::Quantifier::all_values;
  if (condition.quantifier != Condition::Quantifier::none) text.remove_prefix(text.find(':') + 1);
  // Null asks of a key that is not there anyway.
  if (text.ends_with("IfExists") && text != "IfExists" && text != "NullIfExists") {
    condition.when_absent = Condition::WhenAbsent::holds;
    text.remove_suffix(std::string_view("IfExists").size());
  }
  condition.test = find_condition_test(text);
  if (condition.test == nullptr) return refuse(fmt::format("Invalid Condition type : {}.", text));
  return condition;
}

Result<Policy> Policy::parse(std::string_view text, PolicyUse use) {
  TRY(const json::value value, parse_json(text));
  TRY_DO(check_frame(value.get_object()));
  const json::value& listed = value.get_object().at("Statement");
  const json::value* version = value.get_object().if_contains("Version");
  const Reading reading{use, version != nullptr && text_of(*version) == version_with_variables};
  Policy policy;
  TRY(policy.statements_, read_statements(listed, reading));
  policy.asks_context_ = std::ranges::any_of(policy.statements_, asks_more);
  return policy;
}

void Policy::bind_principals(std::span<const std::pair<std::string, std::string>> ids) {
  for (Statement& statement : statements_)
    for (PrincipalPattern& pattern : statement.principals)
      for (const auto& [arn, id] : ids)
        if (pattern.kind == PrincipalPattern::Kind::party && pattern.name == arn) pattern.name = id;
}

Policy Policy::closed() {
  Policy policy;
  policy.statements_.push_back({.effect = Statement::Effect::deny,
                                .actions = {"*"},
                                .resources = {{.reach = ResourcePattern::Reach::everything}},
                                .principals = {{PrincipalPattern::Kind::everyone, {}}}});
  return policy;
}

}  // namespace slipway::identity
