// TLS contexts: certificate and key of a server, trust of a client. TLS 1.2 and later.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

struct ssl_ctx_st;

namespace slipway::net {

// Shared by all connections and threads; immutable once made.
class TlsContext {
 public:
  // `cert_path`: PEM, the chain with the server's own certificate first. not_found: a file cannot
  // be read; invalid_argument: it is no PEM, or certificate and key do not belong together.
  static Result<std::shared_ptr<const TlsContext>> server(const std::string& cert_path,
                                                          const std::string& key_path);
  // Trusts the certificates in `ca_path` (PEM), or the system's where it is empty.
  static Result<std::shared_ptr<const TlsContext>> client(const std::string& ca_path = {});

  // Trusts the system's certificates, and a chain that holds up to a certificate in it whose SHA-1
  // is one of `thumbprints` (hex, either case). The name in the server's own counts either way.
  static Result<std::shared_ptr<const TlsContext>> client_pinning(
      std::vector<std::string> thumbprints);

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  ssl_ctx_st* get() const { return context_; }

 private:
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
  std::vector<std::string> thumbprints_ = {};  // lower case
};

}  // namespace slipway::net
