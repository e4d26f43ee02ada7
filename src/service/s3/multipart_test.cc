#include <gmock/gmock.h>

#include "service/s3/s3_fixture.h"

namespace slipway::s3 {
namespace {

using testing::HasSubstr;
using testing::Not;

class MultipartTest : public S3Test {
 protected:
  std::string create(net::Fields headers = {}) {
    const Answer answer = ask("POST", "/box/k?uploads", {}, std::move(headers));
    EXPECT_THAT(answer.body, HasSubstr("<InitiateMultipartUploadResult"));
    return answer.element("UploadId");
  }
  Answer part(const std::string& upload, int number, std::string bytes, net::Fields headers = {}) {
    return put("/box/k?partNumber=" + std::to_string(number) + "&uploadId=" + upload,
               std::move(bytes), std::move(headers));
  }
  Answer complete(const std::string& upload,
                  const std::vector<std::pair<int, std::string>>& parts) {
    std::string xml = "<CompleteMultipartUpload>";
    for (const auto& [number, etag] : parts)
      xml += "<Part><PartNumber>" + std::to_string(number) + "</PartNumber><ETag>" + etag +
             "</ETag></Part>";
    return ask("POST", "/box/k?uploadId=" + upload, xml + "</CompleteMultipartUpload>");
  }

  const std::string five_mib_ = std::string(5 << 20, 'a');
};

TEST_F(MultipartTest, parts_become_one_object) {
  const std::string upload = create({{"Content-Type", "text/plain"}, {"x-amz-meta-m", "1"}});
  const std::string one = part(upload, 1, five_mib_).header("etag");
  const std::string two = part(upload, 2, "tail").header("etag");
  EXPECT_THAT(get("/box/k?uploadId=" + upload).body, HasSubstr("<PartNumber>2</PartNumber>"));
  EXPECT_THAT(get("/box?uploads").body, HasSubstr(upload));
  const Answer made = complete(upload, {{1, one}, {2, two}});
  EXPECT_EQ(made.status, 200);
  EXPECT_THAT(made.element("ETag"), HasSubstr("-2&quot;"));
  const Answer whole = get("/box/k");
  EXPECT_TRUE(whole.body == five_mib_ + "tail");
  EXPECT_EQ(whole.header("content-type"), "text/plain");
  EXPECT_EQ(whole.header("x-amz-meta-m"), "1");
  const Answer tail = get("/box/k?partNumber=2");
  EXPECT_EQ(tail.status, 206);
  EXPECT_EQ(tail.body, "tail");
  EXPECT_EQ(tail.header("x-amz-mp-parts-count"), "2");
  EXPECT_EQ(tail.header("content-range"), "bytes 5242880-5242883/5242884");
  EXPECT_EQ(get("/box/k?partNumber=3").error(), "416 InvalidPartNumber");
  EXPECT_EQ(get("/box/k", {{"Range", "bytes=5242878-5242881"}}).body, "aata");
  EXPECT_THAT(get("/box?uploads").body, Not(HasSubstr(upload)));
}

TEST_F(MultipartTest, a_copy_of_parts_is_an_object_of_its_own_etag) {
  const std::string upload = create();
  complete(upload, {{1, part(upload, 1, five_mib_).header("etag")},
                    {2, part(upload, 2, "tail").header("etag")}});
  const Answer copied = put("/box/copy", {}, {{"x-amz-copy-source", "box/k"}});
  EXPECT_EQ(copied.status, 200);
  EXPECT_THAT(copied.element("ETag"), Not(HasSubstr("-")));
  EXPECT_TRUE(get("/box/copy").body == five_mib_ + "tail");
}

TEST_F(MultipartTest, parts_can_be_copied_from_objects) {
  put("/box/source", "0123456789");
  const std::string upload = create();
  const Answer copied =
      put("/box/k?partNumber=1&uploadId=" + upload, {},
          {{"x-amz-copy-source", "/box/source"}, {"x-amz-copy-source-range", "bytes=2-5"}});
  EXPECT_EQ(copied.status, 200);
  EXPECT_THAT(copied.body, HasSubstr("<CopyPartResult"));
  EXPECT_EQ(complete(upload, {{1, copied.element("ETag")}}).status, 200);
  EXPECT_EQ(get("/box/k").body, "2345");
}

TEST_F(MultipartTest, broken_completions_are_refused) {
  const std::string upload = create();
  const std::string one = part(upload, 1, "small").header("etag");
  const std::string two = part(upload, 2, "tail").header("etag");
  EXPECT_EQ(complete(upload, {{2, two}, {1, one}}).error(), "400 InvalidPartOrder");
  EXPECT_EQ(complete(upload, {{1, two}}).error(), "400 InvalidPart");
  EXPECT_EQ(complete(upload, {{1, one}, {2, two}}).error(), "400 EntityTooSmall");
  EXPECT_EQ(complete(upload, {}).error(), "400 InvalidRequest");
  EXPECT_EQ(complete("nonsense", {{1, one}}).error(), "404 NoSuchUpload");
  EXPECT_EQ(part(upload, 0, "x").error(), "400 InvalidArgument");
  EXPECT_EQ(part(upload, 10'001, "x").error(), "400 InvalidArgument");
  EXPECT_EQ(ask("DELETE", "/box/k?uploadId=" + upload).status, 204);
  EXPECT_EQ(part(upload, 1, "x").error(), "404 NoSuchUpload");
}

TEST_F(MultipartTest, checksums_of_parts_become_one_of_the_whole) {
  const std::string upload =
      create({{"x-amz-checksum-algorithm", "CRC32"}, {"x-amz-checksum-type", "FULL_OBJECT"}});
  const auto crc = [](std::string_view bytes) {
    return wire::checksum_base64(wire::Checksum::Algorithm::crc32, bytes);
  };
  const std::string one =
      part(upload, 1, five_mib_, {{"x-amz-checksum-crc32", crc(five_mib_)}}).header("etag");
  const std::string two = part(upload, 2, "tail").header("etag");
  const Answer made = complete(upload, {{1, one}, {2, two}});
  EXPECT_EQ(made.element("ChecksumCRC32"), crc(five_mib_ + "tail"));
  EXPECT_EQ(made.element("ChecksumType"), "FULL_OBJECT");
  const Answer head = ask("HEAD", "/box/k", {}, {{"x-amz-checksum-mode", "ENABLED"}});
  EXPECT_EQ(head.header("x-amz-checksum-crc32"), crc(five_mib_ + "tail"));
}

}  // namespace
}  // namespace slipway::s3
