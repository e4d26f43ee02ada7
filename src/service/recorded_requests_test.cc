#include "service/recorded_requests.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "base/test_folder.h"

namespace slipway::service {
namespace {

// Answers by the path.
class Answers final : public net::RequestHandler {
 public:
  // Answers a streamed body at its end.
  class Body final : public net::BodyReceiver {
   public:
    void on_start(net::Request&&, net::Responder&& responder, net::BodyControl) override {
      responder.describe({.id = "S1", .service = "s3", .operation = "PutObject"});
      responder_ = std::move(responder);
    }
    void on_data(std::string_view) override {}
    void on_end(const net::Headers&) override { responder_.send(net::Response{}); }
    void on_abort(const Error&) override {}

   private:
    net::Responder responder_;
  };

  net::BodyPlan on_head(const net::RequestHead& head) override {
    if (head.path == "/refused") {
      net::Response response = net::plain_response(403, "no");
      response.headers.add("x-amzn-RequestId", "R1");
      return net::Refuse{std::move(response)};
    }
    if (head.path == "/upload") return net::Stream{std::make_unique<Body>()};
    return net::Collect{};
  }
  void on_request(net::Request&& request, net::Responder&& responder) override {
    responder.describe({.id = "I1", .service = "sagemaker", .operation = "CreateModel"});
    responder.describe({.principal = "arn:aws:iam::1:user/a\"b"});
    if (request.path() == "/dropped") return;
    if (request.path() == "/parts") {
      net::BodyWriter writer = responder.start(200, {});
      writer.write("abc");
      writer.write("de");
      return writer.finish();
    }
    if (request.path() == "/cut") {
      net::BodyWriter writer = responder.start(200, {});
      writer.write("abc");
      return;
    }
    responder.send(net::plain_response(201, "made"));
  }
};

class RecordedRequestsTest : public testing::Test {
 protected:
  net::Responder responder() {
    return net::Responder::to([this](net::Response&& it) { answered_ = std::move(it); });
  }
  void ask(std::string_view method, std::string_view target, std::string_view body = "") {
    net::Request request =
        net::Request::make(method, target, {{"Authorization", "AWS4 secret-of-a-head"}}, body);
    net::BodyPlan plan = recorded_->on_head(request.head());
    if (auto* const stream = std::get_if<net::Stream>(&plan)) {
      stream->receiver->on_start(std::move(request), responder(), {});
      stream->receiver->on_data("1234");
      stream->receiver->on_data("56");
      stream->receiver->on_end({});
      return;
    }
    if (std::holds_alternative<net::Refuse>(plan)) return;
    recorded_->on_request(std::move(request), responder());
  }

  // The lines so far, which ends the log.
  std::vector<boost::json::object> lines() {
    recorded_.reset();
    log_.reset();
    std::ifstream in(file_);
    std::vector<boost::json::object> lines;
    for (std::string line; std::getline(in, line);) {
      EXPECT_FALSE(line.contains("secret")) << line;
      lines.push_back(boost::json::parse(line).as_object());
    }
    return lines;
  }

  SystemClock clock_;
  TestFolder folder_;
  const std::filesystem::path file_ = folder_ / "access.log";
  std::unique_ptr<AccessLog> log_ = AccessLog::open(file_.string(), clock_).value();
  Answers answers_;
  std::optional<net::Response> answered_;
  std::unique_ptr<RecordedRequests> recorded_ = std::make_unique<RecordedRequests>(
      answers_, *log_, clock_,
      [](const net::RequestHead&) { return net::Described{.service = "sts"}; });
};

TEST_F(RecordedRequestsTest, a_line_says_who_asked_for_what_and_what_became_of_it) {
  ask("POST", "/?token=secret", "12345678");
  EXPECT_EQ(answered_->status, 201);
  const auto all = lines();
  ASSERT_EQ(all.size(), 1U);
  const boost::json::object& line = all[0];
  EXPECT_EQ(line.at("id").as_string(), "I1");
  EXPECT_EQ(line.at("service").as_string(), "sagemaker");
  EXPECT_EQ(line.at("operation").as_string(), "CreateModel");
  EXPECT_EQ(line.at("principal").as_string(), "arn:aws:iam::1:user/a\"b");
  EXPECT_EQ(line.at("status").as_int64(), 201);
  EXPECT_EQ(line.at("bytes_in").to_number<int>(), 8);
  EXPECT_EQ(line.at("bytes_out").to_number<int>(), 5);
  EXPECT_TRUE(line.contains("time") && line.contains("client") && line.contains("duration_us"));
  EXPECT_FALSE(line.contains("cut") || line.contains("client_gone"));
}

TEST_F(RecordedRequestsTest, bodies_in_parts_are_counted_both_ways) {
  ask("PUT", "/upload");
  ask("POST", "/parts");
  ask("POST", "/cut");
  ask("HEAD", "/head");
  const auto all = lines();
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].at("bytes_in").to_number<int>(), 6);
  EXPECT_EQ(all[0].at("operation").as_string(), "PutObject");
  EXPECT_EQ(all[1].at("bytes_out").to_number<int>(), 5);
  EXPECT_EQ(all[2].at("bytes_out").to_number<int>(), 3);
  EXPECT_TRUE(all[2].at("cut").as_bool());
  EXPECT_EQ(all[3].at("bytes_out").to_number<int>(), 0);
}

TEST_F(RecordedRequestsTest, a_body_that_does_not_come_has_the_status_that_the_server_answers) {
  for (const ErrorCode code : {ErrorCode::timeout, ErrorCode::unavailable}) {
    net::Request request = net::Request::make("PUT", "/upload", {});
    net::BodyPlan plan = recorded_->on_head(request.head());
    net::BodyReceiver& receiver = *std::get<net::Stream>(plan).receiver;
    receiver.on_start(std::move(request), responder(), {});
    receiver.on_abort({code, "so"});
  }
  const auto all = lines();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].at("status").as_int64(), 408);
  EXPECT_EQ(all[1].at("status").as_int64(), 0);
  EXPECT_TRUE(all[1].at("client_gone").as_bool());
}

TEST_F(RecordedRequestsTest, what_is_refused_or_never_answered_has_its_line_too) {
  ask("POST", "/refused");
  ask("POST", "/dropped");
  EXPECT_EQ(answered_->status, 500) << "as without an access log";
  (void)recorded_->refusal(net::Request::make("POST", "/slow").head(), 408, "too slow");
  const auto all = lines();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].at("id").as_string(), "R1");
  EXPECT_EQ(all[0].at("service").as_string(), "sts");
  EXPECT_EQ(all[0].at("status").as_int64(), 403);
  EXPECT_EQ(all[1].at("status").as_int64(), 500);
  EXPECT_EQ(all[2].at("status").as_int64(), 408);
}

}  // namespace
}  // namespace slipway::service
