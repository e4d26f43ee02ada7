// "arn:aws:sns:us-east-1:000000000000:name", taken apart.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"

namespace slipway::service {

// Views into the text that it was read from.
struct Arn {
  std::string_view partition;
  std::string_view service;
  std::string_view region;
  std::string_view account;
  std::string_view resource;  // all of the rest, colons included

  // What engines call a resource whose name is all that its ARN says: a topic, a queue.
  std::string key() const { return fmt::format("{}/{}/{}", account, region, resource); }
};

// Returns nullopt where it is not an ARN of six parts with a service and a resource.
inline std::optional<Arn> parse_arn(std::string_view text) {
  if (take_until(text, ':') != "arn") return std::nullopt;
  Arn out;
  out.partition = take_until(text, ':');
  out.service = take_until(text, ':');
  out.region = take_until(text, ':');
  out.account = take_until(text, ':');
  out.resource = text;
  if (out.service.empty() || out.resource.empty()) return std::nullopt;
  return out;
}

}  // namespace slipway::service
