#include "engine/identity/policy_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <vector>

#include "base/text.h"
#include "engine/identity/condition_tests.h"
#include "engine/identity/json_keys.h"
#include "engine/identity/owners.h"
#include "engine/identity/policy.h"

namespace slipway::identity {
namespace {

namespace json = boost::json;

constexpr std::string_view newest_version = "2012-10-17";

std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCode::invalid_argument, std::move(message), "malformed_policy");
}
std::unexpected<Error> syntax_error() { return refuse("Syntax errors in policy."); }
std::unexpected<Error> legacy_error() { return refuse("The policy failed legacy parsing"); }

// Characters that the grammar of policies knows.
bool has_only_policy_characters(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 || byte == '\t' || byte == '\n' || byte == '\r';
  });
}

std::string_view text_of(const json::value* value) {
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view();
}

// The statements of a document whose frame is sound.
std::vector<const json::object*> statements_of(const json::object& document) {
  std::vector<const json::object*> statements;
  const json::value& listed = document.at("Statement");
  if (listed.is_object()) statements.push_back(&listed.get_object());
  if (listed.is_array())
    for (const json::value& each : listed.get_array())
      if (each.is_object()) statements.push_back(&each.get_object());
  return statements;
}

// One text, or all texts of an array.
std::vector<std::string_view> texts_of(const json::value& value) {
  std::vector<std::string_view> texts;
  if (value.is_string()) texts.emplace_back(value.get_string());
  if (value.is_array())
    for (const json::value& each : value.get_array())
      if (each.is_string()) texts.emplace_back(each.get_string());
  return texts;
}

bool are_texts(const json::value& value) {
  return value.is_string() ||
         (value.is_array() && texts_of(value).size() == value.get_array().size());
}

// ---- Identity policies --------------------------------------------------------------------------

// Calls `each` with every element of the statements whose name is one of two.
template <typename Each>
Result<> for_elements(const std::vector<const json::object*>& statements, std::string_view one,
                      std::string_view other, Each each) {
  for (const json::object* statement : statements)
    for (const std::string_view name : {one, other})
      if (const json::value* value = statement->if_contains(name)) TRY_DO(each(*value));
  return {};
}

// A test that asks for keys must be one that there is; one that asks for none is not looked up.
Result<> check_condition_syntax(const json::value& condition) {
  if (!condition.is_object()) return syntax_error();
  for (const auto& [test, keys] : condition.get_object()) {
    if (!keys.is_object()) return syntax_error();
    if (!keys.get_object().empty() && !parse_operator(test)) return syntax_error();
    for (const auto& [key, values] : keys.get_object())
      if (values.is_object() || values.is_null()) return syntax_error();
  }
  return {};
}

Result<> check_statement_syntax(const json::object& statement) {
  constexpr std::array<std::string_view, 7> known = {
      "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"};
  for (const auto& [name, value] : statement) {
    if (name == "Principal" || name == "NotPrincipal")
      return refuse("Policy document should not specify a principal.");
    if (std::ranges::find(known, std::string_view(name)) == known.end()) return syntax_error();
    const bool holds_texts = name.ends_with("Action") || name.ends_with("Resource");
    if (holds_texts && !are_texts(value)) return syntax_error();
    if (name == "Sid" && !value.is_string()) return syntax_error();
    if (name == "Condition") TRY_DO(check_condition_syntax(value));
  }
  if (statement.contains("Action") && statement.contains("NotAction")) return syntax_error();
  if (statement.contains("Resource") && statement.contains("NotResource")) return syntax_error();
  const std::string effect = to_lower(text_of(statement.if_contains("Effect")));
  return effect == "allow" || effect == "deny" ? Result<>{} : syntax_error();
}

Result<> check_syntax(const json::object& document) {
  for (const auto& [name, value] : document)
    if (name != "Version" && name != "Id" && name != "Statement") return syntax_error();
  if (const json::value* version = document.if_contains("Version");
      version != nullptr && *version != "2012-10-17" && *version != "2008-10-17")
    return syntax_error();
  if (const json::value* id = document.if_contains("Id"); id != nullptr && !id->is_string())
    return syntax_error();
  const json::value* listed = document.if_contains("Statement");
  if (listed == nullptr || !(listed->is_object() || listed->is_array())) return syntax_error();
  const auto statements = statements_of(document);
  if (statements.empty()) return syntax_error();
  if (listed->is_array() && statements.size() != listed->get_array().size()) return syntax_error();
  for (const json::object* statement : statements) TRY_DO(check_statement_syntax(*statement));
  return {};
}

