// A small client of AWS's APIs: what the commands ask of the server.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cli/settings.h"
#include "net/blocking_client.h"

namespace slipway::cli {

// A request before it is signed.
struct AwsRequest {
  std::string service;  // signing name
  std::string method = "POST";
  std::string path = "/";  // percent-encoded
  std::string query = {};  // without '?'
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  // In place of `body`: sent from the file, never held whole. Signed as UNSIGNED-PAYLOAD.
  std::optional<net::FileRange> file = std::nullopt;
};

// Whether the server may hold a Describe call until the state changes, as it does for SDK waiters.
enum class Hold : std::uint8_t { no, yes };

// One connection to one server. One thread at a time.
//
// An answer of 300 and above is an error: `kind` is AWS's code ("ValidationException"), the message
// the server's, the details have "status" and what else the error says; `code` follows the status
// (404 not_found, 403 permission_denied, ...). Nobody there: kind "unreachable".
class AwsClient {
 public:
  static Result<AwsClient> make(Settings settings, const Clock& clock);
  AwsClient(AwsClient&&) noexcept;
  AwsClient& operator=(AwsClient&&) noexcept;
  ~AwsClient();

  // JSON 1.1: an operation of "sagemaker" or "logs".
  Result<boost::json::object> call(std::string_view service, std::string_view operation,
                                   const boost::json::object& input, Hold hold = Hold::no);
  // Query protocol: an operation of "iam" or "sts"; the answer's XML.
  Result<std::string> query(std::string_view service, std::string_view operation,
                            const std::vector<std::pair<std::string, std::string>>& parameters);
  // Anything else.
  Result<net::BlockingResponse> send(AwsRequest request, Hold hold = Hold::no);

  const Settings& settings() const { return settings_; }

 private:
  AwsClient(Settings settings, const Clock& clock, std::string authority,
            net::BlockingClient connection);

  Settings settings_;
  const Clock* clock_;
  std::string authority_;
  net::BlockingClient connection_;
};

// Whether the error is SageMaker's way of saying that the thing does not exist: it has no code of
// its own for it, only "Could not find ..." in a ValidationException.
bool is_missing(const Error& error);

// The text of the first <tag> in an XML answer, entities resolved; nothing where there is none.
std::optional<std::string> xml_text(std::string_view xml, std::string_view tag);

}  // namespace slipway::cli
