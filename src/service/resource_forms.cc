#include <fmt/format.h>

#include <boost/json.hpp>
#include <string>

#include "base/encoding.h"
#include "base/text.h"
#include "service/resource_type.h"

namespace slipway::service {
namespace {

namespace json = boost::json;
using Turned = Result<json::value>;

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCode::invalid_argument, std::move(message));
}

// A number or a boolean out of its text; a text that is none stays what it is.
Turned from_text(const json::value& member) {
  if (!member.is_string()) return member;
  boost::system::error_code error;
  const json::value parsed = json::parse(std::string(view(member.get_string())), error);
  return !error && (parsed.is_number() || parsed.is_bool()) ? parsed : member;
}

Turned document_text(const json::value& property) {
  if (property.is_string()) return property;
  if (!property.is_object()) return refuse("a JSON document is expected");
  return json::value(json::serialize(property));
}

Turned document_in(const json::value& member) {
  if (!member.is_string()) return member;
  std::string text(view(member.get_string()));
  if (text.starts_with('%')) text = percent_decode(text);  // as IAM shows it
  boost::system::error_code error;
  json::value parsed = json::parse(text, error);
  return error ? member : parsed;
}

Turned map_of_tags(const json::value& property) {
  if (!property.is_array()) return refuse("an Array of tags is expected");
  json::object out;
  for (const json::value& tag : property.get_array()) {
    const json::object* const pair = tag.if_object();
    if (!pair || !pair->contains("Key") || !pair->contains("Value") || !pair->at("Key").is_string())
      return refuse("a tag is {\"Key\": ..., \"Value\": ...}");
    out[pair->at("Key").get_string()] = pair->at("Value");
  }
  return out;
}

Turned tags_of_map(const json::value& member) {
  json::array out;
  if (member.is_object())
    for (const auto& [key, value] : member.get_object())
      out.push_back(json::object{{"Key", key}, {"Value", value}});
  return out;
}

Turned list_of_one(const json::value& property) { return json::value(json::array{property}); }

Turned one_of_list(const json::value& member) {
  const json::array* const list = member.if_array();
  if (!list) return member;
  return list->empty() ? json::value() : list->front();
}

Turned last_name(const json::value& member) {
  if (!member.is_string()) return member;
  const std::string_view text = view(member.get_string());
  return json::value(std::string(text.substr(text.find_last_of("/:") + 1)));
}

Turned with_dashes(const json::value& property) {
  if (!property.is_string()) return refuse("a String is expected");
  std::string out;
  for (const char c : view(property.get_string())) {
    const bool capital = c >= 'A' && c <= 'Z';
    if (capital && !out.empty()) out += '-';
    out += capital ? static_cast<char>(c + 32) : c;
  }
  return json::value(out);
}

}  // namespace

namespace forms {
const Form same{};
const Form scalar_text{nullptr, from_text};
const Form document{document_text, document_in};
const Form tag_map{map_of_tags, tags_of_map};
const Form only_item{.to_member = list_of_one, .to_property = one_of_list};
const Form name_of_arn{nullptr, last_name};
const Form dashed{with_dashes, nullptr};
}  // namespace forms

}  // namespace slipway::service
