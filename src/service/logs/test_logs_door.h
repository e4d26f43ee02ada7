// For the tests of this door: a book, its groups and the operations, as the server joins them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/test_folder.h"
#include "engine/changes.h"
#include "gen/logs.h"
#include "place/simulated/simulated_place.h"
#include "service/logs/logs.h"
#include "store/store.h"

namespace slipway::logs_door {

namespace api = aws::logs;

inline const std::string space = "000000000000/us-east-1";
inline const std::string group = "/aws/sagemaker/Endpoints/iris";

// Runs operations as the frame does.
class LogsDoorTest : public testing::Test {
 protected:
  LogsDoorTest() {
    book = logs::LogBook::open(folder / "logs").value();
    groups = logs::LogGroups::open(*store, {*book, loop}).value();
    install(registry, {*book, *groups, place, *store, queries, changes, workers, clock});
  }

  void add(const std::string& stream, std::string_view message) {
    const logs::StreamName name{space, group, stream};
    const logs::Line line{message, book->cursor(name) + 1};
    ASSERT_TRUE(book->append(name, clock.now(), {&line, 1}));
    clock.advance(std::chrono::seconds(1));
  }

  // Runs an operation as the front does, with what `fill` put into its input.
  template <typename Output, typename Input, typename Fill>
  Result<Output> call(std::string_view operation, Fill fill) {
    Input in(arena);
    fill(in);
    const net::RequestHead head{};
    service::HttpCall call({clock, random}, caller, head, "id", arena);
    const service::Entry& entry = *registry.find(*api::schema().find_operation(operation));
    const auto run = [&] { return entry.handler(call, in.node()); };
    const auto run_in = [&](store::Transaction& tx) {
      call.set_transaction(&tx);
      return run();
    };
    using service::Mode;
    TRY(const wire::Node node, entry.mode == Mode::read    ? store->read(run_in)
                               : entry.mode == Mode::write ? store->write(run_in)
                                                           : run());
    if constexpr (!std::is_void_v<Output>)
      return Output(node, &arena);
    else
      return {};
  }
  auto get(auto fill) {
    return call<api::GetLogEventsResponse, api::GetLogEventsRequest>("GetLogEvents", [&](auto& in) {
      in.logGroupName(group).logStreamName("blue/i-1");
      fill(in);
    });
  }
  auto filter(auto fill) {
    return call<api::FilterLogEventsResponse, api::FilterLogEventsRequest>("FilterLogEvents",
                                                                           [&](auto& in) {
                                                                             in.logGroupName(group);
                                                                             fill(in);
                                                                           });
  }
  static std::vector<std::string> messages_of(const auto& out) {
    std::vector<std::string> messages;
    for (const auto event : out.events()) messages.emplace_back(*event.message());
    return messages;
  }

  Result<> create(auto fill) {
    return call<void, api::CreateLogGroupRequest>("CreateLogGroup", fill);
  }
  Result<> create_named(const std::string& name) {
    return create([&](auto& in) { in.logGroupName(name); });
  }
  auto describe(auto fill) {
    return call<api::DescribeLogGroupsResponse, api::DescribeLogGroupsRequest>("DescribeLogGroups",
                                                                               fill);
  }
  static std::vector<std::string> names_of(const api::DescribeLogGroupsResponse& out) {
    std::vector<std::string> names;
    for (const auto each : out.logGroups()) names.emplace_back(*each.logGroupName());
    return names;
  }
  Result<> retain(std::int32_t days) {
    return call<void, api::PutRetentionPolicyRequest>(
        "PutRetentionPolicy", [&](auto& in) { in.logGroupName(group).retentionInDays(days); });
  }
  std::map<std::string, std::string> tags_of(const std::string& arn) {
    const auto out = call<api::ListTagsForResourceResponse, api::ListTagsForResourceRequest>(
        "ListTagsForResource", [&](auto& in) { in.resourceArn(arn); });
    std::map<std::string, std::string> tags;
    if (out)
      for (const auto& [key, value] : out->tags()) tags.emplace(key, value);
    return tags;
  }
  Result<> tag(const std::string& arn, const std::map<std::string, std::string>& tags) {
    return call<void, api::TagResourceRequest>("TagResource", [&](auto& in) {
      in.resourceArn(arn);
      for (const auto& [key, value] : tags) in.put_tags(key, value);
    });
  }

  TestFolder folder;
  ManualClock clock;
  SeededRandom random{1};
  wire::Arena arena;
  service::Caller caller{.principal = {.account = "000000000000"}, .region = "us-east-1"};
  place::SimulatedMachine machine{clock, random};
  place::SimulatedPlace place{machine, [](place::Observation) {}};
  std::unique_ptr<store::Store> store =
      store::Store::open(folder / "state.db", logs::migrations()).value();
  engine::Changes changes{clock};
  engine::ReconcilerLoop loop{*store, clock, changes};
  std::unique_ptr<logs::LogBook> book;
  std::unique_ptr<logs::LogGroups> groups;
  logs::Queries queries{clock};
  WorkerPool workers{1};
  service::Registry registry;
};

}  // namespace slipway::logs_door
