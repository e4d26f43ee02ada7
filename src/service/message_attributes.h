// Message attributes as the doors onto queues and topics take them.
// docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/events/message.h"
#include "wire/view.h"

namespace slipway::service {

inline constexpr std::size_t attribute_name_bytes_max = 256;
inline constexpr std::size_t attribute_type_bytes_max = 256;

// Refuses InvalidParameterValueException: a name with other characters than letters, digits, '_',
// '-' and '.', or with a beginning that is reserved; a type that is neither String, Number nor
// Binary nor one of these with a label; no value, or one that is not of its type.
Result<> check_attribute(const events::Attribute& attribute);

// Of a generated map of MessageAttributeValue, each checked, in the order of their names.
template <typename Value>
Result<events::Attributes> read_attributes(const wire::MapView<Value>& given) {
  events::Attributes out;
  for (const auto& [name, value] : given) {
    const auto binary = value.BinaryValue();
    events::Attribute& next = out.emplace_back(events::Attribute{
        .name = std::string(name),
        .type = std::string(value.DataType()),
        .form = value.DataType().starts_with("Binary") ? events::Attribute::Form::binary
                                                       : events::Attribute::Form::text,
        .value = std::string(binary ? binary->bytes : value.StringValue().value_or(""))});
    if (auto checked = check_attribute(next); !checked)
      return std::unexpected(std::move(checked).error());
  }
  std::ranges::sort(out, {}, &events::Attribute::name);
  return out;
}

// Whether all of `text` may stand in a message: the characters of XML 1.0.
bool is_message_text(std::string_view text);

}  // namespace slipway::service
