// An address leads to the Internet, or into this machine and the networks around it. A server that
// sends to addresses that its clients chose asks here first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/socket.h"

namespace slipway::net {

// Says which addresses a call on behalf of somebody may connect to.
enum class Reach : std::uint8_t {
  public_only,  // what the Internet routes to, and no address of this machine
  anywhere,
};

// Says what an address is that is not globally reachable ("a loopback address"), by IANA's
// registries of special addresses; nullopt for one that is. An IPv4 address inside an IPv6 one
// (mapped, NAT64, 6to4) counts as itself. What is not a literal is "no address".
std::optional<std::string_view> special_use(const Address& address);

// permission_denied: `address` is special, or an interface of this machine has it, and `reach` is
// public_only. Asked of the very address that is connected to: what a name led to before may have
// changed.
Result<> check_reach(const Address& address, Reach reach);

// Reads a host that is written as an address, in every form that a resolver takes for one ("127.1",
// "0x7f000001", "::1"); nullopt for a name. Does not block.
std::optional<Address> numeric_address(const std::string& host, std::uint16_t port);

// "localhost", or a name under it: leads to this machine whatever a resolver says.
bool is_local_name(std::string_view host);

}  // namespace slipway::net
