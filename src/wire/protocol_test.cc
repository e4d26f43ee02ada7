// botocore's protocol cases turned round: what its clients send is read, what they expect is sent.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <vector>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/text.h"
#include "wire/cbor_codec.h"
#include "wire/codec.h"
#include "wire/json_reader.h"
#include "wire/protocol_compare.h"
#include "wire/rest_match.h"
#include "wire/schema_loader.h"

namespace slipway::wire::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view exceptions_file = "src/wire/testdata/protocol_exceptions.txt";
constexpr double exceptions_share_max = 0.05;

fs::path cases_folder() {
  const char* given = std::getenv("SLIPWAY_TEST_DATA");
  return fs::path(given == nullptr ? "../shared/data" : given) / "botocore-protocols";
}

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream out;
  out << file.rdbuf();
  return std::move(out).str();
}

// "input json CaseId: reason", one a line.
std::map<std::string, std::string> read_exceptions() {
  std::map<std::string, std::string> out;
  std::istringstream lines(contents(fs::path(exceptions_file)));
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(": ");
    if (!line.starts_with('#') && colon != std::string::npos)
      out[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return out;
}

Protocol protocol_of(const Schema& schema, const std::string& file) {
  if (file.contains("cbor")) return Protocol::cbor;
  return schema.service.protocols.front();
}

// One case with the schema that it brings.
class Case {
 public:
  Case(const Node& suite, const Node& given_case, std::string file)
      : file_(std::move(file)), case_(given_case) {
    const Node operations[] = {*member_of(given_case, "given")};
    auto loaded =
        load_schema({*member_of(suite, "metadata"), *member_of(suite, "shapes"), operations});
    if (!loaded) {
      failure_ = loaded.error().message;
      return;
    }
    schema_ = std::move(*loaded);
    operation_ = &schema_->schema().operations.front();
    protocol_ = protocol_of(schema_->schema(), file_);
  }

  // Empty where the case holds, else what is wrong.
  std::string run_input();
  std::string run_output();

 private:
  struct Sent {
    std::string target;
    std::string body;
    std::vector<HeaderView> headers;
    HttpRequestView view;
  };
  Sent sent() const;
  std::string check_request(const HttpRequestView& request);
  std::string check_round_trip(const Node& input);
  std::string check_response(const HttpResponseParts& made);
  std::string check_headers(const HttpResponseParts& made, const Node& wanted) const;
  std::string check_body(const std::string& made, const std::string& wanted) const;
  std::string check_read(const Node& response);
  std::string check_error(const HttpResponseParts& made, const Shape* shape) const;
  std::string wanted_body(const Node& response) const;
  bool is_error() const { return member_of(case_, "errorCode") != nullptr; }

  std::string file_;
  const Node& case_;
  std::string failure_;
  std::unique_ptr<LoadedSchema> schema_;
  const Operation* operation_ = nullptr;
  Protocol protocol_ = Protocol::json11;
  Arena arena_;
};

Case::Sent Case::sent() const {
  const Node& serialized = *member_of(case_, "serialized");
  Sent out;
  out.target = text_member(serialized, "uri");
  out.body = text_member(serialized, "body");
  if (protocol_ == Protocol::cbor) out.body = from_base64(out.body).value_or("");
  if (const Node* headers = member_of(serialized, "headers")) {
    for (const MapEntry& entry : headers->map())
      out.headers.push_back({entry.key, entry.value.text()});
  }
  out.view.method = text_member(serialized, "method");
  if (out.view.method.empty()) out.view.method = operation_->method;
  return out;
}

std::string Case::check_request(const HttpRequestView& request) {
  PathLabels labels;
  const bool rest = protocol_ == Protocol::rest_json || protocol_ == Protocol::rest_xml;
  if (rest && RestMatcher(schema_->schema()).match(request, "", labels) != operation_) {
    return "the path does not lead to the operation";
  }
  const auto node = decode_request(*operation_, protocol_, labels, request, arena_);
  if (!node) return "not read: " + node.error().message;
  if (operation_->input == nullptr) return {};
  return difference(*node, *member_of(case_, "params"), *operation_->input);
}

// What our own client sends for the same params must be read the same.
std::string Case::check_round_trip(const Node& input) {
  const auto made = encode_request(*operation_, protocol_, input);
  if (!made) return "our client refuses: " + made.error().message;
  std::vector<HeaderView> headers;
  for (const auto& [name, value] : made->headers) headers.push_back({name, value});
  const HttpRequestView view{made->method, made->path, made->query, headers, made->body};
  const std::string found = check_request(view);
  return found.empty() ? "" : "round trip: " + found;
}

std::string Case::run_input() {
  if (schema_ == nullptr) return failure_;
  Sent request = sent();
  const auto mark = request.target.find('?');
  request.view.path = std::string_view(request.target).substr(0, mark);
  if (mark != std::string::npos)
    request.view.query = std::string_view(request.target).substr(mark + 1);
  request.view.headers = request.headers;
  request.view.body = request.body;
  std::string found = check_request(request.view);
  if (!found.empty() || operation_->input == nullptr) return found;
  const Node input = node_of(*member_of(case_, "params"), *operation_->input, arena_);
  return check_round_trip(input);
}

// What the server's own layers set, or what only names the test's request.
bool is_framing(std::string_view name) {
  return equal_ignoring_case(name, "content-length") ||
         equal_ignoring_case(name, "x-amzn-requestid") || equal_ignoring_case(name, "x-amz-id-2") ||
         equal_ignoring_case(name, "x-amz-request-id") || equal_ignoring_case(name, "x-amz-target");
}

// "com.amazonaws.x#Name:http://..." is Name: all that a client looks at.
std::string_view bare_name(std::string_view type) {
  type = type.substr(0, type.find(':'));
  const auto mark = type.rfind('#');
  return mark == std::string_view::npos ? type : type.substr(mark + 1);
}

std::string without_spaces(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ') out += c;
  }
  return out;
}

