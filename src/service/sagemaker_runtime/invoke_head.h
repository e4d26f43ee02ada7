// Which header fields of a call reach the container, and which of its answer reach the client.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "base/result.h"
#include "engine/routing/request.h"
#include "net/http.h"
#include "service/sagemaker_runtime/failures.h"
#include "service/sagemaker_runtime/member_text.h"

namespace slipway::sagemaker_runtime {

inline constexpr std::size_t passed_headers_max = 8;
inline constexpr std::size_t media_type_bytes_max = 1024;
inline constexpr std::size_t endpoint_name_bytes_max = 63;

struct InvokeHead;

// A request header that a container sees beside Content-Type and Accept; all others are stripped.
// Bounds and form are the API model's.
struct PassedHeader {
  std::string_view name;
  std::string_view member;                      // as a validation message calls it
  std::string_view InvokeHead::* to = nullptr;  // where its value stands too
  std::size_t bytes_min = 0;
  std::size_t bytes_max = 0;
  TextForm form = TextForm::any;
  std::string_view pattern;  // the form in the model's words
  bool sensitive = false;    // no message repeats the value
};

// How one operation lays its members out as header fields.
struct HeadRules {
  std::string_view content_type_field = "Content-Type";
  std::string_view accept_field = "Accept";
  std::span<const PassedHeader> passed;
};

// InvokeEndpoint's, and InvokeEndpointWithResponseStream's.
extern const HeadRules invoke_rules;
extern const HeadRules stream_rules;

// What a call says beside its body. Views into the request's fields.
struct InvokeHead {
  std::string_view content_type;
  std::string_view accept;
  std::string_view target_variant;
  std::string_view component;  // InferenceComponentName
  std::string_view inference_id;
  std::string_view custom_attributes;
  std::string_view container;  // TargetContainerHostname
  std::string_view session;    // an id, or new_session
  std::string_view target_model;
  std::array<net::Header, passed_headers_max> passed = {};
  std::size_t passed_count = 0;

  // Those of `passed` that are there; as long as this object stays where it is.
  std::span<const net::Header> headers() const { return std::span(passed).first(passed_count); }
  // Puts the head into `request`; as long as this object stays where it is.
  void fill(routing::InvokeRequest& request) const;
};

// Reads the fields that `rules` name, the endpoint's name included; a ValidationError says
// everything that breaks the API's limits.
Result<> read_head(const net::Headers& fields, const HeadRules& rules,
                   const AskedEndpoint& endpoint, InvokeHead& head);

// What of a container's answer reaches the client, beside its content type.
inline constexpr std::array<std::string_view, 3> returned_headers = {
    "X-Amzn-SageMaker-Custom-Attributes",
    "X-Amzn-SageMaker-New-Session-Id",
    "X-Amzn-SageMaker-Closed-Session-Id",
};

// The head of an answer to a client, made without allocation.
class AnswerHead {
 public:
  // `content_type_field`: under which name the container's content type travels.
  AnswerHead(const routing::InvokeAnswer& answer, std::string_view request_id,
             std::string_view content_type_field = "Content-Type");
  std::span<const net::Header> fields() const { return std::span(fields_).first(count_); }

 private:
  std::array<net::Header, 3 + returned_headers.size()> fields_;
  std::size_t count_ = 0;
};

}  // namespace slipway::sagemaker_runtime
