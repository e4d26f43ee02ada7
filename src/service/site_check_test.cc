#include "service/site_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::service {
namespace {

using testing::HasSubstr;

class SiteCheckTest : public testing::Test {
 protected:
  std::string refusal(const std::vector<net::Header>& headers) const {
    return check_.refusal(net::Request::make("GET", "/", headers).head()).value_or("");
  }
  bool takes(const std::vector<net::Header>& headers) const { return refusal(headers).empty(); }
  bool takes_host(std::string_view host) const { return takes({{"Host", host}}); }
  bool takes_page(net::Header header) const { return takes({{"Host", "localhost:4566"}, header}); }

  SiteCheck check_{{.allowed = {"Slipway", "*.suite.test"}}};
};

TEST_F(SiteCheckTest, the_names_of_this_server_are_taken) {
  for (const std::string_view host :
       {"localhost", "localhost:4566", "LOCALHOST.", "bucket.localhost:4566", "b.s3.localhost",
        "127.0.0.1", "127.0.0.1:4566", "127.9.9.9", "[::1]:4566", "[::ffff:127.0.0.1]:1",
        "localhost.localstack.cloud:4566", "b.s3.localhost.localstack.cloud:4566",
        "sqs.us-east-1.localhost.localstack.cloud", "slipway", "slipway:4566", "a.suite.test"})
    EXPECT_TRUE(takes_host(host)) << host;
  EXPECT_TRUE(takes({}));
}

TEST_F(SiteCheckTest, any_other_name_may_have_been_made_to_lead_here) {
  for (const std::string_view host : {"rebound.example",
                                      "localhost.example",
                                      "127.0.0.1.example",
                                      "notlocalhost",
                                      "amazonaws.com.evil.example",
                                      "evilamazonaws.com",
                                      "strangers-balancer.us-east-1.elb.amazonaws.com",
                                      "sts.us-east-1.amazonaws.com",
                                      "b.s3.amazonaws.com:443",
                                      "10.0.0.1",
                                      "0.0.0.0:4566",
                                      "[::]",
                                      "[fe80::1]",
                                      "2130706433",
                                      "127.1",
                                      "0x7f.0.0.1",
                                      "suite.test",
                                      "xsuite.test",
                                      "slipway.example",
                                      "evillocalhost.localstack.cloud",
                                      "localstack.cloud",
                                      "localhost.localstack.cloud.evil.example",
                                      "localhost@evil.example",
                                      "localhost:4566:1",
                                      "[::1",
                                      "null",
                                      "user@localhost"})
    EXPECT_FALSE(takes_host(host)) << host;
  EXPECT_THAT(refusal({{"Host", "Rebound.example:4566"}}),
              HasSubstr("'rebound.example' is not a name of this server. If it is to be one, start "
                        "it with --allow-host rebound.example."));
}

TEST_F(SiteCheckTest, names_of_aws_are_taken_where_they_are_allowed) {
  const SiteCheck check({.allowed = {"*.amazonaws.com"}});
  EXPECT_FALSE(check.refusal(
      net::Request::make("GET", "/", {{"Host", "sts.us-east-1.amazonaws.com"}}).head()));
}

TEST_F(SiteCheckTest, an_address_is_no_name_so_a_server_on_all_of_them_takes_each) {
  const SiteCheck everywhere({.bound = "0.0.0.0"});
  const SiteCheck one({.bound = "10.0.0.1"});
  const auto takes = [](const SiteCheck& check, std::string_view host) {
    return !check.refusal(net::Request::make("GET", "/", {{"Host", host}}).head());
  };
  EXPECT_TRUE(takes(everywhere, "10.0.0.1:4566"));
  EXPECT_TRUE(takes(everywhere, "[fe80::1]"));
  EXPECT_TRUE(takes(everywhere, "0.0.0.0:4566"));
  EXPECT_FALSE(takes(everywhere, "rebound.example"));
  EXPECT_TRUE(takes(one, "10.0.0.1:4566"));
  EXPECT_FALSE(takes(one, "10.0.0.2:4566"));
}

TEST_F(SiteCheckTest, a_page_of_another_site_is_refused_however_the_browser_says_it) {
  for (const net::Header& header :
       std::vector<net::Header>{{"Origin", "https://evil.example"},
                                {"Origin", "null"},
                                {"Origin", ""},
                                {"Origin", "http://localhost:3000"},
                                {"Origin", "http://localhost"},
                                {"Origin", "https://evil.s3.amazonaws.com"},
                                {"Origin", "chrome-extension://abc"},
                                {"Origin", "http://slipway.evil.example"},
                                {"Origin", "http://localhost:4566.evil.example"},
                                {"Origin", "http://localhost:4566@evil.example"},
                                {"Origin", "http://slipway:80@evil.example"},
                                {"Sec-Fetch-Site", "cross-site"},
                                {"Sec-Fetch-Site", "same-site"},
                                {"Sec-Fetch-Site", "new-word"},
                                {"Referer", "https://evil.example/page"},
                                {"Referer", "http://localhost:3000/"}})
    EXPECT_FALSE(takes_page(header)) << header.name << ": " << header.value;
  EXPECT_THAT(refusal({{"Host", "localhost"}, {"Origin", "https://evil.example"}}),
              HasSubstr("another site (https://evil.example). If its pages may do everything here, "
                        "start the server with --allow-host evil.example."));
}

TEST_F(SiteCheckTest, programs_and_own_pages_are_taken) {
  for (const net::Header& header :
       std::vector<net::Header>{{"Origin", "http://localhost:4566"},
                                {"Origin", "HTTP://LOCALHOST:4566"},
                                {"Origin", "https://slipway"},
                                {"Origin", "http://ui.suite.test:3000"},
                                {"Sec-Fetch-Site", "same-origin"},
                                {"Sec-Fetch-Site", "none"},
                                {"Referer", "http://localhost:4566/page"},
                                {"User-Agent", "Boto3"}})
    EXPECT_TRUE(takes_page(header)) << header.name << ": " << header.value;
  EXPECT_TRUE(takes(
      {{"Host", "localhost:1"}, {"Origin", "http://slipway"}, {"Sec-Fetch-Site", "cross-site"}}));
}

TEST_F(SiteCheckTest, every_origin_counts_where_there_are_several) {
  EXPECT_FALSE(takes({{"Host", "localhost:1"},
                      {"Origin", "http://localhost:1"},
                      {"Origin", "https://evil.example"}}));
}

}  // namespace
}  // namespace slipway::service
