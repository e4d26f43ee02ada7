#include "service/instance_credentials.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <optional>
#include <set>

#include "base/test_folder.h"
#include "engine/identity/roles.h"
#include "engine/identity/tables.h"
#include "net/blocking_client.h"
#include "net/test_server.h"

namespace slipway::service {
namespace {

using testing::HasSubstr;

constexpr std::string_view role_arn = "arn:aws:iam::000000000000:role/service/runner";

class InstanceCredentialsTest : public testing::Test {
 protected:
  InstanceCredentialsTest() {
    store_ = store::Store::open(data_ / "state.db", identity::migrations()).value();
    keys_ = identity::KeyRing::open(data_.path(), root(), random_).value();
    credentials_.emplace(InstanceCredentials::Needs{.keys = *keys_,
                                                    .store = *store_,
                                                    .workers = workers_,
                                                    .clock = clock_,
                                                    .random = random_,
                                                    .is_running = [this](std::string_view key) {
                                                      return running_.contains(std::string(key));
                                                    }});
  }

  static identity::Principal root() {
    identity::Principal out;
    out.account = "000000000000";
    out.name = "arn:aws:iam::000000000000:root";
    out.id = "000000000000";
    return out;
  }
  void make_role(const std::string& path, const std::string& name,
                 std::string_view trusted = "sagemaker.amazonaws.com") {
    ASSERT_TRUE(store_->write([&](store::Transaction& tx) {
      return identity::create_role(
          tx,
          {.account = "000000000000",
           .name = name,
           .path = path,
           .id = "AROA1",
           .trust_policy =
               fmt::format(R"({{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",)"
                           R"("Principal":{{"Service":"{}"}},"Action":"sts:AssumeRole"}}]}})",
                           trusted)},
          {});
    }));
  }
  net::BlockingResponse ask(std::string_view token, std::string_view path = "/v1/credentials",
                            std::string_view method = "GET", std::string_view origin = {}) {
    net::TestServer server;
    server.handler.answer = [&](net::Request&& request, net::Responder&& responder) {
      credentials_->on_request(std::move(request), std::move(responder));
    };
    net::BlockingClient client(*net::Origin::parse("http://" + server.address().text()));
    net::BlockingRequest request{.method = std::string(method), .target = std::string(path)};
    if (!token.empty()) request.headers.add("Authorization", token);
    if (!origin.empty()) request.headers.add("Origin", origin);
    return client.send(std::move(request)).value();
  }
  std::string token_for(const std::string& instance, std::string_view role = role_arn) {
    running_.insert(instance);
    return credentials_->environment({instance, std::string(role)}, "127.0.0.1:1")
        .at("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  }

  TestFolder data_;
  ManualClock clock_;
  SeededRandom random_{1};
  WorkerPool workers_{1};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<identity::KeyRing> keys_;
  std::set<std::string> running_;
  std::optional<InstanceCredentials> credentials_;
};

TEST_F(InstanceCredentialsTest, AnInstanceIsGivenKeysThatSpeakAsItsRole) {
  make_role("/service/", "runner");
  const auto answer = ask(token_for("fleet/a/1/all/1"));
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto given = boost::json::parse(answer.body).as_object();
  const auto text = [&](const char* name) { return std::string(given.at(name).as_string()); };
  const auto key = keys_->find(text("AccessKeyId"), text("Token"), clock_.server_time());
  ASSERT_TRUE(key);
  EXPECT_EQ((*key)->secret, text("SecretAccessKey"));
  EXPECT_EQ((*key)->principal.name, "arn:aws:sts::000000000000:assumed-role/runner/SageMaker");
  EXPECT_EQ((*key)->principal.kind, identity::Principal::Kind::role_session);
  EXPECT_EQ(parse_iso8601(text("Expiration")), clock_.now() + instance_credentials_life);
}

TEST_F(InstanceCredentialsTest, NothingOpensWithoutATokenOfThisServer) {
  make_role("/service/", "runner");
  const std::string token = token_for("fleet/a/1/all/1");
  EXPECT_EQ(ask("").status, 401);
  for (const std::string& forged : {std::string("x"), token + "0", token.substr(1),
                                    token.substr(0, token.size() - 1), std::string(8000, 'a')})
    EXPECT_EQ(ask(forged).status, 403) << forged;
  EXPECT_EQ(ask(token, "/v1/credentials", "POST").status, 404);
  EXPECT_EQ(ask(token, "/v1/credentials", "GET", "http://evil").status, 404);
  EXPECT_EQ(ask(token, "/other").status, 404);
}

TEST_F(InstanceCredentialsTest, ATokenEndsWithItsInstance) {
  make_role("/service/", "runner");
  const std::string token = token_for("fleet/a/1/all/1");
  running_.clear();
  EXPECT_EQ(ask(token).status, 403);
}

TEST_F(InstanceCredentialsTest, ATokenIsTheSameAfterARestartAndForNoOtherInstanceOrRole) {
  const std::string token = token_for("fleet/a/1/all/1");
  const auto again = identity::KeyRing::open(data_.path(), root(), random_).value();
  EXPECT_EQ(InstanceTokens(*again).make({"fleet/a/1/all/1", std::string(role_arn)}), token);
  EXPECT_NE(token_for("fleet/a/1/all/2"), token);
  EXPECT_NE(token_for("fleet/a/1/all/1", "arn:aws:iam::000000000000:role/other"), token);
  EXPECT_EQ(token.find_first_of("\r\n"), token.npos);
  TestFolder elsewhere;
  const auto other = identity::KeyRing::open(elsewhere.path(), root(), random_).value();
  EXPECT_FALSE(InstanceTokens(*other).read(token));
}

TEST_F(InstanceCredentialsTest, ARoleThatDoesNotTrustSageMakerIsNotGivenAway) {
  make_role("/service/", "runner", "lambda.amazonaws.com");
  const auto answer = ask(token_for("fleet/a/1/all/1"));
  EXPECT_EQ(answer.status, 403);
  EXPECT_THAT(answer.body, HasSubstr("allows principal 'sagemaker.amazonaws.com'"));
}

TEST_F(InstanceCredentialsTest, ARoleThatIsNotThereIsSaidByName) {
  for (const std::string& role :
       {std::string(role_arn), std::string("arn:aws:iam::000000000000:user/x"), std::string("x")}) {
    const auto answer = ask(token_for("fleet/a/1/all/1", role));
    EXPECT_EQ(answer.status, 404);
    EXPECT_THAT(answer.body, HasSubstr(role + " does not exist"));
  }
  make_role("/", "runner");  // of the same name, on another path
  EXPECT_EQ(ask(token_for("fleet/a/1/all/1")).status, 404);
}

}  // namespace
}  // namespace slipway::service
