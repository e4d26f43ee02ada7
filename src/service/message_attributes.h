// Message attributes as the doors onto queues and topics take them.
// docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/events/message.h"
#include "service/call.h"
#include "wire/view.h"

namespace slipway::service {

inline constexpr std::size_t attribute_name_bytes_max = 256;
inline constexpr std::size_t attribute_type_bytes_max = 256;
// AWS publishes none; what tracing clients send has some hundred bytes.
inline constexpr std::size_t trace_bytes_max = 1024;

// Whose words a refusal is in: each service has its own for the same fault.
enum class AttributeWords : std::uint8_t { queues, topics };

// An attribute as it was given.
struct GivenAttribute {
  events::Attribute attribute;
  // The value stands in the field that its type has; `other`: in the other one alone.
  enum class Field : std::uint8_t { own, other } field = Field::own;
};

// Refuses InvalidParameterValueException: a name with other characters than letters, digits, '_',
// '-' and '.', or with a beginning that is reserved; a type that is neither String, Number nor
// Binary nor one of these with a label; no value, or one that is not of its type.
Result<> check_attribute(const GivenAttribute& given, AttributeWords words);

// Of a generated map of MessageAttributeValue, each checked, in the order of their names.
template <typename Value>
Result<events::Attributes> read_attributes(const wire::MapView<Value>& given,
                                           AttributeWords words) {
  using Form = events::Attribute::Form;
  events::Attributes out;
  for (const auto& [name, value] : given) {
    const bool is_binary = value.DataType().starts_with("Binary");
    const auto binary = value.BinaryValue();
    const auto text = value.StringValue();
    const bool has_own = is_binary ? binary.has_value() : text.has_value();
    const bool has_other = is_binary ? text.has_value() : binary.has_value();
    std::string own;
    if (is_binary && binary) own = binary->bytes;
    if (!is_binary && text) own = *text;
    GivenAttribute next{
        .attribute = {.name = std::string(name),
                      .type = std::string(value.DataType()),
                      .form = is_binary ? Form::binary : Form::text,
                      .value = std::move(own)},
        .field = !has_own && has_other ? GivenAttribute::Field::other : GivenAttribute::Field::own};
    if (auto checked = check_attribute(next, words); !checked)
      return std::unexpected(std::move(checked).error());
    out.push_back(std::move(next.attribute));
  }
  std::ranges::sort(out, {}, &events::Attribute::name);
  return out;
}

// Whether all of `text` may stand in a message: the characters of XML 1.0.
bool is_message_text(std::string_view text);

// By what a tracing client knows this request: its header X-Amzn-Trace-Id, which a queue keeps
// beside a message. Empty where it has none, or one that no tracing client sends: whoever receives
// could not read an answer with it.
std::string_view trace_of(const Call& call);

}  // namespace slipway::service
