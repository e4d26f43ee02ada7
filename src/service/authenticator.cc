#include "service/authenticator.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "net/socket.h"
#include "service/errors.h"
#include "wire/auth/auth_error.h"

namespace slipway::service {
namespace {

bool is_v2(wire::AuthForm form) {
  return form == wire::AuthForm::v2_header || form == wire::AuthForm::v2_presigned;
}

// What of the query selects the operation though SigV2 does not cover it; empty: nothing. Where a
// header must be there too, that one is covered; and both forms of listing objects are one right.
std::string_view uncovered_by_v2(const wire::Operation* operation) {
  if (operation == nullptr || !operation->match_headers.empty()) return {};
  std::string_view query = operation->request_uri;
  take_until(query, '?');
  while (!query.empty()) {
    std::string_view pair = take_until(query, '&');
    const std::string_view name = take_until(pair, '=');
    if (name != "x-id" && name != "list-type" && !wire::covers_v2(name)) return name;
  }
  return {};
}

// Services whose resources have policies of their own.
bool may_be_public(const wire::Route& route) {
  const std::string_view service = route.schema->service.signing_name;
  return service == "s3" || service == "sqs" || service == "sns";
}

// Operations whose own input is the proof: a subscriber's token.
bool takes_unsigned(const wire::Route& route) {
  return route.operation != nullptr && route.operation->auth_type == "none";
}

// A document comes as a whole: nobody takes it out of chunks.
Result<> refuse_chunks(const wire::SignedRequest& request, wire::PayloadMode payload) {
  if (request.body.value_or("").empty() || payload <= wire::PayloadMode::unsigned_payload)
    return {};
  return wire::refuse(wire::AuthProblem::hash_missing, wire::AuthDialect::s3,
                      "The value of x-amz-content-sha256 header is invalid.");
}

// Of a document: of what is uploaded, the hash is compared at its end.
Result<> compare_hash(const wire::SignedRequest& request, std::string_view announced) {
  if (request.body.value_or("").empty()) return {};
  const auto computed = wire::hex_of(wire::sha256_of(*request.body));
  if (equal_ignoring_case(announced, wire::view_of(computed))) return {};
  return wire::refuse(wire::AuthProblem::body_mismatch, wire::AuthDialect::s3, {},
                      {{"ClientComputedContentSHA256", std::string(announced)},
                       {"S3ComputedContentSHA256", std::string(wire::view_of(computed))}});
}

}  // namespace

wire::AuthDialect dialect_of(const wire::Asked& asked) {
  switch (asked.protocol) {
    case wire::Protocol::rest_xml:
      if (asked.schema->service.s3_style) return wire::AuthDialect::s3;
      return wire::AuthDialect::query;
    case wire::Protocol::query: return wire::AuthDialect::query;
    case wire::Protocol::rest_json: return wire::AuthDialect::rest_json;
    default: return wire::AuthDialect::json;
  }
}

Authenticator::Authenticator(const identity::KeyRing& keys, const Clock& clock,
                             const SiteCheck& sites, KnownSenders& known, AuthMode mode,
                             std::string region, Strangers strangers, identity::UseBook* uses)
    : keys_(keys),
      clock_(clock),
      sites_(sites),
      known_(known),
      mode_(mode),
      region_(std::move(region)),
      strangers_(strangers),
      uses_(uses),
      source_(keys, clock) {}

Result<wire::KeyMaterial> Authenticator::Source::find(std::string_view access_key_id,
                                                      std::string_view session_token) {
  TRY(last_, reader_.find(access_key_id, session_token));
  return wire::KeyMaterial{last_->secret};
}

wire::SignedRequest Authenticator::signed_request(const net::RequestHead& head,
                                                  std::optional<std::string_view> body) {
  headers_.clear();
  for (const net::Header& header : head.headers) headers_.emplace_back(header.name, header.value);
  return {.method = head.method,
          .path = head.path,
          .query = head.query,
          .headers = headers_,
          .body = body};
}

Result<BodySender> Authenticator::look_at(const net::RequestHead& head, const wire::Route& route) {
  const std::string address(net::address_of(head.peer));
  if (mode_ == AuthMode::none) {
    TRY_DO(check_site(head, route));
    return BodySender{{address}, Standing::proven};
  }
  const wire::SignedRequest request = signed_request(head, std::nullopt);
  if (!is_v2(wire::auth_form(request))) {
    TRY(const wire::Authorization claim, wire::parse_authorization(request, dialect_of(route)));
    if (claim.payload == wire::PayloadMode::hashed && claim.content_sha256.empty()) {
      const wire::SignedFor wanted{route.schema->service.signing_name, dialect_of(route)};
      TRY_DO(wire::check_claim(request, claim, wanted, source_, clock_.now()));
      const std::string_view key = claim.scope.access_key_id;
      if (known_.knows(key, address, clock_.monotonic()))
        return BodySender{{fmt::format("{} {}", key, address)}, Standing::proven};
      return BodySender{{std::string(key), net::network_of(address)}, Standing::claimed};
    }
  }
  TRY(const Authenticated authenticated, check(head, route, std::nullopt));
  return BodySender{{authenticated.caller.access_key_id}, Standing::proven};
}

bool Authenticator::names_known_key(const net::RequestHead& head) {
  const wire::SignedRequest request = signed_request(head, std::nullopt);
  const auto claim = wire::parse_authorization(request, wire::AuthDialect::json);
  return claim && source_.find(claim->scope.access_key_id, claim->session_token).has_value();
}

Result<Authenticated> Authenticator::check(const net::RequestHead& head, const wire::Route& route,
                                           std::optional<std::string_view> body) {
  const wire::SignedRequest request = signed_request(head, body);
  const wire::AuthForm form = wire::auth_form(request);
  if (mode_ == AuthMode::none) {
    TRY_DO(check_site(head, route));
    return trusted(request);
  }
  if (takes_unsigned(route) && form == wire::AuthForm::none) {
    TRY_DO(check_site(head, route));
    Authenticated nobody = trusted(request);
    nobody.caller.proof = Proof::none;
    return nobody;
  }
  if (is_v2(form)) return check_v2(request, route);
  auto checked = check_v4(request, {route.schema->service.signing_name, dialect_of(route)});
  if (checked) note_owner(head, route, *checked);
  // Whoever sends credentials of another kind to S3 takes himself for somebody, and is told.
  const bool nobody =
      !checked && form == wire::AuthForm::none && checked.error().kind != "InvalidArgument";
  if (nobody && strangers_ == Strangers::admitted && may_be_public(route))
    return stranger(request, dialect_of(route), std::move(checked).error());
  return checked;
}

Result<Authenticated> Authenticator::check_form(const net::RequestHead& head,
                                                const wire::Route& route, wire::FormFields fields,
                                                wire::FormSignature signature) {
  if (mode_ == AuthMode::none) {
    TRY_DO(check_site(head, route));
    return trusted({.method = head.method, .path = head.path, .headers = {}});
  }
  if (signature == wire::FormSignature::none) {
    auto refusal = wire::refuse(wire::AuthProblem::missing, dialect_of(route));
    if (strangers_ == Strangers::admitted)
      return stranger({.method = head.method, .path = head.path, .headers = {}}, dialect_of(route),
                      std::move(refusal).error());
    return refusal;
  }
  TRY(const wire::VerifiedForm verified, wire::verify_form(fields, signature, source_));
  Caller caller = caller_of_last(verified.region.value_or(region_));
  const bool v4 = signature == wire::FormSignature::v4;
  caller.signature = {v4 ? wire::AuthForm::v4_header : wire::AuthForm::v2_header, verified.time};
  return Authenticated{.caller = std::move(caller), .v4 = std::nullopt};
}

Result<Authenticated> Authenticator::check_page(const net::RequestHead& head,
                                                std::string_view service) {
  const wire::SignedRequest request = signed_request(head, "");
  if (mode_ == AuthMode::none) return trusted(request);
  return check_v4(request, {service, wire::AuthDialect::rest_json});
}

// Where nothing is signed. A page may send a form or plain text to anybody unasked, and not the
// content type that every client of a JSON service sends.
Result<> Authenticator::check_site(const net::RequestHead& head, const wire::Route& route) const {
  const wire::AuthDialect dialect = dialect_of(route);
  if (auto refusal = sites_.refusal(head))
    return wire::refuse(wire::AuthProblem::foreign, dialect, *std::move(refusal));
  const bool json =
      route.protocol == wire::Protocol::json10 || route.protocol == wire::Protocol::json11;
  const std::string_view type = head.headers.get("content-type");
  if (!json || starts_with_ignoring_case(type, "application/x-amz-json-") ||
      starts_with_ignoring_case(type, "application/json"))
    return {};
  return wire::refuse(wire::AuthProblem::foreign, dialect,
                      "A request that is not signed needs the Content-Type of its protocol, "
                      "application/x-amz-json-1.1 or -1.0: web pages may send others unasked.");
}

Result<Authenticated> Authenticator::check_v4(const wire::SignedRequest& request,
                                              const wire::SignedFor& wanted) {
  TRY(const wire::Authorization claim, wire::parse_authorization(request, wanted.dialect));
  TRY(wire::Verified verified, wire::verify(request, claim, wanted, source_, cache_, clock_.now()));
  if (wanted.dialect == wire::AuthDialect::s3) TRY_DO(refuse_chunks(request, verified.payload));
  Caller caller = caller_of_last(verified.region);
  caller.signature = {claim.form, claim.time};
  return Authenticated{.caller = std::move(caller), .v4 = std::move(verified)};
}

Result<Authenticated> Authenticator::check_v2(const wire::SignedRequest& request,
                                              const wire::Route& route) {
  // It names no service, so that only the route can bind it: elsewhere it is no signature at all.
  if (!route.schema->service.s3_style)
    return wire::refuse(wire::AuthProblem::missing, dialect_of(route));
  if (const auto name = uncovered_by_v2(route.operation); !name.empty())
    return wire::refuse(
        wire::AuthProblem::unsupported, wire::AuthDialect::s3,
        fmt::format("Signature version 2 does not cover '{}'; sign with AWS4-HMAC-SHA256.", name));
  TRY_DO(wire::verify_v2(request, source_, clock_.now(), {route.virtual_bucket}));
  Caller caller = caller_of_last(region_);
  caller.signature.form = wire::auth_form(request);
  return Authenticated{.caller = std::move(caller), .v4 = std::nullopt};
}

// Nothing is checked, but the region that a client signed for is still the region that it means,
// and a body that comes in chunks is still taken out of them.
Authenticated Authenticator::trusted(const wire::SignedRequest& request) const {
  Authenticated out{{keys_.root().principal, keys_.root().access_key_id, region_},
                    std::nullopt,
                    wire::ChunkSignatures::passed_over};
  if (const auto mode =
          wire::payload_mode(wire::find_header(request.headers, "x-amz-content-sha256"));
      mode && *mode != wire::PayloadMode::unsigned_payload)
    out.v4 = wire::Verified{.payload = *mode};
  if (wire::auth_form(request) == wire::AuthForm::none) return out;
  const auto claim = wire::parse_authorization(request, wire::AuthDialect::json);
  if (claim && !claim->scope.region.empty()) out.caller.region = claim->scope.region;
  return out;
}

// An address is noted once a minute at most: whoever asks again and again costs no lock.
void Authenticator::note_owner(const net::RequestHead& head, const wire::Route& route,
                               const Authenticated& shown) {
  constexpr std::chrono::minutes note_period{1};
  const std::string& key = shown.caller.access_key_id;
  const std::string_view address = net::address_of(head.peer);
  const Instant now = clock_.monotonic();
  if (noted_ && noted_->access_key_id == key && noted_->address == address &&
      now - noted_->at < note_period)
    return;
  known_.note(key, address, now);
  if (uses_ != nullptr)
    uses_->note(shown.caller.principal, key,
                {.at = clock_.now(),
                 .service = std::string(route.schema->service.signing_name),
                 .region = shown.caller.region},
                now);
  noted_ = Noted{key, std::string(address), now};
}

// Nothing is signed, but what is announced of a body holds as in a signed request: S3 compares it,
// and takes it out of its chunks. Chunks that are signed need somebody who signs.
Result<Authenticated> Authenticator::stranger(const wire::SignedRequest& request,
                                              wire::AuthDialect dialect, Error refusal) const {
  identity::Principal nobody;
  nobody.kind = identity::Principal::Kind::anonymous;
  nobody.name = "anonymous";
  nobody.id = "anonymous";
  Authenticated out{.caller = {.principal = std::move(nobody),
                               .access_key_id = {},
                               .region = region_,
                               .unsigned_refusal = std::move(refusal)},
                    .v4 = std::nullopt};
  const std::string_view announced = wire::find_header(request.headers, "x-amz-content-sha256");
  if (announced.empty() || dialect != wire::AuthDialect::s3) return out;
  const auto mode = wire::payload_mode(announced);
  TRY_DO(refuse_chunks(request, mode.value_or(wire::PayloadMode::hashed)));
  if (!mode) {
    TRY_DO(compare_hash(request, announced));
    out.v4 = wire::Verified{.content_sha256 = to_lower(announced)};
  } else if (*mode == wire::PayloadMode::chunks_trailer) {
    out.v4 = wire::Verified{.payload = *mode};
  } else if (*mode != wire::PayloadMode::unsigned_payload) {
    return wire::refuse(wire::AuthProblem::hash_missing, wire::AuthDialect::s3,
                        "Anonymous requests don't support this x-amz-content-sha256 value. Please "
                        "use UNSIGNED-PAYLOAD or STREAMING-UNSIGNED-PAYLOAD-TRAILER.");
  }
  return out;
}

Caller Authenticator::caller_of_last(std::string_view region) const {
  const identity::Key& key = *source_.last();
  return {key.principal, key.access_key_id, std::string(region)};
}

}  // namespace slipway::service
