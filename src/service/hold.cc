#include "service/hold.h"

#include <algorithm>

namespace slipway::service {
namespace {

// Clients that poll without a mark, as they name themselves in front of '/' or '#' and a version:
// the SageMaker Python SDK 2, the two layers of 3, and the SDK for JavaScript 3, whose waiters
// sleep 30 s and more between two calls.
constexpr std::string_view polling_clients[] = {"AWS-SageMaker-Python-SDK", "AWS-SageMakerCore",
                                                "aws-sdk-js"};

bool names(std::string_view user_agent, std::string_view client) {
  const std::size_t at = user_agent.find(client);
  if (at == user_agent.npos || at + client.size() == user_agent.size()) return false;
  const char next = user_agent[at + client.size()];
  return next == '/' || next == '#';
}

// "B" as a whole item of "E,B,Z"; an item may be "B:detail".
bool lists_waiter(std::string_view features) {
  while (!features.empty()) {
    const std::size_t comma = features.find(',');
    const std::string_view item = features.substr(0, comma);
    if (item == "B" || item.starts_with("B:")) return true;
    if (comma == features.npos) return false;
    features.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace

bool is_waiter(std::string_view user_agent) {
  if (std::ranges::any_of(polling_clients,
                          [&](std::string_view client) { return names(user_agent, client); }))
    return true;
  while (!user_agent.empty()) {
    const std::size_t space = user_agent.find(' ');
    const std::string_view word = user_agent.substr(0, space);
    if (word.starts_with("m/") && lists_waiter(word.substr(2))) return true;
    if (space == user_agent.npos) return false;
    user_agent.remove_prefix(space + 1);
  }
  return false;
}

}  // namespace slipway::service
