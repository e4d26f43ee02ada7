#include "engine/identity/last_used.h"

#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "engine/identity/directory.h"
#include "engine/identity/tables.h"
#include "engine/identity/users.h"

namespace slipway::identity {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view account = "000000000000";
constexpr std::string_view key_id = "AKIA1";

class LastUsed : public ::testing::Test {
 protected:
  LastUsed() {
    EXPECT_TRUE(store_->write([&](store::Transaction& tx) -> Result<> {
      TRY_DO(create_user(tx, user_, {}));
      return add_access_key(tx, user_, {.id = std::string(key_id), .secret = "s"});
    }));
    auto party = std::make_shared<Party>();
    party->name = "ann";
    ann_ = {Principal::Kind::user, std::string(account), "arn", "AIDA1", std::move(party)};
  }

  void use(std::string_view service, std::chrono::seconds later, std::string region = "us-east-1") {
    book_.note(ann_, key_id, {Timestamp(later), std::string(service), std::move(region)},
               Instant(later));
  }

  // What was noted is written behind: another write waits for it.
  std::string last() {
    return store_
        ->write([&](store::Transaction& tx) -> Result<std::string> {
          const auto use = last_use(tx, account, key_id);
          return use ? use->service + to_iso8601(use->at).substr(14, 5) : "never";
        })
        .value();
  }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_ =
      store::Store::open(folder_ / "store.db", migrations()).value();
  UseBook book_{*store_};
  User user_{.account = std::string(account), .name = "ann", .id = "AIDA1"};
  Principal ann_;
};

TEST_F(LastUsed, AUseIsNotedOnceAQuarterOfAnHour) {
  EXPECT_EQ(last(), "never");
  use("s3", 60s);
  EXPECT_EQ(last(), "s301:00");
  use("sqs", 120s);
  EXPECT_EQ(last(), "s301:00");
  use("sqs", 60s + 15min);
  EXPECT_EQ(last(), "sqs16:00");
}

TEST_F(LastUsed, OfAKeyThatIsGoneNothingIsKept) {
  use("s3", 60s);
  ASSERT_EQ(last(), "s301:00");
  EXPECT_TRUE(
      store_->write([&](store::Transaction& tx) { return delete_access_key(tx, user_, key_id); }));
  EXPECT_EQ(last(), "never");
  use("s3", 1h);
  EXPECT_EQ(last(), "never");
}

TEST_F(LastUsed, ARegionIsAName) {
  const auto region = [&] {
    last();
    return store_
        ->read([&](store::Transaction& tx) -> Result<std::string> {
          return last_use(tx, account, key_id)->region;
        })
        .value();
  };
  use("s3", 60s, "eu-central-1");
  EXPECT_EQ(region(), "eu-central-1");
  // It is signed, but whoever signs made it up.
  use("s3", 1h, "x\n<root_account>,\x01");
  EXPECT_EQ(region(), "N/A");
}

TEST_F(LastUsed, TheRootsUsesAreNotNoted) {
  ann_.kind = Principal::Kind::root;
  use("s3", 60s);
  EXPECT_EQ(last(), "never");
}

}  // namespace
}  // namespace slipway::identity
