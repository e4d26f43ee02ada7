// Several commands ask these about endpoints.
#pragma once

#include <boost/json/fwd.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/aws_client.h"

namespace slipway::cli {

// Between two Describe calls that the server did not hold.
inline constexpr std::chrono::milliseconds poll_first{50};
inline constexpr std::chrono::milliseconds poll_max{1'000};

// not_found, as "There is no endpoint 'x'.", where SageMaker says so in its own way.
Result<boost::json::object> describe_endpoint(AwsClient& client, std::string_view name,
                                              Hold hold = Hold::no);

// Asks until the endpoint is neither on its way up nor on its way down, and returns what it is
// then; timeout after `patience`. not_found once it is gone.
Result<boost::json::object> wait_until_settled(AwsClient& client, const Clock& clock,
                                               std::string_view name,
                                               std::chrono::seconds patience);

// Returns what the endpoint's deployment waits for, in the server's words, for people to read;
// empty where it waits for nothing, or nobody knows.
std::string waits_for(const boost::json::object& endpoint);

// The text of a member, empty where there is none.
std::string text_of(const boost::json::object& object, std::string_view name);
// The same for people to read (base/printable.h).
std::string shown(const boost::json::object& object, std::string_view name);
// Whether `slipway deploy` gave this name to a model or configuration of the endpoint.
bool is_own_name(std::string_view name, std::string_view endpoint);

// Removes a configuration that `slipway deploy` made for the endpoint, and its models; does nothing
// for any other.
Result<> remove_configuration(AwsClient& client, std::string_view endpoint,
                              const std::string& configuration);

}  // namespace slipway::cli
