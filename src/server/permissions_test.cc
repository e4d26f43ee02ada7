// The doors' tables of who may do what, held against the operations that are built and against what
// AWS knows of actions and resources (testdata/aws_actions.txt).
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/test_folder.h"
#include "engine/changes.h"
#include "engine/identity/directory.h"
#include "engine/identity/tables.h"
#include "gen/services.h"
#include "server/install_doors.h"
#include "service/authorize.h"

namespace slipway::server {
namespace {

using service::Need;

constexpr const char* facts_file = "src/server/testdata/aws_actions.txt";

// Types of resources by action.
std::map<std::string, std::set<std::string>> known_actions() {
  std::map<std::string, std::set<std::string>> out;
  std::ifstream file(facts_file);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string action, type;
    words >> action;
    auto& types = out[action];
    while (words >> type) types.insert(type);
  }
  return out;
}

// "model" of "{arn}:model/{lower:ModelName}"; "*" where the action has no resource, empty where the
// template does not say.
std::string type_of(const Need& need) {
  const std::string_view action = need.action;
  std::string_view resource = need.resource;
  if (resource == "*") return "*";
  if (action.starts_with("s3:"))
    return resource.contains("{Key}") || resource == "{source}" ? "object" : "bucket";
  if (action.starts_with("sqs:")) return "queue";
  if (action.starts_with("sns:")) return "topic";
  if (action.starts_with("logs:"))
    return resource.contains("{logStreamName}") ? "log-stream" : "log-group";
  if (resource == "{ExecutionRoleArn}" || resource == "{RoleArn}") return "role";
  if (resource == "{PolicyArn}") return "policy";
  if (resource == "{renamed user}" || resource == "{owner of key}") return "user";
  for (const std::string_view prefix :
       {"{arn}:", "arn:aws:iam::{account}:", "arn:aws:sts::{account}:"})
    if (resource.starts_with(prefix)) resource.remove_prefix(prefix.size());
  if (resource.starts_with('{')) {
    resource.remove_prefix(1);
    const std::string word(resource.substr(0, resource.find('}')));
    return word == "role" || word == "user" || word == "group" ? word : "";
  }
  return std::string(resource.substr(0, resource.find_first_of("/{")));
}

class PermissionsTable : public testing::Test {
 protected:
  PermissionsTable() {
    for (service::Permissions& each : door_permissions(*directory_, topics_, queues_))
      authorizer_.add(std::move(each));
  }

  template <typename Visit>
  void for_each_built_operation(Visit visit) const {
    for (const wire::Schema* schema : aws::schemas())
      for (const wire::Operation& operation : schema->operations)
        if (operation.is(wire::OperationFlag::built)) visit(operation);
  }

  SystemClock clock_;
  SystemRandom random_;
  engine::Changes changes_{clock_};
  events::Topics topics_{random_};
  events::Queues queues_{random_, changes_};
  TestFolder folder_;
  std::unique_ptr<store::Store> store_ =
      store::Store::open(folder_ / "state.db", identity::migrations()).value();
  std::unique_ptr<identity::Directory> directory_ = identity::Directory::open(*store_, {}).value();
  service::Authorizer authorizer_{*directory_};
};

TEST_F(PermissionsTable, EveryBuiltOperationHasALine) {
  for_each_built_operation([&](const wire::Operation& operation) {
    EXPECT_FALSE(authorizer_.needs_of(operation).empty())
        << operation.schema->service.name << " " << operation.name
        << " stands in no permissions.cc";
  });
}

TEST_F(PermissionsTable, EveryOperationHasAtLeastOneLineThatAppliesWhateverIsGiven) {
  for_each_built_operation([&](const wire::Operation& operation) {
    std::set<std::string> conditions;
    bool always = false;
    for (const Need& need : authorizer_.needs_of(operation)) {
      always = always || need.when.empty();
      conditions.insert(std::string(need.when));
    }
    for (const std::string& each : conditions) always = always || conditions.contains("!" + each);
    EXPECT_TRUE(always) << operation.name;
  });
}

TEST_F(PermissionsTable, EveryActionIsOneOfAwsAndOfThatResource) {
  const auto known = known_actions();
  ASSERT_GT(known.size(), 500U) << facts_file;
  for_each_built_operation([&](const wire::Operation& operation) {
    for (const Need& need : authorizer_.needs_of(operation)) {
      const auto action = known.find(std::string(need.action));
      ASSERT_NE(action, known.end()) << operation.name << ": " << need.action;
      const std::string type = type_of(need);
      // AWS's table knows sessions with tags of roles only; here it is somebody by a name.
      if (need.action == "sts:TagSession" && type == "federated-user") continue;
      // It names groups, of which a query's id tells nothing.
      if (need.action == "logs:GetQueryResults") continue;
      if (type == "*") {
        EXPECT_TRUE(action->second.empty() || need.asked != Need::Asked::here || need.when != "")
            << need.action << " has a resource";
      } else if (!type.empty() && !action->second.empty()) {
        EXPECT_TRUE(action->second.contains(type)) << need.action << " on " << need.resource;
      }
    }
  });
}

// A line for what is not built waits for it; a line that is misspelled would wait for ever.
TEST_F(PermissionsTable, NoOperationIsAskedForARightOfAnotherService) {
  const std::set<std::string_view> others = {"iam:PassRole"};
  for_each_built_operation([&](const wire::Operation& operation) {
    for (const Need& need : authorizer_.needs_of(operation))
      EXPECT_TRUE(
          others.contains(need.action) ||
          need.action.starts_with(std::string(operation.schema->service.signing_name) + ":"))
          << operation.name << ": " << need.action;
  });
}

}  // namespace
}  // namespace slipway::server
