// What a store of an older release holds of this door, opened by this one.
#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "service/named_resources.h"
#include "service/sagemaker/sagemaker.h"

namespace slipway::sagemaker {
namespace {

constexpr std::string_view model_arn = "arn:aws:sagemaker:us-east-1:000000000000:model/cats";
constexpr service::ResourceScope models{"000000000000", "us-east-1", "sagemaker:model"};

std::vector<store::Migration> up_to(int version) {
  std::vector<store::Migration> out;
  for (const auto room : {service::named_resource_migrations(), migrations()})
    out.insert(out.end(), room.begin(), room.end());
  std::erase_if(out, [&](const store::Migration& step) {
    return step.room == "service/sagemaker" && step.version > version;
  });
  return out;
}

TEST(SagemakerTables, resources_of_an_older_store_are_there_as_they_were_with_their_tags) {
  const TestFolder folder;
  {
    const auto store = store::Store::open(folder / "state.db", up_to(4)).value();
    const Result<> written = store->write([](store::Transaction& tx) -> Result<> {
      tx.run("INSERT INTO sagemaker_resource VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)", "model",
             "000000000000", "us-east-1", "Cats", model_arn, R"({"ModelName":"Cats"})", 5'000'000,
             7'000'000, "maker");
      tx.run("INSERT INTO sagemaker_tag VALUES(?1,'team','blue'),(?1,'cost','7')", model_arn);
      return {};
    });
    ASSERT_TRUE(written) << written.error().message;
  }
  const auto store = store::Store::open(folder / "state.db", up_to(99)).value();
  const auto found = store->read(
      [](store::Transaction& tx) { return service::NamedResources(tx, models).get("Cats"); });
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->arn, model_arn);
  EXPECT_EQ(found->document, R"({"ModelName":"Cats"})");
  EXPECT_EQ(found->created, Timestamp(std::chrono::seconds(5)));
  EXPECT_EQ(found->modified, Timestamp(std::chrono::seconds(7)));
  EXPECT_EQ(found->maker, "maker");
  const auto tags = store->read([](store::Transaction& tx) -> Result<tags::TagList> {
    return tags::list_as_given(tx, service::tagged_by(model_arn));
  });
  EXPECT_EQ(tags.value(), (tags::TagList{{"cost", "7"}, {"team", "blue"}}));
}

}  // namespace
}  // namespace slipway::sagemaker
