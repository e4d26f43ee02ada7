#include "service/pages.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "base/test_folder.h"
#include "wire/auth/sigv4.h"

namespace slipway::service {
namespace {

using Headers = std::vector<net::Header>;

// What no page takes.
class Rest final : public net::RequestHandler {
 public:
  void on_request(net::Request&&, net::Responder&& responder) override {
    responder.send(net::plain_response(200, "the rest"));
  }
};

class PagesTest : public testing::Test {
 protected:
  PagesTest() { serve(AuthMode::strict); }

  void serve(AuthMode auth) {
    authenticator_ =
        std::make_unique<Authenticator>(keys_, clock_, sites_, known_, auth, "us-east-1");
    door_ = std::make_unique<PageDoor>(pages_, sites_, *authenticator_, workers_);
    gateway_ = std::make_unique<net::Gateway>(rest_);
    door_->mount_on(*gateway_, [](const net::RequestHead& head) {
      return head.headers.get("host") != "bucket.s3.localhost";
    });
  }

  net::Response get(std::string_view path, const Headers& headers = {{"Host", "localhost"}}) {
    return ask("GET", path, headers);
  }

  net::Response ask(std::string_view method, std::string_view path, const Headers& headers) {
    std::promise<net::Response> answered;
    auto answer = answered.get_future();
    gateway_->on_request(
        net::Request::make(method, path, headers),
        net::Responder::to([&](net::Response&& it) { answered.set_value(std::move(it)); }));
    return answer.get();
  }

  // The page as the root signs for it.
  Headers signed_headers(std::string_view path, std::string_view scope,
                         std::string_view method = "GET", std::string_view query = "") {
    Headers headers = {{"Host", "localhost"}};
    const std::vector<wire::HeaderPair> pairs = {{"Host", "localhost"}};
    added_ = wire::sign(
        {.method = method, .path = path, .query = query, .headers = pairs, .body = ""},
        {keys_.root().access_key_id, keys_.root().secret}, {"us-east-1", scope}, clock_.now());
    for (const auto& [name, value] : added_) headers.push_back({name, value});
    return headers;
  }

