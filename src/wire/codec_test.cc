// Envelopes and bodies as clients of the real services see them.
#include "wire/codec.h"
#include "wire/xml_codec.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <libdeflate.h>

#include "gen/iam.h"
#include "gen/s3.h"
#include "gen/sagemaker.h"
#include "gen/sagemaker_runtime.h"
#include "gen/sqs.h"
#include "gen/sts.h"

namespace slipway::wire {
namespace {

using Details = std::vector<std::pair<std::string, std::string>>;

std::string header(const HttpResponseParts& answer, std::string_view name) {
  for (const auto& [key, value] : answer.headers) {
    if (key == name) return value;
  }
  return "-";
}

TEST(Errors, OfSageMakerCarryTheModelledNameMemberAndStatus) {
  const Operation& operation = aws::sagemaker::op::CreateEndpoint::operation();
  const auto answer =
      encode_error(operation.schema->service, &operation, Protocol::json11,
                   {.code = "ResourceLimitExceeded", .message = "Too \"many\""}, "req-1");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(header(answer, "Content-Type"), "application/x-amz-json-1.1");
  EXPECT_EQ(header(answer, "x-amzn-RequestId"), "req-1");
  EXPECT_EQ(header(answer, "x-amzn-ErrorType"), "ResourceLimitExceeded");
  EXPECT_EQ(
      answer.body,
      R"({"__type":"com.amazonaws.sagemaker#ResourceLimitExceeded","Message":"Too \"many\""})");
}

TEST(Errors, ThatNoModelHasAreWrittenByTheirBareName) {
  const Operation& operation = aws::sagemaker::op::CreateEndpoint::operation();
  const auto answer = encode_error(operation.schema->service, &operation, Protocol::json11,
                                   {.code = "ValidationException", .message = "m"}, "r");
  EXPECT_EQ(answer.body, R"({"__type":"ValidationException","message":"m"})");
  const auto silent = encode_error(operation.schema->service, nullptr, Protocol::json11,
                                   {.code = "InternalFailure", .message = "", .status = 500}, "r");
  EXPECT_EQ(silent.status, 500);
  EXPECT_EQ(silent.body, R"({"__type":"InternalFailure"})");
}

TEST(Errors, OfAModelCarryTheContainersStatusAsANumber) {
  const Operation& operation = aws::sagemaker_runtime::op::InvokeEndpoint::operation();
  const Details details = {{"OriginalStatusCode", "500"}, {"OriginalMessage", "boom"}};
  const auto answer = encode_error(operation.schema->service, &operation, Protocol::rest_json,
                                   {.code = "ModelError", .message = "m", .details = details}, "r");
  EXPECT_EQ(answer.status, 424);
  EXPECT_EQ(header(answer, "x-amzn-ErrorType"), "ModelError");
  EXPECT_EQ(
      answer.body,
      R"({"__type":"ModelError","Message":"m","OriginalStatusCode":500,"OriginalMessage":"boom"})");
}

// A container's last words may be cut within a character, or be no text at all.
TEST(Errors, QuoteWhatIsNoUtf8SoThatTheAnswerStaysReadable) {
  const Operation& operation = aws::sagemaker_runtime::op::InvokeEndpoint::operation();
  const Details details = {{"OriginalMessage", "gr\xc3"}};
  const auto answer =
      encode_error(operation.schema->service, &operation, Protocol::rest_json,
                   {.code = "ModelError", .message = "\xff!", .details = details}, "r");
  EXPECT_EQ(answer.body,
            "{\"__type\":\"ModelError\",\"Message\":\"\xef\xbf\xbd!\","
            "\"OriginalMessage\":\"gr\xef\xbf\xbd\"}");
}

TEST(Errors, OfIamAreWrappedAndNamedByTheirCode) {
  const Operation& operation = aws::iam::op::GetRole::operation();
  const auto answer = encode_error(operation.schema->service, &operation, Protocol::query,
                                   {.code = "NoSuchEntityException", .message = "no <role>"}, "r");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(header(answer, "Content-Type"), "text/xml");
  EXPECT_EQ(answer.body,
            "<ErrorResponse "
            "xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type>"
            "<Code>NoSuchEntity</Code><Message>no "
            "&lt;role&gt;</Message></Error><RequestId>r</RequestId></ErrorResponse>");
}

TEST(Errors, OfS3StandAloneWithTheirFactsAndBothIds) {
  const Operation& operation = aws::s3::op::GetObject::operation();
  const Details details = {{"Key", "a&b"}};
  const auto answer = encode_error(
      operation.schema->service, &operation, Protocol::rest_xml,
      {.code = "NoSuchKey", .message = "gone", .status = 404, .details = details}, "r");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(header(answer, "x-amz-request-id"), "r");
  EXPECT_TRUE(answer.body.starts_with(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>"
      "<Message>gone</Message><Key>a&amp;b</Key><RequestId>r</RequestId><HostId>"))
      << answer.body;
}

TEST(Answers, OfQueryServicesCarryTheRequestIdInTheBody) {
  Arena arena;
  const Operation& operation = aws::sts::op::GetCallerIdentity::operation();
  aws::sts::GetCallerIdentityResponse out(arena);
  out.Account("000000000000").Arn("arn:aws:iam::000000000000:root").UserId("000000000000");
  const auto answer = encode_response(operation, Protocol::query, out.node(), "r");
  EXPECT_EQ(answer.body,
            "<GetCallerIdentityResponse "
            "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>"
            "<UserId>000000000000</UserId><Account>000000000000</"
            "Account><Arn>arn:aws:iam::000000000000:root</Arn>"
            "</GetCallerIdentityResult><ResponseMetadata><RequestId>r</RequestId></"
            "ResponseMetadata></GetCallerIdentityResponse>");
  const auto bare =
      encode_response(aws::iam::op::DeleteRole::operation(), Protocol::query, Node{}, "r");
  EXPECT_FALSE(bare.body.contains("Result>")) << bare.body;
}

// XML 1.0 has no way to write these, and a reader of the answer would refuse all of it.
TEST(Answers, InXmlLeaveOutWhatXmlCannotSay) {
  std::string out;
  write_xml_text("a\x01\xEF\xBF\xBE\xEF\xBF\xBF\xEF\xBF\xBD\xEF\xBF", out);
  EXPECT_EQ(out, "a\xEF\xBF\xBD\xEF\xBF");
}

TEST(Answers, OfS3HaveAwsRootElements) {
  Arena arena;
  aws::s3::ListObjectsV2Output list(arena);
  list.Name("b").KeyCount(1).IsTruncated(false);
  list.add_Contents().Key("k").Size(5'000'000'000).ETag("\"e\"");
  const auto answer = encode_response(aws::s3::op::ListObjectsV2::operation(), Protocol::rest_xml,
                                      list.node(), "r");
  EXPECT_TRUE(
      answer.body.contains("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"))
      << answer.body;
  EXPECT_TRUE(answer.body.contains(
      "<Contents><Key>k</Key><ETag>&quot;e&quot;</ETag><Size>5000000000</Size></Contents>"))
      << answer.body;

  aws::s3::GetBucketLocationOutput place(arena);
  const auto default_place = encode_response(aws::s3::op::GetBucketLocation::operation(),
                                             Protocol::rest_xml, place.node(), "r");
  EXPECT_TRUE(default_place.body.ends_with(
      "<LocationConstraint "
      "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"></LocationConstraint>"))
      << default_place.body;
  place.LocationConstraint("eu-west-1");
  const auto answered = encode_response(aws::s3::op::GetBucketLocation::operation(),
                                        Protocol::rest_xml, place.node(), "r");
  EXPECT_TRUE(answered.body.contains(">eu-west-1</LocationConstraint>")) << answered.body;
}

TEST(Answers, OfHeadOperationsAreHeadersOnly) {
  Arena arena;
  aws::s3::HeadObjectOutput out(arena);
  out.ContentLength(7)
      .ETag("\"e\"")
      .LastModified(from_epoch_seconds(1700000000))
      .put_Metadata("color", "red");
  const auto answer =
      encode_response(aws::s3::op::HeadObject::operation(), Protocol::rest_xml, out.node(), "r");
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(header(answer, "Content-Length"), "7");
  EXPECT_EQ(header(answer, "Last-Modified"), "Tue, 14 Nov 2023 22:13:20 GMT");
  EXPECT_EQ(header(answer, "x-amz-meta-color"), "red");
}

TEST(Requests, OfS3TakeLabelsQueryHeadersAndXml) {
  Arena arena;
  PathLabels labels;
  labels.add("Bucket", "b");
  labels.add("Key", "a%20b/c%2Bd");
  const std::vector<HeaderView> headers = {{"X-Amz-Meta-Color", "red"},
                                           {"content-type", "text/plain"}};
  const HttpRequestView put{.method = "PUT",
                            .path = "/b/a%20b/c%2Bd",
                            .query = "",
                            .headers = headers,
                            .body = "<not xml"};
  const auto node =
      decode_request(aws::s3::op::PutObject::operation(), Protocol::rest_xml, labels, put, arena);
  ASSERT_TRUE(node) << node.error().message;
  const aws::s3::PutObjectRequest in(*node, &arena);
  EXPECT_EQ(in.Key(), "a b/c+d");
  EXPECT_EQ(in.ContentType(), "text/plain");
  EXPECT_EQ(in.Metadata().find("color"), "red");

  const HttpRequestView remove{.method = "POST",
                               .path = "/b",
                               .query = "delete",
                               .headers = {},
                               .body =
                                   "<Delete "
                                   "xmlns='x'><Quiet>true</Quiet><Object><Key>k1</Key></"
                                   "Object><Object><Key>k2</Key></Object></Delete>"};
  const auto objects = decode_request(aws::s3::op::DeleteObjects::operation(), Protocol::rest_xml,
                                      labels, remove, arena);
  ASSERT_TRUE(objects) << objects.error().message;
  const aws::s3::DeleteObjectsRequest many(*objects, &arena);
  EXPECT_EQ(many.Delete().Quiet(), true);
  ASSERT_EQ(many.Delete().Objects().size(), 2u);
  EXPECT_EQ(many.Delete().Objects()[1].Key(), "k2");
}

TEST(Requests, HaveOneValueForAHeaderThatComesTwiceAsTheirSignatureCoversIt) {
  Arena arena;
  PathLabels labels;
  labels.add("Bucket", "b");
  labels.add("Key", "k");
  const std::vector<HeaderView> headers = {{"x-amz-copy-source", "/b/k"}, {"X-Amz-Meta-A", "1"},
                                           {"X-Amz-Copy-Source", "1"},    {"x-amz-meta-b", "2"},
                                           {"x-amz-meta-a", " 3 "},       {"x-amz-tagging", "a=1"}};
  const HttpRequestView copy{
      .method = "PUT", .path = "/b/k", .query = "", .headers = headers, .body = ""};
  const auto node =
      decode_request(aws::s3::op::CopyObject::operation(), Protocol::rest_xml, labels, copy, arena);
  ASSERT_TRUE(node) << node.error().message;
  const aws::s3::CopyObjectRequest in(*node, &arena);
  EXPECT_EQ(in.CopySource(), "/b/k,1");
  EXPECT_EQ(in.Metadata().find("a"), "1,3");
  EXPECT_EQ(in.Metadata().find("b"), "2");
  EXPECT_EQ(in.Tagging(), "a=1");
}

TEST(Requests, ThatCannotBeReadAreNamedAsTheServiceDoes) {
  Arena arena;
  const HttpRequestView json{
      .method = "POST", .path = "/", .query = "", .headers = {}, .body = "{"};
  const auto a = decode_request(aws::sagemaker::op::CreateEndpoint::operation(), Protocol::json11,
                                {}, json, arena);
  ASSERT_FALSE(a);
  EXPECT_EQ(a.error().kind, "SerializationException");
  const HttpRequestView xml{
      .method = "POST", .path = "/b", .query = "delete", .headers = {}, .body = "<Delete>"};
  const auto b =
      decode_request(aws::s3::op::DeleteObjects::operation(), Protocol::rest_xml, {}, xml, arena);
  ASSERT_FALSE(b);
  EXPECT_EQ(b.error().kind, "MalformedXML");
}

TEST(Requests, WhoseAddressIsNoTextAreRefusedBeforeAnythingIsReadFromThem) {
  const auto kind_of = [](std::string_view path, std::string_view query) {
    Arena arena;
    PathLabels labels;
    labels.add("Bucket", "b");
    const HttpRequestView list{
        .method = "GET", .path = path, .query = query, .headers = {}, .body = {}};
    const auto node = decode_request(aws::s3::op::ListObjectsV2::operation(), Protocol::rest_xml,
                                     labels, list, arena);
    return node ? std::string() : node.error().kind;
  };
  EXPECT_EQ(kind_of("/b", "prefix=%C3%A9%00%25"), "");
  EXPECT_EQ(kind_of("/b%ff", ""), "InvalidURI");
  EXPECT_EQ(kind_of("/b%", ""), "InvalidURI");
  EXPECT_EQ(kind_of("/b%zz", ""), "InvalidURI");
  EXPECT_EQ(kind_of("/b", "prefix=%ff"), "InvalidURI");
  EXPECT_EQ(kind_of("/b", "max-keys=99999999999"), "InvalidArgument");
}

TEST(Requests, WhoseFormIsNoTextAreRefused) {
  const auto error_of = [](std::string_view body) {
    Arena arena;
    const HttpRequestView form{
        .method = "POST", .path = "/", .query = "", .headers = {}, .body = body};
    const auto node =
        decode_request(aws::iam::op::CreateRole::operation(), Protocol::query, {}, form, arena);
    return node ? std::string() : node.error().message;
  };
  EXPECT_EQ(error_of("RoleName=r&Description=%C3%A9"), "");
  EXPECT_EQ(error_of("RoleName=r&Description=%ff"), "A parameter of the request is not UTF-8");
  EXPECT_EQ(error_of("RoleName=r&Tags.member.\xff=1"), "A parameter of the request is not UTF-8");
}

std::string gzipped(std::string_view text) {
  libdeflate_compressor* compressor = libdeflate_alloc_compressor(6);
  std::string out(libdeflate_gzip_compress_bound(compressor, text.size()), '\0');
  out.resize(
      libdeflate_gzip_compress(compressor, text.data(), text.size(), out.data(), out.size()));
  libdeflate_free_compressor(compressor);
  return out;
}

Result<Node> decode_gzip(const std::string& body, Arena& arena) {
  const std::vector<HeaderView> headers = {{"Content-Encoding", "gzip"}};
  const HttpRequestView request{
      .method = "POST", .path = "/", .query = "", .headers = headers, .body = body};
  return decode_request(aws::sagemaker::op::CreateEndpoint::operation(), Protocol::json11, {},
                        request, arena);
}

TEST(Requests, MayBeCompressedButNotBeABomb) {
  Arena arena;
  const auto good = decode_gzip(gzipped(R"({"EndpointName":"e"})"), arena);
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(aws::sagemaker::CreateEndpointInput(*good, &arena).EndpointName(), "e");
  EXPECT_FALSE(decode_gzip(gzipped(std::string(100'000'000, ' ')), arena));
  // A bomb that claims to be small.
  std::string lying = gzipped(std::string(50'000'000, ' '));
  lying.replace(lying.size() - 4, 4, std::string("\x10\0\0\0", 4));
  EXPECT_FALSE(decode_gzip(lying, arena));
  EXPECT_FALSE(decode_gzip("not gzip at all, but long enough", arena));
}

TEST(Clients, TalkToTheServerInEveryProtocolOfItsServices) {
  Arena arena;
  aws::s3::PutObjectTaggingRequest in(arena);
  in.Bucket("b").Key("a b/c");
  in.make_Tagging().add_TagSet().Key("k").Value("v");
  const auto request =
      encode_request(aws::s3::op::PutObjectTagging::operation(), Protocol::rest_xml, in.node());
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->method, "PUT");
  EXPECT_EQ(request->path, "/b/a%20b/c");
  EXPECT_EQ(request->query, "tagging");
  EXPECT_EQ(request->body,
            "<Tagging "
            "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet><Tag><Key>k</Key><Value>v</"
            "Value></Tag></TagSet></Tagging>");
  aws::s3::HeadBucketRequest nameless(arena);
  EXPECT_FALSE(
      encode_request(aws::s3::op::HeadBucket::operation(), Protocol::rest_xml, nameless.node()));
}

TEST(Clients, UseTheModelsNamesInTheJsonOfAServiceThatSpokeQueryBefore) {
  Arena arena;
  aws::sqs::ReceiveMessageRequest in(arena);
  in.QueueUrl("q").add_MessageAttributeNames("All");
  const auto request =
      encode_request(aws::sqs::op::ReceiveMessage::operation(), Protocol::json10, in.node());
  ASSERT_TRUE(request);
  EXPECT_EQ(request->body, R"({"QueueUrl":"q","MessageAttributeNames":["All"]})");
}

}  // namespace
}  // namespace slipway::wire
