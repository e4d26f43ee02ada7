#include <gmock/gmock.h>

#include "base/test_folder.h"
#include "engine/objects/bucket_tags.h"
#include "service/s3/s3_fixture.h"

namespace slipway::s3 {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(S3Test, a_bucket_is_made_seen_and_removed) {
  EXPECT_EQ(put("/first-bucket").header("location"), "/first-bucket");
  EXPECT_EQ(put("/first-bucket/").status, 200);  // made again, with a trailing slash, us-east-1
  EXPECT_EQ(ask("HEAD", "/first-bucket").header("x-amz-bucket-region"), "us-east-1");
  EXPECT_THAT(get("/").body, HasSubstr("<Name>first-bucket</Name>"));
  EXPECT_THAT(get("/").body, HasSubstr("<ListAllMyBucketsResult"));
  EXPECT_THAT(get("/first-bucket?location").body, HasSubstr("LocationConstraint"));
  EXPECT_EQ(ask("DELETE", "/first-bucket").status, 204);
  EXPECT_EQ(ask("HEAD", "/first-bucket").status, 404);
  EXPECT_EQ(get("/first-bucket").error(), "404 NoSuchBucket");
  EXPECT_EQ(get("/first-bucket").element("BucketName"), "first-bucket");
}

TEST_F(S3Test, a_full_bucket_is_not_removed) {
  put("/box/k", "x");
  EXPECT_EQ(ask("DELETE", "/box").error(), "409 BucketNotEmpty");
  EXPECT_EQ(get("/box/k").body, "x");
}

TEST_F(S3Test, names_that_are_no_bucket_names_are_refused) {
  for (const char* name : {"/ab", "/Upper", "/-dash", "/dot.", "/a..b", "/192.168.1.1", "/xn--box"})
    EXPECT_EQ(put(name).error(), "400 InvalidBucketName") << name;
  EXPECT_EQ(put("/" + std::string(64, 'a')).error(), "400 InvalidBucketName");
}

TEST_F(S3Test, a_bucket_in_another_region_says_where_it_is) {
  const std::string configuration =
      "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint>"
      "</CreateBucketConfiguration>";
  EXPECT_EQ(put("/far", configuration).status, 200);
  EXPECT_THAT(get("/far?location").body, HasSubstr("eu-west-1"));
  EXPECT_EQ(put("/far", configuration).error(), "409 BucketAlreadyOwnedByYou");
}

TEST_F(S3Test, settings_come_back_as_they_were_given) {
  const std::string cors =
      "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod>"
      "<AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>";
  EXPECT_EQ(get("/box?cors").error(), "404 NoSuchCORSConfiguration");
  EXPECT_EQ(put("/box?cors", cors).status, 200);
  EXPECT_EQ(get("/box?cors").element("AllowedMethod"), "GET");
  EXPECT_EQ(ask("DELETE", "/box?cors").status, 204);
  EXPECT_EQ(get("/box?cors").error(), "404 NoSuchCORSConfiguration");

  const std::string policy =
      R"({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",)"
      R"( "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::box/*"}]})";
  EXPECT_EQ(put("/box?policy", "[]").error(), "400 MalformedPolicy");
  EXPECT_EQ(put("/box?policy", policy).status, 204);
  EXPECT_EQ(get("/box?policy").body, policy);

  const std::string tags =
      "<Tagging><TagSet><Tag><Key>team</Key><Value>ml</Value></Tag></TagSet></Tagging>";
  EXPECT_EQ(get("/box?tagging").error(), "404 NoSuchTagSet");
  EXPECT_EQ(put("/box?tagging", tags).status, 204);
  EXPECT_EQ(get("/box?tagging").element("Value"), "ml");

  const std::string lifecycle =
      "<LifecycleConfiguration><Rule><ID>old</ID><Status>Enabled</Status>"
      "<Filter><Prefix>tmp/</Prefix></Filter><Expiration><Days>3</Days></Expiration></Rule>"
      "</LifecycleConfiguration>";
  EXPECT_EQ(get("/box?lifecycle").error(), "404 NoSuchLifecycleConfiguration");
  EXPECT_EQ(put("/box?lifecycle", lifecycle, digest_of(lifecycle)).status, 200);
  EXPECT_EQ(get("/box?lifecycle").element("Days"), "3");
}

TEST_F(S3Test, a_new_bucket_has_the_settings_that_aws_gives_it) {
  EXPECT_EQ(get("/box?encryption").element("SSEAlgorithm"), "AES256");
  EXPECT_EQ(get("/box?publicAccessBlock").element("BlockPublicAcls"), "true");
  EXPECT_EQ(get("/box?ownershipControls").element("ObjectOwnership"), "BucketOwnerEnforced");
  EXPECT_EQ(ask("DELETE", "/box?publicAccessBlock").status, 204);
  EXPECT_EQ(get("/box?publicAccessBlock").error(), "404 NoSuchPublicAccessBlockConfiguration");
  EXPECT_THAT(get("/box?versioning").body, Not(HasSubstr("<Status>")));
}

TEST_F(S3Test, a_bucket_claims_no_encryption_that_nobody_does) {
  const auto document = [](std::string_view standard) {
    return fmt::format(
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>{}"
        "</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>",
        standard);
  };
  const auto algorithm = [&](std::string_view name) {
    return put("/box?encryption", document(fmt::format("<SSEAlgorithm>{}</SSEAlgorithm>", name)));
  };
  EXPECT_EQ(algorithm("AES256").status, 200);
  EXPECT_EQ(put("/box/after", "x").header("x-amz-server-side-encryption"), "AES256");
  EXPECT_EQ(algorithm("aws:kms").error(), "501 NotImplemented");
  EXPECT_EQ(algorithm("aws:kms:dsse").error(), "501 NotImplemented");
  EXPECT_EQ(algorithm("ROT13").error(), "400 MalformedXML");
  EXPECT_EQ(get("/box?encryption").element("SSEAlgorithm"), "AES256");
}

TEST_F(S3Test, broken_xml_is_malformed) {
  EXPECT_EQ(put("/box?tagging", "<Tagging><TagSet>").error(), "400 MalformedXML");
  EXPECT_EQ(put("/box?versioning", "not xml").error(), "400 MalformedXML");
}

TEST_F(S3Test, another_owner_than_the_expected_one_is_access_denied) {
  EXPECT_EQ(ask("HEAD", "/box", {}, {{"x-amz-expected-bucket-owner", "111111111111"}}).status, 403);
  EXPECT_EQ(ask("HEAD", "/box", {}, {{"x-amz-expected-bucket-owner", "000000000000"}}).status, 200);
}

TEST_F(S3Test, a_bucket_has_its_tags_in_the_order_of_giving_until_it_is_removed) {
  put("/box");
  put("/box?tagging",
      "<Tagging><TagSet><Tag><Key>z</Key><Value>1</Value></Tag>"
      "<Tag><Key>a</Key><Value>2</Value></Tag></TagSet></Tagging>");
  EXPECT_THAT(get("/box?tagging").body,
              HasSubstr("<Tag><Key>z</Key><Value>1</Value></Tag><Tag><Key>a</Key>"));
  EXPECT_EQ(ask("DELETE", "/box").status, 204);
  put("/box");
  EXPECT_EQ(get("/box?tagging").error(), "404 NoSuchTagSet");
}

TEST(S3Tables, a_bucket_of_an_older_store_has_its_tags_as_they_were_given) {
  const TestFolder folder;
  {
    const auto store = store::Store::open(folder / "state.db", objects::migrations()).value();
    const Result<> written = store->write([](store::Transaction& tx) -> Result<> {
      TRY(const objects::Bucket bucket, objects::create_bucket(tx, {"box", "1", "here", {}}));
      return objects::put_setting(
          tx, {"box", "tagging"},
          R"({"TagSet":[{"Key":"z","Value":"1"},{"Key":"a","Value":"b \"c\""}]})");
    });
    ASSERT_TRUE(written) << written.error().message;
  }
  std::vector<store::Migration> all(objects::migrations().begin(), objects::migrations().end());
  all.insert(all.end(), migrations().begin(), migrations().end());
  const auto store = store::Store::open(folder / "state.db", all).value();
  const auto found = store->read([](store::Transaction& tx) -> Result<tags::TagList> {
    TRY(const objects::Bucket bucket, objects::find_bucket(tx, "box"));
    EXPECT_FALSE(objects::setting(tx, bucket, "tagging"));
    return tags::list_as_given(tx, objects::tagged(bucket));
  });
  EXPECT_EQ(found.value(), (tags::TagList{{"z", "1"}, {"a", "b \"c\""}}));
}

}  // namespace
}  // namespace slipway::s3
