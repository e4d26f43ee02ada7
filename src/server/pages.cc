#include "server/pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>

#include "server/emulator_health.h"
#include "server/welcome.h"
#include "service/sns/envelope.h"

namespace slipway::server {
namespace {

namespace json = boost::json;

std::string traffic_text(std::span<const Traffic> all) {
  json::array rows;
  for (const Traffic& traffic : all)
    for (const routing::VariantCounters& each : traffic.counters)
      rows.push_back({{"way", traffic.way},
                      {"endpoint", each.fleet},
                      {"variant", each.variant},
                      {"invocations", each.invocations},
                      {"answers_4xx", each.answers_4xx},
                      {"answers_5xx", each.answers_5xx},
                      {"failures", each.failures},
                      {"model_time_us", each.model_time_us},
                      {"request_bytes", each.request_bytes},
                      {"answer_bytes", each.answer_bytes}});
  return json::serialize(json::object{{"variants", std::move(rows)}});
}

// An SDK that signs asks there for the list of its buckets; S3 too leads a browser that opens its
// address to a page about itself.
bool is_browser(const net::RequestHead& head) {
  return head.method == "GET" && head.query.empty() &&
         head.headers.get("accept").contains("text/html") && !head.headers.find("authorization");
}

std::string welcome(const net::RequestHead& head) {
  return welcome_page(
      fmt::format("{}://{}", head.secure ? "https" : "http", head.headers.get("host")));
}

}  // namespace

std::vector<service::ServerPage> own_pages(PageSources sources) {
  const auto health = [](const net::RequestHead&) {
    return json::serialize(json::object{{"status", "ok"}, {"service", "slipway"}});
  };
  const auto certificate = [certificate = std::move(sources.certificate)](const net::RequestHead&) {
    return certificate();
  };
  // The figures are those of SageMaker's endpoints and jobs.
  const auto traffic = [traffic = std::move(sources.traffic)](const net::RequestHead&) {
    return traffic_text(traffic());
  };
  std::vector<service::ServerPage> pages = {
      {.path = "/_slipway/health", .content_type = "application/json", .text = health},
      {.path = "/_slipway/traffic",
       .content_type = "application/json",
       .text = traffic,
       .roots_scope = "sagemaker"},
      {.path = std::string(sns::certificate_path),
       .content_type = "text/plain; charset=utf-8",
       .text = certificate},
      {.path = std::string(emulator_health_path),
       .content_type = "application/json",
       .text = [](const net::RequestHead&) { return emulator_health(); }},
      {.path = "/",
       .content_type = "text/html; charset=utf-8",
       .text = welcome,
       .claim = is_browser},
  };
  std::ranges::move(sources.inside, std::back_inserter(pages));
  return pages;
}

}  // namespace slipway::server
