#include "net/transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>

namespace slipway::net {
namespace {

constexpr std::uint64_t send_file_bytes_max = 1 << 20;  // in one call
constexpr std::size_t tls_file_piece = 64 * 1024;

Io from_errno(int error) {
  if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR) {
    return {.state = Io::State::blocked, .drained = true};
  }
  return {.state = Io::State::broken};
}

void expect_host(ssl_st* ssl, const std::string& host_name) {
  if (host_name.empty()) return;
  X509_VERIFY_PARAM* expected = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, host_name.c_str()) == 1) return;
  SSL_set_tlsext_host_name(ssl, host_name.c_str());
  SSL_set1_host(ssl, host_name.c_str());
}

}  // namespace

Transport::Transport(Fd socket, const TlsContext* tls, Side side, const std::string& host_name)
    : socket_(std::move(socket)) {
  if (tls == nullptr) return;
  ssl_ = SSL_new(tls->get());
  if (ssl_ == nullptr || SSL_set_fd(ssl_, socket_.get()) != 1) {
    throw std::runtime_error("OpenSSL cannot make a connection: out of memory");
  }
  SSL_set_mode(ssl_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                         SSL_MODE_RELEASE_BUFFERS);
  if (side == Side::server) {
    SSL_set_accept_state(ssl_);
  } else {
    SSL_set_connect_state(ssl_);
    expect_host(ssl_, host_name);
  }
}

Transport::~Transport() { close(); }

bool Transport::established() const { return ssl_ == nullptr || SSL_is_init_finished(ssl_) == 1; }

Io Transport::tls_result(int returned) {
  switch (SSL_get_error(ssl_, returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return {.state = Io::State::blocked, .drained = true};
    case SSL_ERROR_ZERO_RETURN: return {.state = Io::State::ended};
    case SSL_ERROR_SSL: {
      const char* reason = ERR_reason_error_string(ERR_peek_error());
      tls_failure_ = reason != nullptr ? reason : "TLS failed";
      return {.state = Io::State::broken};
    }
    default: errno_ = errno; return {.state = Io::State::broken};
  }
}

Io Transport::read(std::span<char> into) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    const int got = SSL_read(ssl_, into.data(), static_cast<int>(std::min(into.size(), 1UL << 30)));
    if (got <= 0) return tls_result(got);
    return {.state = Io::State::moved, .bytes = static_cast<std::size_t>(got)};
  }
  const ssize_t got = ::recv(socket_.get(), into.data(), into.size(), 0);
  if (got == 0) return {.state = Io::State::ended};
  if (got < 0) return from_errno(errno_ = errno);
  const auto bytes = static_cast<std::size_t>(got);
  return {.state = Io::State::moved, .bytes = bytes, .drained = bytes < into.size()};
}

Io Transport::write(std::span<const iovec> parts) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    const iovec& part = parts.front();
    const int put =
        SSL_write(ssl_, part.iov_base, static_cast<int>(std::min(part.iov_len, 1UL << 30)));
    if (put <= 0) return tls_result(put);
    return {.state = Io::State::moved, .bytes = static_cast<std::size_t>(put)};
  }
  msghdr message = {};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  const ssize_t put = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
  if (put < 0) return from_errno(errno_ = errno);
  return {.state = Io::State::moved, .bytes = static_cast<std::size_t>(put)};
}

Io Transport::send_file(int file, std::uint64_t offset, std::uint64_t length) {
  if (ssl_ != nullptr) {
    std::array<char, tls_file_piece> piece;
    const ssize_t got = ::pread(file, piece.data(), std::min<std::uint64_t>(length, piece.size()),
                                static_cast<off_t>(offset));
    if (got <= 0) return {.state = Io::State::ended};
    const iovec part = {.iov_base = piece.data(), .iov_len = static_cast<std::size_t>(got)};
    return write({&part, 1});
  }
  auto from = static_cast<off_t>(offset);
  const ssize_t put = ::sendfile(socket_.get(), file, &from, std::min(length, send_file_bytes_max));
  if (put < 0) return from_errno(errno_ = errno);
  // The file is shorter than was promised.
  if (put == 0) return {.state = Io::State::ended};
  return {.state = Io::State::moved, .bytes = static_cast<std::size_t>(put)};
}

void Transport::end_writing() {
  if (ssl_ != nullptr && established()) {
    ERR_clear_error();
    SSL_shutdown(ssl_);
  }
  ::shutdown(socket_.get(), SHUT_WR);
}

void Transport::close() {
  if (ssl_ != nullptr) {
    SSL_free(ssl_);
    ssl_ = nullptr;
  }
  socket_.reset();
}

std::string Transport::failure() const {
  return tls_failure_.empty() ? errno_text(errno_) : tls_failure_;
}

}  // namespace slipway::net
