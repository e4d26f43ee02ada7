#include "service/request_keys.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "net/socket.h"

namespace slipway::service {

using namespace std::chrono_literals;

void add_request_keys(const Call& call, std::vector<identity::ContextEntry>& context) {
  const auto add = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) context.push_back({std::string(key), {std::string(value)}});
  };
  const HttpCall* const http = call.http();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(call.now());
  add("aws:CurrentTime", to_iso8601(seconds));
  add("aws:EpochTime", fmt::to_string(seconds.time_since_epoch().count()));
  const auto& session = call.caller().principal.session;
  if (session && session->factor_shown)
    add("aws:MultiFactorAuthAge", fmt::to_string((seconds - *session->factor_shown) / 1s));
  // Nobody could read on the way what never left the server.
  add("aws:SecureTransport", !http || http->head().secure ? "true" : "false");
  if (http) add("aws:SourceIp", net::address_of(http->head().peer));
  add("aws:UserAgent", header_of(call, "user-agent").value_or(""));
  add("aws:Referer", header_of(call, "referer").value_or(""));
  add("aws:RequestedRegion", call.region());
  const std::vector<std::string>& via = call.caller().called_via;
  add("aws:ViaAWSService", via.empty() ? "false" : "true");
  if (via.empty()) return;
  context.push_back({"aws:CalledVia", via, identity::ContextEntry::Arity::many});
  add("aws:CalledViaFirst", via.front());
  add("aws:CalledViaLast", via.back());
}

}  // namespace slipway::service