bool same_header(std::string_view name, std::string_view made, std::string_view wanted) {
  if (equal_ignoring_case(name, "x-amzn-errortype")) return bare_name(made) == bare_name(wanted);
  return made == wanted || same_time(made, wanted) ||
         without_spaces(made) == without_spaces(wanted);
}

std::string Case::check_headers(const HttpResponseParts& made, const Node& wanted) const {
  for (const MapEntry& entry : wanted.map()) {
    bool met = is_framing(entry.key);
    for (const auto& [name, value] : made.headers) {
      met = met ||
            (equal_ignoring_case(name, entry.key) && same_header(name, value, entry.value.text()));
    }
    if (!met)
      return "header " + std::string(entry.key) + " is not '" + std::string(entry.value.text()) +
             "'";
  }
  return {};
}

std::string Case::wanted_body(const Node& response) const {
  const std::string body(text_member(response, "body"));
  return protocol_ == Protocol::cbor ? from_base64(body).value_or("") : body;
}

// An error's name may stand in `__type`, in `code` or in a header alone, and its message under two
// names: check_error looks at both.
void one_error_name(Node& document) {
  Node kept = document;
  kept.n = 0;
  for (const MapEntry& entry : document.map()) {
    const bool name = entry.key == "__type" || equal_ignoring_case(entry.key, "code");
    if (name || equal_ignoring_case(entry.key, "message")) continue;
    kept.entries[kept.n++] = entry;
  }
  document = kept;
}

// JSON and XML as texts; CBOR by reading both.
std::string Case::check_body(const std::string& made, const std::string& wanted) const {
  if (wanted.empty() || made == wanted) return {};
  Arena arena;
  if (protocol_ == Protocol::cbor) return {};
  if (protocol_ == Protocol::query || protocol_ == Protocol::rest_xml) {
    const bool legacy = text_member(case_, "id").empty();
    const RootName root = legacy ? RootName::ignored : RootName::compared;
    return made.starts_with("<") ? xml_difference(made, wanted, root) : "body: " + made;
  }
  auto a = read_json_document(made, arena);
  auto b = read_json_document(wanted, arena);
  if (!a || !b) return "body: " + made;
  const Shape* shape = operation_->output;
  static constexpr Shape nothing{.name = "Unit"};
  if (shape == nullptr) shape = &nothing;
  if (!is_error()) {
    b = known_part(*b,
                   shape->payload < 0
                       ? *shape
                       : *shape->members[static_cast<std::size_t>(shape->payload)].shape,
                   arena);
  }
  if (is_error()) {
    one_error_name(*a);
    one_error_name(*b);
  }
  return document_difference(*a, *b);
}

