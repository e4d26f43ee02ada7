#include "service/cross_origin.h"

#include <memory>

#include "service/aws_request_handler.h"
#include "service/work.h"

namespace slipway::service {
namespace {

Result<net::Fields> ask_rules(const ServiceContext& context, const wire::Route& route,
                              const net::RequestHead& head) {
  return context.store.read([&](store::Transaction& tx) {
    return context.cross_origin(tx, {route.virtual_bucket, head});
  });
}

}  // namespace

net::Fields page_fields(const ServiceContext& context, const wire::Route& route,
                        const net::RequestHead& head) {
  if (!context.cross_origin || !route.schema->service.s3_style || !head.headers.has("origin"))
    return {};
  return ask_rules(context, route, head).value_or(net::Fields());
}

void add_fields(const net::Fields& fields, net::Response& response) {
  fields.for_each([&](const net::Header& field) { response.headers.set(field.name, field.value); });
}

bool is_preflight(const ServiceContext& context, const wire::Route& route,
                  const net::RequestHead& head) {
  return head.method == "OPTIONS" && context.cross_origin && route.schema->service.s3_style;
}

void answer_preflight(const ServiceContext& context, Preflight preflight) {
  auto asked = std::make_shared<Preflight>(std::move(preflight));
  context.lanes.control.post([&context, asked] {
    const auto fields = ask_rules(context, asked->route, asked->request.head());
    if (!fields)
      return asked->responder.send(error_response(fields.error(), asked->route,
                                                  context.registry.errors_of(*asked->route.schema),
                                                  asked->request_id));
    net::Response response;
    add_fields(*fields, response);
    asked->responder.send(std::move(response));
  });
}

}  // namespace slipway::service
