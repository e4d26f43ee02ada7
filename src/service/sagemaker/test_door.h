// The door over a store of its own and a simulated fleet engine, asked as a client asks: JSON in,
// status and JSON out. For this room's tests.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/test_folder.h"
#include "engine/fleet/simulation.h"
#include "engine/fleet/test_store.h"
#include "engine/identity/tables.h"
#include "engine/objects/objects.h"
#include "gen/services.h"
#include "service/aws_request_handler.h"
#include "service/named_resources.h"
#include "service/sagemaker/sagemaker.h"
#include "service/test_context.h"

namespace slipway::sagemaker {

namespace json = boost::json;

struct Answer {
  int status = 0;
  json::object body;

  std::string text(std::string_view member) const {
    const json::value* found = body.if_contains(member);
    return found && found->is_string() ? std::string(found->as_string()) : std::string();
  }
  bool has(std::string_view member) const { return body.contains(member); }
  std::string message() const { return text(has("message") ? "message" : "Message"); }
};

// Instances start, are probed and end only while settle() runs.
class Door : public testing::Test {
 protected:
  Door() {
    install(registry_, world_.fleets(), queues_, {"slipway-inference"});
    world_.machine().set_faults_for("FAULT=dies", {.never_healthy = 1, .dies_starting = 1});
  }
  ~Door() override {
    changes_.close();
    workers_.stop();
  }

  static std::unique_ptr<store::Store> open_store(const std::filesystem::path& folder) {
    std::vector<store::Migration> all;
    for (const auto& room :
         {fleet::migrations(), identity::migrations(), objects::migrations(),
          invocation_queue::queue_migrations(), service::named_resource_migrations(), migrations()})
      all.insert(all.end(), room.begin(), room.end());
    return store::Store::open(folder / "state.db", all).value();
  }

  Answer ask(std::string_view operation, std::string_view body) {
    const std::string target = fmt::format("SageMaker.{}", operation);
    const std::vector<net::Header> headers = {{"Host", "127.0.0.1"},
                                              {"X-Amz-Target", target},
                                              {"Content-Type", "application/x-amz-json-1.1"}};
    std::promise<net::Response> answered;
    auto answer = answered.get_future();
    aws_.on_request(net::Request::make("POST", "/", headers, body),
                    net::Responder::to([&answered](net::Response&& response) {
                      answered.set_value(std::move(response));
                    }));
    const net::Response response = answer.get();
    const std::string_view text = response.body.view();
    return {.status = response.status,
            .body = text.empty() ? json::object()
                                 : json::parse({text.data(), text.size()}).as_object()};
  }
  // The same, and it must be done.
  Answer done(std::string_view operation, std::string_view body) {
    Answer answer = ask(operation, body);
    EXPECT_EQ(answer.status, 200) << operation << ": " << answer.message();
    return answer;
  }
  // The same, and it must be refused with a ValidationException; its message.
  std::string refused(std::string_view operation, std::string_view body) {
    const Answer answer = ask(operation, body);
    EXPECT_EQ(answer.status, 400) << operation;
    EXPECT_THAT(answer.text("__type"), testing::EndsWith("ValidationException"));
    return answer.message();
  }

  void make_model(std::string_view name, std::string_view fault = "") {
    done("CreateModel", fmt::format(R"({{"ModelName":"{}","PrimaryContainer":{{
        "Image":"1.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:1",
        "ModelDataUrl":"https://somewhere/model.tar.gz","Environment":{{"FAULT":"{}"}}}}}})",
                                    name, fault));
  }
  void make_config(std::string_view name, std::string_view model, unsigned instances = 1) {
    done("CreateEndpointConfig", fmt::format(R"({{"EndpointConfigName":"{}","ProductionVariants":[
        {{"VariantName":"all","ModelName":"{}","InstanceType":"ml.m5.large",
          "InitialInstanceCount":{}}}]}})",
                                             name, model, instances));
  }
  void start_endpoint(std::string_view name, std::string_view config) {
    done("CreateEndpoint",
         fmt::format(R"({{"EndpointName":"{}","EndpointConfigName":"{}"}})", name, config));
  }
  // A model, a configuration and an endpoint in service, all of that name.
  void deploy(std::string_view name, unsigned instances = 1) {
    make_model(name);
    make_config(name, name, instances);
    start_endpoint(name, name);
    settle();
  }
  Answer describe(std::string_view endpoint) { return done("DescribeEndpoint", named(endpoint)); }
  static std::string named(std::string_view endpoint) {
    return fmt::format(R"({{"EndpointName":"{}"}})", endpoint);
  }
  static std::string arn(std::string_view rest) {
    return fmt::format("arn:aws:sagemaker:us-east-1:000000000000:{}", rest);
  }

  void settle() { world_.run(std::chrono::minutes(5)); }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_ = open_store(folder_.path());
  fleet::Simulation world_{
      *store_,
      1,
      {.built_ins = {{"slipway-inference", {.argv = {"/bin/model"}, .environment = {}}}}}};
  SystemRandom random_;
  std::unique_ptr<identity::KeyRing> keys_ =
      identity::KeyRing::open(folder_.path(),
                              {identity::Principal::Kind::root, "000000000000", "arn:root", "0"},
                              random_)
          .value();
  engine::Changes changes_{world_.clock()};
  WorkerPool workers_{2};
  invocation_queue::InvocationQueues queues_{[](invocation_queue::InvocationQueueId) {}};
  service::Registry registry_;
  wire::OperationRouter router_{aws::schemas()};
  net::Loop loop_;
  service::ServiceContext context_ = service::test_context(
      {registry_, router_, *store_, workers_, changes_, *keys_, {world_.clock(), random_}},
      service::AuthMode::none);
  service::AwsRequestHandler aws_{context_, loop_};
};

}  // namespace slipway::sagemaker
