#include "service/message_attributes.h"

#include <fmt/format.h>

#include <charconv>

#include "base/encoding.h"
#include "base/text.h"
#include "service/call.h"
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

Result<> check_name_of_queues(std::string_view name) {
  if (name.empty() || name.size() > attribute_name_bytes_max)
    return bad("Message (user) attribute names must be shorter than 256 Bytes");
  if (!std::ranges::all_of(name, is_name_character))
    return bad(
        "Message (user) attributes name can only contain upper and lower score characters, digits, "
        "periods, hyphens and underscores. ");
  if (name.starts_with('.') || name.ends_with('.') || name.contains(".."))
    return bad("Invalid message attribute name " + std::string(name));
  return {};
}

// The code point that begins the text, which is valid UTF-8; and for what is not, its first byte.
unsigned code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) & 0x3fU : 0U;
  };
  const unsigned first = static_cast<unsigned char>(text.front());
  if (first >= 0xf0) return (first & 0x07U) << 18 | byte(1) << 12 | byte(2) << 6 | byte(3);
  if (first >= 0xe0) return (first & 0x0fU) << 12 | byte(1) << 6 | byte(2);
  if (first >= 0xc0) return (first & 0x1fU) << 6 | byte(1);
  return first;
}

Result<> check_name_of_topics(std::string_view name) {
  if (name.empty() || name.size() > attribute_name_bytes_max)
    return bad("Length of message attribute name must be less than 256 bytes.");
  if (name.starts_with('.'))
    return bad("Invalid message attribute name starting with character '.' was found.");
  if (name.ends_with('.'))
    return bad("Invalid message attribute name ending with character '.' was found.");
  if (const auto odd = std::ranges::find_if_not(name, is_name_character); odd != name.end())
    return bad(fmt::format(
        "Invalid non-alphanumeric character '#x{:X}' was found in the message attribute name. Can "
        "only include alphanumeric characters, hyphens, underscores, or dots.",
        code_point(name.substr(static_cast<std::size_t>(odd - name.begin())))));
  if (name.contains(".."))
    return bad("Message attribute name can not have successive '.' character.");
  return {};
}

// How a text or a push message is to be sent, which is said to topics alone:
// docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
bool is_about_sending(std::string_view name) {
  return name.starts_with("AWS.SNS.SMS.") || name.starts_with("AWS.SNS.MOBILE.") ||
         name.starts_with("AWS.MM.SMS.");
}

Result<> check_name(std::string_view name, AttributeWords words) {
  TRY_DO(words == AttributeWords::queues ? check_name_of_queues(name) : check_name_of_topics(name));
  if (words == AttributeWords::topics && is_about_sending(name)) return {};
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

// What is wrong with a type or a value, in the words of each service.
Error bad_value_of_queues(const events::Attribute& attribute, std::string_view kind) {
  const auto& [name, type, form, value] = attribute;
  if (type.empty())
    return bad(fmt::format("Message (user) attribute '{}' must contain a non-empty attribute type.",
                           name))
        .error();
  if (kind.empty())
    return bad(fmt::format(
                   "The type of message (user) attribute '{}' is invalid. You must use only "
                   "the following supported type prefixes: Binary, Number, String.",
                   name))
        .error();
  if (value.empty())
    return bad(fmt::format("Message (user) attribute '{}' must contain a non-empty value of type "
                           "'{}'.",
                           name, type))
        .error();
  return bad(fmt::format("Can't cast the value of message (user) attribute '{}' to a number.",
                         name))
      .error();
}

Error bad_value_of_topics(const GivenAttribute& given, std::string_view kind) {
  const auto& [name, type, form, value] = given.attribute;
  if (kind.empty())
    return bad(fmt::format("The message attribute '{}' has an invalid message attribute type, the "
                           "set of supported type prefixes is Binary, Number, and String.",
                           name))
        .error();
  if (given.field == GivenAttribute::Field::other)
    return bad(fmt::format("The message attribute '{}' with type '{}' must use field '{}'.", name,
                           type, kind == "Binary" ? "Binary" : "String"))
        .error();
  if (value.empty())
    return bad(fmt::format("The message attribute '{}' must contain non-empty message attribute "
                           "value for message attribute type '{}'.",
                           name, type))
        .error();
  return bad(fmt::format("Could not cast message attribute '{}' value to number.", name)).error();
}

}  // namespace

Result<> check_attribute(const GivenAttribute& given, AttributeWords words) {
  const auto& [name, type, form, value] = given.attribute;
  TRY_DO(check_name(name, words));
  const std::string_view kind =
      type.size() > attribute_type_bytes_max ? std::string_view() : kind_of(type);
  if (kind.empty() || value.empty() || (kind == "Number" && !is_number(value)))
    return std::unexpected(words == AttributeWords::queues
                               ? bad_value_of_queues(given.attribute, kind)
                               : bad_value_of_topics(given, kind));
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

std::string_view trace_of(const Call& call) {
  const std::string_view trace = header_of(call, "x-amzn-trace-id").value_or("");
  return trace.size() <= trace_bytes_max && is_message_text(trace) ? trace : std::string_view();
}

}  // namespace slipway::service
