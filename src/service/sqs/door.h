// What the operations of this door share: queues by URL and ARN, and AWS's words for what is wrong.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

#include "engine/events/message_moves.h"
#include "engine/events/queues.h"
#include "gen/sqs.h"
#include "service/call.h"
#include "service/errors.h"

namespace slipway::sqs {

namespace api = aws::sqs;
using service::Call;
using service::refuse;

inline constexpr std::size_t page_queues_max = 1000;

// An InvalidParameterValue, which the model does not have.
inline std::unexpected<Error> bad_value(std::string message) {
  return refuse("InvalidParameterValueException", std::move(message));
}
inline std::unexpected<Error> missing(std::string_view parameter) {
  return refuse("MissingParameterException",
                fmt::format("The request must contain the parameter {}.", parameter));
}

// Holds what the operations work on. Copied into every handler.
struct SqsDoor {
  const events::Queues& queues;
  events::MessageMoves& moves;
  std::string scheme;

  // QueueDoesNotExist; InvalidAddress where `url` has not the form .../account/name. Without a URL
  // the request's own path is one, as older clients send it.
  Result<events::Queue> find(Call& call, std::optional<std::string_view> url) const;
  // QueueDoesNotExist, in AWS's words.
  Result<events::Queue> get(Call& call, const events::QueueId& id) const;
  std::string url_of(const Call& call, const events::QueueId& id) const;
};

std::string_view name_of(const events::QueueId& id);
std::string arn_of(const events::QueueId& id);
std::optional<events::QueueId> id_of_arn(std::string_view arn);
// Of ".../account/name", in the call's region, whatever stands before it.
std::optional<events::QueueId> id_of_url(const Call& call, std::string_view url);

}  // namespace slipway::sqs