  SystemClock clock_;
  SystemRandom random_;
  TestFolder data_;
  std::unique_ptr<identity::KeyRing> keys_owner_ =
      identity::KeyRing::open(
          data_.path(), {identity::Principal::Kind::root, "000000000000", "arn:root", "0"}, random_)
          .value();
  identity::KeyRing& keys_ = *keys_owner_;
  SiteCheck sites_;
  WorkerPool workers_{1};
  KnownSenders known_;
  std::vector<ServerPage> pages_ = {
      {.path = "/_slipway/health",
       .content_type = "application/json",
       .text = [](const net::RequestHead&) { return "well"; }},
      {.path = "/_slipway/figures",
       .content_type = "application/json",
       .text = [](const net::RequestHead&) { return "figures"; },
       .roots_scope = "sagemaker"},
      {.path = "/_slipway/level",
       .content_type = "application/json",
       .text = [this](const net::RequestHead&) { return level_; },
       .roots_scope = "sagemaker",
       .put = [this](const net::RequestHead& head) -> Result<std::string> {
         if (head.query.empty()) return fail(ErrorCode::invalid_argument, "which level?");
         return level_ = std::string(head.query);
       }},
      {.path = "/_slipway/stored",
       .content_type = "application/json",
       .text = [this](const net::RequestHead&) -> Result<std::string> {
         return fail(ErrorCode::not_found,
                     fmt::format("on a worker: {}", std::this_thread::get_id() != main_));
       },
       .roots_scope = "sagemaker",
       .lane = ServerPage::Lane::worker},
      {.path = "/_else/health",
       .content_type = "text/html; charset=utf-8",
       .text = [](const net::RequestHead& head) { return std::string(head.headers.get("host")); },
       .claim = [](const net::RequestHead& head) { return head.query.empty(); }},
      {.path = "/_slipway/later",
       .content_type = "text/plain",
       .text = [](const net::RequestHead&) { return ""; }},
      {.path = "/",
       .content_type = "text/html; charset=utf-8",
       .text = [](const net::RequestHead&) { return "welcome"; },
       .claim =
           [](const net::RequestHead& head) { return head.headers.find("accept").has_value(); }}};
  const std::thread::id main_ = std::this_thread::get_id();
  std::string level_ = "info";
  std::vector<std::pair<std::string, std::string>> added_;
  Rest rest_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<PageDoor> door_;
  std::unique_ptr<net::Gateway> gateway_;
};

TEST_F(PagesTest, pages_are_for_the_servers_own_names_and_no_strange_page) {
  for (const AuthMode auth : {AuthMode::strict, AuthMode::none}) {
    serve(auth);
    EXPECT_EQ(get("/_slipway/health").body.view(), "well");
    const net::Response foreign = get("/_slipway/health", {{"Host", "rebound\".example"}});
    EXPECT_EQ(foreign.status, 403);
    EXPECT_TRUE(foreign.body.view().contains("'rebound\\\".example' is not"));
    EXPECT_EQ(get("/_slipway/health", {{"Host", "localhost"}, {"Origin", "null"}}).status, 403);
    EXPECT_EQ(get("/_else/health", {{"Host", "rebound.example"}}).status, 403);
  }
}

TEST_F(PagesTest, a_page_takes_what_it_claims_and_no_key_of_a_bucket) {
  const net::Response page = get("/_else/health");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.headers.find("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.headers.find("x-content-type-options"), "nosniff");
  EXPECT_EQ(page.body.view(), "localhost");
  EXPECT_EQ(get("/_else/health?x=1").body.view(), "the rest\n");
  EXPECT_EQ(get("/_else/other").body.view(), "the rest\n");
  EXPECT_EQ(get("/").body.view(), "the rest\n");
  const Headers bucket = {{"Host", "bucket.s3.localhost"}};
  EXPECT_EQ(get("/_else/health", bucket).body.view(), "the rest\n");
  EXPECT_EQ(get("/_slipway/health", bucket).body.view(), "well");
}

TEST_F(PagesTest, the_page_at_the_root_takes_nothing_below_it) {
  const Headers browser = {{"Host", "localhost"}, {"Accept", "text/html"}};
  EXPECT_EQ(get("/", browser).body.view(), "welcome");
  EXPECT_EQ(get("/bucket/index.html", browser).body.view(), "the rest\n");
  EXPECT_EQ(get("/").body.view(), "the rest\n");
}

TEST_F(PagesTest, what_is_not_there_is_said_to_be_none) {
  for (const std::string_view path : {"/_slipway/other", "/_slipway", "/_slipway/later"})
    EXPECT_EQ(get(path).status, 404) << path;
  EXPECT_TRUE(get("/_slipway/other").body.view().contains("there is /_slipway/health"));
}

TEST_F(PagesTest, the_roots_pages_want_its_signature_for_them) {
  const std::string_view page = "/_slipway/figures";
  EXPECT_EQ(get(page).status, 403);
  EXPECT_EQ(get(page, signed_headers(page, "sagemaker")).body.view(), "figures");
  EXPECT_EQ(get(page, signed_headers(page, "s3")).status, 403);
  EXPECT_EQ(get(page, signed_headers("/_slipway/other", "sagemaker")).status, 403);
  serve(AuthMode::none);
  EXPECT_EQ(get(page).status, 200);
  EXPECT_EQ(get(page, {{"Host", "rebound.example"}}).status, 403);
}

TEST_F(PagesTest, a_page_that_can_be_set_is_set_by_put_alone_and_by_the_root_alone) {
  const std::string_view page = "/_slipway/level";
  const auto put = [&](std::string_view query) {
    return ask("PUT", query.empty() ? std::string(page) : fmt::format("{}?{}", page, query),
               signed_headers(page, "sagemaker", "PUT", query));
  };
  EXPECT_EQ(put("debug").body.view(), "debug");
  EXPECT_EQ(get(page, signed_headers(page, "sagemaker")).body.view(), "debug");
  EXPECT_EQ(put("").status, 400);
  EXPECT_EQ(ask("PUT", "/_slipway/level?error", {{"Host", "localhost"}}).status, 403);
  EXPECT_EQ(level_, "debug");
  EXPECT_EQ(ask("POST", page, signed_headers(page, "sagemaker", "POST")).status, 405);
  const std::string_view read = "/_slipway/figures";
  const net::Response refused = ask("PUT", read, signed_headers(read, "sagemaker", "PUT"));
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.headers.find("allow"), "GET, HEAD");
}

TEST_F(PagesTest, what_asks_the_store_is_made_on_a_worker_and_may_fail) {
  const std::string_view page = "/_slipway/stored";
  const net::Response answer = get(page, signed_headers(page, "sagemaker"));
  EXPECT_EQ(answer.status, 404);
  EXPECT_TRUE(answer.body.view().contains("on a worker: true")) << answer.body.view();
}

}  // namespace
}  // namespace slipway::service
