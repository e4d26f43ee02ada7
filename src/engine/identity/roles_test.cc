#include "engine/identity/roles.h"

#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "engine/identity/stored_policies.h"
#include "engine/identity/users.h"

namespace slipway::identity {
namespace {

class Roles : public ::testing::Test {
 protected:
  Roles() { reopen(); }

  void reopen() {
    store_.reset();
    auto opened = store::Store::open(folder_ / "store.db", migrations());
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = *std::move(opened);
  }

  // "ok" or the kind, or the code where there is no kind, of a change's failure.
  template <typename F>
  std::string write(F change) {
    const Result<> outcome = store_->write([&](store::Transaction& tx) { return change(tx); });
    if (outcome) return "ok";
    return outcome.error().kind.empty() ? std::string(name_of(outcome.error().code))
                                        : outcome.error().kind;
  }
  template <typename F>
  auto read(F look) {
    return store_->read([&](store::Transaction& tx) { return look(tx); });
  }

  static Result<> delete_named(store::Transaction& tx, std::string_view name) {
    TRY(const StoredPolicy policy, find_policy(tx, "1", name));
    return delete_policy(tx, policy);
  }

  std::string make(std::string name, std::string path = "/", std::vector<Tag> tags = {}) {
    const Role role{.account = "1",
                    .name = std::move(name),
                    .path = std::move(path),
                    .id = "AROA1",
                    .trust_policy = "{}",
                    .created = Timestamp(std::chrono::seconds(5))};
    return write([&](store::Transaction& tx) { return create_role(tx, role, tags); });
  }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_;
};

TEST_F(Roles, ARoleIsThereAfterARestartWhateverTheCaseOfItsName) {
  EXPECT_EQ(make("Worker", "/team/", {{"a", "b"}}), "ok");
  reopen();
  const auto role = read([](auto& tx) { return find_role(tx, "1", "WORKER"); });
  ASSERT_TRUE(role);
  EXPECT_EQ(role->name, "Worker");
  EXPECT_EQ(role->path, "/team/");
  EXPECT_EQ(role->created, Timestamp(std::chrono::seconds(5)));
  EXPECT_EQ(make("worker"), "already_exists");
  EXPECT_FALSE(read([](auto& tx) { return find_role(tx, "2", "Worker"); }));
}

TEST_F(Roles, AListPagesInTheOrderOfNamesUnderAPath) {
  for (const char* name : {"c", "a", "B", "d"}) EXPECT_EQ(make(name, "/x/y/"), "ok");
  EXPECT_EQ(make("e", "/z/"), "ok");
  PageRequest page{.path_prefix = "/x/", .items_max = 3};
  const auto names = [&] {
    std::string joined;
    const auto got = read([&](auto& tx) { return Result<Page<Role>>(list_roles(tx, "1", page)); });
    for (const Role& role : got->items) joined += page.after = role.name;
    return joined + (got->more ? "+" : "");
  };
  EXPECT_EQ(names(), "aBc+");
  EXPECT_EQ(names(), "d");
}

TEST_F(Roles, ARoleWithPoliciesIsNotDeleted) {
  const Owner role{Owner::Kind::role, "1", "r"};
  make("r");
  EXPECT_EQ(write([&](auto& tx) { return put_inline_policy(tx, role, "p", "{}"); }), "ok");
  EXPECT_EQ(write([&](auto& tx) { return delete_role(tx, "1", "r"); }), "has_policies");
  EXPECT_EQ(write([&](auto& tx) { return delete_inline_policy(tx, role, "p"); }), "ok");
  EXPECT_EQ(write([&](auto& tx) { return delete_inline_policy(tx, role, "p"); }),
            "no_inline_policy");
  EXPECT_EQ(write([&](auto& tx) { return attach_policy(tx, role, "arn"); }), "ok");
  EXPECT_EQ(write([&](auto& tx) { return attach_policy(tx, role, "arn"); }), "ok");
  EXPECT_EQ(write([&](auto& tx) { return delete_role(tx, "1", "r"); }), "has_attachments");
  EXPECT_EQ(write([&](auto& tx) { return detach_policy(tx, role, "arn"); }), "ok");
  EXPECT_EQ(write([&](auto& tx) { return detach_policy(tx, role, "arn"); }), "no_attachment");
  EXPECT_EQ(write([&](auto& tx) { return delete_role(tx, "1", "r"); }), "ok");
  EXPECT_EQ(write([&](auto& tx) { return delete_role(tx, "1", "r"); }), "no_role");
}

TEST_F(Roles, TagsOfADeletedRoleDoNotComeBackWithItsName) {
  make("r", "/", {{"old", "1"}});
  write([&](auto& tx) { return delete_role(tx, "1", "r"); });
  make("r");
  const auto tags = read([](auto& tx) { return list_tags(tx, {Owner::Kind::role, "1", "r"}, {}); });
  EXPECT_TRUE(tags->items.empty());
}

TEST_F(Roles, LimitsAreEnforcedAndLeaveNothingBehind) {
  make("r");
  const Owner role{Owner::Kind::role, "1", "r"};
  for (std::size_t i = 0; i < attached_policies_max; ++i)
    EXPECT_EQ(write([&](auto& tx) { return attach_policy(tx, role, std::to_string(i)); }), "ok");
  EXPECT_EQ(write([&](auto& tx) { return attach_policy(tx, role, "more"); }), "limit_exceeded");
  const auto attached = read([&](auto& tx) { return list_attached_policies(tx, role, {}); });
  EXPECT_EQ(attached->items.size(), attached_policies_max);
  const std::string big(role_inline_bytes_max, 'x');
  EXPECT_EQ(write([&](auto& tx) { return put_inline_policy(tx, role, "a", big); }), "ok");
  EXPECT_EQ(write([&](auto& tx) { return put_inline_policy(tx, role, "a", big); }), "ok");
  EXPECT_EQ(write([&](auto& tx) { return put_inline_policy(tx, role, "b", "x"); }),
            "limit_exceeded");
  std::vector<Tag> tags;
  for (std::size_t i = 0; i <= identity_tags_max; ++i) tags.emplace_back(std::to_string(i), "");
  EXPECT_EQ(write([&](auto& tx) { return put_tags(tx, {Owner::Kind::role, "1", "r"}, tags); }),
            "limit_exceeded");
}

TEST_F(Roles, APolicyInUseIsNotDeleted) {
  make("r");
  const StoredPolicy policy{.account = "1", .name = "P", .id = "ANPA1", .document = "{}"};
  EXPECT_EQ(write([&](auto& tx) { return create_policy(tx, policy, {}); }), "ok");
  EXPECT_EQ(write([&](auto& tx) { return create_policy(tx, policy, {}); }), "already_exists");
  write([&](auto& tx) {
    return attach_policy(tx, {Owner::Kind::role, "1", "r"}, "arn:aws:iam::1:policy/P");
  });
  EXPECT_EQ(write([&](auto& tx) { return delete_named(tx, "P"); }), "is_attached");
  write([&](auto& tx) {
    return detach_policy(tx, {Owner::Kind::role, "1", "r"}, "arn:aws:iam::1:policy/P");
  });
  EXPECT_EQ(write([&](auto& tx) { return delete_named(tx, "P"); }), "ok");
  EXPECT_EQ(write([&](auto& tx) { return delete_named(tx, "P"); }), "no_policy");
}

TEST_F(Roles, ThoseOfAPolicyAreListedByKindAndBehindOneAnother) {
  constexpr std::string_view arn = "arn:aws:iam::1:policy/P";
  for (const char* name : {"c", "a", "B"}) EXPECT_EQ(make(name), "ok");
  EXPECT_EQ(write([&](store::Transaction& tx) -> Result<> {
              for (const char* name : {"a", "B", "c"})
                TRY_DO(attach_policy(tx, {Owner::Kind::role, "1", name}, arn));
              TRY_DO(create_user(tx, {.account = "1", .name = "u", .path = "/"}, {}));
              return attach_policy(tx, {Owner::Kind::user, "1", "u"}, arn);
            }),
            "ok");
  const auto users = [&](const UsersQuery& query) {
    std::string joined;
    for (const std::string& owner : read([&](auto& tx) -> Result<std::vector<std::string>> {
                                      return users_of(tx, "1", query);
                                    }).value())
      joined += owner + ' ';
    return joined;
  };
  EXPECT_EQ(users({.policy = arn, .most = 9}), "role/a role/b role/c user/u ");
  EXPECT_EQ(users({.policy = arn, .after = "role/a", .most = 2}), "role/b role/c ");
  EXPECT_EQ(users({.policy = arn, .kind = "user", .most = 9}), "user/u ");
  EXPECT_EQ(users({.policy = arn, .kind = "role", .after = "role/b", .most = 9}), "role/c ");
  EXPECT_EQ(users({.policy = arn, .kind = "group", .most = 9}), "");
}

}  // namespace
}  // namespace slipway::identity
