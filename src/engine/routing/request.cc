#include "engine/routing/request.h"

#include <algorithm>

namespace slipway::routing {

std::string_view name_of(InvokeFailure failure) {
  switch (failure) {
    case InvokeFailure::not_found: return "not_found";
    case InvokeFailure::other_access: return "other_access";
    case InvokeFailure::no_such_variant: return "no_such_variant";
    case InvokeFailure::no_such_container: return "no_such_container";
    case InvokeFailure::not_direct: return "not_direct";
    case InvokeFailure::no_such_instance: return "no_such_instance";
    case InvokeFailure::other_instance: return "other_instance";
    case InvokeFailure::not_serving: return "not_serving";
    case InvokeFailure::at_zero: return "at_zero";
    case InvokeFailure::offered: return "offered";
    case InvokeFailure::unavailable: return "unavailable";
    case InvokeFailure::timeout: return "timeout";
    case InvokeFailure::broken: return "broken";
    case InvokeFailure::too_large: return "too_large";
    case InvokeFailure::request_too_large: return "request_too_large";
    case InvokeFailure::throttled: return "throttled";
    case InvokeFailure::not_ready: return "not_ready";
    case InvokeFailure::start_failed: return "start_failed";
    case InvokeFailure::model_missing: return "model_missing";
    case InvokeFailure::model_unexpected: return "model_unexpected";
    case InvokeFailure::no_such_model: return "no_such_model";
    case InvokeFailure::model_unusable: return "model_unusable";
    case InvokeFailure::model_loading: return "model_loading";
  }
  return "unknown";
}

std::chrono::milliseconds elastic_limit(const InvokeRequest& request,
                                        std::chrono::milliseconds of_fleet) {
  return request.time_limit.count() > 0 ? std::min(request.time_limit, of_fleet) : of_fleet;
}

}  // namespace slipway::routing
