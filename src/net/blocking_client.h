// A small synchronous HTTP/1.1 client, for threads that have nothing else to do: the command line,
// tests.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"
#include "net/reach.h"
#include "net/socket.h"
#include "net/tls.h"

namespace slipway::net {

// An origin says where a server is: scheme, host and port of a URL, or a unix socket.
struct Origin {
  enum class Scheme : std::uint8_t { http, https };

  Scheme scheme = Scheme::http;
  std::string host;  // as written; resolved when connecting
  std::uint16_t port = 80;
  std::string unix_path = {};  // not empty: connects there, and `host` is only named

  // "http://127.0.0.1:4566", "https://example.org/", "unix:/run/x.sock". A path is not looked at.
  static Result<Origin> parse(std::string_view url);
  // Returns what belongs in Host: "127.0.0.1:4566", without the scheme's own port.
  std::string authority() const;
};

// A request to a server, made whole before it is sent.
struct BlockingRequest {
  std::string method = "GET";
  std::string target = "/";
  Fields headers = {};  // Host and Content-Length are added where absent
  Body body = {};       // memory, or a part of a file, which is never held whole
};

// Says what the server answered.
struct BlockingResponse {
  int status = 0;
  Fields headers = {};
  std::string body = {};  // empty where it went to a sink
};

// Says how long a call may take, how much it may bring, and whom it may reach.
struct BlockingLimits {
  std::chrono::milliseconds connect_time{5'000};
  std::chrono::milliseconds silence_time{120'000};  // without a byte either way
  std::uint64_t body_bytes_max = 1ULL << 30;        // of an answer held in memory
  // From the call to the answer's last byte, but for the look-up of the host's name: ends what
  // comes byte by byte for ever. Nothing: as long as there is no silence.
  std::optional<std::chrono::milliseconds> whole_time = {};
  // Looked at for the very address that is connected to.
  Reach reach = Reach::anywhere;
};

// One kept-open connection, made when first needed and again when the server closed it. One thread
// at a time.
class BlockingClient {
 public:
  using Sink = std::function<Result<>(std::string_view)>;

  // For https, `tls` says whom to trust; the system's certificates without it.
  explicit BlockingClient(Origin origin, BlockingLimits limits = {},
                          std::shared_ptr<const TlsContext> tls = nullptr);
  ~BlockingClient();
  BlockingClient(BlockingClient&&) noexcept;
  BlockingClient& operator=(BlockingClient&&) noexcept;

  // Any status is an answer; an error is that there was none: unavailable (nobody there, or
  // closed), timeout, corrupted (no HTTP), permission_denied (certificate), limit_exceeded.
  Result<BlockingResponse> send(BlockingRequest request);
  // Gives the body to `sink` as it comes; what `sink` refuses ends the call with its error. The
  // sink sees the body of every status: `on_head` may look at the head first and say otherwise.
  Result<BlockingResponse> send(BlockingRequest request, const Sink& sink);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::net
