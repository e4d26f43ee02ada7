#include "service/s3/policy_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <span>
#include <utility>

#include "base/text.h"
#include "engine/identity/condition_tests.h"
#include "service/errors.h"
#include "service/resource_policy.h"
#include "service/s3/policy_keys.h"

namespace slipway::s3 {
namespace {

namespace json = boost::json;
using identity::ResourcePattern;
using identity::Statement;
using service::refuse;

// All that can be allowed at a bucket, and at an object, in lower case:
// docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
constexpr std::string_view bucket_actions[] = {
    "allowvendedlogdeliveryforresource",
    "createbucket",
    "createbucketmetadatatableconfiguration",
    "deletebucket",
    "deletebucketmetadatatableconfiguration",
    "deletebucketpolicy",
    "deletebucketwebsite",
    "getaccelerateconfiguration",
    "getanalyticsconfiguration",
    "getbucketabac",
    "getbucketacl",
    "getbucketcors",
    "getbucketlocation",
    "getbucketlogging",
    "getbucketmetadatatableconfiguration",
    "getbucketnotification",
    "getbucketobjectlockconfiguration",
    "getbucketownershipcontrols",
    "getbucketpolicy",
    "getbucketpolicystatus",
    "getbucketpublicaccessblock",
    "getbucketrequestpayment",
    "getbuckettagging",
    "getbucketversioning",
    "getbucketwebsite",
    "getencryptionconfiguration",
    "getintelligenttieringconfiguration",
    "getinventoryconfiguration",
    "getlifecycleconfiguration",
    "getmetricsconfiguration",
    "getreplicationconfiguration",
    "listbucket",
    "listbucketmultipartuploads",
    "listbucketversions",
    "listtagsforresource",
    "pausereplication",
    "putaccelerateconfiguration",
    "putanalyticsconfiguration",
    "putbucketabac",
    "putbucketacl",
    "putbucketcors",
    "putbucketlogging",
    "putbucketnotification",
    "putbucketobjectlockconfiguration",
    "putbucketownershipcontrols",
    "putbucketpolicy",
    "putbucketpublicaccessblock",
    "putbucketrequestpayment",
    "putbuckettagging",
    "putbucketversioning",
    "putbucketwebsite",
    "putencryptionconfiguration",
    "putintelligenttieringconfiguration",
    "putinventoryconfiguration",
    "putlifecycleconfiguration",
    "putmetricsconfiguration",
    "putreplicationconfiguration",
    "tagresource",
    "untagresource",
    "updatebucketmetadataannotationtableconfiguration",
    "updatebucketmetadatainventorytableconfiguration",
    "updatebucketmetadatajournaltableconfiguration",
};

constexpr std::string_view object_actions[] = {
    "abortmultipartupload",
    "bypassgovernanceretention",
    "deleteobject",
    "deleteobjectannotation",
    "deleteobjecttagging",
    "deleteobjectversion",
    "deleteobjectversionannotation",
    "deleteobjectversiontagging",
    "getobject",
    "getobjectacl",
    "getobjectannotation",
    "getobjectattributes",
    "getobjectlegalhold",
    "getobjectretention",
    "getobjecttagging",
    "getobjecttorrent",
    "getobjectversion",
    "getobjectversionacl",
    "getobjectversionannotation",
    "getobjectversionannotationforreplication",
    "getobjectversionattributes",
    "getobjectversionforreplication",
    "getobjectversiontagging",
    "getobjectversiontorrent",
    "initiatereplication",
    "listmultipartuploadparts",
    "listobjectannotations",
    "listobjectversionannotations",
    "objectowneroverridetobucketowner",
    "putobject",
    "putobjectacl",
    "putobjectannotation",
    "putobjectlegalhold",
    "putobjectretention",
    "putobjecttagging",
    "putobjectversionacl",
    "putobjectversionannotation",
    "putobjectversiontagging",
    "replicatedelete",
    "replicateobject",
    "replicateobjectannotation",
    "replicatetags",
    "restoreobject",
    "updateobjectencryption",
};

std::unexpected<Error> malformed(std::string message) {
  return refuse("MalformedPolicy", std::move(message));
}

bool knows(std::span<const std::string_view> actions, std::string_view pattern) {
  return std::ranges::any_of(actions, [&](std::string_view action) {
    return identity::matches_wildcard(pattern, action);
  });
}

// What an action can be done to.
struct Reach {
  bool buckets = false;
  bool objects = false;
};

Reach reach_of(std::string_view action) {
  if (action == "*") return {true, true};
  if (take_until(action, ':') != "s3") return {};
  return {knows(bucket_actions, action), knows(object_actions, action)};
}

// What a resource is of this bucket: itself, something in it, or both.
Reach reach_of(const ResourcePattern& resource, std::string_view bucket) {
  if (resource.reach != ResourcePattern::Reach::parts || resource.head[2] != "s3" ||
      !resource.head[3].empty() || !resource.head[4].empty())
    return {};
  std::string_view rest = resource.tail.text;
  if (!rest.starts_with(bucket)) return {};
  rest.remove_prefix(bucket.size());
  if (rest.empty()) return {.buckets = true};
  if (rest.starts_with('/')) return {.objects = true};
  return rest == "*" ? Reach{true, true} : Reach{};
}

std::string name_of(const Statement& statement, std::size_t number) {
  return statement.id.empty() ? fmt::format("NO_ID-{}", number) : statement.id;
}

std::unexpected<Error> malformed(std::string_view what, std::string detail) {
  return std::unexpected(Error{ErrorCode::invalid_argument,
                               std::string(what),
                               "MalformedPolicy",
                               {{"Detail", std::move(detail)}}});
}

// What is no address would match nobody, or with NotIpAddress everybody. The test that is made of
// an address makes no difference, as on AWS.
Result<> check_addresses(const identity::Condition& condition) {
  const identity::ConditionTest* const in_network = identity::find_condition_test("IpAddress");
  const bool asks_address = condition.test->holds == in_network->holds ||
                            equal_ignoring_case(condition.key, "aws:SourceIp");
  const auto is_network = [&](const identity::PolicyPattern& value) {
    const std::string_view text = value.text;
    return in_network->holds(text, text.substr(0, text.find('/')));  // each holds its first one
  };
  if (asks_address && !std::ranges::all_of(condition.values, is_network))
    return malformed("Invalid IP address in Conditions");
  return {};
}

// Each key of S3's is to be of use to each action that is named; of a pattern's actions, to one.
// Keys of all services are to be known; those of others, of federation say, are nobody's business.
Result<> check_conditions(const Statement& statement, std::size_t number) {
  for (const identity::Condition& condition : statement.conditions) {
    TRY_DO(check_addresses(condition));
    if (!starts_with_ignoring_case(condition.key, "s3:") &&
        !starts_with_ignoring_case(condition.key, "aws:"))
      continue;
    const std::string shown = fmt::format("Condition \"{}\" and action in Statement \"{}\"",
                                          condition.key, name_of(statement, number));
    for (const std::string& action : statement.actions) {
      const KeyUse use = use_of_key(condition.key, action);
      if (use == KeyUse::unknown)
        return malformed("Policy has an invalid condition key", condition.key);
      if (use == KeyUse::none && statement.action_match == Statement::Match::listed)
        return malformed(
            "Conditions do not apply to combination of actions and resources in statement", shown);
    }
  }
  return {};
}

Result<> check_statement(const Statement& statement, std::size_t number, std::string_view bucket) {
  Reach resources;
  for (const ResourcePattern& resource : statement.resources) {
    const Reach reach = reach_of(resource, bucket);
    if (!reach.buckets && !reach.objects) return malformed("Policy has invalid resource");
    resources.buckets |= reach.buckets;
    resources.objects |= reach.objects;
  }
  for (const std::string& action : statement.actions) {
    const Reach reach = reach_of(action);
    if (!reach.buckets && !reach.objects) return malformed("Policy has invalid action");
  }
  TRY_DO(check_conditions(statement, number));
  for (const std::string& action : statement.actions) {
    const Reach reach = reach_of(action);
    if (statement.action_match == Statement::Match::others ||
        statement.resource_match == Statement::Match::others)
      continue;
    if ((reach.buckets && resources.buckets) || (reach.objects && resources.objects)) continue;
    return malformed(
        "Action does not apply to any resource(s) in statement",
        fmt::format("Action \"{}\" in Statement \"{}\"", action, name_of(statement, number)));
  }
  return {};
}

// One resource or several, each an ARN; of which bucket is asked later.
bool names_resources(const json::value& resources) {
  const auto is_arn = [](const json::value& each) {
    return each.is_string() && each.get_string().starts_with("arn:");
  };
  if (!resources.is_array()) return is_arn(resources);
  return !resources.get_array().empty() && std::ranges::all_of(resources.get_array(), is_arn);
}

// What a statement must have, in the order in which S3 misses it.
Result<> check_fields(const json::value& statement) {
  constexpr std::pair<std::string_view, std::string_view> fields[] = {{"Effect", "Effect"},
                                                                      {"Principal", "NotPrincipal"},
                                                                      {"Action", "NotAction"},
                                                                      {"Resource", "NotResource"}};
  if (!statement.is_object()) return malformed("Invalid policy syntax.");
  for (const auto& [name, other] : fields)
    if (!statement.get_object().contains(name) && !statement.get_object().contains(other))
      return malformed(fmt::format("Missing required field {}", name));
  const json::value* const effect = statement.get_object().if_contains("Effect");
  if (effect && effect->is_string() && *effect != "Allow" && *effect != "Deny")
    return malformed(
        fmt::format("Invalid effect: {}", std::string_view(effect->get_string()).substr(0, 100)));
  if (effect && *effect == "Allow" && statement.get_object().contains("NotPrincipal"))
    return malformed("Allow with NotPrincipal is not allowed.");
  for (const std::string_view name : {"Resource", "NotResource"})
    if (const json::value* const resources = statement.get_object().if_contains(name);
        resources && !names_resources(*resources))
      return malformed("Policy has invalid resource");
  return {};
}

Result<> check_shape(std::string_view text) {
  constexpr std::string_view no_json = "Policies must be valid JSON and the first byte must be '{'";
  boost::system::error_code error;
  const json::value document = json::parse({text.data(), text.size()}, error);
  if (!text.starts_with('{')) return malformed(std::string(no_json));
  if (error) return malformed("This policy contains invalid Json");
  const json::value* const statements = document.get_object().if_contains("Statement");
  if (!statements) return malformed("Missing required field Statement");
  const json::value* const version = document.get_object().if_contains("Version");
  if (version && *version != "2012-10-17" && *version != "2008-10-17")
    return malformed("The policy must contain a valid version string");
  if (statements->is_object()) return check_fields(*statements);
  if (!statements->is_array()) return malformed("Invalid policy syntax.");
  if (statements->get_array().empty())
    return malformed("Could not parse the policy: Statement is empty!");
  for (const json::value& statement : statements->get_array()) TRY_DO(check_fields(statement));
  return {};
}

}  // namespace

Result<identity::Policy> read_bucket_policy(std::string_view text, std::string_view bucket) {
  TRY_DO(check_shape(text));
  auto policy = service::read_resource_policy(text);
  if (!policy) return malformed(std::move(policy.error().message));
  std::size_t number = 0;
  for (const Statement& statement : policy->statements())
    TRY_DO(check_statement(statement, number++, bucket));
  return policy;
}

}  // namespace slipway::s3
