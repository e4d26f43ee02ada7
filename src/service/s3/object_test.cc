#include <gmock/gmock.h>

#include <future>

#include "service/s3/attributes.h"
#include "service/s3/s3_fixture.h"

namespace slipway::s3 {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view enable =
    "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";

TEST_F(S3Test, an_object_comes_back_with_what_it_was_given) {
  const Answer made = put("/box/dir/a%20b.txt?x-id=PutObject", "hello",
                          {{"Content-Type", "text/plain"},
                           {"Content-Encoding", "aws-chunked,gzip"},
                           {"Cache-Control", "max-age=1"},
                           {"x-amz-meta-Color", "blue"},
                           {"x-amz-tagging", "k=v&l=w%20x"},
                           {"x-amz-storage-class", "STANDARD_IA"}});
  EXPECT_EQ(made.status, 200);
  EXPECT_EQ(made.header("etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
  EXPECT_EQ(made.header("x-amz-checksum-crc64nvme"),
            wire::checksum_base64(wire::Checksum::Algorithm::crc64nvme, "hello"));
  for (const char* method : {"GET", "HEAD"}) {
    const Answer answer = ask(method, "/box/dir/a%20b.txt");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, method == std::string("GET") ? "hello" : "");
    EXPECT_EQ(answer.header("content-length"), "5");
    EXPECT_EQ(answer.header("content-type"), "text/plain");
    EXPECT_EQ(answer.header("content-encoding"), "gzip");
    EXPECT_EQ(answer.header("cache-control"), "max-age=1");
    EXPECT_EQ(answer.header("x-amz-meta-color"), "blue");
    EXPECT_EQ(answer.header("x-amz-tagging-count"), "2");
    EXPECT_EQ(answer.header("x-amz-storage-class"), "STANDARD_IA");
    EXPECT_EQ(answer.header("accept-ranges"), "bytes");
    EXPECT_EQ(answer.header("last-modified"), "Tue, 14 Nov 2023 22:13:20 GMT");
    EXPECT_EQ(answer.header("x-amz-version-id"), "(none)");
  }
}

TEST_F(S3Test, what_is_not_there_is_said_in_s3s_words) {
  const Answer missing = get("/box/nothing");
  EXPECT_EQ(missing.error(), "404 NoSuchKey");
  EXPECT_EQ(missing.element("Key"), "nothing");
  EXPECT_EQ(missing.element("Message"), "The specified key does not exist.");
  EXPECT_EQ(ask("HEAD", "/box/nothing").status, 404);
  EXPECT_EQ(ask("HEAD", "/box/nothing").body, "");
  EXPECT_EQ(put("/nobody/k", "x").error(), "404 NoSuchBucket");
  EXPECT_EQ(get("/nobody/k").error(), "404 NoSuchBucket");
  EXPECT_EQ(ask("DELETE", "/box/nothing").status, 204);
  EXPECT_EQ(put("/box/" + std::string(1025, 'k'), "x").error(), "400 KeyTooLongError");
}

TEST_F(S3Test, an_upload_waits_for_a_slot_and_is_told_to_slow_down_where_none_comes_free) {
  std::vector<service::UploadSlots::Slot> slots;
  for (unsigned i = 0; i < service::uploads_max; ++i) {
    const std::string who = std::to_string(i);
    slots.push_back(upload_slots().take({who, who, ""}, clock_.monotonic(), [](auto) {}));
  }
  auto late = std::async(std::launch::async, [&] { return put("/box/k", "x").error(); });
  while (late.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready)
    upload_slots().expire(clock_.monotonic() + service::upload_wait_max);
  EXPECT_EQ(late.get(), "503 SlowDown");

  auto waits = std::async(std::launch::async, [&] { return put("/box/k", "waited").status; });
  EXPECT_EQ(waits.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  slots.pop_back();
  EXPECT_EQ(waits.get(), 200);
  EXPECT_EQ(get("/box/k").body, "waited");
}

TEST_F(S3Test, ranges_are_answered_with_206) {
  put("/box/k", "0123456789");
  const auto range = [&](const char* text) { return get("/box/k", {{"Range", text}}); };
  EXPECT_EQ(range("bytes=2-4").status, 206);
  EXPECT_EQ(range("bytes=2-4").body, "234");
  EXPECT_EQ(range("bytes=2-4").header("content-range"), "bytes 2-4/10");
  EXPECT_EQ(range("bytes=-3").body, "789");
  EXPECT_EQ(range("bytes=7-").body, "789");
  EXPECT_EQ(range("bytes=7-100").body, "789");
  EXPECT_EQ(range("bytes=10-").error(), "416 InvalidRange");
  EXPECT_EQ(range("bytes=10-").element("ActualObjectSize"), "10");
  EXPECT_EQ(range("lines=1-2").status, 200);
  EXPECT_EQ(range("bytes=4-2").body, "0123456789");
  EXPECT_EQ(range("bytes= -1").status, 200);
  EXPECT_EQ(ask("HEAD", "/box/k", {}, {{"Range", "bytes=0-0"}}).header("content-length"), "1");
}

TEST_F(S3Test, the_last_bytes_of_nothing_are_the_whole) {
  put("/box/k", "");
  EXPECT_EQ(get("/box/k", {{"Range", "bytes=-5"}}).status, 200);
  EXPECT_EQ(get("/box/k", {{"Range", "bytes=-0"}}).error(), "416 InvalidRange");
  EXPECT_EQ(get("/box/k", {{"Range", "bytes=0-0"}}).error(), "416 InvalidRange");
}

TEST_F(S3Test, conditions_decide_before_the_bytes) {
  const std::string etag = put("/box/k", "x").header("etag");
  clock_.advance(std::chrono::hours(1));
  const std::string later = to_http_date(clock_.now());
  EXPECT_EQ(get("/box/k", {{"If-Match", etag}}).status, 200);
  EXPECT_EQ(get("/box/k", {{"If-Match", "\"0\""}}).error(), "412 PreconditionFailed");
  const Answer same = get("/box/k", {{"If-None-Match", etag}});
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.body, "");
  EXPECT_EQ(same.header("etag"), etag);
  EXPECT_EQ(get("/box/k", {{"If-Modified-Since", later}}).status, 304);
  EXPECT_EQ(get("/box/k", {{"If-Unmodified-Since", later}}).status, 200);
}

TEST_F(S3Test, responses_can_be_overridden) {
  put("/box/k", "x", {{"Content-Type", "text/plain"}});
  const Answer answer = get(
      "/box/k?response-content-type=a%2Fb&response-content-disposition=attachment&x-id=GetObject");
  EXPECT_EQ(answer.header("content-type"), "a/b");
  EXPECT_EQ(answer.header("content-disposition"), "attachment");
}

TEST_F(S3Test, a_body_that_is_not_what_was_announced_makes_no_object) {
  EXPECT_EQ(put("/box/k", "x", {{"Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="}}).error(),
            "400 BadDigest");
  EXPECT_EQ(put("/box/k", "x", {{"Content-MD5", "nonsense"}}).error(), "400 InvalidDigest");
  EXPECT_EQ(put("/box/k", "x", {{"x-amz-checksum-crc32", "AAAAAA=="}}).error(), "400 BadDigest");
  EXPECT_EQ(put("/box/k", "x", {{"x-amz-checksum-crc32", "AAAA"}}).error(), "400 InvalidRequest");
  EXPECT_EQ(get("/box/k").error(), "404 NoSuchKey");
  EXPECT_EQ(put("/box/k", "hello", {{"Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="}}).status, 200);
}

TEST_F(S3Test, the_checksum_that_was_sent_is_the_one_that_is_kept) {
  const std::string sha256 = wire::checksum_base64(wire::Checksum::Algorithm::sha256, "hello");
  EXPECT_EQ(put("/box/k", "hello", {{"x-amz-checksum-sha256", sha256}}).status, 200);
  EXPECT_EQ(get("/box/k").header("x-amz-checksum-sha256"), "(none)");
  EXPECT_EQ(get("/box/k", {{"x-amz-checksum-mode", "ENABLED"}}).header("x-amz-checksum-sha256"),
            sha256);
  EXPECT_EQ(get("/box/k?attributes", {{"x-amz-object-attributes", "Checksum,ObjectSize"}})
                .element("ChecksumSHA256"),
            sha256);
}

TEST_F(S3Test, writes_can_be_made_conditional) {
  const std::string etag = put("/box/k", "1", {{"If-None-Match", "*"}}).header("etag");
  EXPECT_EQ(put("/box/k", "2", {{"If-None-Match", "*"}}).error(), "412 PreconditionFailed");
  EXPECT_EQ(put("/box/k", "2", {{"If-Match", "\"0\""}}).error(), "412 PreconditionFailed");
  EXPECT_EQ(put("/box/k", "2", {{"If-Match", etag}}).status, 200);
  EXPECT_EQ(put("/box/other", "2", {{"If-Match", etag}}).error(), "404 NoSuchKey");
}

TEST_F(S3Test, metadata_and_tags_have_limits) {
  EXPECT_EQ(put("/box/k", "x", {{"x-amz-meta-a", std::string(2048, 'v')}}).error(),
            "400 MetadataTooLarge");
  EXPECT_EQ(put("/box/k", "x", {{"x-amz-tagging", "a=1&a=2"}}).error(), "400 InvalidArgument");
  EXPECT_EQ(put("/box/k", "x", {{"x-amz-storage-class", "ATTIC"}}).status, 400);
}

TEST_F(S3Test, a_body_that_is_announced_too_large_is_refused_before_it_comes) {
  const Answer answer =
      put("/box/k", "x", {{"x-amz-decoded-content-length", std::to_string((5ULL << 30) + 1)}});
  EXPECT_EQ(answer.error(), "400 EntityTooLarge");
  EXPECT_EQ(answer.element("MaxSizeAllowed"), "5368709120");
}

TEST_F(S3Test, tags_are_put_read_and_removed) {
  put("/box/k", "x");
  const std::string tags =
      "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
  EXPECT_EQ(put("/box/k?tagging", tags).status, 200);
  EXPECT_EQ(get("/box/k?tagging").element("Value"), "1");
  EXPECT_EQ(ask("DELETE", "/box/k?tagging").status, 204);
  EXPECT_THAT(get("/box/k?tagging").body, Not(HasSubstr("<Tag>")));
}

TEST_F(S3Test, a_large_body_streams_through) {
  std::string bytes(9 << 20, '\0');
  SeededRandom(5).fill(std::as_writable_bytes(std::span(bytes)));
  EXPECT_EQ(put("/box/large", bytes).status, 200);
  EXPECT_EQ(get("/box/large").body, bytes);
  EXPECT_EQ(get("/box/large", {{"Range", "bytes=5000000-5000003"}}).body,
            bytes.substr(5'000'000, 4));
}

TEST_F(S3Test, versions_and_delete_markers_behave_as_on_aws) {
  put("/box/k", "old");
  EXPECT_EQ(put("/box?versioning", std::string(enable)).status, 200);
  EXPECT_EQ(get("/box?versioning").element("Status"), "Enabled");
  const std::string version = put("/box/k", "new").header("x-amz-version-id");
  EXPECT_EQ(version.size(), 32U);
  EXPECT_EQ(get("/box/k?versionId=null").body, "old");
  EXPECT_EQ(get("/box/k?versionId=" + version).body, "new");
  EXPECT_EQ(get("/box/k?versionId=nonsense").error(), "400 InvalidArgument");

  const Answer removed = ask("DELETE", "/box/k");
  EXPECT_EQ(removed.header("x-amz-delete-marker"), "true");
  const std::string marker = removed.header("x-amz-version-id");
  const Answer gone = get("/box/k");
  EXPECT_EQ(gone.error(), "404 NoSuchKey");
  EXPECT_EQ(gone.header("x-amz-delete-marker"), "true");
  EXPECT_EQ(get("/box/k?versionId=" + marker).error(), "405 MethodNotAllowed");
  EXPECT_THAT(get("/box?versions").body, HasSubstr("<DeleteMarker>"));

  EXPECT_EQ(ask("DELETE", "/box/k?versionId=" + marker).header("x-amz-delete-marker"), "true");
  EXPECT_EQ(get("/box/k").body, "new");
}

TEST_F(S3Test, many_objects_are_removed_at_once) {
  put("/box/a", "x");
  put("/box/b", "x");
  const std::string body =
      "<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object>"
      "<Object><Key>never</Key></Object></Delete>";
  EXPECT_EQ(ask("POST", "/box?delete", body).element("Message"),
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
  EXPECT_EQ(ask("POST", "/box?delete", body, digest_of("another")).error(), "400 BadDigest");
  EXPECT_EQ(get("/box/a").body, "x");
  const Answer answer = ask("POST", "/box?delete", body, digest_of(body));
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr("<Key>never</Key>"));
  EXPECT_EQ(get("/box/a").error(), "404 NoSuchKey");
  EXPECT_EQ(ask("POST", "/box?delete", "<Delete></Delete>", digest_of("<Delete></Delete>")).status,
            400);
}

TEST_F(S3Test, a_copy_keeps_or_replaces_what_the_source_had) {
  put("/box/a", "hello", {{"x-amz-meta-m", "1"}, {"x-amz-tagging", "t=1"}});
  const Answer copied = put("/box/b", {}, {{"x-amz-copy-source", "/box/a"}});
  EXPECT_EQ(copied.status, 200);
  EXPECT_EQ(copied.element("ETag"), "&quot;5d41402abc4b2a76b9719d911017c592&quot;");
  EXPECT_EQ(get("/box/b").header("x-amz-meta-m"), "1");
  EXPECT_EQ(get("/box/b").header("x-amz-tagging-count"), "1");
  put("/box/c", {},
      {{"x-amz-copy-source", "box/a"},
       {"x-amz-metadata-directive", "REPLACE"},
       {"x-amz-tagging-directive", "REPLACE"},
       {"x-amz-meta-n", "2"}});
  EXPECT_EQ(get("/box/c").body, "hello");
  EXPECT_EQ(get("/box/c").header("x-amz-meta-m"), "(none)");
  EXPECT_EQ(get("/box/c").header("x-amz-meta-n"), "2");
  EXPECT_EQ(get("/box/c").header("x-amz-tagging-count"), "(none)");

  EXPECT_EQ(put("/box/a", {}, {{"x-amz-copy-source", "box/a"}}).error(), "400 InvalidRequest");
  EXPECT_EQ(put("/box/d", {}, {{"x-amz-copy-source", "box/none"}}).error(), "404 NoSuchKey");
  EXPECT_EQ(put("/box/d", {}, {{"x-amz-copy-source", "box"}}).error(), "400 InvalidArgument");
  EXPECT_EQ(
      put("/box/d", {}, {{"x-amz-copy-source", "box/a"}, {"x-amz-copy-source-if-match", "\"0\""}})
          .error(),
      "412 PreconditionFailed");
}

TEST(S3Expiry, what_an_older_version_kept_is_shown_as_a_date) {
  EXPECT_EQ(expiry_header({{"expires", "0"}}), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(expiry_header({{"expires-text", "0"}}), "0");
  EXPECT_EQ(expiry_header({}), std::nullopt);
}

}  // namespace
}  // namespace slipway::s3
