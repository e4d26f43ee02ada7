// Addresses, and the few socket calls the rest of net is built on. Every descriptor made here is
// non-blocking and close-on-exec.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace slipway::net {

// Every room above knows these by this name.
using slipway::errno_text;
using slipway::Fd;

// An address says where a socket is or goes: an IP literal and port, or the path of a unix socket.
struct Address {
  enum class Kind : std::uint8_t { tcp, unix_path };

  Kind kind = Kind::tcp;
  std::string host = "127.0.0.1";  // tcp: an IPv4 or IPv6 literal, without brackets
  std::uint16_t port = 0;          // tcp
  std::string path = {};           // unix_path

  static Address tcp(std::string host, std::uint16_t port);
  static Address unix_socket(std::string path);
  // "127.0.0.1:4566", "[::1]:4566", "localhost:4566", "unix:/run/x.sock".
  static Result<Address> parse(std::string_view text);

  // The form that parse() reads.
  std::string text() const;
  bool operator==(const Address&) const = default;
};

// Looks a host name up: its addresses, in the order to try them; never empty. Blocks on the
// resolver: not for a loop.
Result<std::vector<Address>> resolve_all(const std::string& host, std::uint16_t port);
// The first of them.
Result<Address> resolve(const std::string& host, std::uint16_t port);

// Several listeners of one port, one for each loop, share it through SO_REUSEPORT.
enum class PortSharing : std::uint8_t {
  first,  // refuses a port that anybody else listens on (unavailable), then lets others join
  joins,  // joins a port that a `first` listener of this process holds
};

// Takes a TCP address for a listener that is deaf yet: who connects is refused until
// start_listening(). Port 0 takes any free one (ask with local_address). unavailable: the port is
// taken; permission_denied: the port is privileged; invalid_argument: no such address here.
Result<Fd> bind_tcp(const Address& address, PortSharing sharing = PortSharing::first);
Result<> start_listening(const Fd& bound);
// Both at once.
Result<Fd> listen_tcp(const Address& address, PortSharing sharing = PortSharing::first);

// Says who may connect to a unix socket, as the file's mode.
enum class SocketMode : std::uint16_t { owner_only = 0600, everyone = 0666 };
// Listens on a unix socket. A stale file that nobody listens on is replaced; a live one is not
// (unavailable). The file stays behind when the descriptor is closed.
Result<Fd> listen_unix(const std::string& path, SocketMode mode = SocketMode::owner_only);

// Starts to connect; the descriptor becomes writable when the connection stands or failed
// (connect_error tells). unavailable: refused at once, or nobody there.
//
// A unix socket's folder may be writable for a stranger, as an instance's own is. So the path's
// last name must be a socket (a link there is not followed), and in a folder of a user who is
// neither root nor ours that user must be the one who listens: else permission_denied.
Result<Fd> start_connect(const Address& address);
// Succeeds where the connection stands; the error says why it does not.
Result<> connect_error(const Fd& socket, const Address& address);

// How much was written to a TCP connection that the peer's system has not acknowledged; also after
// the peer closed it.
std::uint64_t unacknowledged_bytes(const Fd& socket);

Result<Address> local_address(const Fd& socket);
// "127.0.0.1:52344", or "unix" for a unix socket's peer.
std::string peer_text(int socket);
// Of what peer_text() says, the address, which all connections of one machine share: "127.0.0.1",
// "::1"; empty for a unix socket's peer.
std::string_view address_of(std::string_view peer);
// The network that an address is in, as far as one party usually has all of it: "10.1.2.0/24",
// "2001:db8:0:1::/64". What is no address is its own.
std::string network_of(std::string_view address);

// Switches Nagle's algorithm off; does nothing on a unix socket.
void set_no_delay(int socket);

// Blocks SIGPIPE in the calling thread, for good.
void block_sigpipe();

}  // namespace slipway::net
