#include "service/hold.h"

namespace slipway::service {
namespace {

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
  if (user_agent.find("AWS-SageMaker-Python-SDK/") != user_agent.npos) return true;
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
