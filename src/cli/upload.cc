#include "cli/upload.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <charconv>

#include "base/encoding.h"

namespace slipway::cli {

namespace {

std::string path_of(const std::string& bucket, const std::string& key) {
  return fmt::format("/{}/{}", bucket, percent_encode(key, "/"));
}

Result<> make_bucket(AwsClient& client, const std::string& bucket) {
  AwsRequest request{.service = "s3", .method = "PUT", .path = '/' + bucket};
  if (client.settings().region != "us-east-1") {
    request.body = fmt::format(
        "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        "<LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>",
        client.settings().region);
  }
  const auto made = client.send(std::move(request));
  if (made || made.error().kind == "BucketAlreadyOwnedByYou") return {};
  return std::unexpected(made.error());
}

// Whether the object is there whole, as far as the caller is told: who may not read it, or not list
// the bucket that lacks it, gets a 403 whose answer to HEAD says no more. Then it is sent, and what
// refuses that says which right is missing.
Result<bool> is_there(AwsClient& client, const std::string& bucket, const std::string& key,
                      std::uint64_t bytes) {
  const auto head = client.send({.service = "s3", .method = "HEAD", .path = path_of(bucket, key)});
  if (!head && (head.error().code == ErrorCode::not_found ||
                head.error().code == ErrorCode::permission_denied))
    return false;
  if (!head) return std::unexpected(head.error());
  const std::string_view length = head->headers.find("Content-Length").value_or("");
  std::uint64_t stored = 0;
  std::from_chars(length.data(), length.data() + length.size(), stored);
  return stored == bytes;
}

Result<> put_part(AwsClient& client, const std::string& bucket, const std::string& key,
                  const ModelPart& part) {
  net::Fd file(::open(part.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) {
    return fail(ErrorCode::permission_denied,
                fmt::format("{} cannot be read: {}.", part.path.string(), net::errno_text(errno)));
  }
  AwsRequest request{.service = "s3", .method = "PUT", .path = path_of(bucket, key)};
  request.headers = {{"x-amz-checksum-sha256", to_base64(part.sha256)},
                     {"Content-Type", "application/octet-stream"}};
  request.file = net::FileRange{std::move(file), 0, part.bytes};
  const auto sent = client.send(std::move(request));
  if (!sent) return std::unexpected(sent.error());
  return {};
}

Result<std::uint64_t> upload_part(AwsClient& client, const std::string& bucket,
                                  const std::string& key, const ModelPart& part) {
  TRY(const bool there, is_there(client, bucket, key, part.bytes));
  if (there) return 0;
  Result<> sent = put_part(client, bucket, key, part);
  if (!sent && sent.error().kind == "NoSuchBucket") {
    TRY_DO(make_bucket(client, bucket));
    sent = put_part(client, bucket, key, part);
  }
  if (!sent) return std::unexpected(sent.error());
  return part.bytes;
}

}  // namespace

Result<Uploaded> upload_model(AwsClient& client, const std::string& bucket,
                              const ModelFile& model) {
  const std::string folder = fmt::format("models/{}/", model.digest);
  Uploaded uploaded{.uri = fmt::format("s3://{}/{}", bucket, folder)};
  for (const ModelPart& part : model.parts) {
    TRY(const std::uint64_t sent, upload_part(client, bucket, folder + part.name, part));
    uploaded.bytes_sent += sent;
  }
  const bool one_object = model.parts.size() == 1 && model.kind != ModelKind::folder;
  if (one_object) uploaded.uri += model.parts.front().name;
  return uploaded;
}

}  // namespace slipway::cli
