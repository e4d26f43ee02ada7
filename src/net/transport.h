// A connected socket, plain or under TLS, behind one set of calls. Internal to net.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "net/socket.h"
#include "net/tls.h"

struct ssl_st;

namespace slipway::net {

// How a read or a write went.
struct Io {
  enum class State : std::uint8_t {
    moved,    // `bytes` went through
    blocked,  // nothing now: wait for the socket
    ended,    // the peer sends no more; send_file: the file has no more
    broken,   // reset, or TLS that does not hold
  };
  State state = State::broken;
  std::size_t bytes = 0;
  // Read only: nothing more is there just now, so that the next read may wait for an event.
  bool drained = false;
};

// Non-blocking; the caller watches fd(). Under TLS the handshake happens inside read() and write().
class Transport {
 public:
  enum class Side : std::uint8_t { server, client };

  // `tls` empty: plain. `host_name`: whom a client expects (an IP address counts too).
  Transport(Fd socket, const TlsContext* tls, Side side, const std::string& host_name = {});
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  int fd() const { return socket_.get(); }
  const Fd& socket() const { return socket_; }
  bool open() const { return static_cast<bool>(socket_); }
  bool secure() const { return ssl_ != nullptr; }
  // Whether the connection is ready for HTTP: always for a plain one.
  bool established() const;

  Io read(std::span<char> into);
  Io write(std::span<const iovec> parts);
  // Sends a part of a file; plain connections straight from the page cache. `ended`: it is shorter
  // than that, or cannot be read.
  Io send_file(int file, std::uint64_t offset, std::uint64_t length);

  // Says that nothing more will be sent.
  void end_writing();
  void close();

  // Why the last call was `broken`.
  std::string failure() const;

 private:
  Io tls_result(int returned);

  Fd socket_;
  ssl_st* ssl_ = nullptr;
  int errno_ = 0;
  std::string tls_failure_;
};

}  // namespace slipway::net
