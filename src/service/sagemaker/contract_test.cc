#include "service/sagemaker/contract.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "engine/fleet/fleet.h"
#include "engine/transform/transform.h"

namespace slipway::sagemaker {
namespace {

// Plans as they were stored before they held contracts.
constexpr std::string_view program =
    R"("arguments":[],"acts_as":"","model":{"uri":"s3://b/m.tar.gz","form":0,"reader":""},)"
    R"("models":null,"code":null,"startup_timeout_s":480,"download_timeout_s":3600,)"
    R"("memory_bytes_max":0}})";

std::string former_plan() {
  std::string text =
      R"({"version":1,"request_timeout_ms":60000,"part_border":0,"access":0,"variants":[)";
  for (const char* name : {"z", "m", "a"})
    text += fmt::format(
        R"({{"name":"{}","weight":1E0,"instances":2,"routing":0,)"
        R"("program":{{"built_in":"slipway-inference","image":"","environment":{{}},{},)",
        name, program);
  text += R"({"name":"image","weight":2.5E-1,"instances":1,"routing":1,)";
  text += R"("program":{"built_in":"","image":"own:1","environment":{"A":"\"b\""},)";
  return text.append(program).append("]}");
}

constexpr std::string_view offered_plan =
    R"({"version":1,"request_timeout_ms":60000,"part_border":0,"access":0,"variants":[)"
    R"({"name":"machines","weight":1E0,"instances":2,"routing":0,"program":{"built_in":"",)"
    R"("image":"","arguments":[],"environment":{},"acts_as":"","model":null,"models":null,)"
    R"("code":null,"startup_timeout_s":480,"download_timeout_s":3600,"memory_bytes_max":0},)"
    R"("offers":{"cpus":4E0,"memory_mib":1024,"accelerators":0E0}}]})";

class ContractTest : public testing::Test {
 protected:
  ContractTest() {
    std::vector<store::Migration> rooms(fleet::migrations().begin(), fleet::migrations().end());
    for (const store::Migration& step : transform::transform_migrations()) rooms.push_back(step);
    {
      const auto former = store::Store::open(folder_ / "state.db", rooms).value();
      const auto stored = former->write([](store::Transaction& tx) -> Result<> {
        tx.run("INSERT INTO fleet_plan VALUES('a', 7, ?1), ('offers', 8, ?2)", former_plan(),
               offered_plan);
        transform::TransformPlan plan;
        plan.input_key = "in/\"odd\"";
        tx.run(
            "INSERT INTO transform_job VALUES('job', json_set(?1, '$.fleet', ?2), 0, 0, 0, 0, '', "
            "0, NULL, NULL, 0)",
            transform::to_text(plan), former_plan());
        return {};
      });
      EXPECT_TRUE(stored) << stored.error().message;
    }
    for (const store::Migration& step : contract_migrations()) rooms.push_back(step);
    store_ = store::Store::open(folder_ / "state.db", rooms).value();
  }

  std::string stored(std::string_view query) {
    return store_
        ->read([&](store::Transaction& tx) -> Result<std::string> {
          auto rows = tx.query(query);
          rows.next();
          return std::string(rows.text(0));
        })
        .value();
  }

  const TestFolder folder_;
  std::unique_ptr<store::Store> store_;
};

void expect_filled(const fleet::FleetPlan& plan) {
  ASSERT_EQ(plan.variants.size(), 4U);
  for (const fleet::Variant& variant : plan.variants)
    EXPECT_EQ(variant.program.contract, container_contract()) << variant.name;
  EXPECT_EQ(plan.variants[0].name, "z");
  EXPECT_EQ(plan.variants[2].name, "a");
  EXPECT_EQ(plan.variants[3].weight, 0.25);
  EXPECT_EQ(plan.variants[0].program.environment,
            (std::map<std::string, std::string>{{"SLIPWAY_IMAGE", "slipway-inference"}}));
  EXPECT_EQ(plan.variants[3].program.environment,
            (std::map<std::string, std::string>{{"A", "\"b\""}}));
}

TEST_F(ContractTest, a_fleet_of_an_older_release_gets_the_contract_of_its_containers) {
  const auto plan = fleet::plan_from_text(stored("SELECT plan FROM fleet_plan WHERE id = 'a'"));
  ASSERT_TRUE(plan) << plan.error().message;
  expect_filled(*plan);
}

TEST_F(ContractTest, machines_on_offer_of_an_older_release_stay_without_one) {
  EXPECT_EQ(stored("SELECT plan FROM fleet_plan WHERE id = 'offers'"), offered_plan);
}

TEST_F(ContractTest, a_transform_job_of_an_older_release_gets_the_contract_too) {
  const auto plan = transform::transform_plan_from_text(stored("SELECT plan FROM transform_job"));
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->input_key, "in/\"odd\"");
  expect_filled(plan->fleet);
}

}  // namespace
}  // namespace slipway::sagemaker
