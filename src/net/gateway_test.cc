#include "net/gateway.h"

#include <gtest/gtest.h>

namespace slipway::net {
namespace {

// Answers, refuses and bounds bodies under a name of its own.
class Named final : public RequestHandler {
 public:
  explicit Named(std::string name) : name_(std::move(name)) {}
  BodyPlan on_head(const RequestHead&) override { return Collect{name_.size()}; }
  void on_request(Request&&, Responder&& responder) override { responder.send(named(200)); }
  Response refusal(const RequestHead&, int status, std::string_view) override {
    return named(status);
  }

 private:
  Response named(int status) const { return {.status = status, .headers = {}, .body = name_}; }

  const std::string name_;
};

class GatewayTest : public testing::Test {
 protected:
  std::string answerer_of(std::string_view path, std::string_view host = "localhost") {
    const Request asked = Request::make("GET", path, {{"Host", host}});
    const std::string refused(gateway_.refusal(asked.head(), 413, "").body.view());
    EXPECT_EQ(std::get<Collect>(gateway_.on_head(asked.head())).bytes_max, refused.size());
    std::string answered;
    gateway_.on_request(Request::make("GET", path, {{"Host", host}}),
                        Responder::to([&](Response&& it) { answered = it.body.view(); }));
    EXPECT_EQ(answered, refused);
    return answered;
  }

  Named aws_{"aws"};
  Named registry_{"registry"};
  Named metrics_{"the metrics"};
  Gateway gateway_{aws_};
};

TEST_F(GatewayTest, WhatNoMountTakesIsTheRests) {
  EXPECT_EQ(answerer_of("/"), "aws");
  EXPECT_EQ(answerer_of(""), "aws");
  EXPECT_EQ(answerer_of("/v2/"), "aws");
}

TEST_F(GatewayTest, AFolderIsMountedWithAllBelowItAndAPathAlone) {
  gateway_.mount("/v2/", registry_);
  gateway_.mount("/metrics", metrics_);
  EXPECT_EQ(answerer_of("/v2/"), "registry");
  EXPECT_EQ(answerer_of("/v2"), "registry");
  EXPECT_EQ(answerer_of("/v2/name/blobs/1"), "registry");
  EXPECT_EQ(answerer_of("/v2x"), "aws");
  EXPECT_EQ(answerer_of("/v"), "aws");
  EXPECT_EQ(answerer_of("/metrics"), "the metrics");
  EXPECT_EQ(answerer_of("/metrics/"), "aws");
  EXPECT_EQ(answerer_of("/metrics2"), "aws");
  EXPECT_EQ(answerer_of("/"), "aws");
}

TEST_F(GatewayTest, AMountTakesWhatItClaims) {
  gateway_.mount("/metrics", metrics_,
                 [](const RequestHead& head) { return head.headers.get("host") == "localhost"; });
  EXPECT_EQ(answerer_of("/metrics"), "the metrics");
  EXPECT_EQ(answerer_of("/metrics", "bucket.localhost"), "aws");
}

}  // namespace
}  // namespace slipway::net
