#include "engine/routing/instance_link.h"

#include <optional>
#include <string>
#include <utility>

#include "engine/routing/framed_link.h"
#include "engine/routing/http_link.h"

namespace slipway::routing {

namespace {

std::optional<net::Address> address_of(const std::string& text) {
  if (text.empty()) return std::nullopt;
  auto address = net::Address::parse(text);
  return address ? std::optional(std::move(*address)) : std::nullopt;
}

}  // namespace

InstanceLink::InstanceLink(net::Loop& loop, std::shared_ptr<const InstanceRoute> instance,
                           LinkUser& user, net::LinkSpare& spare)
    : instance_(std::move(instance)) {
  if (auto address = address_of(instance_->addresses.link))
    framed_ = std::make_unique<FramedLink>(loop, std::move(*address), user, spare);
  if (auto address = address_of(instance_->addresses.http))
    http_ = std::make_unique<HttpLink>(loop, *instance_, std::move(*address), user);
}

bool InstanceLink::send(std::unique_ptr<Exchange>& exchange, std::chrono::milliseconds time_limit) {
  const auto sent = framed_ ? framed_->send(exchange, time_limit) : Link::Sent::unfit;
  if (sent == Link::Sent::unfit) return send_by_http(exchange, time_limit);
  return sent == Link::Sent::taken;
}

bool InstanceLink::send_by_http(std::unique_ptr<Exchange>& exchange,
                                std::chrono::milliseconds time_limit) {
  return http_ && http_->send(exchange, time_limit) == Link::Sent::taken;
}

void InstanceLink::expire(Instant now) {
  if (framed_) framed_->expire(now);
  if (http_) http_->expire(now);
}

std::size_t InstanceLink::under_way() const {
  return (framed_ ? framed_->under_way() : 0) + (http_ ? http_->under_way() : 0);
}

}  // namespace slipway::routing
