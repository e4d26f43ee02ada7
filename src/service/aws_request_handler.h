// The way of every request: route, check the signature, decode, validate, run the handler in its
// mode, encode. Each I/O loop has one handler, all over the same ServiceContext.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "net/http_server.h"
#include "service/authenticator.h"
#include "service/gate.h"
#include "service/registry.h"
#include "service/service_context.h"
#include "wire/codec.h"
#include "wire/route.h"

namespace slipway::service {

// Limits of bodies that are held in memory.
inline constexpr std::uint64_t control_body_bytes_max = 16ULL << 20;
inline constexpr std::uint64_t hot_body_bytes_max = 25ULL << 20;  // "25 MB", InvokeEndpoint

// A body up to this size is collected before its signature is looked at: it fits into the buffer
// that every connection has. For a larger one the head must show who sends it.
inline constexpr std::uint64_t strangers_body_bytes_max = 8 * 1024;
// How much of a refused body is still read where the head names no key of ours.
inline constexpr std::uint64_t strangers_read_on_bytes_max = 64 * 1024;

// Answers all that speaks AWS's wire: whatever no mount of the net::Gateway takes. Loop thread
// only.
class AwsRequestHandler final : public net::RequestHandler {
 public:
  // Both outlive it.
  AwsRequestHandler(const ServiceContext& context, net::Loop& loop);

  // The loop's, for who else answers on it.
  Authenticator& authenticator() { return authenticator_; }

  // What the head alone says of a request that was refused before it was handed on.
  net::Described described(const net::RequestHead& head);

  net::BodyPlan on_head(const net::RequestHead& head) override;
  void on_request(net::Request&& request, net::Responder&& responder) override;
  net::Response refusal(const net::RequestHead& head, int status, std::string_view reason) override;

 private:
  wire::Route route_of(const net::RequestHead& head, std::string_view body);
  std::string make_request_id(const wire::Route& route);
  net::BodyPlan plan_collected(const net::RequestHead& head, const wire::Route& route,
                               std::uint64_t bytes_max);
  net::Refuse turn_away(const net::RequestHead& head, const wire::Route& route, const Error& error);
  net::BodyPlan plan_upload(const net::RequestHead& head, const wire::Route& route,
                            const Entry& entry);
  net::BodyPlan plan_form(const net::RequestHead& head, const wire::Route& route);

  const ServiceContext& context_;
  std::vector<HotHandler> hot_;  // by Entry::hot_number
  Authenticator authenticator_;
  HotGate hot_gate_;
  SeededRandom request_ids_;               // a kernel call for each request would be seen
  std::vector<wire::HeaderView> headers_;  // reused from request to request
};

// What the access log says of a request; the strings are the arguments'.
net::Described described(const wire::Asked& asked, std::string_view request_id,
                         std::string_view principal = {});

// The error as the answer to what was asked, for whoever answers by itself. An answer that has no
// body by its status (304) keeps its headers alone.
net::Response error_response(const Error& error, const wire::Asked& asked, ErrorTable errors,
                             std::string_view request_id);
net::Response to_response(wire::HttpResponseParts&& parts);
// Lays what a handler gave beside its output over the encoded answer.
void put_beside(Call::Beside&& beside, net::Response& response);

}  // namespace slipway::service