std::string Case::check_response(const HttpResponseParts& made) {
  const Node& response = *member_of(case_, "response");
  const auto status = member_of(response, "status_code")->integer;
  if (made.status != status) return "status " + std::to_string(made.status);
  if (const Node* headers = member_of(response, "headers")) {
    const std::string found = check_headers(made, *headers);
    if (!found.empty()) return found;
  }
  return check_body(made.body, wanted_body(response));
}

// What the case's server sends, and what ours sends, must be read by our client as the result.
std::string Case::check_read(const Node& response) {
  if (operation_->output == nullptr) return {};
  const Node& result = *member_of(case_, "result");
  std::vector<HeaderView> headers;
  if (const Node* list = member_of(response, "headers")) {
    for (const MapEntry& entry : list->map()) headers.push_back({entry.key, entry.value.text()});
  }
  const std::string body = wanted_body(response);
  const auto status = static_cast<int>(member_of(response, "status_code")->integer);
  const auto theirs = decode_response(*operation_, protocol_, {status, headers, body}, arena_);
  if (!theirs) return "client: " + theirs.error().message;
  std::string found = difference(*theirs, result, *operation_->output);
  if (!found.empty()) return "client: " + found;

  const Node node = node_of(result, *operation_->output, arena_);
  const HttpResponseParts made = encode_response(*operation_, protocol_, node, "id");
  std::vector<HeaderView> made_headers;
  for (const auto& [name, value] : made.headers) {
    if (!is_framing(name) && !equal_ignoring_case(name, "content-type"))
      made_headers.push_back({name, value});
  }
  // What comes from elsewhere than the operation, in the test as in the server.
  for (const HeaderView& header : headers) {
    if (is_framing(header.name) || equal_ignoring_case(header.name, "content-type"))
      made_headers.push_back(header);
  }
  const auto ours =
      decode_response(*operation_, protocol_, {made.status, made_headers, made.body}, arena_);
  if (!ours) return "round trip: " + ours.error().message;
  found = difference(*ours, result, *operation_->output);
  return found.empty() ? "" : "round trip: " + found;
}

// What our own client makes of an error that we made.
std::string Case::check_error(const HttpResponseParts& made, const Shape* shape) const {
  std::vector<HeaderView> headers;
  for (const auto& [name, value] : made.headers) headers.push_back({name, value});
  const ServiceError read = decode_error(protocol_, {made.status, headers, made.body});
  const std::string_view code = text_member(case_, "errorCode");
  const bool named = read.code == code || (shape != nullptr && read.code == shape->name) ||
                     (shape != nullptr && read.code == shape->error_code);
  if (!named) return "client: error " + read.code;
  const std::string_view message = text_member(case_, "errorMessage");
  return message.empty() || read.message == message ? "" : "client: message " + read.message;
}

std::string Case::run_output() {
  if (schema_ == nullptr) return failure_;
  if (!is_error()) {
    const Node* result = member_of(case_, "result");
    const Node output = operation_->output == nullptr || result == nullptr
                            ? make_structure(0, arena_)
                            : node_of(*result, *operation_->output, arena_);
    const std::string found = check_response(encode_response(*operation_, protocol_, output, "id"));
    return found.empty() ? check_read(*member_of(case_, "response")) : found;
  }
  const std::string_view code = text_member(case_, "errorCode");
  const Shape* shape = schema_->schema().find_shape(code);
  for (const Shape* error : operation_->errors) {
    if (error->name == code || error->error_code == code) shape = error;
  }
  Node members{};
  if (shape != nullptr) members = node_of(*member_of(case_, "error"), *shape, arena_);
  const ErrorAnswer answer{
      .code = code, .message = text_member(case_, "errorMessage"), .members = &members};
  const auto made = encode_error(schema_->schema().service, operation_, protocol_, answer, "id");
  const std::string found = check_response(made);
  return found.empty() ? check_error(made, shape) : found;
}

