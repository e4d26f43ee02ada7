// Every operation in each of its protocols, signed for every service in every form: only the right
// scope gets through, and the others are refused in the words of the route.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/encoding.h"
#include "base/test_folder.h"
#include "gen/services.h"
#include "service/authenticator.h"
#include "wire/auth/canonical.h"
#include "wire/schema_loader.h"

namespace slipway::service {
namespace {

using wire::AuthDialect;
using wire::Protocol;

// Beside the signing names of all services: names that look like one, and of services that there
// are not.
constexpr std::string_view strange_scopes[] = {
    "s3express",         "S3",           "sagemaker-runtime",
    "runtime.sagemaker", "dynamodb",     "lambda",
    "monitorin",         "aws4_request", "-"};

// No service of Slipway's speaks CBOR yet; this one does.
constexpr std::string_view cbor_model = R"({
  "version": "2.0",
  "metadata": {"apiVersion": "2010-08-01", "endpointPrefix": "monitoring", "protocol": "json",
    "protocols": ["smithy-rpc-v2-cbor", "json", "query"], "jsonVersion": "1.0",
    "targetPrefix": "Granite", "serviceId": "Watch", "signatureVersion": "v4",
    "xmlNamespace": "http://monitoring.example/doc/2010-08-01/"},
  "operations": {"PutAlarm": {"name": "PutAlarm", "http": {"method": "POST", "requestUri": "/"}}},
  "shapes": {}})";

enum class Form : std::uint8_t { header, presigned, v2_header, v2_presigned };

struct Made {
  std::string method = "POST";
  std::string path = "/";
  std::string query = {};
  std::vector<std::pair<std::string, std::string>> headers = {{"Host", "127.0.0.1:4566"}};
  std::string body = {};

  std::vector<wire::HeaderPair> pairs() const { return {headers.begin(), headers.end()}; }
};

// "/{Bucket}/{Key+}" is "/label/label".
std::string filled_in(std::string_view uri) {
  std::string out;
  while (!uri.empty()) {
    const auto open = uri.find('{');
    out += uri.substr(0, open);
    if (open == std::string_view::npos) break;
    out += "label";
    uri.remove_prefix(uri.find('}') + 1);
  }
  return out;
}

Made rest_request(const wire::Operation& operation) {
  const std::string uri = filled_in(operation.request_uri);
  const auto mark = std::min(uri.find('?'), uri.size());
  Made made{.method = std::string(operation.method), .path = uri.substr(0, mark)};
  if (mark < uri.size()) made.query = uri.substr(mark + 1);
  const auto ask = [&](std::string_view name) {
    made.query += fmt::format("{}{}=1", made.query.empty() ? "" : "&", name);
  };
  for (const std::string_view name : operation.match_query) ask(name);
  for (const std::string_view name : operation.match_headers) made.headers.emplace_back(name, "1");
  return made;
}

Made request_of(const wire::Operation& operation, Protocol protocol) {
  const wire::Service& service = operation.schema->service;
  Made made;
  switch (protocol) {
    case Protocol::json10:
    case Protocol::json11:
      made.headers.emplace_back("X-Amz-Target",
                                fmt::format("{}.{}", service.target_prefix, operation.name));
      made.headers.emplace_back("Content-Type", protocol == Protocol::json10
                                                    ? "application/x-amz-json-1.0"
                                                    : "application/x-amz-json-1.1");
      return made;
    case Protocol::query:
      made.query = fmt::format("Action={}&Version={}", operation.name, service.api_version);
      return made;
    case Protocol::cbor:
      made.path = fmt::format("/service/{}/operation/{}", service.target_prefix, operation.name);
      made.headers.emplace_back("Smithy-Protocol", "rpc-v2-cbor");
      return made;
    default: return rest_request(operation);
  }
}

// Whether the wire alone does not tell the operation from another: the older form of one, or the
// same under another host.
bool has_twin(const wire::Operation& operation) {
  if (operation.name == "ListDirectoryBuckets") return true;
  const bool plain = operation.match_query.empty() && operation.match_headers.empty();
  return std::ranges::any_of(operation.schema->operations, [&](const wire::Operation& other) {
    return plain && operation.request_uri != "/" && other.name != operation.name &&
           other.method == operation.method && other.request_uri == operation.request_uri;
  });
}

