#include "service/json_path.h"

#include <boost/json.hpp>

#include "base/text.h"

namespace slipway::service {
namespace {

namespace json = boost::json;

constexpr std::string_view itself = ".";

json::string_view name_of(std::string_view step) { return {step.data(), step.size()}; }

}  // namespace

std::optional<json::value> at_path(const json::value& value, std::string_view path) {
  if (path.empty() || path == itself) return value.is_null() ? std::nullopt : std::optional(value);
  if (const json::array* const list = value.if_array()) {
    json::array out;
    for (const json::value& item : *list)
      if (auto found = at_path(item, path)) out.push_back(*std::move(found));
    return json::value(std::move(out));
  }
  const json::object* const object = value.if_object();
  if (!object) return std::nullopt;
  std::string_view rest = path;
  const json::value* const next = object->if_contains(name_of(take_until(rest, '.')));
  return next ? at_path(*next, rest) : std::nullopt;
}

void put_at_path(json::object& into, std::string_view path, json::value value) {
  if (path == itself) {
    if (const json::object* const members = value.if_object())
      for (const auto& [key, member] : *members) into[key] = member;
    return;
  }
  std::string_view rest = path;
  json::value& next = into[name_of(take_until(rest, '.'))];
  if (rest.empty()) {
    next = std::move(value);
    return;
  }
  if (!next.is_object()) next.emplace_object();
  put_at_path(next.get_object(), rest, std::move(value));
}

std::string text_of(const json::value& value) {
  if (const json::string* const text = value.if_string()) return {text->data(), text->size()};
  return json::serialize(value);
}

std::vector<std::string> texts_of(const std::optional<json::value>& value) {
  std::vector<std::string> out;
  if (!value) return out;
  if (const json::array* const list = value->if_array())
    for (const json::value& item : *list) out.push_back(text_of(item));
  else
    out.push_back(text_of(*value));
  return out;
}

}  // namespace slipway::service
