#include "engine/objects/uri.h"

#include <gtest/gtest.h>

namespace slipway::objects {
namespace {

TEST(ObjectUri, names_an_object_a_prefix_or_a_bucket) {
  const auto object = parse_uri("s3://b/folder/a b%20.csv");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->bucket, "b");
  EXPECT_EQ(object->key, "folder/a b%20.csv");
  EXPECT_EQ(uri_of(*object), "s3://b/folder/a b%20.csv");
  EXPECT_EQ(parse_uri("s3://b/folder/")->key, "folder/");
  EXPECT_EQ(parse_uri("s3://b//k")->key, "/k");
  EXPECT_EQ(parse_uri("s3://b/")->key, "");
  EXPECT_EQ(parse_uri("s3://b")->bucket, "b");
}

TEST(ObjectUri, is_nothing_without_scheme_or_bucket) {
  for (const char* none : {"", "b/k", "S3://b/k", "s3:/b/k", "s3://", "s3:///k", "https://b/k"})
    EXPECT_FALSE(parse_uri(none)) << none;
}

}  // namespace
}  // namespace slipway::objects
