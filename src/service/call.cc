#include "service/call.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace slipway::service {

store::Transaction& Call::tx() const {
  if (!tx_) throw std::logic_error("this operation's mode opens no transaction");
  return *tx_;
}

std::string_view Call::host() const {
  return from_.origin.substr(std::min(from_.origin.find("//") + 2, from_.origin.size()));
}

std::string HttpCall::origin() const {
  return fmt::format("{}://{}", head_.secure ? "https" : "http", host());
}

TaskOwner owner_of(const Caller& caller) {
  return static_cast<TaskOwner>(std::hash<std::string>{}(caller.access_key_id));
}

std::string Call::arn(std::string_view service, std::string_view resource) const {
  return fmt::format("arn:aws:{}:{}:{}:{}", service, region(), account(), resource);
}

}  // namespace slipway::service
