#include "engine/identity/directory.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "engine/identity/roles.h"
#include "engine/identity/stored_policies.h"
#include "engine/identity/tables.h"
#include "engine/identity/users.h"

namespace slipway::identity {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view allow_all =
    R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})";
constexpr std::string_view deny_all =
    R"({"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}})";
constexpr std::string_view provided_name = "arn:aws:iam::aws:policy/Everything";

class DirectoryTest : public ::testing::Test {
 protected:
  DirectoryTest() {
    store_ = store::Store::open(folder_ / "store.db", migrations()).value();
    open();
  }

  void open() {
    const ProvidedPolicy provided[] = {{std::string(provided_name), allow_all}};
    directory_ = Directory::open(*store_, provided).value();
    keys_ = KeyRing::open(folder_.path(), {Principal::Kind::root, "1", "arn:aws:iam::1:root", "1"},
                          random_, directory_.get())
                .value();
  }

  // One change, as a door makes it.
  template <typename F>
  void change(F work) {
    const Result<> done = store_->write([&](store::Transaction& tx) -> Result<> {
      TRY_DO(work(tx));
      directory_->follow(tx);
      return {};
    });
    ASSERT_TRUE(done) << done.error().message;
  }

  void make_role(std::string id) {
    change([&](auto& tx) {
      return create_role(tx, {.account = "1", .name = "Worker", .path = "/team/", .id = id}, {});
    });
  }
  void make_user() {
    change([&](auto& tx) { return create_user(tx, user_, {}); });
    change([&](auto& tx) { return add_access_key(tx, user_, {"AKIAANN", "secret"}); });
  }

  // What a key may do: "allow identity", or why the key is none.
  std::string may(std::string_view key_id, std::string_view token = "") {
    const auto key = keys_->find(key_id, token, clock_.server_time());
    if (!key) return key.error().kind;
    const auto policies = directory_->policies_of((*key)->principal);
    if (!policies) return policies.error().kind;
    const auto verdict =
        decide((*key)->principal, *policies, {"s3:GetObject", "arn:aws:s3:::b/k", {}}, {});
    constexpr std::string_view decisions[] = {"allowed", "denied", "not allowed"};
    return std::string(decisions[static_cast<int>(verdict.decision)]);
  }

  Session session_of(std::string id) {
    return keys_
        ->issue({Principal::Kind::role_session, "1", "arn:aws:sts::1:assumed-role/Worker/me",
                 id + ":me"},
                clock_.moment() + 1h, random_)
        .value();
  }

  const Owner role_{Owner::Kind::role, "1", "worker"};
  const Owner ann_{Owner::Kind::user, "1", "ann"};
  const User user_{.account = "1", .name = "ann", .path = "/", .id = "AIDAANN"};
  TestFolder folder_;
  SystemRandom random_;
  ManualClock clock_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<KeyRing> keys_;
};

TEST_F(DirectoryTest, ASessionMayWhatItsRoleMayNowAndNotWhatItMightBefore) {
  make_role("AROA1");
  const Session session = session_of("AROA1");
  const auto now = [&] { return may(session.keys.access_key_id, session.token); };
  EXPECT_EQ(now(), "not allowed");
  change([&](auto& tx) { return put_inline_policy(tx, role_, "p", allow_all); });
  EXPECT_EQ(now(), "allowed");
  change([&](auto& tx) { return put_inline_policy(tx, role_, "q", deny_all); });
  EXPECT_EQ(now(), "denied");
  change([&](auto& tx) { return delete_inline_policy(tx, role_, "q"); });
  change([&](auto& tx) { return put_boundary(tx, role_, "arn:aws:iam::1:policy/none"); });
  EXPECT_EQ(now(), "not allowed");
  change([&](auto& tx) { return put_boundary(tx, role_, std::nullopt); });
  EXPECT_EQ(now(), "allowed");
}

TEST_F(DirectoryTest, ASessionEndsWithItsRoleThoughAnotherHasItsNameNow) {
  make_role("AROA1");
  const Session session = session_of("AROA1");
  EXPECT_EQ(may(session.keys.access_key_id, session.token), "not allowed");
  change([&](auto& tx) { return delete_role(tx, "1", "worker"); });
  EXPECT_EQ(may(session.keys.access_key_id, session.token), "unknown_key");
  make_role("AROA2");
  EXPECT_EQ(may(session.keys.access_key_id, session.token), "unknown_key");
}

TEST_F(DirectoryTest, AReaderThatRemembersASessionHearsOfItsRolesEnd) {
  make_role("AROA1");
  const Session session = session_of("AROA1");
  KeyReader reader(*keys_, clock_);
  EXPECT_TRUE(reader.find(session.keys.access_key_id, session.token));
  change([&](auto& tx) { return put_tags(tx, role_, std::vector<Tag>{{"team", "blue"}}); });
  const auto key = reader.find(session.keys.access_key_id, session.token);
  ASSERT_TRUE(key);
  EXPECT_EQ((*key)->principal.party->tags, (std::vector<Tag>{{"team", "blue"}}));
  EXPECT_EQ((*key)->principal.party->arn, "arn:aws:iam::1:role/team/Worker");
  change([&](auto& tx) { return delete_role(tx, "1", "worker"); });
  EXPECT_EQ(reader.find(session.keys.access_key_id, session.token).error().kind, "unknown_key");
}