std::string sha1_of(std::string_view secret, std::string_view text) {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned bytes = 0;
  ::HMAC(::EVP_sha1(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(digest.data()), &bytes);
  digest.resize(bytes);
  return to_base64(digest);
}

class ScopeTable : public testing::Test {
 protected:
  ScopeTable()
      : cbor_service_(wire::load_schema(cbor_model).value()),
        schemas_(aws::schemas().begin(), aws::schemas().end()) {
    schemas_.push_back(&cbor_service_->schema());
    router_.emplace(schemas_);
    keys_ = identity::KeyRing::open(
                data_.path(), {identity::Principal::Kind::root, "000000000000", "arn:root", "0"},
                random_)
                .value();
    authenticator_.emplace(*keys_, clock_, sites_, known_, AuthMode::strict, "us-east-1");
    scopes_.insert(std::begin(strange_scopes), std::end(strange_scopes));
    for (const wire::Schema* schema : schemas_) scopes_.insert(schema->service.signing_name);
  }

  void sign(Made& made, std::string_view scope, Form form) const {
    const auto pairs = made.pairs();
    const bool s3 = wire::path_rule(scope) == wire::PathRule::as_it_stands;
    wire::SignedRequest request{
        .method = made.method, .path = made.path, .query = made.query, .headers = pairs};
    if (!s3 || form == Form::header) request.body = made.body;
    const wire::Credentials root{keys_->root().access_key_id, keys_->root().secret};
    const std::string date = to_http_date(clock_.now());
    const std::string end =
        std::to_string(clock_.now().time_since_epoch() / std::chrono::seconds(1) + 60);
    switch (form) {
      case Form::header: {
        for (auto& header : wire::sign(request, root, {"eu-west-1", scope}, clock_.now()))
          made.headers.push_back(std::move(header));
        return;
      }
      case Form::presigned:
        made.query = wire::presign(request, root, {"eu-west-1", scope}, clock_.now(),
                                   std::chrono::seconds(60));
        return;
      case Form::v2_header:
        made.headers.emplace_back(
            "Authorization",
            fmt::format("AWS {}:{}", root.access_key_id,
                        sha1_of(root.secret_access_key, wire::string_to_sign_v2(request, date))));
        made.headers.emplace_back("Date", date);
        return;
      case Form::v2_presigned:
        made.query += fmt::format(
            "{}AWSAccessKeyId={}&Expires={}&Signature={}", made.query.empty() ? "" : "&",
            root.access_key_id, end,
            percent_encode(sha1_of(root.secret_access_key, wire::string_to_sign_v2(request, end))));
        return;
    }
  }

  struct Outcome {
    wire::Route route;
    std::optional<Error> refused;  // nothing: it got through
  };
  Outcome ask(const Made& made) {
    std::vector<wire::HeaderView> views;
    std::vector<net::Header> headers;
    for (const auto& [name, value] : made.headers) {
      views.push_back({name, value});
      headers.push_back({name, value});
    }
    Outcome out{.route = router_->find({made.method, made.path, made.query, views, made.body})};
    if (out.route.operation == nullptr) return out;
    const std::string target = made.query.empty() ? made.path : made.path + '?' + made.query;
    const net::Request request = net::Request::make(made.method, target, headers, made.body);
    auto checked = authenticator_->check(request.head(), out.route, request.body());
    if (!checked) out.refused = std::move(checked).error();
    return out;
  }

  void expect_words(const Outcome& outcome, std::string_view scope, Form form);
  void check(const wire::Operation& operation, Protocol protocol, std::string_view scope,
             Form form);
  void check(const wire::Operation& operation, Protocol protocol);

  ManualClock clock_{parse_iso8601_basic("20240501T120000Z").value()};
  SystemRandom random_;
  TestFolder data_;
  std::unique_ptr<wire::LoadedSchema> cbor_service_;
  std::vector<const wire::Schema*> schemas_;
  std::optional<wire::OperationRouter> router_;
  std::unique_ptr<identity::KeyRing> keys_;
  SiteCheck sites_;
  KnownSenders known_;
  std::optional<Authenticator> authenticator_;
  std::set<std::string_view> scopes_;
  std::size_t through_ = 0;
  std::size_t refused_ = 0;
};

// What the refusal of a scope that is not the route's must be.
void ScopeTable::expect_words(const Outcome& outcome, std::string_view scope, Form form) {
  const AuthDialect dialect = dialect_of(outcome.route);
  const std::string_view right = outcome.route.schema->service.signing_name;
  const int status = wire::auth_status(*outcome.refused, dialect);
  const bool v2 = form == Form::v2_header || form == Form::v2_presigned;
  if (v2) {
    EXPECT_TRUE(outcome.refused->kind.starts_with("MissingAuthenticationToken"));
    EXPECT_EQ(status, dialect == AuthDialect::json ? 400 : 403);
  } else if (dialect == AuthDialect::s3) {
    const bool header = form == Form::header;
    EXPECT_EQ(outcome.refused->kind,
              header ? "AuthorizationHeaderMalformed" : "AuthorizationQueryParametersError");
    EXPECT_EQ(outcome.refused->message,
              fmt::format("{}incorrect service \"{}\". This endpoint belongs to \"s3\".",
                          header ? "The authorization header is malformed; "
                                 : "Error parsing the X-Amz-Credential parameter; ",
                          scope));
    EXPECT_EQ(status, 400);
  } else {
    EXPECT_EQ(outcome.refused->kind, dialect == AuthDialect::query ? "SignatureDoesNotMatch"
                                                                   : "InvalidSignatureException");
    EXPECT_EQ(outcome.refused->message,
              fmt::format("Credential should be scoped to correct service: '{}'. ", right));
    EXPECT_EQ(status, dialect == AuthDialect::json ? 400 : 403);
  }
}

void ScopeTable::check(const wire::Operation& operation, Protocol protocol, std::string_view scope,
                       Form form) {
  SCOPED_TRACE(fmt::format("{}.{} protocol {} scope {} form {}", operation.schema->service.name,
                           operation.name, static_cast<int>(protocol), scope,
                           static_cast<int>(form)));
  const bool v2 = form == Form::v2_header || form == Form::v2_presigned;
  Made made = request_of(operation, protocol);
  sign(made, scope, form);
  const Outcome outcome = ask(made);
  const std::string_view right = operation.schema->service.signing_name;
  if (outcome.route.operation == nullptr) {
    // Only S3's paths are anybody's: S3's scope has none of what is asked, or nobody has the scope.
    EXPECT_TRUE((v2 ? "s3" : scope) == "s3" || scope == "s3express" || right == "s3");
    EXPECT_NE(scope, right);
    return;
  }
  const std::string_view routed = outcome.route.schema->service.signing_name;
  if (outcome.refused) {
    ++refused_;
    if (v2 ? routed == "s3" : routed == scope) {
      // Rightly scoped, but this form cannot sign what names the operation.
      const std::string& message = outcome.refused->message;
      const bool cannot_be_signed =
          v2 ? message.starts_with("Signature version 2 does not cover")
             : form == Form::presigned && (message.contains("were not signed") ||
                                           message.contains("must be a 'SignedHeader'"));
      EXPECT_TRUE(cannot_be_signed) << outcome.refused->kind << ' ' << message;
      return;
    }
    return expect_words(outcome, scope, form);
  }
  ++through_;
  EXPECT_EQ(routed, v2 ? "s3" : scope);
  if (routed == right && !has_twin(operation))
    EXPECT_EQ(outcome.route.operation->name, operation.name);
}

void ScopeTable::check(const wire::Operation& operation, Protocol protocol) {
  for (const std::string_view scope : scopes_) {
    check(operation, protocol, scope, Form::header);
    check(operation, protocol, scope, Form::presigned);
  }
  check(operation, protocol, "s3", Form::v2_header);
  check(operation, protocol, "s3", Form::v2_presigned);
}

TEST_F(ScopeTable, only_the_right_scope_gets_through_and_others_are_told_in_aws_words) {
  for (const wire::Schema* schema : schemas_)
    for (const wire::Operation& operation : schema->operations)
      for (const Protocol protocol : schema->service.protocols) check(operation, protocol);
  EXPECT_GT(through_, 500U);
  EXPECT_GT(refused_, 20'000U);
}

TEST_F(ScopeTable, nothing_beside_a_signature_moves_it_to_another_service) {
  const wire::Schema& s3 = **std::ranges::find_if(
      schemas_, [](const wire::Schema* schema) { return schema->service.s3_style; });
  const std::vector<std::pair<std::string, std::string>> added[] = {
      {{"Smithy-Protocol", "rpc-v2-cbor"}, {"Content-Type", "application/cbor"}},
      {{"X-Amz-Target", "Granite.PutAlarm"}},
      {{"X-Amzn-Query-Mode", "true"}, {"Content-Type", "application/x-amz-json-1.0"}},
      {{"Content-Type", "application/x-www-form-urlencoded"}},
      {{"X-HTTP-Method-Override", "DELETE"}},
  };
  for (const wire::Operation& operation : s3.operations) {
    for (const auto& headers : added) {
      Made made = request_of(operation, Protocol::rest_xml);
      if (made.path == "/label/label") made.path = "/service/Granite/operation/PutAlarm";
      sign(made, "s3", Form::presigned);
      made.headers.insert(made.headers.end(), headers.begin(), headers.end());
      made.body = "Action=CreateUser&Version=2010-05-08";
      const Outcome outcome = ask(made);
      if (outcome.route.operation == nullptr || outcome.refused) continue;
      EXPECT_EQ(outcome.route.schema, &s3) << operation.name;
      if (!has_twin(operation)) EXPECT_EQ(outcome.route.operation->name, operation.name);
    }
  }
}

TEST_F(ScopeTable, a_query_parameter_that_the_old_signature_does_not_cover_selects_nothing) {
  const wire::Schema& s3 = **std::ranges::find_if(
      schemas_, [](const wire::Schema* schema) { return schema->service.s3_style; });
  for (const wire::Operation& operation : s3.operations) {
    if (operation.is(wire::OperationFlag::outdated)) continue;
    Made plain = request_of(operation, Protocol::rest_xml);
    const std::string query = std::exchange(plain.query, "");
    sign(plain, "s3", Form::v2_presigned);
    plain.query = query.empty() ? plain.query : query + '&' + plain.query;
    const Outcome outcome = ask(plain);
    if (query.empty() || outcome.route.operation == nullptr || outcome.refused) continue;
    // The second form of one listing; and what a header must ask for as well, which is signed.
    const std::set<std::string_view> harmless = {"ListObjectsV2", "GetObjectAttributes",
                                                 "RenameObject"};
    EXPECT_TRUE(harmless.contains(outcome.route.operation->name))
        << operation.name << ": " << query;
  }
}

TEST_F(ScopeTable, a_head_whose_operation_is_unknown_is_checked_all_the_same) {
  for (const std::string_view authorization :
       {"AWS AKIAIOSFODNN7EXAMPLE:c2lnbmF0dXJl",
        "AWS4-HMAC-SHA256 Credential=AK/20240501/r/s3/aws4_request, SignedHeaders=host, "
        "Signature=0",
        "Bearer x"}) {
    const net::Request request = net::Request::make(
        "PATCH", "/bucket/key", {{"Host", "localhost"}, {"Authorization", authorization}});
    const std::vector<wire::HeaderView> headers = {{"Host", "localhost"},
                                                   {"Authorization", authorization}};
    const wire::Route route = router_->find({"PATCH", "/bucket/key", "", headers, ""});
    ASSERT_TRUE(route.found());
    ASSERT_EQ(route.operation, nullptr);
    EXPECT_FALSE(authenticator_->check(request.head(), route, std::nullopt)) << authorization;
  }
}

TEST_F(ScopeTable, cbor_is_a_post_to_the_whole_path_of_a_service_that_speaks_it) {
  const auto named = [&](std::string_view method, std::string_view path,
                         std::vector<wire::HeaderView> headers) -> std::string_view {
    headers.push_back({"Smithy-Protocol", "rpc-v2-cbor"});
    headers.push_back({"Host", "127.0.0.1"});
    const wire::Route route = router_->find({method, path, "", headers, ""});
    if (route.protocol != Protocol::cbor || route.schema == nullptr) return "another protocol";
    return route.operation == nullptr ? "refused" : route.operation->name;
  };
  EXPECT_EQ(named("POST", "/service/Granite/operation/PutAlarm", {}), "PutAlarm");
  EXPECT_EQ(named("POST", "/service/com.amazonaws.watch.Granite/operation/PutAlarm", {}),
            "PutAlarm");
  EXPECT_EQ(named("POST", "/service/Granite/operation/PutSandwich", {}), "refused");
  for (const std::string_view target : {"X-Amz-Target", "X-Amzn-Target"})
    EXPECT_EQ(named("POST", "/service/Granite/operation/PutAlarm", {{target, "Granite.PutAlarm"}}),
              "refused");
  EXPECT_EQ(named("PUT", "/service/Granite/operation/PutAlarm", {}), "another protocol");
  for (const std::string_view path :
       {"/x/service/Granite/operation/PutAlarm", "/service/Granite/operation/PutAlarm/",
        "/service/Granite/operation/a/PutAlarm", "/service/SageMaker/operation/CreateModel",
        "/service/Granite/PutAlarm", "/service/Granite/operation/",
        "//service/Granite/operation/a"})
    EXPECT_EQ(named("POST", path, {}), "another protocol") << path;
}

}  // namespace
}  // namespace slipway::service
