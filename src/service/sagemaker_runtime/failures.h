// How a failure of an invocation is called on the wire: its AWS name, its status, its text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/routing/request.h"
#include "engine/routing/routes.h"
#include "service/authenticator.h"
#include "service/errors.h"
#include "wire/route.h"

namespace slipway::sagemaker_runtime {

// The endpoint that a call names, or an inference component on it, as it stands in the texts, and
// the fleet behind it.
struct AskedEndpoint {
  std::string name;
  std::string account;
  std::string region;
  std::string fleet;
  std::string component;  // empty: the endpoint itself is asked

  void choose_component(std::string_view component_name);
  // The fleet of the endpoint itself, also where a component is asked.
  std::string_view own_fleet() const;

  // From the route's label EndpointName. Any name: a wrong one is found nowhere.
  static AskedEndpoint of(const wire::Route& route, const service::Caller& caller);
};

// Codes and statuses of every operation of this door.
service::ErrorTable error_table();

Error validation_error(std::string message);
// `member` as AWS calls it: "targetVariant".
Error too_long(std::string_view member, std::string_view value, std::size_t bytes_max);

// ValidationError: there is no endpoint of that name.
Error not_found(const AskedEndpoint& endpoint);
// ValidationError: there is no such component. `route` is that of the endpoint itself, null where
// there is none of that name: that is said then, or that it has models in place of components.
Error no_component(const AskedEndpoint& endpoint, const routing::FleetRoute* route);
// ValidationError: a session that nobody holds, or no more.
Error no_session(const AskedEndpoint& endpoint);
// ValidationError: no instance could hold it, because they come and go, because several answer in
// series (a choice: on AWS the containers of a series share an instance; here each has its own), or
// because each request goes where its model is loaded.
Error no_place_for_session(const AskedEndpoint& endpoint);

// What AWS says of a request by its id: that it names none of an endpoint's many models, or is too
// large. Nothing for other failures.
std::optional<Error> request_error(routing::InvokeFailure failure, std::string_view request_id);

// What AWS says where no instance answered `request`, which went to `container`, where it went that
// far and the endpoint has several.
Error failure_error(const AskedEndpoint& endpoint, routing::InvokeFailure failure,
                    std::string_view detail, const routing::InvokeRequest& request,
                    std::string_view container);
// ModelError for an answer of a container that is not of the 2xx kind.
Error model_error(const AskedEndpoint& endpoint, const routing::InvokeAnswer& answer);

// A failure in the middle of a stream, as it stands in its last frame.
struct StreamFailure {
  std::string_view exception;  // ModelStreamError or InternalStreamFailure
  std::string payload;         // its JSON
};
StreamFailure stream_failure(routing::InvokeFailure failure, std::string_view detail);

}  // namespace slipway::sagemaker_runtime
