#include "net/reach.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>

#include <array>
#include <cstring>
#include <memory>

#include "base/text.h"

namespace slipway::net {
namespace {

using Bytes = std::array<unsigned char, 16>;

// The addresses that begin with the first `bits` of `start`.
struct Block {
  Bytes start;
  unsigned bits;
  std::string_view what;
};

constexpr std::string_view private_address = "a private address";
constexpr std::string_view link_local = "a link-local address";
constexpr std::string_view loopback = "a loopback address";
constexpr std::string_view multicast = "a multicast address";
constexpr std::string_view reserved = "a reserved address";
constexpr std::string_view unspecified = "an unspecified address";

// iana.org/assignments/iana-ipv4-special-registry
constexpr Block special_v4[] = {
    {{0}, 8, unspecified},
    {{10}, 8, private_address},
    {{100, 64}, 10, "an address behind a carrier's NAT"},
    {{127}, 8, loopback},
    {{169, 254}, 16, link_local},
    {{172, 16}, 12, private_address},
    {{192, 0, 0}, 24, reserved},
    {{192, 0, 2}, 24, reserved},
    {{192, 88, 99}, 24, reserved},
    {{192, 168}, 16, private_address},
    {{198, 18}, 15, reserved},
    {{198, 51, 100}, 24, reserved},
    {{203, 0, 113}, 24, reserved},
    {{224}, 4, multicast},
    {{240}, 4, reserved},
};

// iana.org/assignments/iana-ipv6-special-registry; global unicast is 2000::/3 and nothing else.
constexpr Block special_v6[] = {
    {{}, 128, unspecified},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, loopback},
    {{0x20, 0x01, 0x00}, 23, reserved},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, reserved},
    {{0x3f, 0xff}, 20, reserved},
    {{0xfc}, 7, private_address},
    {{0xfe, 0x80}, 10, link_local},
    {{0xfe, 0xc0}, 10, private_address},
    {{0xff}, 8, multicast},
};
constexpr Block global_v6{{0x20}, 3, {}};

// Says where an IPv6 address holds an IPv4 address that it leads to.
struct Embedding {
  Block block;
  std::size_t at;
};
constexpr Embedding embeddings[] = {
    {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, "mapped"}, 12},
    {{{0x00, 0x64, 0xff, 0x9b}, 96, "NAT64"}, 12},
    {{{0x20, 0x02}, 16, "6to4"}, 2},
};

bool is_in(const Bytes& bytes, const Block& block) {
  const unsigned whole = block.bits / 8;
  if (std::memcmp(bytes.data(), block.start.data(), whole) != 0) return false;
  if (block.bits % 8 == 0) return true;
  const unsigned mask = (0xff00U >> (block.bits % 8)) & 0xff;
  return (bytes[whole] & mask) == (block.start[whole] & mask);
}

std::optional<std::string_view> special_use_v4(const Bytes& bytes) {
  for (const Block& block : special_v4)
    if (is_in(bytes, block)) return block.what;
  return std::nullopt;
}

std::optional<std::string_view> special_use_v6(const Bytes& bytes) {
  for (const Embedding& embedding : embeddings) {
    if (!is_in(bytes, embedding.block)) continue;
    Bytes inner{};
    std::memcpy(inner.data(), bytes.data() + embedding.at, 4);
    return special_use_v4(inner);
  }
  for (const Block& block : special_v6)
    if (is_in(bytes, block)) return block.what;
  if (!is_in(bytes, global_v6)) return reserved;
  return std::nullopt;
}

struct InterfacesFree {
  void operator()(ifaddrs* list) const { ::freeifaddrs(list); }
};

bool is_same(const sockaddr& own, int family, const Bytes& bytes) {
  if (own.sa_family != family) return false;
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(own);
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(own);
  return family == AF_INET ? std::memcmp(&v4.sin_addr, bytes.data(), 4) == 0
                           : std::memcmp(&v6.sin6_addr, bytes.data(), 16) == 0;
}

// Whether one of this machine's interfaces has the address. Where they cannot be listed, none does.
bool is_own(const Address& address) {
  Bytes bytes{};
  const int family =
      ::inet_pton(AF_INET, address.host.c_str(), bytes.data()) == 1 ? AF_INET : AF_INET6;
  if (family == AF_INET6 && ::inet_pton(AF_INET6, address.host.c_str(), bytes.data()) != 1)
    return false;
  ifaddrs* found = nullptr;
  if (::getifaddrs(&found) != 0) return false;
  const std::unique_ptr<ifaddrs, InterfacesFree> list(found);
  for (const ifaddrs* each = list.get(); each != nullptr; each = each->ifa_next)
    if (each->ifa_addr && is_same(*each->ifa_addr, family, bytes)) return true;
  return false;
}

}  // namespace

std::optional<std::string_view> special_use(const Address& address) {
  if (address.kind != Address::Kind::tcp) return "a unix socket";
  Bytes bytes{};
  if (::inet_pton(AF_INET, address.host.c_str(), bytes.data()) == 1) return special_use_v4(bytes);
  if (::inet_pton(AF_INET6, address.host.c_str(), bytes.data()) == 1) return special_use_v6(bytes);
  return "no address";
}

Result<> check_reach(const Address& address, Reach reach) {
  if (reach == Reach::anywhere) return {};
  auto what = special_use(address);
  if (!what && is_own(address)) what = "an address of this machine";
  if (!what) return {};
  return fail(ErrorCode::permission_denied,
              fmt::format("{} is {}, and only public ones may be reached", address.text(), *what),
              "not_public");
}

std::optional<Address> numeric_address(const std::string& host, std::uint16_t port) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0 || !found) return std::nullopt;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::getnameinfo(list->ai_addr, list->ai_addrlen, text.data(), text.size(), nullptr, 0,
                    NI_NUMERICHOST) != 0)
    return std::nullopt;
  // "fe80::1%2": the interface goes, what the address is stays.
  std::string_view literal(text.data());
  return Address::tcp(std::string(literal.substr(0, literal.find('%'))), port);
}

bool is_local_name(std::string_view host) {
  constexpr std::string_view local = "localhost";
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.size() < local.size()) return false;
  const std::string_view tail = host.substr(host.size() - local.size());
  const bool whole = host.size() == local.size() || host[host.size() - local.size() - 1] == '.';
  return whole && starts_with_ignoring_case(tail, local);
}

}  // namespace slipway::net
