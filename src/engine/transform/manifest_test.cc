#include "engine/transform/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::transform {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Manifest, names_follow_a_folder_and_keep_their_order) {
  const auto manifest = read_manifest(R"([{"prefix": "s3://b/in/"}, "z.csv", "a/../b.csv", ""])");
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->folder.bucket, "b");
  EXPECT_EQ(manifest->folder.key, "in/");
  EXPECT_THAT(manifest->names, ElementsAre("z.csv", "a/../b.csv", ""));
  EXPECT_TRUE(read_manifest(R"([{"prefix": "s3://b"}])")->names.empty());
}

TEST(Manifest, what_is_none_is_refused_and_an_entry_by_its_number) {
  for (const std::string_view bad :
       {"", "{}", "[]", R"(["a"])", R"([{"prefix": 1}])", R"([{"prefix": "s3:///k"}])",
        R"([{"prefix": "b/k"}, "a"])", R"([{"prefix": "s3://b/"}, "a")"})
    EXPECT_FALSE(read_manifest(bad)) << bad;
  const auto odd = read_manifest(R"([{"prefix": "s3://b/"}, "a", {"b": 1}])");
  ASSERT_FALSE(odd);
  EXPECT_THAT(odd.error().message, HasSubstr("entry 2"));
}

}  // namespace
}  // namespace slipway::transform
