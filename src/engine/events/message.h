// What a message and a notification carry beside their text.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::events {

// "account/region/name" (service::resource_key()); unique among queues.
struct QueueId {
  std::string text;
  auto operator<=>(const QueueId&) const = default;
};

// "account/region/name"; unique among topics.
struct TopicId {
  std::string text;
  auto operator<=>(const TopicId&) const = default;
};

// A named fact about a message, typed in the sender's own words ("String", "Number.int").
struct Attribute {
  enum class Form : std::uint8_t { text, binary };

  std::string name;
  std::string type;
  Form form = Form::text;
  std::string value;

  bool operator==(const Attribute&) const = default;
};
using Attributes = std::vector<Attribute>;

// How they stand in a row: lengths and bytes. unpack() refuses what pack() did not write:
// corrupted.
std::string pack(const Attributes& attributes);
Result<Attributes> unpack(std::string_view bytes);

// loose: about in the order of sending, and seldom twice. strict: in the order of sending within a
// group, and a repeated send within deduplication_time is the same message.
enum class DeliveryOrder : std::uint8_t { loose, strict };

// What stands for a strict message's identity where its sender names none.
enum class Deduplication : std::uint8_t { by_name, by_content };

}  // namespace slipway::events
