#include "engine/logs/queries.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace slipway::logs {
namespace {

class QueriesTest : public testing::Test {
 protected:
  static constexpr std::string_view space = "1/r";

  Result<> start(const std::string& id, Queries::Task task) {
    return queries.start({.id = id, .space = std::string(space)}, std::move(task));
  }
  QueryState find(const std::string& id) { return queries.find(std::string(space), id).value(); }
  QueryState ended(const std::string& id) {
    while (!find(id).has_ended()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return find(id);
  }
  static QueryAnswer one_row(std::size_t bytes = 1) {
    return {.rows = {{{"field", std::string(bytes, 'x')}}}, .matched = 1};
  }

  ManualClock clock;
  Queries queries{clock};
};

TEST_F(QueriesTest, AQueryEndsWithWhatItFoundOrWhyItDidNot) {
  ASSERT_TRUE(start("a", [](const auto&) -> Result<QueryAnswer> { return one_row(); }));
  ASSERT_TRUE(start("b", [](const auto&) -> Result<QueryAnswer> {
    return fail(ErrorCode::limit_exceeded, "too much");
  }));
  EXPECT_EQ(ended("a").status, QueryState::Status::complete);
  EXPECT_EQ(find("a").answer->rows.size(), 1U);
  EXPECT_EQ(ended("b").status, QueryState::Status::failed);
  EXPECT_EQ(find("b").failure, "too much");
  EXPECT_EQ(queries.list(std::string(space)).front().id, "b");
  EXPECT_EQ(queries.find("2/r", "a").error().kind, "no_such_query");
  EXPECT_FALSE(queries.stop(std::string(space), "a").value());
}

TEST_F(QueriesTest, WhatIsStoppedIsCancelledAtOnceAndEnds) {
  std::promise<void> begins, ends;
  ASSERT_TRUE(start("a", [&](const std::atomic<bool>& stopped) -> Result<QueryAnswer> {
    begins.set_value();
    while (!stopped) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ends.set_value();
    return one_row();
  }));
  begins.get_future().wait();
  EXPECT_TRUE(queries.stop(std::string(space), "a").value());
  EXPECT_EQ(find("a").status, QueryState::Status::cancelled);
  ends.get_future().wait();
  queries.end();
  EXPECT_EQ(find("a").status, QueryState::Status::cancelled);
  EXPECT_FALSE(find("a").answer);
}

TEST_F(QueriesTest, NoMoreRunThanMay) {
  std::promise<void> go;
  const std::shared_future<void> may_go = go.get_future().share();
  const auto wait_and_find = [may_go](const auto&) -> Result<QueryAnswer> {
    may_go.wait();
    return one_row();
  };
  for (std::size_t i = 0; i < queries_running_max; ++i)
    ASSERT_TRUE(start(fmt::format("w{}", i), wait_and_find));
  EXPECT_EQ(start("more", wait_and_find).error().code, ErrorCode::limit_exceeded);
  go.set_value();
  EXPECT_TRUE(ended(fmt::format("w{}", queries_running_max - 1)).answer);
  EXPECT_TRUE(start("more", wait_and_find));
}

}  // namespace
}  // namespace slipway::logs
