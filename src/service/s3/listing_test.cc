#include <gmock/gmock.h>

#include "service/s3/s3_fixture.h"

namespace slipway::s3 {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(S3Test, keys_are_listed_in_pages) {
  for (const char* key : {"a", "b", "c/1", "c/2", "d"}) put(std::string("/box/") + key, "x");
  const Answer first = get("/box?list-type=2&max-keys=2&delimiter=/");
  EXPECT_THAT(first.body, HasSubstr("<ListBucketResult"));
  EXPECT_EQ(first.element("KeyCount"), "2");
  EXPECT_EQ(first.element("IsTruncated"), "true");
  EXPECT_EQ(first.element("MaxKeys"), "2");
  const std::string token = percent_encode(first.element("NextContinuationToken"));
  const Answer second = get("/box?list-type=2&max-keys=2&delimiter=/&continuation-token=" + token);
  EXPECT_THAT(second.body, HasSubstr("<CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes>"));
  EXPECT_THAT(second.body, HasSubstr("<Key>d</Key>"));
  EXPECT_EQ(second.element("IsTruncated"), "false");
  EXPECT_EQ(get("/box?list-type=2&continuation-token=").error(), "400 InvalidArgument");
  EXPECT_EQ(get("/box?list-type=2&max-keys=-1").error(), "400 InvalidArgument");
}

TEST_F(S3Test, the_first_version_of_listing_works_too) {
  for (const char* key : {"a", "b/1", "b/2", "c"}) put(std::string("/box/") + key, "x");
  const Answer first = get("/box/?delimiter=%2F&max-keys=2");
  EXPECT_EQ(first.element("NextMarker"), "b/");
  EXPECT_THAT(first.body, HasSubstr("<Owner>"));
  const Answer second = get("/box?delimiter=/&marker=b/");
  EXPECT_THAT(second.body, HasSubstr("<Key>c</Key>"));
  EXPECT_THAT(second.body, Not(HasSubstr("<Key>b/1</Key>")));
}

TEST_F(S3Test, keys_that_xml_cannot_carry_are_encoded_when_asked) {
  put("/box/a%20%26%01+", "x");
  const Answer answer = get("/box?list-type=2&encoding-type=url");
  EXPECT_EQ(answer.element("Key"), "a%20%26%01%2B");
  EXPECT_EQ(answer.element("EncodingType"), "url");
}

TEST_F(S3Test, versions_are_listed_newest_first) {
  put("/box?versioning",
      "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>");
  const std::string one = put("/box/k", "1").header("x-amz-version-id");
  const std::string two = put("/box/k", "2").header("x-amz-version-id");
  const Answer page = get("/box?versions&max-keys=1");
  EXPECT_THAT(page.body, HasSubstr("<ListVersionsResult"));
  EXPECT_EQ(page.element("VersionId"), two);
  EXPECT_EQ(page.element("IsLatest"), "true");
  EXPECT_EQ(page.element("NextVersionIdMarker"), two);
  const Answer rest = get("/box?versions&key-marker=k&version-id-marker=" + two);
  EXPECT_EQ(rest.element("VersionId"), one);
  EXPECT_EQ(rest.element("IsLatest"), "false");
}

}  // namespace
}  // namespace slipway::s3
