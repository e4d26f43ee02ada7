#include "engine/federation/issuer_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <future>
#include <optional>

#include "engine/federation/test_issuer.h"
#include "net/test_certificate.h"
#include "net/test_server.h"

namespace slipway::federation {
namespace {

using namespace std::chrono_literals;
using State = IssuerKeys::Lookup::State;
using testing::HasSubstr;

class Issuers : public testing::Test {
 protected:
  Issuers() : server_({}, *net::TlsContext::server(certificate_.cert(), certificate_.key())) {
    server_.handler.answer = [this](net::Request&& request, net::Responder&& responder) {
      ++asked;
      responder.send({.status = status, .body = answer_to(request.path())});
    };
  }

  std::string url() const { return "https://" + server_.address().text(); }
  Issuer issuer() const { return {url(), {certificate_.thumbprint}}; }

  // What was found once it is there.
  IssuerKeys::Lookup settled(const Issuer& issuer, net::Reach reach = net::Reach::anywhere) {
    keys_.emplace(clock_, changes_, reach);
    return awaited(issuer, keys_->find(issuer));
  }
  IssuerKeys::Lookup awaited(const Issuer& issuer, IssuerKeys::Lookup found) {
    if (found.state != State::coming) return found;
    std::promise<void> came;
    changes_.wait(IssuerKeys::topic(issuer), 0, Instant::max(),
                  [&](engine::WaitOutcome) { came.set_value(); });
    EXPECT_EQ(came.get_future().wait_for(30s), std::future_status::ready);
    return keys_->find(issuer);
  }

  net::TestCertificate certificate_;
  net::TestServer server_;
  const TestKey key_ = TestKey::elliptic("k", "P-256");
  std::atomic<int> asked = 0;
  int status = 200;
  std::string issuer_said;  // empty: the right one
  std::string padding;      // of the configuration
  std::string keys_path = "/keys";
  ManualClock clock_;
  engine::Changes changes_{clock_};
  std::optional<IssuerKeys> keys_;

 private:
  std::string answer_to(std::string_view path) {
    if (path == "/keys") return key_set_of({key_.jwk()});
    return fmt::format(R"({{"issuer":"{}","jwks_uri":"{}{}"{}}})",
                       issuer_said.empty() ? url() : issuer_said, url(), keys_path, padding);
  }
};

TEST_F(Issuers, KeysAreFetchedOnceAndKept) {
  const auto found = settled(issuer());
  ASSERT_EQ(found.state, State::ready) << found.why;
  EXPECT_EQ(found.keys->check(*WebToken::parse(key_.token("ES256", "{}"))), KeySet::Outcome::holds);
  EXPECT_EQ(asked, 2);
  clock_.advance(issuer_keys_kept);
  EXPECT_EQ(keys_->find(issuer()).state, State::ready);
  EXPECT_EQ(asked, 2);
  clock_.advance(1s);
  EXPECT_EQ(keys_->find(issuer()).state, State::coming);
}

TEST_F(Issuers, AnUnknownKeyHasThemFetchedAnewEveryHalfMinuteAtMost) {
  ASSERT_EQ(settled(issuer()).state, State::ready);
  EXPECT_EQ(keys_->refresh(issuer()).state, State::ready) << "they came a moment ago";
  EXPECT_EQ(asked, 2);
  clock_.advance(issuer_refresh_min);
  EXPECT_EQ(keys_->refresh(issuer()).state, State::coming);
  EXPECT_EQ(keys_->find(issuer()).state, State::ready) << "the others are there meanwhile";
}

TEST_F(Issuers, AServerIsVouchedForByAThumbprintToWhichItsChainLeads) {
  Issuer unknown = issuer();
  unknown.thumbprints.clear();
  EXPECT_EQ(settled(unknown).state, State::failed);
  unknown.thumbprints = {std::string(40, 'a')};
  EXPECT_EQ(settled(unknown).state, State::failed);
}

TEST_F(Issuers, ACopyOfThePinnedCertificateProvesNothing) {
  const net::TestCertificate thief;
  const std::string chain = thief.folder + "/chain.pem";
  std::ofstream(chain) << std::ifstream(thief.cert()).rdbuf()
                       << std::ifstream(certificate_.cert()).rdbuf();
  net::TestServer impostor({}, *net::TlsContext::server(chain, thief.key()));
  Issuer there = issuer();
  there.url = "https://" + impostor.address().text();
  EXPECT_EQ(settled(there).state, State::failed);
  EXPECT_EQ(asked, 0);
}

TEST_F(Issuers, TheNameInThePinnedCertificateCounts) {
  Issuer there = issuer();
  there.url.replace(there.url.find("127.0.0.1"), 9, "127.1");  // leads to the same server
  EXPECT_EQ(settled(there).state, State::failed);
  EXPECT_EQ(asked, 0);
}

TEST_F(Issuers, AnAddressThatIsNotPublicIsNotConnectedTo) {
  const auto found = settled(issuer(), net::Reach::public_only);
  EXPECT_EQ(found.state, State::failed);
  EXPECT_THAT(found.why, HasSubstr("loopback"));
  EXPECT_EQ(asked, 0);
}

TEST_F(Issuers, AFailureIsKeptForAMoment) {
  status = 503;
  EXPECT_EQ(settled(issuer()).state, State::failed);
  EXPECT_EQ(keys_->find(issuer()).state, State::failed);
  EXPECT_EQ(asked, 1);
  clock_.advance(issuer_failure_kept + 1s);
  EXPECT_EQ(keys_->find(issuer()).state, State::coming);
}

TEST_F(Issuers, TheConfigurationOfAnotherIssuerDoesNotCount) {
  issuer_said = "https://example.org";
  EXPECT_THAT(settled(issuer()).why, HasSubstr("another issuer"));
}

TEST_F(Issuers, AHugeDocumentIsNotRead) {
  padding = R"(,"x":")" + std::string(issuer_document_bytes_max, 'x') + '"';
  EXPECT_EQ(settled(issuer()).state, State::failed);
}

TEST_F(Issuers, AnAddressThatSaysMoreThanWhereIsNotAsked) {
  keys_path = R"(/keys HTTP/1.1\r\nX: y\r\n\r\nDELETE /)";
  EXPECT_THAT(settled(issuer()).why, HasSubstr("is no URL"));
  EXPECT_EQ(asked, 1);
}

TEST_F(Issuers, OnlyHttpsIsSpoken) {
  EXPECT_THAT(settled({"http://" + server_.address().text(), {}}).why, HasSubstr("is not https"));
}

}  // namespace
}  // namespace slipway::federation
