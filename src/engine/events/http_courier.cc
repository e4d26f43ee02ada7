#include "engine/events/http_courier.h"

#include "net/blocking_client.h"

namespace slipway::events {
namespace {

constexpr std::size_t answer_bytes_max = 64 * 1024;
constexpr std::chrono::milliseconds connect_time{5'000};

// "/path?query" of "http://host:port/path?query".
std::string target_of(std::string_view url) {
  const auto host = url.find("://");
  const auto path = host == url.npos ? url.npos : url.find_first_of("/?", host + 3);
  if (path == url.npos) return "/";
  const std::string_view target = url.substr(path);
  return target.starts_with('/') ? std::string(target) : "/" + std::string(target);
}

}  // namespace

HttpCourier::HttpCourier(std::function<void(CourierReport)> report) : report_(std::move(report)) {}

void HttpCourier::stop() {
  stopping_ = true;
  threads_.stop();
}

void HttpCourier::send(CourierTask task) {
  threads_.post([this, task = std::move(task)] {
    if (!stopping_) report_(deliver(task));
  });
}

CourierReport HttpCourier::deliver(const CourierTask& task) const {
  CourierReport out{.seq = task.seq, .subscription = task.subscription};
  auto origin = net::Origin::parse(task.url);
  if (!origin) {
    out.why = origin.error().message;
    return out;
  }
  net::BlockingClient client(*std::move(origin), {.connect_time = connect_time,
                                                  .silence_time = delivery_time_max,
                                                  .body_bytes_max = answer_bytes_max,
                                                  .whole_time = delivery_time_max});
  net::BlockingRequest request{
      .method = "POST", .target = target_of(task.url), .body = task.delivery.body};
  for (const auto& [name, value] : task.delivery.head) request.headers.add(name, value);
  const auto answer = client.send(std::move(request));
  if (answer)
    out.status = answer->status;
  else
    out.why = answer.error().message;
  return out;
}

}  // namespace slipway::events
