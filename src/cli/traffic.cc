#include "cli/traffic.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <thread>

namespace slipway::cli {

namespace {

namespace json = boost::json;

constexpr std::string_view traffic_page = "/_slipway/traffic";

struct Counts {
  RequestCounts seen;
  std::uint64_t model_time_us = 0;
  std::uint64_t request_bytes = 0;
  std::uint64_t answer_bytes = 0;
};

std::uint64_t number_in(const json::object& row, std::string_view name) {
  const json::value* const value = row.if_contains(name);
  return value == nullptr ? 0 : value->to_number<std::uint64_t>();
}

// The endpoint stands as "account/region/name".
bool is_named(const json::object& row, std::string_view endpoint) {
  const std::string_view fleet = row.at("endpoint").as_string();
  return fleet.substr(fleet.rfind('/') + 1) == endpoint;
}

std::uint64_t& count_of(RequestCounts& seen, const json::object& row) {
  const json::value* const given = row.if_contains("way");
  const std::string_view way = given == nullptr ? "" : std::string_view(given->as_string());
  if (way == "queued") return seen.queued;
  return way == "batch" ? seen.batch : seen.real_time;
}

Result<Counts> counts_of(AwsClient& client, std::string_view endpoint) {
  TRY(const net::BlockingResponse page,
      client.send({.service = "sagemaker", .method = "GET", .path = std::string(traffic_page)}));
  boost::system::error_code error;
  const json::value document = json::parse(page.body, error);
  if (error)
    return fail(ErrorCode::corrupted, fmt::format("{} is no JSON: is this Slipway's server, of "
                                                  "this version?",
                                                  traffic_page));
  Counts sum;
  for (const json::value& each : document.at("variants").as_array()) {
    const json::object& row = each.as_object();
    if (!is_named(row, endpoint)) continue;
    count_of(sum.seen, row) += number_in(row, "invocations");
    sum.model_time_us += number_in(row, "model_time_us");
    sum.request_bytes += number_in(row, "request_bytes");
    sum.answer_bytes += number_in(row, "answer_bytes");
  }
  return sum;
}

}  // namespace

Result<RequestCounts> observe_traffic(AwsClient& client, std::string_view endpoint,
                                      std::chrono::milliseconds window, Workload& workload) {
  TRY(const Counts before, counts_of(client, endpoint));
  std::this_thread::sleep_for(window);
  TRY(const Counts after, counts_of(client, endpoint));
  const RequestCounts seen{.real_time = after.seen.real_time - before.seen.real_time,
                           .queued = after.seen.queued - before.seen.queued,
                           .batch = after.seen.batch - before.seen.batch};
  const std::uint64_t count = seen.real_time + seen.queued + seen.batch;
  if (count == 0)
    return fail(ErrorCode::not_found,
                fmt::format("Nothing asked '{}' within {} ms; watch it for longer "
                            "(--watch), or say what its traffic is (--rate, --time, --payload).",
                            endpoint, window.count()));
  const double seconds = std::chrono::duration<double>(window).count();
  workload.rate = static_cast<double>(count) / seconds;
  workload.time = std::chrono::ceil<std::chrono::milliseconds>(
      std::chrono::microseconds((after.model_time_us - before.model_time_us) / count));
  workload.payload_bytes = (after.request_bytes - before.request_bytes) / count;
  workload.answer_bytes = (after.answer_bytes - before.answer_bytes) / count;
  return seen;
}

}  // namespace slipway::cli
