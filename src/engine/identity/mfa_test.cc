// Second factors: the codes of RFC 6238, and what a device takes of them.
#include "engine/identity/mfa.h"

#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "engine/identity/tables.h"
#include "engine/identity/totp.h"

namespace slipway::identity {
namespace {

using namespace std::chrono_literals;

// "12345678901234567890" in base32.
constexpr std::string_view seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
constexpr std::string_view account = "000000000000";

TEST(Totp, CodesAreThoseOfTheStandard) {
  // RFC 6238, appendix B: the last six of its eight digits.
  const std::pair<std::int64_t, std::string_view> vectors[] = {{59, "287082"},
                                                               {1'111'111'109, "081804"},
                                                               {1'111'111'111, "050471"},
                                                               {1'234'567'890, "005924"},
                                                               {2'000'000'000, "279037"},
                                                               {20'000'000'000, "353130"}};
  for (const auto& [seconds, code] : vectors)
    EXPECT_EQ(totp_code(seed, totp_step(Timestamp(std::chrono::seconds(seconds)))), code);
  EXPECT_EQ(totp_code("not base32", 1), "");
  EXPECT_EQ(find_totp(seed, "287082", {0, 5}), 1);
  EXPECT_EQ(find_totp(seed, "287082", {2, 5}), std::nullopt);
}

class Mfa : public ::testing::Test {
 protected:
  Mfa() {
    EXPECT_TRUE(change([&](store::Transaction& tx) -> Result<> {
      TRY_DO(create_user(tx, user_, {}));
      return create_mfa_device(
          tx, {.account = std::string(account), .name = "phone", .seed = std::string(seed)}, {});
    }));
  }

  Result<> change(const std::function<Result<>(store::Transaction&)>& what) {
    return store_->write(what);
  }

  std::string code(std::int64_t steps) const { return totp_code(seed, totp_step(now_) + steps); }

  Result<> enable(std::int64_t steps) {
    return change([&](store::Transaction& tx) -> Result<> {
      TRY(MfaDevice device, find_mfa_device(tx, account, "phone"));
      const std::string first = code(steps);
      const std::string second = code(steps + 1);
      return enable_mfa_device(tx, user_, std::move(device), {first, second}, now_);
    });
  }

  MfaVerdict take(std::string_view given, std::string_view device = "phone") {
    return store_
        ->write([&](store::Transaction& tx) -> Result<MfaVerdict> {
          return take_mfa_code(tx, user_, device, given, now_);
        })
        .value();
  }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_ =
      store::Store::open(folder_ / "store.db", migrations()).value();
  User user_{.account = std::string(account), .name = "ann", .id = "AIDA1"};
  Timestamp now_{std::chrono::seconds(1'700'000'000)};
};

TEST_F(Mfa, TwoCodesInARowShowADeviceWhoseClockMayBeOff) {
  EXPECT_EQ(enable(-12).error().kind, "wrong_code");
  EXPECT_TRUE(enable(-8));
  EXPECT_EQ(enable(-8).error().code, ErrorCode::already_exists);
  // Its clock is seven steps behind now.
  EXPECT_EQ(take(code(0)), MfaVerdict::wrong);
  EXPECT_EQ(take(code(-6)), MfaVerdict::right);
}

TEST_F(Mfa, ACodeCountsOnceAndNoneBeforeItDoes) {
  ASSERT_TRUE(enable(-2));
  EXPECT_EQ(take(code(-1)), MfaVerdict::wrong);  // it was shown when the device was enabled
  EXPECT_EQ(take(code(0)), MfaVerdict::right);
  EXPECT_EQ(take(code(0)), MfaVerdict::wrong);
  EXPECT_EQ(take(code(-1)), MfaVerdict::wrong);
  now_ += 30s;
  EXPECT_EQ(take(code(0)), MfaVerdict::right);
}

TEST_F(Mfa, GuessingEndsAfterAFewCodes) {
  ASSERT_TRUE(enable(-2));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(take("000000"), MfaVerdict::wrong);
  EXPECT_EQ(take(code(0)), MfaVerdict::wrong);  // not looked at
  now_ += 31s;
  EXPECT_EQ(take(code(0)), MfaVerdict::right);
}

TEST_F(Mfa, EachFurtherGuessWaitsLonger) {
  ASSERT_TRUE(enable(-2));
  for (int i = 0; i < 5; ++i) take("000000");
  for (const std::chrono::seconds pause : {30s, 60s, 120s, 240s, 480s, 960s, 960s}) {
    now_ += pause - 1s;
    EXPECT_EQ(take(code(0)), MfaVerdict::wrong) << pause.count();  // not looked at
    now_ += 1s;
    EXPECT_EQ(take("000000"), MfaVerdict::wrong);
  }
  now_ += 960s;
  EXPECT_EQ(take(code(0)), MfaVerdict::right);
  EXPECT_EQ(take("000000"), MfaVerdict::wrong);
  now_ += 30s;
  EXPECT_EQ(take(code(0)), MfaVerdict::right);
}

TEST_F(Mfa, ADeviceIsOneUsersUntilItIsTakenBack) {
  EXPECT_EQ(take(code(0)), MfaVerdict::not_the_users);
  ASSERT_TRUE(enable(-2));
  EXPECT_EQ(take(code(0), "other"), MfaVerdict::not_the_users);
  EXPECT_TRUE(change([&](store::Transaction& tx) -> Result<> {
    TRY(const MfaDevice device, find_mfa_device(tx, account, "phone"));
    EXPECT_EQ(delete_mfa_device(tx, device).error().code, ErrorCode::in_use);
    EXPECT_EQ(delete_user(tx, account, "ann").error().message,
              "Cannot delete entity, must delete MFA device first.");
    EXPECT_FALSE(find_mfa_device(tx, account, "Phone"));
    return deactivate_mfa_device(tx, user_, device);
  }));
  EXPECT_EQ(take(code(0)), MfaVerdict::not_the_users);
  EXPECT_TRUE(enable(-1));
}

}  // namespace
}  // namespace slipway::identity
