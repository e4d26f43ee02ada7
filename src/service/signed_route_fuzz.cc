// Requests whose signature is good, with anything beside what it covers: whatever is accepted is an
// operation of the service that was signed for, and the same one without what was not signed.
//
// The input: a byte for the form of the signature, one for the service in its scope, one for the
// body's hash; then lines METHOD, PATH, QUERY and headers; after a line "%" come headers that the
// signature does not cover, after an empty one the body.
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "base/random.h"
#include "gen/services.h"
#include "service/authenticator.h"

namespace slipway::service {
namespace {

using Pair = std::pair<std::string, std::string>;

enum class Form : std::uint8_t { header, presigned, v2_presigned, as_it_came };
constexpr std::size_t forms = 4;

constexpr std::string_view region = "us-east-1";
constexpr std::chrono::seconds presigned_for{600};
constexpr std::size_t headers_max = 64;

void check(bool holds) {
  if (!holds) __builtin_trap();
}

// What a test of the wire has as text, owned.
struct Draft {
  Form form = Form::header;
  std::string scope;
  bool body_is_hashed = true;
  std::string method, path, query;
  std::vector<Pair> signed_headers, other_headers;
  std::string body;
};

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

const std::vector<std::string>& signing_names() {
  static const std::vector<std::string> names = [] {
    std::set<std::string> known = {"execute-api", "s3express"};
    for (const wire::Schema* schema : aws::schemas()) known.emplace(schema->service.signing_name);
    return std::vector<std::string>(known.begin(), known.end());
  }();
  return names;
}

Draft read_draft(std::string_view text) {
  const auto take = [&] {
    const auto byte = text.empty() ? 0 : static_cast<std::uint8_t>(text.front());
    text.remove_prefix(std::min<std::size_t>(1, text.size()));
    return byte;
  };
  Draft draft;
  draft.form = static_cast<Form>(take() % forms);
  draft.scope = signing_names()[static_cast<std::size_t>(take()) % signing_names().size()];
  draft.body_is_hashed = take() % 2 == 0;
  draft.method = take_line(text);
  draft.path = take_line(text);
  draft.query = take_line(text);
  std::vector<Pair>* headers = &draft.signed_headers;
  while (!text.empty() && draft.signed_headers.size() + draft.other_headers.size() < headers_max) {
    const std::string_view line = take_line(text);
    if (line.empty()) break;
    if (line == "%") headers = &draft.other_headers;
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    headers->emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  draft.body = text;
  return draft;
}

std::vector<wire::HeaderPair> views_of(const std::vector<Pair>& headers) {
  return {headers.begin(), headers.end()};
}

// Whom the server knows, and its authenticator.
class Bench {
 public:
  // The draft, signed and sent.
  void send(Draft draft) {
    const std::vector<Pair> unsigned_headers = std::exchange(draft.other_headers, {});
    if (draft.form != Form::as_it_came) sign(draft);
    std::vector<Pair> all = draft.signed_headers;
    all.insert(all.end(), unsigned_headers.begin(), unsigned_headers.end());
    const wire::Route route = find(draft, all);
    if (!route.found()) return;
    if (!accepts(draft, all, route)) return;
    if (route.operation != nullptr && route.operation->auth_type == "none" &&
        draft.form == Form::as_it_came)
      return;  // its input is the proof
    check(draft.form != Form::as_it_came);
    check(route.schema->service.signing_name == draft.scope);
    if (!draft.body_is_hashed || draft.form == Form::v2_presigned) check(draft.scope == "s3");
    check(find(draft, draft.signed_headers).operation == route.operation);
  }

 private:
  static std::filesystem::path new_folder() {
    std::string folder = std::filesystem::temp_directory_path() / "slipway_route_fuzz_XXXXXX";
    check(::mkdtemp(folder.data()) != nullptr);
    return folder;
  }

  wire::Route find(const Draft& draft, const std::vector<Pair>& headers) {
    views_.clear();
    for (const auto& [name, value] : headers) views_.push_back({name, value});
    return router_.find({.method = draft.method,
                         .path = draft.path,
                         .query = draft.query,
                         .headers = views_,
                         .body = draft.body});
  }

  bool accepts(const Draft& draft, const std::vector<Pair>& headers, const wire::Route& route) {
    std::vector<net::Header> fields;
    for (const auto& [name, value] : headers) fields.push_back({name, value});
    const std::string target = draft.path + (draft.query.empty() ? "" : "?" + draft.query);
    net::RequestHead head{.method = draft.method,
                          .target = target,
                          .path = draft.path,
                          .query = draft.query,
                          .headers = net::Headers(fields),
                          .peer = "192.0.2.1:4000",
                          .content_length = draft.body.size()};
    return authenticator_.check(head, route, draft.body).has_value();
  }

  void sign(Draft& draft) {
    const identity::Key& root = keys_->root();
    const wire::Credentials credentials{root.access_key_id, root.secret};
    const wire::SigningTarget target{region, draft.scope};
    const auto headers = views_of(draft.signed_headers);
    wire::SignedRequest request{draft.method, draft.path, draft.query, headers};
    if (draft.form == Form::header) {
      if (draft.body_is_hashed) request.body = draft.body;
      for (auto& added : wire::sign(request, credentials, target, clock_.now()))
        draft.signed_headers.push_back(std::move(added));
    } else if (draft.form == Form::presigned) {
      draft.body_is_hashed = draft.scope != "s3";
      if (draft.body_is_hashed) request.body = draft.body;
      draft.query = wire::presign(request, credentials, target, clock_.now(), presigned_for);
      leave_host_alone_signed(draft);
    } else {
      draft.scope = "s3";
      draft.query += sign_v2(request, credentials, draft.query.empty() ? "" : "&");
    }
  }

  // A presigned URL covers the Host header and no other.
  static void leave_host_alone_signed(Draft& draft) {
    std::erase_if(draft.signed_headers, [](const Pair& header) { return header.first != "Host"; });
  }

  std::string sign_v2(const wire::SignedRequest& request, const wire::Credentials& credentials,
                      std::string_view separator) const {
    const auto expires = std::chrono::floor<std::chrono::seconds>(clock_.now()) + presigned_for;
    const std::string until = std::to_string(expires.time_since_epoch().count());
    const std::string text = wire::string_to_sign_v2(request, until);
    const std::string& secret = credentials.secret_access_key;
    std::string digest(EVP_MAX_MD_SIZE, '\0');
    unsigned int bytes = 0;
    HMAC(EVP_sha1(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(digest.data()), &bytes);
    digest.resize(bytes);
    return fmt::format("{}AWSAccessKeyId={}&Expires={}&Signature={}", separator,
                       credentials.access_key_id, until, percent_encode(to_base64(digest)));
  }

  ManualClock clock_;
  SeededRandom random_{1};  // the same keys every time: what an input did it does again
  std::unique_ptr<identity::KeyRing> keys_ =
      identity::KeyRing::open(new_folder(),
                              {.kind = identity::Principal::Kind::root,
                               .account = "000000000000",
                               .name = "arn:aws:iam::000000000000:root",
                               .id = "000000000000"},
                              random_)
          .value();
  const wire::OperationRouter router_{aws::schemas()};
  const SiteCheck sites_;
  KnownSenders known_;
  Authenticator authenticator_{*keys_, clock_,           sites_,
                               known_, AuthMode::strict, std::string(region)};
  std::vector<wire::HeaderView> views_;
};

}  // namespace
}  // namespace slipway::service

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static slipway::service::Bench bench;
  bench.send(slipway::service::read_draft({reinterpret_cast<const char*>(data), size}));
  return 0;
}