// The dates of a condition must be dates.
bool has_sound_dates(const json::object& statement) {
  const json::value* conditions = statement.if_contains("Condition");
  if (conditions == nullptr || !conditions->is_object()) return true;
  const ConditionTest* const same_date = find_condition_test("DateEquals");
  for (const auto& [test, keys] : conditions->get_object()) {
    const auto condition = parse_operator(test);  // ForAnyValue:DateLessThan too
    if (!condition || !condition->test->name.starts_with("Date") || !keys.is_object()) continue;
    for (const auto& [key, values] : keys.get_object())
      for (const std::string_view text : texts_of(values))
        if (!same_date->holds(text, text)) return false;
  }
  return true;
}

// What an older parser does not read, whatever else is wrong.
Result<> check_legacy(const std::vector<const json::object*>& statements) {
  for (const json::object* statement : statements) {
    const std::string_view effect = text_of(statement->if_contains("Effect"));
    if ((effect != "Allow" && effect != "Deny") || !has_sound_dates(*statement))
      return legacy_error();
  }
  return {};
}

// What an older parser does not read in a name that is one by check_resource().
Result<> check_legacy_resource(std::string_view name) {
  if (name == "*") return {};
  const bool is_cut_short = std::ranges::count(name, ':') < 5;
  if (is_cut_short && name.contains("::")) return legacy_error();
  for (int part = 0; part < 2; ++part) take_until(name, ':');
  return take_until(name, ':').empty() ? legacy_error() : Result<>{};
}

Result<> check_ids(const std::vector<const json::object*>& statements, std::string_view sentence) {
  std::vector<std::string_view> ids;
  for (const json::object* statement : statements)
    if (const std::string_view id = text_of(statement->if_contains("Sid")); !id.empty())
      ids.push_back(id);
  std::ranges::sort(ids);
  if (std::ranges::adjacent_find(ids) != ids.end()) return refuse(std::string(sentence));
  return {};
}

// That every statement has one of two elements, and that this is not empty.
Result<> check_present(const std::vector<const json::object*>& statements, std::string_view name,
                       std::string_view sentence) {
  for (const json::object* statement : statements) {
    const json::value* value = statement->if_contains(name);
    if (value == nullptr) value = statement->if_contains(fmt::format("Not{}", name));
    if (value == nullptr || texts_of(*value).empty()) return refuse(std::string(sentence));
  }
  return {};
}

Result<> check_iam_resource(std::string_view rest) {
  constexpr std::string_view paths[] = {"user/",
                                        "federated-user/",
                                        "role/",
                                        "group/",
                                        "instance-profile/",
                                        "mfa/",
                                        "server-certificate/",
                                        "policy/",
                                        "sms-mfa/",
                                        "saml-provider/",
                                        "oidc-provider/",
                                        "report/",
                                        "access-report/"};
  const bool known =
      std::ranges::any_of(paths, [&](std::string_view path) { return rest.starts_with(path); });
  if (known || rest == "root" || rest.starts_with('*') || rest.starts_with('$')) return {};
  return refuse(fmt::format("IAM resource path must either be \"*\", root, or start with {}.",
                            fmt::join(paths, ", ")));
}

// What stands behind the first colon is a partition, whatever stands before it; the sentence fills
// up what lacks of a name.
std::unexpected<Error> wrong_partition(std::string_view partition, std::string_view rest) {
  std::array<std::string_view, 4> parts = {"*", "*", "*", "*"};
  for (std::size_t i = 0; i < parts.size() && !rest.empty(); ++i)
    parts[i] = i + 1 < parts.size() ? take_until(rest, ':') : rest;
  return refuse(fmt::format("Partition \"{0}\" is not valid for resource \"arn:{0}:{1}\".",
                            partition, fmt::join(parts, ":")));
}

Result<> check_resource(std::string_view resource) {
  if (resource == "*") return {};
  const auto no_name = [&] {
    return refuse(fmt::format("Resource {} must be in ARN format or \"*\".", resource));
  };
  if (!resource.contains(':')) return no_name();
  std::string_view rest = resource;
  const std::string_view scheme = take_until(rest, ':');
  const std::string_view partition = take_until(rest, ':');
  if (partition != "aws" && partition != "*") return wrong_partition(partition, rest);
  if (scheme != "arn") return no_name();
  if (rest.empty())
    return refuse("Resource vendor must be fully qualified and cannot contain regexes.");
  if (std::ranges::count(resource, ':') < 5) return {};
  const std::string_view service = take_until(rest, ':');
  const std::string_view region = take_until(rest, ':');
  take_until(rest, ':');
  if (service == "iam" && !region.empty())
    return refuse(fmt::format("IAM resource {} cannot contain region information.", resource));
  // What is no bucket lies in a region.
  const bool is_bucket = rest.find("accesspoint") == std::string_view::npos &&
                         !rest.starts_with("job/") && !rest.starts_with("storage-lens");
  if (service == "s3" && !region.empty() && is_bucket)
    return refuse(fmt::format("Resource {} can not contain region information.", resource));
  return service == "iam" ? check_iam_resource(rest) : Result<>{};
}

