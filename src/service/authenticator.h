// Checks who signed a request. One for each I/O loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "base/result.h"
#include "engine/identity/key_ring.h"
#include "engine/identity/last_used.h"
#include "net/http.h"
#include "service/call.h"
#include "service/known_senders.h"
#include "service/site_check.h"
#include "wire/auth/chunked.h"
#include "wire/auth/form_signature.h"
#include "wire/auth/sigv2.h"
#include "wire/auth/sigv4.h"
#include "wire/route.h"

namespace slipway::service {

// `none` takes every request for the root's own, but for those of strangers' web pages: for test
// suites that sign with dummy keys.
enum class AuthMode : std::uint8_t { strict, none };

// Whether requests that nobody signed go on, where a resource's own policy may let everyone in: to
// buckets, queues and topics. They carry the refusal that they get where none does.
enum class Strangers : std::uint8_t { refused, admitted };

// What a request's signature showed. `v4` is what aws-chunked bodies and announced body hashes are
// held against; absent for SigV2. Where nothing was checked it says only that a body comes in
// chunks, whose signatures are passed over.
struct Authenticated {
  Caller caller;
  std::optional<wire::Verified> v4;
  wire::ChunkSignatures chunk_signatures = wire::ChunkSignatures::checked;
};

// Who sends a body, as far as its head shows: for whom its memory is counted. A key whose owner is
// shown; the key and the address where he signed from there lately; the key and the network where
// it is only claimed.
struct BodySender {
  MemoryBudget::Owners owners;
  Standing standing = Standing::claimed;
};

// The words that a refusal is said in.
wire::AuthDialect dialect_of(const wire::Asked& asked);

// Finds out who sent a request, or why it is not believed. Loop thread only.
class Authenticator {
 public:
  // All that is borrowed outlives it. `region` is the caller's where a request names none. What is
  // signed is noted in `uses`, if it is there.
  Authenticator(const identity::KeyRing& keys, const Clock& clock, const SiteCheck& sites,
                KnownSenders& known, AuthMode mode, std::string region,
                Strangers strangers = Strangers::refused, identity::UseBook* uses = nullptr);

  // Verifies that the request is signed, and for the service of the route; `body` where it is at
  // hand (absent: it streams in later, and the caller compares v4->content_sha256 then). Refuses in
  // the dialect of the route, with the status that wire::auth_status knows.
  Result<Authenticated> check(const net::RequestHead& head, const wire::Route& route,
                              std::optional<std::string_view> body);

  // As check(), for a form, which is signed by its fields and by no header.
  Result<Authenticated> check_form(const net::RequestHead& head, const wire::Route& route,
                                   wire::FormFields fields, wire::FormSignature signature);

  // Checks all that the head alone can show of a request whose body is yet to come: its signature
  // where the body's hash is announced, and else that key, scope and date hold. Refuses as check()
  // does; a request without a signature too, whatever its operation would take.
  Result<BodySender> look_at(const net::RequestHead& head, const wire::Route& route);

  // Whether the head names an access key that there is: nothing shows that its owner sent it.
  bool names_known_key(const net::RequestHead& head);

  // As check(), for a page of the server's own that wants a key: signed for `service`, which no
  // route says.
  Result<Authenticated> check_page(const net::RequestHead& head, std::string_view service);

 private:
  // The key ring, as the signature checker asks for secrets; remembers whom the last key speaks
  // for.
  class Source final : public wire::KeySource {
   public:
    Source(const identity::KeyRing& keys, const Clock& clock) : reader_(keys, clock) {}
    Result<wire::KeyMaterial> find(std::string_view access_key_id,
                                   std::string_view session_token) override;
    const identity::Key* last() const { return last_; }

   private:
    identity::KeyReader reader_;
    const identity::Key* last_ = nullptr;
  };

  wire::SignedRequest signed_request(const net::RequestHead& head,
                                     std::optional<std::string_view> body);
  Result<Authenticated> check_v4(const wire::SignedRequest& request, const wire::SignedFor& wanted);
  Result<Authenticated> check_v2(const wire::SignedRequest& request, const wire::Route& route);
  Result<> check_site(const net::RequestHead& head, const wire::Route& route) const;
  Authenticated trusted(const wire::SignedRequest& request) const;
  Result<Authenticated> stranger(const wire::SignedRequest& request, wire::AuthDialect dialect,
                                 Error refusal) const;
  Caller caller_of_last(std::string_view region) const;
  void note_owner(const net::RequestHead& head, const wire::Route& route,
                  const Authenticated& shown);

  const identity::KeyRing& keys_;
  const Clock& clock_;
  const SiteCheck& sites_;
  KnownSenders& known_;
  const AuthMode mode_;
  const std::string region_;
  const Strangers strangers_;
  identity::UseBook* const uses_;
  Source source_;
  wire::SigningKeyCache cache_;
  std::vector<wire::HeaderPair> headers_;  // reused from request to request
  // Who was noted last, and when: most requests come from him again.
  struct Noted {
    std::string access_key_id;
    std::string address;
    Instant at;
  };
  std::optional<Noted> noted_;
};

}  // namespace slipway::service
