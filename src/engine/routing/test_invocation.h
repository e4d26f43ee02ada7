// An invocation that keeps what became of it. For this room's tests.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/routing/router.h"
#include "net/loop.h"

namespace slipway::routing {

// A fleet of one generation.
inline std::shared_ptr<const FleetRoute> fleet_of_one(
    std::shared_ptr<const GenerationRoute> generation) {
  auto route = std::make_shared<FleetRoute>();
  route->legs.push_back({.share = 1, .route = std::move(generation)});
  return route;
}

struct TestOutcome {
  int status = 0;  // 0: it failed
  std::string content_type;
  std::string body;
  std::string variant;
  std::string container;
  std::string instance;
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<InvokeFailure> failure;
  std::string detail;

  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers)
      if (net::same_name(key, name)) return value;
    return {};
  }
};

struct TestRequest {
  std::string fleet;
  std::string body;
  std::string target_variant = {};
  std::string content_type = "text/csv";
  std::string accept = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string container = {};
  std::string instance = {};
};

// Where outcomes arrive; from any thread.
class TestOutcomes {
 public:
  void put(TestOutcome outcome) {
    const std::lock_guard lock(mutex_);
    outcomes_.push_back(std::move(outcome));
    arrived_.notify_all();
  }
  // Waits for `count` of them, at most ten seconds.
  std::vector<TestOutcome> wait(std::size_t count) {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, std::chrono::seconds(10), [&] { return outcomes_.size() >= count; });
    return outcomes_;
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return outcomes_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<TestOutcome> outcomes_;
};

class TestInvocation final : public Invocation {
 public:
  TestInvocation(TestRequest asked, std::shared_ptr<TestOutcomes> outcomes)
      : asked_(std::move(asked)), outcomes_(std::move(outcomes)) {
    for (const auto& [name, value] : asked_.headers) headers_.push_back({name, value});
    request = {.fleet = asked_.fleet,
               .target_variant = asked_.target_variant,
               .container = asked_.container,
               .instance = asked_.instance,
               .content_type = asked_.content_type,
               .accept = asked_.accept,
               .headers = headers_,
               .body = asked_.body};
  }
  void answered(const InvokeAnswer& answer) override {
    TestOutcome outcome{.status = answer.status,
                        .content_type = std::string(answer.content_type),
                        .body = std::string(answer.body),
                        .variant = std::string(answer.variant),
                        .container = std::string(answer.container),
                        .instance = std::string(answer.instance)};
    for (const net::Header& header : answer.headers)
      outcome.headers.emplace_back(header.name, header.value);
    outcomes_->put(std::move(outcome));
  }
  void failed(InvokeFailure failure, std::string_view detail, std::string_view variant) override {
    outcomes_->put({.variant = std::string(variant),
                    .container = std::string(container()),
                    .headers = {},
                    .failure = failure,
                    .detail = std::string(detail)});
  }

 private:
  TestRequest asked_;
  std::vector<net::Header> headers_;
  std::shared_ptr<TestOutcomes> outcomes_;
};

}  // namespace slipway::routing
