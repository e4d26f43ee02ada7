// Turns HTTP into nodes and nodes into HTTP, for every AWS protocol, both as a server and a client.
//
// All functions are pure and may run on any thread. A request that cannot be read is
// `invalid_argument`; the error's `kind` is the AWS error name that the service uses for it and its
// message is AWS's. Limits are named at the top of each codec.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "wire/arena.h"
#include "wire/node.h"
#include "wire/schema.h"

namespace slipway::wire {

// A header as it came. Borrows both texts.
struct HeaderView {
  std::string_view name;
  std::string_view value;
};

// A request as it came: nothing decoded, nothing normalised.
struct HttpRequestView {
  std::string_view method;
  std::string_view path;   // raw, before '?'
  std::string_view query;  // raw, after '?', without it
  std::span<const HeaderView> headers;
  std::string_view body;

  // The first header of that name (any case), or empty.
  std::string_view header(std::string_view name) const;
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// An answer, ready to be sent.
struct HttpResponseParts {
  int status = 200;
  HeaderList headers;
  std::string body;
};

// Labels are what the path templates caught, still percent-encoded, in the order of the template.
struct PathLabels {
  static constexpr std::size_t count_max = 8;
  struct Label {
    std::string_view name;
    std::string_view value;
  };
  Label items[count_max];
  std::size_t count = 0;

  void add(std::string_view name, std::string_view value);
};

// ---- As a server ----

// The input of `operation`: a structure node in the order of operation.input, or an empty one where
// the operation has no input. Text views into `request` and `arena`: both outlive the node.
// Streaming members and the bodies they stand for are left alone. A gzipped body is inflated.
Result<Node> decode_request(const Operation& operation, Protocol protocol, const PathLabels& labels,
                            const HttpRequestView& request, Arena& arena);

HttpResponseParts encode_response(const Operation& operation, Protocol protocol, const Node& output,
                                  std::string_view request_id);

// An AWS error on its way out.
struct ErrorAnswer {
  // The shape's name or its code on the wire ("NoSuchKey"); both are found in the model.
  std::string_view code;
  std::string_view message;
  // 0: the model's status, or 400.
  int status = 0;
  // Members of the modelled error, or further elements of S3's <Error>, by name. A value of a
  // numeric member is its decimal text.
  std::span<const std::pair<std::string, std::string>> details = {};
  // The modelled error as a whole, of the error's shape; `details` and `message` are added to it.
  const Node* members = nullptr;
};

// The error in the envelope of its protocol. `operation` may be null where none was found. A 5xx is
// the server's fault, everything else the sender's.
HttpResponseParts encode_error(const Service& service, const Operation* operation,
                               Protocol protocol, const ErrorAnswer& error,
                               std::string_view request_id);

// ---- As a client ----

// A request of a client, ready to be sent.
struct HttpRequestParts {
  std::string method;
  std::string path;   // percent-encoded
  std::string query;  // without '?'
  HeaderList headers;
  std::string body;
};

// `input` of operation.input. Fails where a member that stands in the path is absent or empty.
Result<HttpRequestParts> encode_request(const Operation& operation, Protocol protocol,
                                        const Node& input);

// An answer as it came. Borrows everything.
struct HttpResponseView {
  int status = 200;
  std::span<const HeaderView> headers;
  std::string_view body;

  std::string_view header(std::string_view name) const;
};

// The output of a successful answer. Text is copied to `arena` or views into the response.
Result<Node> decode_response(const Operation& operation, Protocol protocol,
                             const HttpResponseView& response, Arena& arena);

// An error is what an answer with status 300 or above says.
struct ServiceError {
  int status = 0;
  std::string code;
  std::string message;
  std::string request_id;
};
ServiceError decode_error(Protocol protocol, const HttpResponseView& response);

}  // namespace slipway::wire
