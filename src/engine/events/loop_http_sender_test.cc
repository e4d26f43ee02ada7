#include "engine/events/loop_http_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>

#include "net/test_certificate.h"
#include "net/test_server.h"

namespace slipway::events {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// A sender, and what it reported.
class Senders {
 public:
  explicit Senders(std::shared_ptr<const net::TlsContext> trusted = nullptr,
                   net::Reach reach = net::Reach::anywhere)
      : sender_(loop_, reach, std::move(trusted)) {
    sender_.on_report([this](DeliveryReport report) { take(std::move(report)); });
  }

  std::future<DeliveryReport> send(std::string url, std::string body = "hello") {
    const std::lock_guard lock(mutex_);
    DeliveryTask task{.seq = ++last_, .subscription = "s", .url = std::move(url)};
    task.delivery = {.head = {{"x-kind", "note"}}, .body = std::move(body)};
    auto report = reports_[last_].get_future();
    sender_.send(std::move(task));
    return report;
  }
  DeliveryReport deliver(std::string url) {
    auto report = send(std::move(url));
    return report.wait_for(60s) == std::future_status::ready ? report.get()
                                                             : DeliveryReport{.why = "never"};
  }

 private:
  void take(DeliveryReport report) {
    const std::lock_guard lock(mutex_);
    reports_[report.seq].set_value(report);
  }

  std::mutex mutex_;
  std::int64_t last_ = 0;
  std::map<std::int64_t, std::promise<DeliveryReport>> reports_;
  net::LoopThread loop_;
  LoopHttpSender sender_;
};

// Answers "/hang" never, "/no" with 403 and all else with 200; keeps what it was sent.
class Subscriber {
 public:
  explicit Subscriber(std::shared_ptr<const net::TlsContext> tls = nullptr)
      : server_({}, std::move(tls)) {
    server_.handler.answer = [this](net::Request&& request, net::Responder&& responder) {
      if (request.path() == "/hang") return hanging_.push_back(std::move(responder));
      last = std::string(request.method()) + " " + std::string(request.target()) + " " +
             std::string(request.headers().get("host")) + " " +
             std::string(request.headers().get("x-kind")) + " " + std::string(request.body());
      responder.send({.status = request.path() == "/no" ? 403 : 200, .body = "thanks"});
    };
  }
  ~Subscriber() {
    server_.run([this] { hanging_.clear(); });
  }

  std::string authority(std::string_view host = "127.0.0.1") const {
    return std::string(host) + ":" + std::to_string(server_.address().port);
  }

  std::string last;

 private:
  std::vector<net::Responder> hanging_;
  net::TestServer server_;
};

TEST(LoopHttpSender, PostsWhatItIsGivenAndReportsTheStatus) {
  Subscriber subscriber;
  Senders senders;
  EXPECT_EQ(senders.deliver("http://" + subscriber.authority() + "/a?b=c").status, 200);
  EXPECT_EQ(subscriber.last, "POST /a?b=c " + subscriber.authority() + " note hello");
  EXPECT_EQ(senders.deliver("http://" + subscriber.authority("localhost") + "/no").status, 403);
}

TEST(LoopHttpSender, ReportsWhyThereIsNoAnswer) {
  Senders senders;
  const auto nobody = *net::local_address(*net::listen_tcp(net::Address::tcp("127.0.0.1", 0)));
  const DeliveryReport refused = senders.deliver("http://" + nobody.text());
  EXPECT_EQ(refused.status, 0);
  EXPECT_THAT(refused.why, HasSubstr("refused"));
  EXPECT_THAT(senders.deliver("gopher://x").why, HasSubstr("no server's address"));
  EXPECT_EQ(senders.deliver("http://nobody.invalid/").status, 0);
}

TEST(LoopHttpSender, ConnectsToNoAddressThatIsNotPublicUnlessItIsTold) {
  Subscriber subscriber;
  Senders senders(nullptr, net::Reach::public_only);
  for (const char* host : {"127.0.0.1", "localhost", "127.1", "0.0.0.0", "[::ffff:127.0.0.1]"}) {
    const DeliveryReport report = senders.deliver("http://" + subscriber.authority(host) + "/");
    EXPECT_EQ(report.status, 0) << host;
    EXPECT_THAT(report.why, HasSubstr("only public ones may be reached")) << host;
  }
  EXPECT_THAT(senders.deliver("http://169.254.169.254/latest/meta-data/").why,
              HasSubstr("link-local"));
  EXPECT_EQ(subscriber.last, "");
}

TEST(LoopHttpSender, FollowsNoRedirection) {
  net::TestServer redirecting;
  Subscriber subscriber;
  redirecting.handler.answer = [&](net::Request&&, net::Responder&& responder) {
    net::Fields head;
    head.add("Location", "http://" + subscriber.authority() + "/inside");
    responder.send({.status = 307, .headers = std::move(head), .body = std::string("over there")});
  };
  Senders senders;
  EXPECT_EQ(senders.deliver("http://" + redirecting.address().text() + "/").status, 307);
  EXPECT_EQ(subscriber.last, "");
}

TEST(LoopHttpSender, SubscribersThatHangDelayNoneThatAnswers) {
  Subscriber subscriber;
  Senders senders;
  std::vector<std::future<DeliveryReport>> hanging;
  for (int i = 0; i < 100; ++i)
    hanging.push_back(senders.send("http://" + subscriber.authority() + "/hang"));
  EXPECT_EQ(senders.deliver("http://" + subscriber.authority() + "/").status, 200);
  EXPECT_EQ(hanging.front().wait_for(0s), std::future_status::timeout);
}

TEST(LoopHttpSender, SpeaksTlsWithThoseWhomItTrustsAndWithNoOther) {
  const net::TestCertificate certificate;
  Subscriber subscriber(*net::TlsContext::server(certificate.cert(), certificate.key()));
  const std::string url = "https://" + subscriber.authority("localhost") + "/a";
  {
    Senders senders(*net::TlsContext::client(certificate.cert()));
    for (const std::string& body : {std::string("hello"), std::string(256 * 1024, 'b')}) {
      auto report = senders.send(url, body);
      ASSERT_EQ(report.wait_for(60s), std::future_status::ready);
      EXPECT_EQ(report.get().status, 200);
      EXPECT_EQ(subscriber.last, "POST /a " + subscriber.authority("localhost") + " note " + body);
    }
  }
  Senders strangers;
  const DeliveryReport refused = strangers.deliver(url);
  EXPECT_EQ(refused.status, 0);
  EXPECT_THAT(refused.why, HasSubstr("certificate"));
}

}  // namespace
}  // namespace slipway::events
