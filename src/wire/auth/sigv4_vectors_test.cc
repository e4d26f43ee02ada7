// AWS's published SigV4 test suite, every vector: canonical request, string to sign, and that the
// signed request is accepted. A few of the vectors stand in the repository so that something is
// shown where the folder is absent.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "wire/auth/auth_test_support.h"

namespace slipway::wire {
namespace {

using testing::OwnedRequest;
namespace fs = std::filesystem;

constexpr std::size_t vectors_expected = 30;

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  std::string out = text.str();
  std::erase(out, '\r');
  return out;
}

fs::path data_folder() {
  const char* set = std::getenv("SLIPWAY_TEST_DATA");
  return fs::path(set != nullptr ? set : "../shared/data") / "aws4-testsuite";
}

void parse_request_line(OwnedRequest& request, std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::size_t question = target.find('?');
  request.method = line.substr(0, first);
  request.path = target.substr(0, question);
  request.query = question == std::string_view::npos ? "" : target.substr(question + 1);
}

// Folded header lines are unfolded, as an HTTP parser does.
OwnedRequest parse_request(const std::string& text) {
  OwnedRequest request;
  const std::size_t end = text.find("\n\n");
  std::istringstream head(text.substr(0, end));
  if (end != std::string::npos) request.body = text.substr(end + 2);
  std::string line;
  std::getline(head, line);
  parse_request_line(request, line);
  while (std::getline(head, line)) {
    if (line.starts_with(' ')) {
      request.headers.back().second += line;
      continue;
    }
    const std::size_t colon = line.find(':');
    request.add(line.substr(0, colon), line.substr(colon + 1));
  }
  return request;
}

void check_vector(const fs::path& signed_request) {
  SCOPED_TRACE(signed_request.string());
  fs::path beside = signed_request;
  OwnedRequest owned = parse_request(read_file(signed_request));
  // One vector's own header is that of another; the file beside it is right.
  owned.header("Authorization") = read_file(beside.replace_extension(".authz"));
  const SignedRequest request = owned.view();
  const auto claim = parse_authorization(request, AuthDialect::query);
  ASSERT_TRUE(claim) << claim.error().message;

  const std::string canonical =
      canonical_request(request, *claim, view_of(hex_of(sha256_of(*request.body))));
  EXPECT_EQ(canonical, read_file(beside.replace_extension(".creq")));
  EXPECT_EQ(string_to_sign(*claim, canonical), read_file(beside.replace_extension(".sts")));

  testing::FakeKeys keys;
  SigningKeyCache cache;
  const auto verified = verify(request, *claim, {"service", AuthDialect::query}, keys, cache,
                               testing::at("20150830T123600Z"));
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->access_key_id, "AKIDEXAMPLE");
  EXPECT_EQ(verified->service, "service");
}

std::size_t check_vectors_under(const fs::path& folder) {
  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".sreq") continue;
    check_vector(entry.path());
    ++count;
  }
  return count;
}

TEST(SigV4Vectors, EveryPublishedVectorIsAccepted) {
  if (!fs::exists(data_folder()))
    GTEST_SKIP()
        << "skipped " << vectors_expected << " vectors or more: " << data_folder()
        << " is absent; they are tests/unit/auth/aws4_testsuite of "
           "https://github.com/boto/botocore: put that folder somewhere as aws4-testsuite, "
           "and name where in SLIPWAY_TEST_DATA";
  const std::size_t count = check_vectors_under(data_folder());
  RecordProperty("vectors", static_cast<int>(count));
  EXPECT_GE(count, vectors_expected);
}

TEST(SigV4Vectors, TheRepositorysOwnVectorsAreAccepted) {
  EXPECT_EQ(check_vectors_under("src/wire/auth/testdata"), 4U);
}

}  // namespace
}  // namespace slipway::wire
