#include "service/site_check.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "wire/route.h"

namespace slipway::service {
namespace {

constexpr std::size_t shortened_bytes_max = 100;

std::string shortened(std::string_view text) {
  return std::string(text.substr(0, shortened_bytes_max));
}

// "[::1]:4566" is "[::1]", "a.b:80" is "a.b". What is not a port stays, and makes it no name of
// ours.
std::string_view without_port(std::string_view host) {
  const auto colon = host.rfind(':');
  if (colon == std::string_view::npos) return host;
  const bool digits = host.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
  return digits ? host.substr(0, colon) : host;
}

// As names are compared: small letters, without the dot that may end one.
std::string name_of(std::string_view host) {
  std::string name = to_lower(without_port(host));
  if (name.ends_with('.')) name.pop_back();
  return name;
}

// Sixteen bytes, IPv4 in the last four; nothing where the text is no address.
std::optional<std::array<unsigned char, 16>> address_of(std::string text) {
  std::array<unsigned char, 16> bytes{};
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (::inet_pton(AF_INET, text.c_str(), bytes.data() + 12) == 1) return bytes;
  return std::nullopt;
}

bool is_loopback(const std::array<unsigned char, 16>& address) {
  return address == address_of("::1") || (address[10] == 0xff && address[12] == 127);
}

bool is_any(const std::array<unsigned char, 16>& address) {
  return address == address_of("::") || address == address_of("0.0.0.0");
}

// The zone itself and what lies in it.
bool is_in(std::string_view zone, std::string_view name) {
  if (!name.ends_with(zone)) return false;
  name.remove_suffix(zone.size());
  return name.empty() || name.ends_with('.');
}

// What a browser says of a page that it lets ask.
bool is_own_site(std::string_view sec_fetch_site) {
  return sec_fetch_site == "same-origin" || sec_fetch_site == "none";
}

// "http://a.b:80/x" is "a.b:80"; empty for what is no page of the web, as "null".
std::string_view authority_of(std::string_view page) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!starts_with_ignoring_case(page, scheme)) continue;
    page.remove_prefix(scheme.size());
    return page.substr(0, page.find('/'));
  }
  return {};
}

}  // namespace

SiteCheck::SiteCheck(Options options) : options_(std::move(options)) {
  for (std::string& name : options_.allowed) name = to_lower(name);
}

bool SiteCheck::is_allowed(std::string_view name) const {
  return std::ranges::any_of(options_.allowed, [&](std::string_view allowed) {
    if (!allowed.starts_with("*.")) return name == allowed;
    return name.size() >= allowed.size() && name.ends_with(allowed.substr(1));
  });
}

bool SiteCheck::is_own_name(std::string_view name) const {
  if (const auto address = address_of(std::string(name))) {
    const auto bound = address_of(options_.bound);
    return is_loopback(*address) || (bound && (is_any(*bound) || *address == *bound));
  }
  return is_in("localhost", name) || is_in(wire::loopback_zone, name);
}

bool SiteCheck::may_ask(std::string_view page, std::string_view host) const {
  const std::string_view authority = authority_of(page);
  if (authority.empty()) return false;
  return equal_ignoring_case(authority, host) || is_allowed(name_of(authority));
}

std::optional<std::string> SiteCheck::refusal(const net::RequestHead& head) const {
  const std::string_view host = head.headers.get("host");
  const std::string name = name_of(host);
  // Programs of HTTP/1.0 need not name a host; browsers always do.
  if (!name.empty() && !is_own_name(name) && !is_allowed(name))
    return fmt::format(
        "'{}' is not a name of this server. If it is to be one, start it with --allow-host {}.",
        shortened(name), shortened(name));

  const auto foreign = [&](std::string_view page) {
    const std::string from = name_of(authority_of(page));
    return fmt::format(
        "The request comes from a page of another site ({}). If its pages may do everything here, "
        "start the server with --allow-host {}.",
        shortened(page), from.empty() ? "NAME" : shortened(from));
  };
  bool origin_may_ask = false;
  for (const net::Header& header : head.headers) {
    if (!net::same_name(header.name, "origin")) continue;
    if (!may_ask(header.value, host)) return foreign(header.value);
    origin_may_ask = true;
  }
  if (origin_may_ask) return std::nullopt;
  if (const auto site = head.headers.find("sec-fetch-site"))
    return is_own_site(*site) ? std::nullopt : std::optional(foreign(*site));
  const auto referer = head.headers.find("referer");
  if (referer && !may_ask(*referer, host)) return foreign(*referer);
  return std::nullopt;
}

}  // namespace slipway::service
