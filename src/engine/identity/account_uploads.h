// What an account uploads: certificates for servers and the metadata of SAML providers. Nothing
// here serves with the one or signs in by the other: they are kept and shown.
// Errors and what these share with others: owners.h.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/identity/owners.h"
#include "engine/identity/users.h"
#include "store/store.h"

namespace slipway::identity {

inline constexpr std::size_t server_certificates_max = 20;
inline constexpr std::size_t saml_providers_max = 100;

// Without its private key, which nothing here would use: it is looked at when it comes, and not
// kept.
struct ServerCertificate {
  std::string account;
  std::string name;
  std::string path = "/";
  std::string id;  // never used again
  std::string body;
  std::string chain = {};  // empty: none
  Timestamp expires{};
  Timestamp created{};
};

Result<> create_server_certificate(store::Transaction& tx, const ServerCertificate& certificate,
                                   std::span<const Tag> tags);
Result<ServerCertificate> find_server_certificate(store::Transaction& tx, std::string_view account,
                                                  std::string_view name);
// Without what was uploaded, which may be megabytes.
Page<ServerCertificate> list_server_certificates(store::Transaction& tx, std::string_view account,
                                                 const PageRequest& page);
// A new name, a new path; the id stays. already_exists.
Result<> move_server_certificate(store::Transaction& tx, const ServerCertificate& certificate,
                                 const Move& to);
void delete_server_certificate(store::Transaction& tx, const ServerCertificate& certificate);

// Kept and shown: nobody is let in by its word.
struct SamlProvider {
  std::string account;
  std::string name;
  std::string id;  // never used again
  std::string metadata;
  Timestamp ends{};
  Timestamp created{};
};

Result<> create_saml_provider(store::Transaction& tx, const SamlProvider& provider,
                              std::span<const Tag> tags);
Result<SamlProvider> find_saml_provider(store::Transaction& tx, std::string_view account,
                                        std::string_view name);
// All of them, without their metadata: an account has few.
std::vector<SamlProvider> list_saml_providers(store::Transaction& tx, std::string_view account);
// Its metadata and its end.
void update_saml_provider(store::Transaction& tx, const SamlProvider& provider);
void delete_saml_provider(store::Transaction& tx, const SamlProvider& provider);

}  // namespace slipway::identity
