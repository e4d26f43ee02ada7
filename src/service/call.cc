#include "service/call.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace slipway::service {

const net::RequestHead Call::inside_head{.secure = true};

store::Transaction& Call::tx() const {
  if (!tx_) throw std::logic_error("this operation's mode opens no transaction");
  return *tx_;
}

std::string_view Call::host() const {
  if (head_) return head_->headers.get("host");
  return from_.origin.substr(std::min(from_.origin.find("//") + 2, from_.origin.size()));
}

std::string Call::origin() const {
  if (!head_) return std::string(from_.origin);
  return fmt::format("{}://{}", head_->secure ? "https" : "http", host());
}

TaskOwner owner_of(const Caller& caller) {
  return static_cast<TaskOwner>(std::hash<std::string>{}(caller.access_key_id));
}

std::string Call::arn(std::string_view service, std::string_view resource) const {
  return fmt::format("arn:aws:{}:{}:{}:{}", service, region(), account(), resource);
}

}  // namespace slipway::service
