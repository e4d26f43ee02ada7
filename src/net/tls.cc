#include "net/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

namespace slipway::net {
namespace {

std::string openssl_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason != nullptr ? reason : "unknown reason";
}

Result<> check_readable(const std::string& path, std::string_view what) {
  if (::access(path.c_str(), R_OK) == 0) return {};
  return fail(ErrorCode::not_found, fmt::format("cannot read the {} '{}'", what, path));
}

std::unexpected<Error> refuse(std::string_view what, const std::string& path) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is not usable as {}: {}", path, what, openssl_reason()));
}

Result<ssl_ctx_st*> make_context(const SSL_METHOD* method) {
  SSL_CTX* context = SSL_CTX_new(method);
  if (context == nullptr) {
    return fail(ErrorCode::internal, "OpenSSL cannot start: " + openssl_reason());
  }
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // A stranger must not be able to make the server do handshakes without end on one connection.
  SSL_CTX_set_options(
      context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  return context;
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::server(const std::string& cert_path,
                                                             const std::string& key_path) {
  TRY_DO(check_readable(cert_path, "TLS certificate"));
  TRY_DO(check_readable(key_path, "TLS key"));
  TRY(ssl_ctx_st * context, make_context(TLS_server_method()));
  std::shared_ptr<const TlsContext> made(new TlsContext(context));
  if (SSL_CTX_use_certificate_chain_file(context, cert_path.c_str()) != 1) {
    return refuse("a TLS certificate (PEM)", cert_path);
  }
  if (SSL_CTX_use_PrivateKey_file(context, key_path.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return refuse("the certificate's key (PEM)", key_path);
  }
  return made;
}

Result<std::shared_ptr<const TlsContext>> TlsContext::client(const std::string& ca_path) {
  TRY(ssl_ctx_st * context, make_context(TLS_client_method()));
  std::shared_ptr<const TlsContext> made(new TlsContext(context));
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (ca_path.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    return made;
  }
  TRY_DO(check_readable(ca_path, "certificate to trust"));
  if (SSL_CTX_load_verify_locations(context, ca_path.c_str(), nullptr) != 1) {
    return refuse("certificates to trust (PEM)", ca_path);
  }
  return made;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

}  // namespace slipway::net
