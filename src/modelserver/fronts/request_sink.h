// The fronts hand requests over to a sink, with where their answers go.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <variant>

#include "modelserver/backends/model.h"
#include "net/http_server.h"
#include "net/link_frame.h"

namespace slipway::modelserver {

class LinkConnection;

// The one header of a request that a model is told, and of an answer that it may set.
inline constexpr std::string_view custom_attributes_name = "X-Amzn-SageMaker-Custom-Attributes";

// A reply is where an answer goes.
struct HttpReply {
  net::Request request;  // owns the bytes that the invocation views
  net::Responder responder;
};

// An exchange of a link, named by its number.
struct LinkReply {
  std::shared_ptr<LinkConnection> link;
  std::uint32_t id = 0;
  net::LinkAnswer answer = net::LinkAnswer::whole;
};
using Reply = std::variant<HttpReply, LinkReply>;

void send_to(Reply& reply, const Answer& answer, net::LinkPace pace = 0);
// Answers `{"error": sentence}`.
void refuse(Reply& reply, std::uint16_t status, std::string_view sentence);

// Takes requests: the Dispatcher of the one model, or the ModelRepository with many. Loop thread
// only.
class RequestSink {
 public:
  virtual ~RequestSink() = default;

  // Takes a request for the model of that name; empty: for the only one. The invocation's views are
  // valid until the end of this batch at least; those of an HttpReply as long as the reply. `model`
  // is valid during the call.
  virtual void submit(std::string_view model, const ModelCall& invocation, Reply reply) = 0;
  // Nobody waits for that exchange any more; it is dropped if it did not start.
  virtual void cancel(const LinkConnection& link, std::uint32_t id) = 0;
  // The router lets so many bytes more of that exchange's parts come.
  virtual void add_credit(const LinkConnection& link, std::uint32_t id, std::uint32_t bytes) = 0;
  // A link is gone with all its exchanges.
  virtual void link_closed(const LinkConnection& link) = 0;
};

}  // namespace slipway::modelserver
