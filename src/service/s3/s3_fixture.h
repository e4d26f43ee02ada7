// This door behind a real HTTP server on the loopback, without signatures: for its tests.
#pragma once

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "base/encoding.h"
#include "gen/services.h"
#include "net/blocking_client.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "service/aws_request_handler.h"
#include "service/s3/s3.h"
#include "service/test_context.h"
#include "wire/auth/checksum.h"

namespace slipway::s3 {

// In memory where the machine has such a place: what is tested here is not how fast its disk syncs.
inline std::filesystem::path parent_of_test_folders() {
  const std::filesystem::path memory = "/dev/shm";
  if (::access(memory.c_str(), W_OK) == 0) return memory;
  return std::filesystem::temp_directory_path();
}

class S3Test : public testing::Test {
 protected:
  S3Test() : changes_(clock_) {
    std::string pattern = (parent_of_test_folders() / "s3-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    store_ = store::Store::open(root_ / "state.db", all_migrations()).value();
    objects_ = objects::Objects::open(*store_, root_, clock_, random_).value();
    const identity::Principal owner{identity::Principal::Kind::root, "000000000000",
                                    "arn:aws:iam::000000000000:root", "000000000000"};
    keys_ = identity::KeyRing::open(root_, owner, random_).value();
    reconcilers_ = std::make_unique<engine::ReconcilerLoop>(*store_, clock_, changes_);
    lifecycle_ = std::make_unique<objects::Lifecycle>(
        lifecycle_needs(*objects_, lifecycles_, *reconcilers_));
    reconcilers_->add(*lifecycle_);
    install(registry_, {*store_, *objects_, notices_, *lifecycle_, lifecycles_});
    serve();
    EXPECT_EQ(ask("PUT", "/box").status, 200);
  }
  ~S3Test() override {
    client_.reset();
    loop_->run_and_wait([this] {
      http_.reset();
      aws_.reset();
    });
    loop_.reset();
    workers_.stop();
    objects_.reset();
    store_.reset();
    std::filesystem::remove_all(root_);
  }

  struct Answer {
    int status = 0;
    net::Fields headers;
    std::string body;

    std::string header(std::string_view name) const {
      return std::string(headers.find(name).value_or("(none)"));
    }
    // The text of the first element of that name.
    std::string element(std::string_view name) const {
      const std::string open = "<" + std::string(name) + ">";
      const std::size_t begin = body.find(open);
      if (begin == std::string::npos) return "(none)";
      const std::size_t end = body.find("</" + std::string(name) + ">", begin);
      return body.substr(begin + open.size(), end - begin - open.size());
    }
    // "404 NoSuchKey"
    std::string error() const { return std::to_string(status) + " " + element("Code"); }
  };

  Answer ask(std::string_view method, std::string_view target, std::string body = {},
             net::Fields headers = {}) {
    auto answer = client_->send({.method = std::string(method),
                                 .target = std::string(target),
                                 .headers = std::move(headers),
                                 .body = std::move(body)});
    EXPECT_TRUE(answer) << method << " " << target << ": " << answer.error().message;
    if (!answer) return {};
    return {answer->status, std::move(answer->headers), std::move(answer->body)};
  }
  Answer get(std::string_view target, net::Fields headers = {}) {
    return ask("GET", target, {}, std::move(headers));
  }
  Answer put(std::string_view target, std::string body = {}, net::Fields headers = {}) {
    return ask("PUT", target, std::move(body), std::move(headers));
  }

  // What S3 demands beside some bodies.
  static net::Fields digest_of(std::string_view body) {
    return {{"content-md5", wire::checksum_base64(wire::Checksum::Algorithm::md5, body)}};
  }

  // "http://127.0.0.1:PORT"
  service::UploadSlots& upload_slots() { return *context_->uploads; }
  const std::string& origin() const { return origin_; }

  // The bodies of the messages that a queue holds now, in their order.
  std::vector<events::ReceivedMessage> receive(std::string_view queue) {
    return store_
        ->write([&](store::Transaction& tx) -> Result<std::vector<events::ReceivedMessage>> {
          TRY(const events::Queue found, queues_.find(tx, {std::string(queue)}));
          std::vector<events::ReceivedMessage> out;
          for (;;) {
            TRY(auto received, queues_.receive(tx, found, {.messages_max = 10}, clock_.moment()));
            if (received.empty()) return out;
            for (auto& message : received) out.push_back(std::move(message));
          }
        })
        .value();
  }
  std::vector<std::string> messages(std::string_view queue) {
    std::vector<std::string> out;
    for (const auto& message : receive(queue)) out.push_back(message.body);
    return out;
  }
  void make_queue(std::string_view queue) {
    EXPECT_TRUE(store_->write([&](store::Transaction& tx) {
      return queues_.create(tx, {std::string(queue)}, {}, clock_.moment());
    }));
  }

  // As a server does that runs all the while.
  void let_pass(std::chrono::microseconds time) {
    EXPECT_TRUE(reconcilers_->wake_all());
    for (;;) {
      while (reconcilers_->step() > 0) {
      }
      if (time.count() == 0) return;
      const auto by = std::min(reconcilers_->next_due().value_or(time), time);
      clock_.advance(std::max(by, std::chrono::microseconds(1)));
      time -= by;
    }
  }

  // The files that hold bodies.
  std::vector<std::filesystem::path> bodies() const {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root_ / "objects"))
      if (entry.is_regular_file() && entry.path().filename().string().size() == 32)
        found.push_back(entry.path());
    return found;
  }

  ManualClock clock_;
  SeededRandom random_{1};

 private:
  static std::vector<store::Migration> all_migrations() {
    std::vector<store::Migration> all;
    for (const auto room : {objects::migrations(), events::migrations()})
      all.insert(all.end(), room.begin(), room.end());
    return all;
  }

  void serve() {
    context_ = std::make_unique<service::ServiceContext>(service::test_context(
        {registry_, router_, *store_, workers_, changes_, *keys_, {clock_, random_}},
        service::AuthMode::none));
    net::Fd listener = net::listen_tcp(net::Address::tcp("127.0.0.1", 0)).value();
    const net::Address address = net::local_address(listener).value();
    origin_ = "http://" + address.text();
    loop_ = std::make_unique<net::LoopThread>();
    loop_->run_and_wait([&] {
      aws_ = std::make_unique<service::AwsRequestHandler>(*context_, loop_->loop());
      http_ = std::make_unique<net::HttpServer>(loop_->loop(), *aws_);
      http_->listen(std::move(listener));
    });
    client_ = std::make_unique<net::BlockingClient>(
        net::Origin{.host = address.host, .port = address.port});
  }

  engine::Changes changes_;
  std::filesystem::path root_;
  std::string origin_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<objects::Objects> objects_;
  events::Queues queues_{random_, changes_};
  events::Topics topics_{random_};
  LifecycleTexts lifecycles_;
  std::unique_ptr<engine::ReconcilerLoop> reconcilers_;
  std::unique_ptr<objects::Lifecycle> lifecycle_;
  Notices notices_{{.queues = queues_, .topics = topics_, .random = random_}};
  std::unique_ptr<identity::KeyRing> keys_;
  WorkerPool workers_{2};
  service::Registry registry_;
  wire::OperationRouter router_{aws::schemas()};
  std::unique_ptr<service::ServiceContext> context_;
  std::unique_ptr<net::LoopThread> loop_;
  std::unique_ptr<service::AwsRequestHandler> aws_;
  std::unique_ptr<net::HttpServer> http_;
  std::unique_ptr<net::BlockingClient> client_;
};

}  // namespace slipway::s3
