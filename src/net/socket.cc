#include "net/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <memory>

namespace slipway::net {
namespace {

constexpr int listen_backlog = 4096;

// An address as the kernel takes it.
struct RawAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Result<RawAddress> raw_unix(const std::string& path) {
  RawAddress raw;
  auto& out = reinterpret_cast<sockaddr_un&>(raw.storage);
  if (path.empty() || path.size() >= sizeof(out.sun_path)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' cannot be a unix socket: a path has 1 to {} bytes; use a shorter "
                            "directory",
                            path, sizeof(out.sun_path) - 1));
  }
  out.sun_family = AF_UNIX;
  std::memcpy(out.sun_path, path.c_str(), path.size() + 1);
  raw.size = sizeof(sockaddr_un);
  return raw;
}

Result<RawAddress> raw_address(const Address& address) {
  if (address.kind == Address::Kind::unix_path) return raw_unix(address.path);
  RawAddress raw;
  auto& v4 = reinterpret_cast<sockaddr_in&>(raw.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(raw.storage);
  if (inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    raw.size = sizeof(v4);
  } else if (inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    raw.size = sizeof(v6);
  } else {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no IPv4 or IPv6 address", address.host));
  }
  return raw;
}

Address from_raw(const sockaddr_storage& storage) {
  char text[INET6_ADDRSTRLEN] = {};
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    return Address::tcp(text, ntohs(v4.sin_port));
  }
  if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
    return Address::tcp(text, ntohs(v6.sin6_port));
  }
  return Address::unix_socket(reinterpret_cast<const sockaddr_un&>(storage).sun_path);
}

ErrorCode code_of(int error) {
  switch (error) {
    case EACCES:
    case EPERM: return ErrorCode::permission_denied;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT: return ErrorCode::invalid_argument;
    case ETIMEDOUT: return ErrorCode::timeout;
    case EMFILE:
    case ENFILE: return ErrorCode::limit_exceeded;
    default: return ErrorCode::unavailable;
  }
}

std::unexpected<Error> fail_errno(std::string_view what, const Address& address, int error) {
  return fail(code_of(error), fmt::format("{} {}: {}", what, address.text(), errno_text(error)));
}

Result<Fd> make_socket(const Address& address, const RawAddress& raw) {
  Fd socket(::socket(raw.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("no socket for", address, errno);
  return socket;
}

void set_option(int socket, int level, int option) {
  const int on = 1;
  ::setsockopt(socket, level, option, &on, sizeof(on));
}

Result<Fd> bind_to(Fd socket, const Address& address, const RawAddress& raw) {
  if (::bind(socket.get(), raw.get(), raw.size) != 0)
    return fail_errno("cannot listen on", address, errno);
  return socket;
}

// A port that another program shares by SO_REUSEPORT would be joined without a word, and half of
// its connections taken: binding once without that option tells.
Result<> check_port_free(const Address& address, const RawAddress& raw) {
  TRY(const Fd probe, make_socket(address, raw));
  set_option(probe.get(), SOL_SOCKET, SO_REUSEADDR);
  if (::bind(probe.get(), raw.get(), raw.size) == 0) return {};
  return fail_errno("cannot listen on", address, errno);
}

// Whether somebody accepts connections there.
bool is_live(const RawAddress& raw) {
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!probe) return true;
  return ::connect(probe.get(), raw.get(), raw.size) == 0 || errno == EAGAIN;
}

// A name in a folder, both held: what the name stands for cannot be changed under the caller.
struct HeldSocket {
  Fd file;
  uid_t folder_owner = 0;
};

// The way to the folder may pass through links; the name itself must be a socket.
Result<HeldSocket> hold_socket(const Address& address) {
  const std::size_t slash = address.path.rfind('/');
  const bool here = slash == std::string::npos;
  const std::string folder = here ? "." : address.path.substr(0, slash + 1);
  const std::string name = here ? address.path : address.path.substr(slash + 1);
  const Fd way(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!way) return fail_errno("cannot connect to", address, errno);
  HeldSocket held{.file = Fd(::openat(way.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC))};
  struct stat there = {};
  struct stat around = {};
  if (!held.file || ::fstat(held.file.get(), &there) != 0 || ::fstat(way.get(), &around) != 0) {
    return fail_errno("cannot connect to", address, errno);
  }
  if (!S_ISSOCK(there.st_mode)) {
    return fail(ErrorCode::permission_denied,
                fmt::format("cannot connect to {}: it is no socket, and a link is not followed",
                            address.text()));
  }
  held.folder_owner = around.st_uid;
  return held;
}

// Names in a folder of root's or of our own are made by who may. In another user's folder that user
// alone is believed: it could have brought in a socket that somebody else listens on.
Result<> check_listener(const Fd& socket, uid_t folder_owner, const Address& address) {
  if (folder_owner == 0 || folder_owner == ::geteuid()) return {};
  ucred peer = {};
  socklen_t size = sizeof(peer);
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return fail_errno("cannot tell who listens on", address, errno);
  }
  if (peer.uid == folder_owner) return {};
  return fail(
      ErrorCode::permission_denied,
      fmt::format("cannot connect to {}: user {} listens there, and the folder is user {}'s",
                  address.text(), peer.uid, folder_owner));
}

