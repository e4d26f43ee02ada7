#include "net/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "base/text.h"

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

bool is_pinned(X509* certificate, const std::vector<std::string>& thumbprints) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha1(), digest.data(), &size) != 1) return false;
  const std::string hex = to_hex({reinterpret_cast<const char*>(digest.data()), size});
  return std::ranges::find(thumbprints, hex) != thumbprints.end();
}

X509* pinned_certificate(X509_STORE_CTX* chain, const std::vector<std::string>& thumbprints) {
  X509* const own = X509_STORE_CTX_get0_cert(chain);
  if (is_pinned(own, thumbprints)) return own;
  STACK_OF(X509)* const others = X509_STORE_CTX_get0_untrusted(chain);
  for (int i = 0; i < sk_X509_num(others); ++i)
    if (is_pinned(sk_X509_value(others, i), thumbprints)) return sk_X509_value(others, i);
  return nullptr;
}

// Whether the server's chain leads to `anchor`: that it holds the certificate proves nothing, which
// everybody may copy.
bool leads_to(X509* anchor, X509_STORE_CTX* chain) {
  const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(),
                                                                      X509_STORE_free);
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> again(X509_STORE_CTX_new(),
                                                                              X509_STORE_CTX_free);
  if (!store || !again || X509_STORE_add_cert(store.get(), anchor) != 1 ||
      X509_STORE_CTX_init(again.get(), store.get(), X509_STORE_CTX_get0_cert(chain),
                          X509_STORE_CTX_get0_untrusted(chain)) != 1)
    return false;
  X509_VERIFY_PARAM* const rules = X509_STORE_CTX_get0_param(again.get());
  if (X509_VERIFY_PARAM_set1(rules, X509_STORE_CTX_get0_param(chain)) != 1) return false;
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
  const bool holds = X509_verify_cert(again.get()) == 1;
  X509_STORE_CTX_set_error(chain, X509_STORE_CTX_get_error(again.get()));
  return holds;
}

int verify_pinned(X509_STORE_CTX* chain, void* thumbprints) {
  if (X509_verify_cert(chain) == 1) return 1;
  X509* const anchor =
      pinned_certificate(chain, *static_cast<const std::vector<std::string>*>(thumbprints));
  return anchor != nullptr && leads_to(anchor, chain) ? 1 : 0;
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

Result<std::shared_ptr<const TlsContext>> TlsContext::client_pinning(
    std::vector<std::string> thumbprints) {
  TRY(ssl_ctx_st * context, make_context(TLS_client_method()));
  const std::shared_ptr<TlsContext> made(new TlsContext(context));
  for (std::string& thumbprint : thumbprints) thumbprint = to_lower(thumbprint);
  made->thumbprints_ = std::move(thumbprints);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_default_verify_paths(context);
  SSL_CTX_set_cert_verify_callback(context, verify_pinned, &made->thumbprints_);
  return made;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

}  // namespace slipway::net
