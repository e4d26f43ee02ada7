#include "service/query_headers.h"

#include <algorithm>
#include <vector>

#include "base/encoding.h"
#include "base/text.h"
#include "wire/auth/checksum.h"
#include "wire/auth/sigv4.h"

namespace slipway::service {
namespace {

// How the URL is signed, which of the query's names are no headers. "Expires" is SigV2's.
constexpr std::string_view signature_names[] = {
    "x-amz-algorithm",      "x-amz-credential",     "x-amz-date",
    "x-amz-expires",        "x-amz-signedheaders",  "x-amz-signature",
    "x-amz-content-sha256", "x-amz-security-token", "expires"};

bool is_signatures_own(std::string_view name) {
  return std::ranges::any_of(signature_names,
                             [&](std::string_view own) { return equal_ignoring_case(own, name); });
}

// What a presigner says that had no body when it signed, as the SDK for JavaScript does in each of
// its URLs for an upload: the checksum of no bytes.
bool is_checksum_of_nothing(std::string_view name, std::string_view value) {
  const auto algorithm = wire::checksum_of_header(name);
  return algorithm && value == wire::checksum_base64(*algorithm, {});
}

bool is_presigned(const net::Request& request) {
  std::vector<wire::HeaderPair> headers;
  if (const auto authorization = request.headers().find("authorization"))
    headers.emplace_back("authorization", *authorization);
  const wire::AuthForm form =
      wire::auth_form({.method = request.method(), .query = request.query(), .headers = headers});
  return form == wire::AuthForm::v4_presigned || form == wire::AuthForm::v2_presigned;
}

}  // namespace

bool reads_header(const wire::Operation& operation, std::string_view name) {
  return operation.input != nullptr &&
         std::ranges::any_of(operation.input->members, [&](const wire::Member& member) {
           if (member.location == wire::Location::headers_with_prefix)
             return starts_with_ignoring_case(name, member.wire_name);
           return member.location == wire::Location::header &&
                  equal_ignoring_case(member.wire_name, name);
         });
}

void take_query_headers(net::Request& request, const wire::Route& route) {
  if (request.query().empty() || !route.schema->service.s3_style || !is_presigned(request)) return;
  net::Fields taken;
  std::string_view query = request.query();
  while (!query.empty()) {
    std::string_view pair = take_until(query, '&');
    const std::string name = percent_decode(take_until(pair, '='), PlusSign::space);
    if (is_signatures_own(name)) continue;
    const std::string value = percent_decode(pair, PlusSign::space);
    if (is_checksum_of_nothing(name, value)) continue;
    if (starts_with_ignoring_case(name, "x-amz-") || reads_header(*route.operation, name))
      taken.add(name, value);
  }
  if (!taken.empty()) request.put_headers(std::move(taken));
}

}  // namespace slipway::service