// A unix socket connects at once or not at all.
Result<Fd> connect_unix(const Address& address) {
  TRY_DO(raw_unix(address.path));
  TRY(const HeldSocket held, hold_socket(address));
  TRY(const RawAddress raw, raw_unix(fmt::format("/proc/self/fd/{}", held.file.get())));
  TRY(Fd socket, make_socket(address, raw));
  if (::connect(socket.get(), raw.get(), raw.size) != 0) {
    return fail_errno("cannot connect to", address, errno);
  }
  TRY_DO(check_listener(socket, held.folder_owner, address));
  return socket;
}

struct AddressListFree {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

}  // namespace

Address Address::tcp(std::string host, std::uint16_t port) {
  return {.kind = Kind::tcp, .host = std::move(host), .port = port};
}

Address Address::unix_socket(std::string path) {
  return {.kind = Kind::unix_path, .host = {}, .path = std::move(path)};
}

Result<Address> Address::parse(std::string_view text) {
  if (text.starts_with("unix:")) return unix_socket(std::string(text.substr(5)));
  const auto colon = text.rfind(':');
  const auto bad = [&] {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no address: write HOST:PORT, [IPV6]:PORT or unix:PATH", text));
  };
  if (colon == std::string_view::npos) return bad();
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) return bad();
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  Address address = tcp(std::string(host), port);
  if (!raw_address(address)) return bad();
  return address;
}

std::string Address::text() const {
  if (kind == Kind::unix_path) return "unix:" + path;
  return host.contains(':') ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<std::vector<Address>> resolve_all(const std::string& host, std::uint16_t port) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, AddressListFree> list(found);
  if (error != 0 || !list) {
    return fail(ErrorCode::unavailable,
                fmt::format("cannot find the host '{}': {}", host, ::gai_strerror(error)));
  }
  std::vector<Address> addresses;
  for (const addrinfo* each = list.get(); each != nullptr; each = each->ai_next) {
    sockaddr_storage storage = {};
    std::memcpy(&storage, each->ai_addr, each->ai_addrlen);
    addresses.push_back(from_raw(storage));
    addresses.back().port = port;
  }
  return addresses;
}

Result<Address> resolve(const std::string& host, std::uint16_t port) {
  TRY(const auto addresses, resolve_all(host, port));
  return addresses.front();
}

Result<> start_listening(const Fd& bound) {
  if (::listen(bound.get(), listen_backlog) == 0) return {};
  const int error = errno;
  TRY(const Address address, local_address(bound));
  return fail_errno("cannot listen on", address, error);
}

