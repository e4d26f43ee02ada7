#include "cli/advise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "cli/test_world.h"

namespace slipway::cli {
namespace {

using std::chrono::milliseconds;
using testing::Contains;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr std::uint64_t mb = 1ULL << 20;

bool is_ruled_out(const Advice& advice, Way way, std::string_view why) {
  for (const Refusal& refusal : advice.refusals)
    if (refusal.way == way && refusal.why.find(why) != refusal.why.npos) return true;
  return false;
}

// A limit of AWS: the workload that just keeps it, the step past it, and what is then said.
struct Limit {
  Way way;
  std::string_view why;
  Workload kept;
  Workload passed;
};

template <typename Change>
Workload with(Change change, Workload workload = {}) {
  change(workload);
  return workload;
}
Workload payload(std::uint64_t bytes, Wanted wanted = Wanted::at_once) {
  return with([=](Workload& w) { w.payload_bytes = bytes, w.wanted = wanted; });
}
Workload answer(std::uint64_t bytes) {
  return with([=](Workload& w) { w.answer_bytes = bytes; });
}
Workload takes(milliseconds time, Wanted wanted = Wanted::at_once, unsigned models = 1) {
  return with(
      [=](Workload& w) { w.time = time, w.wanted = wanted, w.models = models, w.rate = 0.001; });
}

TEST(Advise, EveryLimitRulesOutItsWayOnePastIt) {
  const Limit limits[] = {
      {Way::real_time, "25 MB", payload(25 * mb), payload(25 * mb + 1)},
      {Way::real_time, "25 MB", answer(25 * mb), answer(25 * mb + 1)},
      {Way::real_time, "within 60 s", takes(60s), takes(60'001ms)},
      {Way::real_time, "whole", payload(1), payload(1, Wanted::in_parts)},
      {Way::streaming, "25 MB", payload(25 * mb, Wanted::in_parts),
       payload(25 * mb + 1, Wanted::in_parts)},
      {Way::streaming, "8 minutes", takes(8min, Wanted::in_parts), takes(481s, Wanted::in_parts)},
      {Way::streaming, "not wanted", payload(1, Wanted::in_parts), payload(1)},
      {Way::serverless, "4 MB", payload(4 * mb), payload(4 * mb + 1)},
      {Way::serverless, "4 MB", answer(4 * mb), answer(4 * mb + 1)},
      {Way::serverless, "within 60 s", takes(60s), takes(60'001ms)},
      {Way::serverless, "6 GB", with([](Workload& w) { w.memory_bytes = 6144 * mb; }),
       with([](Workload& w) { w.memory_bytes = 6144 * mb + 1; })},
      {Way::serverless, "200", with([](Workload& w) { w.rate = 200, w.time = 1s; }),
       with([](Workload& w) { w.rate = 201, w.time = 1s; })},
      {Way::serverless, "one model", {}, with([](Workload& w) { w.models = 2; })},
      {Way::asynchronous, "1 GB", payload(1024 * mb), payload(1024 * mb + 1)},
      {Way::asynchronous, "3,600 s", takes(1h), takes(3'600'001ms)},
      {Way::asynchronous, "queue", with([](Workload& w) { w.latency = 1s; }),
       with([](Workload& w) { w.latency = 999ms; })},
      {Way::multi_model, "one model", with([](Workload& w) { w.models = 2; }), {}},
      {Way::multi_model, "within 60 s", takes(60s, Wanted::at_once, 2),
       takes(60'001ms, Wanted::at_once, 2)},
      {Way::batch, "waits", payload(1, Wanted::later), payload(1)},
      {Way::batch, "100", payload(100 * mb, Wanted::later), payload(100 * mb + 1, Wanted::later)},
      {Way::batch, "3,600 s", takes(1h, Wanted::later), takes(3'600'001ms, Wanted::later)},
  };
  for (const Limit& limit : limits) {
    EXPECT_FALSE(is_ruled_out(advise(limit.kept, nullptr), limit.way, limit.why))
        << name_of(limit.way) << ' ' << limit.why;
    EXPECT_TRUE(is_ruled_out(advise(limit.passed, nullptr), limit.way, limit.why))
        << name_of(limit.way) << ' ' << limit.why;
  }
}

TEST(Advise, TheShapeOfTheTrafficChoosesAmongWhatFits) {
  EXPECT_EQ(advise({}, nullptr).way, Way::real_time);
  EXPECT_EQ(advise(with([](Workload& w) { w.busy = 0.1; }), nullptr).way, Way::serverless);
  EXPECT_EQ(advise(with([](Workload& w) { w.busy = 0.1, w.payload_bytes = 5 * mb; }), nullptr).way,
            Way::real_time);
  EXPECT_EQ(advise(with([](Workload& w) { w.models = 300; }), nullptr).way, Way::multi_model);
  EXPECT_EQ(advise(payload(1, Wanted::in_parts), nullptr).way, Way::streaming);
  EXPECT_EQ(advise(payload(1, Wanted::later), nullptr).way, Way::batch);
  EXPECT_EQ(advise(payload(200 * mb, Wanted::later), nullptr).way, Way::asynchronous);
  EXPECT_EQ(advise(payload(30 * mb), nullptr).way, Way::asynchronous);
  EXPECT_EQ(advise(payload(2048 * mb), nullptr).way, std::nullopt);
}

TEST(Advise, SizesFollowWhatIsUnderWayAtOnce) {
  const Advice steady = advise(with([](Workload& w) { w.rate = 100, w.time = 50ms; }), nullptr);
  EXPECT_EQ(steady.instances, 4U);  // 5 at once, two cores that may be 70 % full
  const Advice idle = advise(with([](Workload& w) {
                               w.rate = 100, w.time = 50ms, w.busy = 0.1,
                               w.memory_bytes = 2049 * mb;
                             }),
                             nullptr);
  EXPECT_EQ(idle.concurrency, 5U);
  EXPECT_EQ(idle.memory_mb, 3072U);
  EXPECT_EQ(idle.provisioned_concurrency, 0U);
  const Advice quick = advise(
      with([](Workload& w) { w.rate = 100, w.time = 50ms, w.busy = 0.1, w.latency = 200ms; }),
      nullptr);
  EXPECT_EQ(quick.provisioned_concurrency, 5U);
}

constexpr std::string_view price_list = R"({"formatVersion": "v1.0", "products": {
  "A": {"sku": "A", "attributes": {"usagetype": "USE1-Host:ml.m5.large"}},
  "B": {"sku": "B", "attributes": {"usagetype": "USE1-ServerlessInf:Mem-1GB"}},
  "C": {"sku": "C", "attributes": {"usagetype": "Tsform:ml.m5.large"}},
  "D": {"sku": "D", "attributes": {}}},
  "terms": {"OnDemand": {
    "A": {"A.1": {"priceDimensions": {
      "x": {"unit": "Hrs", "pricePerUnit": {"USD": "0.0000000000"}},
      "y": {"unit": "Hrs", "pricePerUnit": {"USD": "0.1150000000"}}}}},
    "B": {"B.1": {"priceDimensions": {"x": {"unit": "sec", "pricePerUnit": {"USD": "0.00002"}}}}},
    "C": {"C.1": {"priceDimensions": {"x": {"unit": "Hrs", "pricePerUnit": {"CNY": "1"}}}}}}}})";

TEST(Advise, CostsAreThoseOfThePriceList) {
  const PriceList prices = PriceList::parse(price_list).value();
  EXPECT_DOUBLE_EQ(advise({}, &prices).dollars.value(), 0.115 * 730);
  const Workload rare = with([](Workload& w) { w.busy = 0.1, w.rate = 2, w.time = 500ms; });
  EXPECT_NEAR(advise(rare, &prices).dollars.value(), 0.00002 * 73 * 3600, 1e-9);
  EXPECT_EQ(advise(payload(1, Wanted::later), &prices).dollars, std::nullopt);
}

TEST(Advise, ABudgetTakesTheCheaperWayOrSaysThatThereIsNone) {
  const PriceList prices = PriceList::parse(price_list).value();
  const Workload small = with([](Workload& w) { w.rate = 0.1, w.budget_dollars = 10; });
  const Advice cheaper = advise(small, &prices);
  EXPECT_EQ(cheaper.way, Way::serverless);
  EXPECT_THAT(cheaper.reasons, Contains(HasSubstr("over the budget of $10.00")));
  const Advice never = advise(with([](Workload& w) { w.budget_dollars = 0.01; }, small), &prices);
  EXPECT_THAT(never.reasons, Contains(HasSubstr("nothing that fits stays within the budget")));
}

TEST(Advise, WhatIsNoPriceListIsSaid) {
  for (const char* text : {"", "[]", "{}", R"({"products": {}, "terms": {}})"})
    EXPECT_THAT(PriceList::parse(text).error().message, HasSubstr("no price list")) << text;
}

TEST(AdviseCommand, SaysWhatToUseAndWhy) {
  TestWorld world;
  const Ran ran = world.run({"advise", "--rate", "0.5", "--busy", "5", "--payload", "4MB"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("Use a serverless endpoint: MemorySizeInMB 1024"));
  EXPECT_THAT(ran.out, HasSubstr("a batch transform job: somebody waits"));
  EXPECT_EQ(world.run({"advise", "--payload", "2GB"}).exit, 1);
  EXPECT_EQ(world.run({"advise", "--time", "soon"}).exit, 2);
  const auto json = boost::json::parse(
      world.run({"advise", "--wanted", "later", "--time", "2min", "--output", "json"}).out);
  EXPECT_EQ(json.at("way"), "a batch transform job");
}

TEST(AdviseCommand, WatchesAnEndpointsOwnCounters) {
  int looks = 0;
  CannedServer server([&](const Seen& seen) {
    EXPECT_EQ(seen.target, "/_slipway/traffic");
    const int at = looks++;
    return net::Response{
        .body = fmt::format(
            R"({{"variants":[{{"way":"real_time","endpoint":"1/us-east-1/iris","variant":"v",)"
            R"("invocations":{},)"
            R"("model_time_us":{},"request_bytes":{},"answer_bytes":0}},)"
            R"({{"way":"queued","endpoint":"1/us-east-1/other","variant":"v","invocations":{},)"
            R"("model_time_us":0,)"
            R"("request_bytes":0,"answer_bytes":0}}]}})",
            at * 10, at * 30'000'000, at * 10 * 6 * mb, at * 1000)};
  });
  TestWorld world;
  world.environment["AWS_ENDPOINT_URL"] = server.url();
  const Ran ran = world.run({"advise", "iris", "--watch", "100ms"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("100 requests a second of 3000 ms"));
  EXPECT_THAT(ran.out, HasSubstr("at most 4 MB"));
  EXPECT_THAT(ran.out, HasSubstr("Seen: 10 requests in real time, 0 queued, 0 in batches."));
  looks = 0;
  const Ran queued = world.run({"advise", "other", "--watch", "100ms"});
  EXPECT_THAT(queued.out, HasSubstr("0 requests in real time, 1000 queued"));
  EXPECT_THAT(queued.out, HasSubstr("nobody waits for the answers"));
  looks = 0;
  EXPECT_THAT(world.run({"advise", "other", "--watch", "100ms", "--wanted", "at-once"}).out,
              HasSubstr("somebody waits"));
  looks = 0;
  EXPECT_EQ(world.run({"advise", "nobody", "--watch", "1ms"}).exit, 3);
}

}  // namespace
}  // namespace slipway::cli
