// A store that an older Slipway wrote is taken over.
#include "engine/identity/tables.h"

#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "engine/identity/directory.h"
#include "engine/identity/roles.h"
#include "engine/identity/stored_policies.h"

namespace slipway::identity {
namespace {

TEST(IdentityTables, RolesAndPoliciesOfTheFirstVersionAreTakenOver) {
  constexpr std::string_view allow_all =
      R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})";
  const TestFolder folder;
  {
    const auto before = store::Store::open(folder / "store.db", migrations().first(2)).value();
    const Result<> written = before->write([&](store::Transaction& tx) -> Result<> {
      tx.run(
          "INSERT INTO identity_roles VALUES ('1', 'worker', 'Worker', '/', 'AROA1', '', '{}', "
          "3600, NULL, 5)");
      tx.run("INSERT INTO identity_inline_policies VALUES ('1', 'worker', 'p', ?1)", allow_all);
      tx.run("INSERT INTO identity_attachments VALUES ('1', 'worker', 'arn:aws:iam::1:policy/P')");
      tx.run("INSERT INTO identity_policies VALUES ('1', 'p', 'P', '/', 'ANPA1', 'd', ?1, 7)",
             allow_all);
      tx.run("INSERT INTO identity_tags VALUES ('1', 'role/worker', 'team', 'blue')");
      return {};
    });
    ASSERT_TRUE(written) << written.error().message;
  }
  const auto store = store::Store::open(folder / "store.db", migrations()).value();
  const auto directory = Directory::open(*store, {}).value();
  const auto role = directory->snapshot()->by_id.find("AROA1");
  ASSERT_TRUE(role);
  EXPECT_EQ(role->arn, "arn:aws:iam::1:role/Worker");
  EXPECT_EQ(role->tags, (std::vector<Tag>{{"team", "blue"}}));
  EXPECT_EQ(role->inline_policies.size(), 1U);
  EXPECT_EQ(directory->snapshot()->policies_of(*role).own.size(), 2U);
  const auto policy = store->read([](store::Transaction& tx) { return find_policy(tx, "1", "P"); });
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->document, allow_all);
  EXPECT_EQ(policy->default_version, 1);
  EXPECT_EQ(policy->updated, policy->created);
}

}  // namespace
}  // namespace slipway::identity