Result<> check_action(std::string_view action) {
  if (action == "*") return {};
  const auto colons = std::ranges::count(action, ':');
  if (colons == 0)
    return refuse("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
  if (colons > 1) return refuse("Actions/Condition can contain only one colon.");
  const std::string_view vendor = action.substr(0, action.find(':'));
  const bool valid = std::ranges::all_of(vendor, [](char c) {
    const char l = lower(c);
    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
  if ((valid && !vendor.empty()) || vendor == "*") return {};
  return refuse(fmt::format("Vendor {} is not valid", vendor));
}

Result<> check_each(const json::value& value, Result<> (*check)(std::string_view)) {
  for (const std::string_view text : texts_of(value)) TRY_DO(check(text));
  return {};
}

Result<> check_resources(const std::vector<const json::object*>& statements,
                         Result<> (*check)(std::string_view)) {
  return for_elements(statements, "Resource", "NotResource",
                      [&](const json::value& value) { return check_each(value, check); });
}

Result<> check_identity(const json::object& document, DocumentKind kind) {
  TRY_DO(check_syntax(document));
  if (kind == DocumentKind::managed && text_of(document.if_contains("Version")) != newest_version)
    return refuse("Policy document must be version 2012-10-17 or greater.");
  const auto statements = statements_of(document);
  TRY_DO(check_legacy(statements));
  // A name that is wrong is told after what is missing, and keeps the older parser from the others.
  const Result<> names = check_resources(statements, check_resource);
  if (names) TRY_DO(check_resources(statements, check_legacy_resource));
  TRY_DO(check_ids(statements, "Statement IDs (SID) in a single policy must be unique."));
  TRY_DO(check_present(statements, "Action", "Policy statement must contain actions."));
  TRY_DO(check_present(statements, "Resource", "Policy statement must contain resources."));
  TRY_DO(names);
  return for_elements(statements, "Action", "NotAction",
                      [](const json::value& value) { return check_each(value, check_action); });
}

// ---- Trust policies -----------------------------------------------------------------------------

bool may_stand_in_trust(std::string_view action) {
  const std::string name = to_lower(action);
  constexpr std::string_view known[] = {
      "sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity",
      "sts:tagsession", "sts:setsourceidentity",  "sts:setcontext"};
  if (!name.starts_with("sts:")) return false;
  return name.find('*') != std::string::npos || std::ranges::find(known, name) != std::end(known);
}

Result<> check_trust_statement(const json::object& statement) {
  if (statement.contains("NotPrincipal"))
    return refuse("AssumeRole policy must not contain NotPrincipal field.");
  for (const std::string_view name : {"Resource", "NotResource"})
    if (statement.contains(name)) return refuse("Has prohibited field Resource");
  for (const std::string_view name : {"Principal", "Effect"})
    if (!statement.contains(name)) return refuse(fmt::format("Missing required field {}", name));
  if (!statement.at("Principal").is_object()) return refuse("Principal must be a JSON object.");
  const json::value* actions = statement.if_contains("Action");
  if (actions == nullptr) actions = statement.if_contains("NotAction");
  if (actions == nullptr) return refuse("Missing required field Action");
  const auto listed = texts_of(*actions);
  if (listed.empty() || !std::ranges::all_of(listed, may_stand_in_trust))
    return refuse("AssumeRole policy may only specify STS AssumeRole actions.");
  return {};
}

Result<> check_trust(const json::object& document) {
  if (const json::value* version = document.if_contains("Version");
      version != nullptr && *version != "2012-10-17" && *version != "2008-10-17")
    return refuse("The policy must contain a valid version string");
  const json::value* listed = document.if_contains("Statement");
  if (listed == nullptr) return refuse("Missing required field Statement");
  const auto statements = statements_of(document);
  if (statements.empty()) return refuse("Could not parse the policy: Statement is empty!");
  for (const json::object* statement : statements) TRY_DO(check_trust_statement(*statement));
  return check_ids(statements, "The Statement Ids in the policy are not unique");
}

}  // namespace

Result<> check_document(std::string_view text, DocumentKind kind) {
  const bool is_trust = kind == DocumentKind::trust;
  const auto unreadable = [&] {
    return is_trust ? refuse("This policy contains invalid Json") : syntax_error();
  };
  if (text.size() > policy_bytes_max || !has_only_policy_characters(text)) return unreadable();
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !value.is_object() || has_key_twice(text)) return unreadable();
  TRY_DO(is_trust ? check_trust(value.get_object()) : check_identity(value.get_object(), kind));
  TRY_DO(Policy::parse(text, is_trust ? PolicyUse::trust : PolicyUse::permissions));
  if (is_trust && counted_bytes(text) > trust_policy_bytes_max)
    return fail(ErrorCode::limit_exceeded,
                fmt::format("Cannot exceed quota for ACLSizePerRole: {}", trust_policy_bytes_max));
  return {};
}

}  // namespace slipway::identity
