#include "service/instance_credentials.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/log.h"
#include "base/text.h"
#include "service/arn.h"
#include "service/execution_role.h"
#include "wire/json_writer.h"

namespace slipway::service {
namespace {

constexpr std::string_view token_purpose = "instance credentials";
// Between the parts of a claim and of a token; neither instance keys nor ARNs hold them.
constexpr char between_parts = '\n';
constexpr char before_mac = '.';

std::unexpected<Error> bad_token() {
  return fail(ErrorCode::unauthenticated, "The token is not one of an instance of this server.");
}

net::Response json_response(int status, std::string text) {
  net::Response response{.status = status, .headers = {}, .body = std::move(text)};
  response.headers.add("Content-Type", "application/json");
  response.headers.add("Cache-Control", "no-store");
  return response;
}

std::string json_text(std::string_view text) {
  std::string out;
  wire::write_json_string(text, out);
  return out;
}

net::Response refused(int status, std::string_view code, std::string_view message) {
  return json_response(
      status, fmt::format(R"({{"code":{},"message":{}}})", json_text(code), json_text(message)));
}

std::string text_of(const identity::Session& session, std::string_view account) {
  return fmt::format(
      R"({{"AccessKeyId":{},"SecretAccessKey":{},"Token":{},"Expiration":{},"AccountId":{}}})",
      json_text(session.keys.access_key_id), json_text(session.keys.secret),
      json_text(session.token), json_text(to_iso8601(session.expires)), json_text(account));
}

constexpr store::Migration steps[] = {
    {"service/instance_credentials", 1,
     "CREATE TABLE instance_credentials(one INTEGER PRIMARY KEY CHECK(one = 1),"
     "  port INTEGER NOT NULL);"},
};

struct Refusal {
  int status;
  std::string_view code;
};
Refusal refusal_of(ErrorCode code) {
  if (code == ErrorCode::not_found) return {404, "NoSuchEntity"};
  if (code == ErrorCode::permission_denied) return {403, "AccessDenied"};
  return {500, "InternalFailure"};
}

}  // namespace

std::uint16_t remembered_port(store::Transaction& tx) {
  auto rows = tx.query("SELECT port FROM instance_credentials");
  return rows.next() ? static_cast<std::uint16_t>(rows.integer(0)) : 0;
}

void remember_port(store::Transaction& tx, std::uint16_t port) {
  tx.run("INSERT OR REPLACE INTO instance_credentials VALUES(1, ?1)", port);
}

std::span<const store::Migration> instance_credentials_migrations() { return steps; }

InstanceTokens::InstanceTokens(const identity::KeyRing& keys)
    : key_(keys.derived_key(token_purpose)) {}

std::string InstanceTokens::mac_of(std::string_view claim) const {
  return std::string(wire::view_of(wire::hex_of(wire::HmacKey(key_).sign(claim))));
}

std::string InstanceTokens::make(const InstanceClaim& claim) const {
  const std::string text = claim.instance + between_parts + claim.role;
  return to_base64(text) + before_mac + mac_of(text);
}

Result<InstanceClaim> InstanceTokens::read(std::string_view token) const {
  if (token.size() > instance_token_bytes_max) return bad_token();
  const auto claim = from_base64(take_until(token, before_mac));
  if (!claim || !wire::equal_in_constant_time(token, mac_of(*claim))) return bad_token();
  std::string_view role = *claim;
  const std::string_view instance = take_until(role, between_parts);
  return InstanceClaim{.instance = std::string(instance), .role = std::string(role)};
}

InstanceCredentials::InstanceCredentials(Needs needs)
    : needs_(std::move(needs)), tokens_(needs_.keys) {}

std::map<std::string, std::string> InstanceCredentials::environment(
    const InstanceClaim& claim, std::string_view address) const {
  return {{"AWS_CONTAINER_CREDENTIALS_FULL_URI",
           fmt::format("http://{}{}", address, instance_credentials_path)},
          {"AWS_CONTAINER_AUTHORIZATION_TOKEN", tokens_.make(claim)}};
}

// No SDK sends Origin: who does is a browser.
void InstanceCredentials::on_request(net::Request&& request, net::Responder&& responder) {
  if (request.path() != instance_credentials_path || request.method() != "GET" ||
      request.headers().find("origin"))
    return responder.send(refused(404, "NotFound", "There is nothing at this path."));
  const auto token = request.headers().find("authorization");
  if (!token || token->empty())
    return responder.send(refused(
        401, "AccessDenied", "The header Authorization with the instance's token is missing."));
  auto claim = tokens_.read(*token);
  if (!claim) return responder.send(refused(403, "AccessDenied", claim.error().message));
  if (!needs_.is_running(claim->instance))
    return responder.send(refused(403, "AccessDenied", "The instance of this token has ended."));
  needs_.workers.post([this, claim = *std::move(claim), held = std::move(responder)]() mutable {
    try {
      held.send(answer_for(claim));
    } catch (const std::exception& bug) {
      log_error("credentials", "an instance gets none", {{"why", bug.what()}});
    }
  });
}

net::Response InstanceCredentials::answer_for(const InstanceClaim& claim) const {
  const auto session = issue(claim);
  if (session) return json_response(200, text_of(*session, parse_arn(claim.role)->account));
  const auto [status, code] = refusal_of(session.error().code);
  return refused(status, code, session.error().message);
}

Result<identity::Session> InstanceCredentials::issue(const InstanceClaim& claim) const {
  TRY(const auto role, needs_.store.read([&](store::Transaction& tx) {
    return find_execution_role(tx, claim.role);
  }));
  if (!role)
    return fail(ErrorCode::not_found,
                fmt::format("The execution role {} does not exist: create it with iam create-role "
                            "and this address answers with its credentials.",
                            claim.role));
  const Moment ends = identity::expiry(needs_.clock.moment(), instance_credentials_life);
  TRY(identity::Principal session,
      assume_execution_role(*role, ends.civil - instance_credentials_life));
  return needs_.keys.issue(std::move(session), ends, needs_.random);
}

}  // namespace slipway::service
