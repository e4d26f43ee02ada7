#include "engine/routing/sessions.h"

#include <gtest/gtest.h>

#include <future>

#include "base/test_folder.h"

namespace slipway::routing {
namespace {

using namespace std::chrono_literals;

class SessionsTest : public testing::Test {
 protected:
  void open() {
    sessions_.reset();
    store_.reset();
    store_ = store::Store::open(folder_.path() / "state.db", session_migrations()).value();
    sessions_ = Sessions::open(*store_, clock_).value();
  }
  Result<> begin(std::string_view id, std::string_view instance, std::chrono::seconds life = 60s) {
    std::promise<Result<>> outcome;
    sessions_->begin("fleet", id, instance, life,
                     [&](Result<> result) { outcome.set_value(std::move(result)); });
    return outcome.get_future().get();
  }

  TestFolder folder_;
  ManualClock clock_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Sessions> sessions_;
};

TEST_F(SessionsTest, ASessionIsFoundUntilItIsClosedOrExpires) {
  open();
  ASSERT_TRUE(begin("one", "a"));
  ASSERT_TRUE(begin("two", "b", 30s));
  EXPECT_EQ(sessions_->find("fleet", "one"), "a");
  EXPECT_EQ(sessions_->find("fleet", "two"), "b");
  EXPECT_EQ(sessions_->find("other", "one"), std::nullopt) << "a session belongs to its fleet";
  clock_.advance(30s);
  EXPECT_EQ(sessions_->find("fleet", "two"), std::nullopt);
  sessions_->end("fleet", "one");
  EXPECT_EQ(sessions_->find("fleet", "one"), std::nullopt);
}

TEST_F(SessionsTest, WhatWasToldToBeKeptIsThereAfterARestartUnlessItExpired) {
  open();
  ASSERT_TRUE(begin("long", "a", 600s));
  ASSERT_TRUE(begin("short", "a", 5s));
  ASSERT_TRUE(begin("closed", "a", 600s));
  sessions_->end("fleet", "closed");
  ASSERT_TRUE(begin("last", "b", 600s));  // after it in the store: the removal is durable
  clock_.advance(10s);
  open();
  EXPECT_EQ(sessions_->find("fleet", "long"), "a");
  EXPECT_EQ(sessions_->find("fleet", "closed"), std::nullopt);
  EXPECT_EQ(sessions_->size(), 2U);
}

TEST_F(SessionsTest, NamesThatAreEmptyOrTooLongAreRefusedAndNoLifeIsEndless) {
  open();
  EXPECT_EQ(begin("", "a").error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(begin(std::string(session_id_bytes_max, 'x'), "a"));
  EXPECT_EQ(begin(std::string(session_id_bytes_max + 1, 'x'), "a").error().code,
            ErrorCode::limit_exceeded);
  ASSERT_TRUE(begin("endless", "a", std::chrono::years(1000)));
  clock_.advance(session_life_max);
  EXPECT_EQ(sessions_->find("fleet", "endless"), std::nullopt);
}

TEST_F(SessionsTest, TooManySessionsAreRefusedUntilSomeExpire) {
  open();
  for (std::size_t i = 0; i < sessions_max; ++i)
    sessions_->begin("fleet", std::to_string(i), "a", 60s, [](const Result<>&) {});
  EXPECT_EQ(begin("one more", "a").error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(sessions_->find("fleet", "0"), "a") << "who lives is not put out";
  clock_.advance(61s);
  EXPECT_TRUE(begin("one more", "a"));
  EXPECT_EQ(sessions_->size(), 1U);
}

TEST_F(SessionsTest, AnEndingServerBeginsNoMore) {
  open();
  sessions_->close();
  EXPECT_EQ(begin("one", "a").error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace slipway::routing
