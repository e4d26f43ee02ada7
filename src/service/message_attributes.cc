#include "service/message_attributes.h"

#include <fmt/format.h>

#include <charconv>

#include "base/encoding.h"
#include "base/text.h"
#include "service/errors.h"

namespace slipway::service {
namespace {

std::unexpected<Error> bad(std::string message) {
  return refuse("InvalidParameterValueException", std::move(message));
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

Result<> check_name(std::string_view name) {
  if (name.empty() || name.size() > attribute_name_bytes_max)
    return bad(fmt::format("The length of message attribute name must be between 1 and {}.",
                           attribute_name_bytes_max));
  if (!std::ranges::all_of(name, is_name_character))
    return bad(
        "The message attribute name can only contain alphanumeric characters, underscores, "
        "hyphens and periods.");
  if (name.starts_with('.') || name.ends_with('.') || name.contains(".."))
    return bad(fmt::format("Invalid message attribute name '{}'.", name));
  if (starts_with_ignoring_case(name, "aws.") || starts_with_ignoring_case(name, "amazon."))
    return bad(
        "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings "
        "are reserved for internal use.");
  return {};
}

// "Number" of "Number.int"; empty where it is none of the three.
std::string_view kind_of(std::string_view type) {
  const std::string_view kind = type.substr(0, type.find('.'));
  return kind == "String" || kind == "Number" || kind == "Binary" ? kind : std::string_view();
}

bool is_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<> check_attribute(const events::Attribute& attribute) {
  const auto& [name, type, form, value] = attribute;
  TRY_DO(check_name(name));
  const std::string_view kind = kind_of(type);
  if (kind.empty() || type.size() > attribute_type_bytes_max)
    return bad(
        fmt::format("The message attribute '{}' has an invalid message attribute type, the set of "
                    "supported type prefixes is Binary, Number, and String.",
                    name));
  if (value.empty())
    return bad(
        fmt::format("The message attribute '{}' must contain non-empty message attribute "
                    "value for message attribute type '{}'.",
                    name, type));
  if (kind == "Number" && !is_number(value))
    return bad(fmt::format("Can't cast the value of message attribute '{}' to a number.", name));
  if (kind == "String" && !is_message_text(value))
    return bad(fmt::format("The message attribute '{}' contains invalid characters.", name));
  return {};
}

bool is_message_text(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') return false;
  // U+FFFE and U+FFFF.
  return is_utf8(text) && !text.contains("\xEF\xBF\xBE") && !text.contains("\xEF\xBF\xBF");
}

}  // namespace slipway::service
