// What the answers to pages of other origins (CORS) carry, as the resource's own service says it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"
#include "net/http_server.h"
#include "store/store.h"
#include "wire/route.h"

namespace slipway::service {

struct ServiceContext;

// A request that a browser sent for a page: it has Origin, or asks for leave by OPTIONS.
struct CrossOriginRequest {
  std::string_view virtual_bucket;  // empty: the bucket stands in the path
  const net::RequestHead& head;
};

// The fields that let the page read the answer; none where no rule does. OPTIONS is refused then,
// in the service's words.
using CrossOrigin =
    std::function<Result<net::Fields>(store::Transaction& tx, const CrossOriginRequest&)>;

// Of an answer to that request. Reads the store, so: on a worker.
net::Fields page_fields(const ServiceContext& context, const wire::Route& route,
                        const net::RequestHead& head);
void add_fields(const net::Fields& fields, net::Response& response);

// Whether a browser asks whether it may ask. It never signs that, and is told no more than the
// rules.
bool is_preflight(const ServiceContext& context, const wire::Route& route,
                  const net::RequestHead& head);

// A browser's question with what its answer needs; it moves to the worker that reads the rules.
struct Preflight {
  net::Request request;
  net::Responder responder;
  wire::Route route;
  std::string request_id;
};
// Hands it to a worker.
void answer_preflight(const ServiceContext& context, Preflight preflight);

}  // namespace slipway::service