Result<Fd> listen_tcp(const Address& address, PortSharing sharing) {
  TRY(Fd bound, bind_tcp(address, sharing));
  TRY_DO(start_listening(bound));
  return bound;
}

Result<Fd> bind_tcp(const Address& address, PortSharing sharing) {
  TRY(const RawAddress raw, raw_address(address));
  if (sharing == PortSharing::first && address.port != 0) TRY_DO(check_port_free(address, raw));
  TRY(Fd socket, make_socket(address, raw));
  set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR);
  set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT);
  return bind_to(std::move(socket), address, raw);
}

Result<Fd> listen_unix(const std::string& path, SocketMode mode) {
  const Address address = Address::unix_socket(path);
  TRY(const RawAddress raw, raw_address(address));
  struct stat status = {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) {
    if (is_live(raw)) return fail_errno("cannot listen on", address, EADDRINUSE);
    ::unlink(path.c_str());
  }
  TRY(Fd socket, make_socket(address, raw));
  // The mode is set before the name appears: bind() makes the file with the descriptor's own.
  ::fchmod(socket.get(), static_cast<mode_t>(mode));
  TRY(Fd listening, bind_to(std::move(socket), address, raw));
  TRY_DO(start_listening(listening));
  // bind() took the umask off.
  if (mode == SocketMode::everyone) ::chmod(path.c_str(), static_cast<mode_t>(mode));
  return listening;
}

Result<Fd> start_connect(const Address& address) {
  if (address.kind == Address::Kind::unix_path) return connect_unix(address);
  TRY(const RawAddress raw, raw_address(address));
  TRY(Fd socket, make_socket(address, raw));
  set_no_delay(socket.get());
  if (::connect(socket.get(), raw.get(), raw.size) != 0 && errno != EINPROGRESS) {
    return fail_errno("cannot connect to", address, errno);
  }
  return socket;
}

Result<> connect_error(const Fd& socket, const Address& address) {
  int error = 0;
  socklen_t size = sizeof(error);
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return fail_errno("cannot connect to", address, error);
  return {};
}

std::uint64_t unacknowledged_bytes(const Fd& socket) {
  int bytes = 0;
  if (::ioctl(socket.get(), SIOCOUTQ, &bytes) != 0 || bytes < 0) return 0;
  return static_cast<std::uint64_t>(bytes);
}

Result<Address> local_address(const Fd& socket) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(storage);
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return fail(ErrorCode::internal, "a socket has no address: " + errno_text(errno));
  }
  return from_raw(storage);
}

std::string peer_text(int socket) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(storage);
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return "gone";
  if (storage.ss_family == AF_UNIX) return "unix";
  return from_raw(storage).text();
}

std::string_view address_of(std::string_view peer) {
  const auto colon = peer.rfind(':');
  if (colon == std::string_view::npos) return {};
  peer = peer.substr(0, colon);
  if (peer.starts_with('[') && peer.ends_with(']')) return peer.substr(1, peer.size() - 2);
  return peer;
}

std::string network_of(std::string_view address) {
  constexpr std::string_view mapped = "::ffff:";
  if (address.starts_with(mapped) && address.contains('.')) address.remove_prefix(mapped.size());
  const std::string text(address.substr(0, address.find('%')));
  std::array<char, INET6_ADDRSTRLEN> shown{};
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    v4.s_addr &= htonl(0xffffff00);
    return fmt::format("{}/24", ::inet_ntop(AF_INET, &v4, shown.data(), shown.size()));
  }
  in6_addr v6{};
  if (::inet_pton(AF_INET6, text.c_str(), &v6) != 1) return text;
  std::fill_n(v6.s6_addr + 8, 8, 0);
  return fmt::format("{}/64", ::inet_ntop(AF_INET6, &v6, shown.data(), shown.size()));
}

void set_no_delay(int socket) { set_option(socket, IPPROTO_TCP, TCP_NODELAY); }

void block_sigpipe() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace slipway::net
