#include "server/emulator_health.h"

#include <boost/json.hpp>

#include "base/version.h"
#include "gen/services.h"

namespace slipway::server {

std::string emulator_health() {
  boost::json::object services;
  for (const wire::Schema* const schema : aws::schemas())
    services[schema->service.name] = "running";
  return boost::json::serialize(boost::json::object{
      {"services", std::move(services)}, {"edition", "slipway"}, {"version", version()}});
}

}  // namespace slipway::server
