#include "service/call.h"

#include <fmt/format.h>

#include <stdexcept>

namespace slipway::service {

store::Transaction& Call::tx() const {
  if (!tx_) throw std::logic_error("this operation's mode opens no transaction");
  return *tx_;
}

std::string Call::arn(std::string_view service, std::string_view resource) const {
  return fmt::format("arn:aws:{}:{}:{}:{}", service, region(), account(), resource);
}

}  // namespace slipway::service
