#include "service/s3_location.h"

#include <gtest/gtest.h>

#include <string>

namespace slipway::service {
namespace {

// "bucket|key"; empty where it is no place of S3.
std::string place(std::string_view uri) {
  const auto name = s3_location(uri);
  return name ? name->bucket + "|" + name->key : std::string();
}

TEST(S3Location, all_forms_of_s3_name_the_same_object) {
  for (const std::string_view uri :
       {"s3://my.bucket/a/b.csv", "https://my.bucket.s3.amazonaws.com/a/b.csv",
        "https://my.bucket.s3.us-west-2.amazonaws.com/a/b.csv",
        "https://my.bucket.s3-us-west-2.amazonaws.com/a/b.csv",
        "https://my.bucket.s3.cn-north-1.amazonaws.com.cn/a/b.csv",
        "https://s3.us-west-2.amazonaws.com/my.bucket/a/b.csv",
        "https://s3-us-west-2.amazonaws.com/my.bucket/a/b.csv",
        "https://s3.amazonaws.com/my.bucket/a/b.csv"})
    EXPECT_EQ(place(uri), "my.bucket|a/b.csv") << uri;
}

TEST(S3Location, the_path_of_an_https_address_is_encoded) {
  EXPECT_EQ(place("https://b.s3.amazonaws.com/a%20b"), "b|a b");
  EXPECT_EQ(place("s3://b/a%20b"), "b|a%20b");
  EXPECT_EQ(place("https://b.s3.amazonaws.com"), "b|");
}

TEST(S3Location, other_hosts_hold_nothing) {
  for (const std::string_view uri :
       {"https://example.com/bucket/key", "https://b.s3.example.com/key",
        "https://s3.amazonaws.com.example.com/b/key", "https://amazonaws.com/b/key",
        "https://ec2.amazonaws.com/b/key", "https://.s3.amazonaws.com/key",
        "https://s3.amazonaws.com/", "https://localhost:9000/b/key", "http://s3.amazonaws.com/b/k",
        "s3://", "b/key"})
    EXPECT_EQ(place(uri), "") << uri;
}

}  // namespace
}  // namespace slipway::service
