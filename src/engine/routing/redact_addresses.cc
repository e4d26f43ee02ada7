#include "engine/routing/redact_addresses.h"

#include <string_view>

namespace slipway::routing {

namespace {

void replace_all(std::string& text, std::string_view what) {
  constexpr std::string_view instead = "the container";
  if (what.empty()) return;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + instead.size()))
    text.replace(at, what.size(), instead);
}

}  // namespace

std::string redact_addresses(std::string text, const place::Addresses& addresses) {
  constexpr std::string_view scheme = "unix:";
  for (std::string_view address :
       {std::string_view(addresses.http), std::string_view(addresses.link)}) {
    replace_all(text, address);
    if (address.starts_with(scheme)) replace_all(text, address.substr(scheme.size()));
  }
  return text;
}

}  // namespace slipway::routing