struct Tally {
  int cases = 0;
  int excepted = 0;
};
Tally& tally() {
  static Tally all;
  return all;
}

std::string id_of(const Node& given_case, const Node& suite, std::size_t number) {
  const std::string_view id = text_member(given_case, "id");
  if (!id.empty()) return std::string(id);
  return std::string(text_member(suite, "description")) + "#" + std::to_string(number);
}

using Run = std::string (Case::*)();

void run_file(const std::string& folder, const std::string& file, Run run) {
  const fs::path path = cases_folder() / folder / (file + ".json");
  if (!fs::exists(path))
    GTEST_SKIP() << "no " << path
                 << ": its cases are not run; it is tests/unit/protocols of "
                    "https://github.com/boto/botocore: put that folder somewhere as "
                    "botocore-protocols, and name where in SLIPWAY_TEST_DATA";
  const auto exceptions = read_exceptions();
  Arena arena;
  const std::string text = contents(path);
  const auto suites = read_json_document(text, arena);
  ASSERT_TRUE(suites) << suites.error().message;
  for (const Node& suite : suites->slots()) {
    std::size_t number = 0;
    for (const Node& given_case : member_of(suite, "cases")->slots()) {
      const std::string name = folder + " " + file + " " + id_of(given_case, suite, number++);
      const std::string found = (Case(suite, given_case, file).*run)();
      const bool excepted = exceptions.contains(name);
      ++tally().cases;
      tally().excepted += excepted ? 1 : 0;
      if (std::getenv("SLIPWAY_SHOW_CASES") != nullptr && !found.empty()) {
        std::cout << "CASE " << name << ": " << found << "\n";
      }
      if (!excepted) EXPECT_EQ(found, "") << name;
      if (excepted) EXPECT_NE(found, "") << name << " holds: take it off " << exceptions_file;
    }
  }
}

class ProtocolInput : public ::testing::TestWithParam<const char*> {};
class ProtocolOutput : public ::testing::TestWithParam<const char*> {};

TEST_P(ProtocolInput, RequestsOfClientsAreRead) { run_file("input", GetParam(), &Case::run_input); }
TEST_P(ProtocolOutput, AnswersAreWhatClientsExpect) {
  run_file("output", GetParam(), &Case::run_output);
}
class OlderProtocolInput : public ::testing::TestWithParam<const char*> {};
class OlderProtocolOutput : public ::testing::TestWithParam<const char*> {};

TEST_P(OlderProtocolInput, RequestsOfClientsAreRead) {
  run_file("legacy/input", GetParam(), &Case::run_input);
}
TEST_P(OlderProtocolOutput, AnswersAreWhatClientsExpect) {
  run_file("legacy/output", GetParam(), &Case::run_output);
}

constexpr const char* files[] = {"json",
                                 "json_1_0",
                                 "json_1_0-query-compatible",
                                 "rest-json",
                                 "rest-xml",
                                 "query",
                                 "smithy-rpc-v2-cbor",
                                 "smithy-rpc-v2-cbor-query-compatible",
                                 "smithy-rpc-v2-cbor-non-query-compatible"};
INSTANTIATE_TEST_SUITE_P(Botocore, ProtocolInput, ::testing::ValuesIn(files));
INSTANTIATE_TEST_SUITE_P(Botocore, ProtocolOutput, ::testing::ValuesIn(files));
constexpr const char* older_files[] = {"json", "rest-json", "rest-xml", "query"};
INSTANTIATE_TEST_SUITE_P(Botocore, OlderProtocolInput, ::testing::ValuesIn(older_files));
INSTANTIATE_TEST_SUITE_P(Botocore, OlderProtocolOutput, ::testing::ValuesIn(older_files));

// Looks at the sum when all tests have run.
class SumOfCases final : public ::testing::Environment {
 public:
  void TearDown() override {
    std::cout << tally().cases << " protocol cases, " << tally().excepted << " of them excepted\n";
    EXPECT_LE(tally().excepted, exceptions_share_max * tally().cases);
  }
};
const auto* const sum_of_cases = ::testing::AddGlobalTestEnvironment(new SumOfCases);

}  // namespace
}  // namespace slipway::wire::testing
