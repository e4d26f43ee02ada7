#include "server/io_loop.h"

#include <fmt/format.h>

#include "base/short_turns.h"

namespace slipway::server {
namespace {

constexpr std::chrono::milliseconds drain_time{10'000};

}  // namespace

IoLoop::IoLoop(const Shared& shared, net::Fd listener, unsigned number)
    : thread_(fmt::format("io-{}", number)) {
  routing::CaptureBuffer& captures = shared.captures.add_buffer();
  thread_.run_and_wait([&] {
    take_short_turns();
    router_ =
        std::make_unique<routing::Router>(thread_.loop(), shared.routes, shared.random, &captures);
    shared.routers.add(thread_.loop(), *router_);
    aws_ = std::make_unique<service::AwsRequestHandler>(shared.context, thread_.loop());
    pages_ = std::make_unique<service::PageDoor>(
        shared.pages, shared.context.sites, aws_->authenticator(), shared.context.lanes.control);
    gateway_ = std::make_unique<net::Gateway>(*aws_);
    // Paths of a host that is a bucket's are keys.
    const auto is_no_bucket = [&wire = shared.context.router](const net::RequestHead& head) {
      return wire.bucket_of(head.headers.get("host")).empty();
    };
    pages_->mount_on(*gateway_, is_no_bucket);
    registry_ = std::make_unique<ecr::Distribution>(shared.registry, shared.context);
    gateway_->mount("/v2/", *registry_, is_no_bucket);
    if (shared.access_log)
      recorded_ = std::make_unique<service::RecordedRequests>(
          *gateway_, *shared.access_log, shared.context.call.clock,
          [aws = aws_.get()](const net::RequestHead& head) { return aws->described(head); });
    http_ = std::make_unique<net::HttpServer>(
        thread_.loop(), recorded_ ? static_cast<net::RequestHandler&>(*recorded_) : *gateway_,
        shared.limits);
    http_->listen(std::move(listener), shared.tls);
  });
}

IoLoop::~IoLoop() {
  thread_.run_and_wait([this] {
    http_.reset();
    recorded_.reset();
    gateway_.reset();
    registry_.reset();
    pages_.reset();
    aws_.reset();
    router_.reset();
  });
}

std::future<void> IoLoop::drain() {
  auto done = std::make_shared<std::promise<void>>();
  thread_.loop().post([this, done] { http_->drain(drain_time, [done] { done->set_value(); }); });
  return done->get_future();
}

std::size_t IoLoop::open_connections() {
  std::size_t open = 0;
  thread_.run_and_wait([&] { open = http_->counters().open; });
  return open;
}

}  // namespace slipway::server