TEST_F(DirectoryTest, AUsersKeySignsWhileItIsActive) {
  make_user();
  KeyReader reader(*keys_, clock_);
  const auto key = reader.find("AKIAANN", "");
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ((*key)->secret, "secret");
  EXPECT_EQ((*key)->principal.kind, Principal::Kind::user);
  EXPECT_EQ((*key)->principal.name, "arn:aws:iam::1:user/ann");
  const auto set = [&](AccessKey::Status status) {
    change([&](auto& tx) { return set_key_status(tx, user_, "AKIAANN", status); });
  };
  set(AccessKey::Status::inactive);
  EXPECT_EQ(reader.find("AKIAANN", "").error().kind, "unknown_key");
  set(AccessKey::Status::active);
  EXPECT_TRUE(reader.find("AKIAANN", ""));
  change([&](auto& tx) { return delete_access_key(tx, user_, "AKIAANN"); });
  EXPECT_EQ(reader.find("AKIAANN", "").error().kind, "unknown_key");
}

TEST_F(DirectoryTest, AUserMayWhatItsGroupsMay) {
  make_user();
  const Group group{.account = "1", .name = "Devs", .id = "AGPA1"};
  const Owner devs{Owner::Kind::group, "1", "devs"};
  change([&](auto& tx) { return create_group(tx, group); });
  change([&](auto& tx) { return attach_policy(tx, devs, provided_name); });
  EXPECT_EQ(may("AKIAANN"), "not allowed");
  change([&](auto& tx) { return add_member(tx, group, user_); });
  EXPECT_EQ(may("AKIAANN"), "allowed");
  change([&](auto& tx) { return detach_policy(tx, devs, provided_name); });
  EXPECT_EQ(may("AKIAANN"), "not allowed");
  change([&](auto& tx) { return put_inline_policy(tx, devs, "p", allow_all); });
  EXPECT_EQ(may("AKIAANN"), "allowed");
  change([&](auto& tx) -> Result<> {
    remove_member(tx, group, user_);
    return {};
  });
  EXPECT_EQ(may("AKIAANN"), "not allowed");
}

TEST_F(DirectoryTest, TheDefaultVersionOfAPolicyIsInForceAtOnce) {
  make_user();
  const StoredPolicy policy{
      .account = "1", .name = "P", .path = "/x/", .document = std::string(allow_all)};
  const auto stored = [&](store::Transaction& tx) { return find_policy(tx, "1", "P").value(); };
  change([&](auto& tx) { return create_policy(tx, policy, {}); });
  change([&](auto& tx) { return attach_policy(tx, ann_, "arn:aws:iam::1:policy/x/P"); });
  EXPECT_EQ(may("AKIAANN"), "allowed");
  change([&](auto& tx) -> Result<> {
    TRY(const PolicyVersion version, add_policy_version(tx, stored(tx), deny_all, clock_.now()));
    EXPECT_EQ(version.number, 2);
    return {};
  });
  EXPECT_EQ(may("AKIAANN"), "allowed");
  change([&](auto& tx) { return set_default_version(tx, stored(tx), 2, clock_.now()); });
  EXPECT_EQ(may("AKIAANN"), "denied");
  open();
  EXPECT_EQ(may("AKIAANN"), "denied");
}

TEST_F(DirectoryTest, ARenamedUserKeepsItsKeysAndPolicies) {
  make_user();
  change([&](auto& tx) { return put_inline_policy(tx, ann_, "p", allow_all); });
  for (const std::string_view name : {"zoe", "ann", "Ann"})
    change([&](auto& tx) {
      return move_user(tx,
                       find_user(tx, "1",
                                 name == "zoe"   ? "ann"
                                 : name == "ann" ? "zoe"
                                                 : "ann")
                           .value(),
                       {name, "/new/"});
    });
  EXPECT_EQ(may("AKIAANN"), "allowed");
  const auto key = keys_->find("AKIAANN", "", clock_.server_time());
  EXPECT_EQ((*key)->principal.name, "arn:aws:iam::1:user/new/Ann");
}

TEST_F(DirectoryTest, AChangeThatIsRefusedChangesNothing) {
  make_user();
  const auto before = directory_->generation();
  const Result<> done = store_->write([&](store::Transaction& tx) -> Result<> {
    TRY_DO(put_inline_policy(tx, ann_, "p", allow_all));
    directory_->follow(tx);
    return fail(ErrorCode::conflict, "no");
  });
  EXPECT_FALSE(done);
  EXPECT_EQ(directory_->generation(), before);
  EXPECT_EQ(may("AKIAANN"), "not allowed");
}

TEST_F(DirectoryTest, OneChangeReadsNothingThatItDidNotTouch) {
  for (int i = 0; i < 50; ++i)
    change([&](auto& tx) {
      const std::string name = fmt::format("r{}", i);
      return create_role(tx, {.account = "1", .name = name, .id = "AROA" + name}, {});
    });
  const auto before = directory_->snapshot();
  change([&](auto& tx) {
    return put_inline_policy(tx, {Owner::Kind::role, "1", "r7"}, "p", allow_all);
  });
  const auto after = directory_->snapshot();
  EXPECT_EQ(after->generation, before->generation + 1);
  for (int i = 0; i < 50; ++i) {
    const std::string id = fmt::format("AROAr{}", i);
    EXPECT_EQ(before->by_id.find(id) == after->by_id.find(id), i != 7) << i;
  }
}

TEST_F(DirectoryTest, AStoredDocumentThatCannotBeReadDeniesEverything) {
  make_user();
  change([&](auto& tx) { return put_inline_policy(tx, ann_, "p", allow_all); });
  change([&](auto& tx) { return put_inline_policy(tx, ann_, "q", "{damaged"); });
  EXPECT_EQ(may("AKIAANN"), "denied");
}

}  // namespace
}  // namespace slipway::identity
