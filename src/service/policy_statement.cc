#include "service/policy_statement.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

namespace slipway::service {
namespace {

namespace json = boost::json;

json::object document_of(std::string_view policy) {
  boost::system::error_code error;
  json::value parsed = json::parse({policy.data(), policy.size()}, error);
  return !error && parsed.is_object() ? parsed.as_object() : json::object();
}

// One text, or a list of several.
json::value one_or_more(json::array texts) {
  if (texts.size() == 1) return texts.front();
  return texts;
}

json::array& statements_of(json::object& document) {
  json::value& statements = document["Statement"];
  if (statements.is_object()) statements = json::array{statements};
  if (!statements.is_array()) statements = json::array{};
  return statements.as_array();
}

bool has_label(const json::value& statement, std::string_view label) {
  const json::object* fields = statement.if_object();
  const json::value* sid = fields ? fields->if_contains("Sid") : nullptr;
  return sid && sid->is_string() && std::string_view(sid->as_string()) == label;
}

}  // namespace

Result<std::string> add_statement(std::string_view policy, const PolicyStatement& statement) {
  json::object document = document_of(policy);
  json::array& statements = statements_of(document);
  for (const json::value& each : statements)
    if (has_label(each, statement.label))
      return fail(ErrorCode::already_exists, "A statement with that label exists.");
  json::array principals;
  for (const std::string& account : statement.accounts)
    principals.emplace_back(fmt::format("arn:aws:iam::{}:root", account));
  json::array actions;
  for (const std::string& action : statement.actions)
    actions.emplace_back(fmt::format("{}:{}", statement.service, action));
  statements.push_back(
      json::object{{"Sid", statement.label},
                   {"Effect", "Allow"},
                   {"Principal", json::object{{"AWS", one_or_more(std::move(principals))}}},
                   {"Action", one_or_more(std::move(actions))},
                   {"Resource", statement.resource}});
  return json::serialize(document);
}

Result<std::string> remove_statement(std::string_view policy, std::string_view label) {
  json::object document = document_of(policy);
  json::array& statements = statements_of(document);
  const auto found = std::ranges::find_if(
      statements, [&](const json::value& each) { return has_label(each, label); });
  if (found == statements.end()) return fail(ErrorCode::not_found, "No statement has that label.");
  statements.erase(found);
  return statements.empty() ? std::string() : json::serialize(document);
}

}  // namespace slipway::service
