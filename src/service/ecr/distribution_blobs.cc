// Blobs: pulled, mounted, uploaded.
#include <fmt/format.h>

#include <charconv>

#include "engine/objects/checked_files.h"
#include "service/ecr/distribution.h"
#include "service/ecr/distribution_answers.h"

namespace slipway::ecr {
namespace {

// Repositories that are looked at for a mount that names none.
constexpr std::uint32_t mount_sources_max = 16;

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "bytes=a-b", "bytes=a-", "bytes=-n" of so many bytes. nullopt: all of them, as for what is no
// such range, or for several. invalid_argument "bad_range" where none of them is there.
Result<std::optional<objects::ByteRange>> range_of(std::string_view header, std::uint64_t bytes) {
  constexpr std::string_view unit = "bytes=";
  if (!header.starts_with(unit)) return std::nullopt;
  header.remove_prefix(unit.size());
  const std::size_t dash = header.find('-');
  if (dash == header.npos) return std::nullopt;
  const auto first = number_of(header.substr(0, dash));
  const auto last = number_of(header.substr(dash + 1));
  const bool open = dash + 1 == header.size();
  if ((!first && (dash > 0 || !last)) || (!last && !open)) return std::nullopt;
  auto unsatisfiable = [&] {
    auto out = fail(ErrorCode::invalid_argument, "The blob has no such bytes.", "bad_range");
    out.error().headers.emplace_back("Content-Range", fmt::format("bytes */{}", bytes));
    return out;
  };
  if (!first) {
    const std::uint64_t length = std::min(*last, bytes);
    if (length == 0) return unsatisfiable();
    return objects::ByteRange{bytes - length, length};
  }
  if (*first >= bytes || (last && *last < *first)) return unsatisfiable();
  return objects::ByteRange{*first, std::min(last.value_or(bytes - 1), bytes - 1) - *first + 1};
}

net::Body body_of(objects::Content content) {
  if (content.slices.empty()) return {std::move(content.bytes)};
  return {objects::checked_files(content)};
}

struct OpenedBlob {
  images::Repository repository;
  images::ImageBlob blob;
  std::optional<objects::ByteRange> range;
  objects::Content content;
};

}  // namespace

Result<net::Response> DistributionCall::on_blob() {
  if (head().method == "GET" || is_head()) return get_blob();
  if (head().method == "DELETE") return delete_blob();
  return not_supported("A blob is pulled and deleted; it is pushed by an upload.");
}

// Whoever hears that a blob is there may count on it until his manifest is pushed.
Result<net::Response> DistributionCall::get_blob() {
  TRY(const images::Digest digest, images::Digest::parse(path_.subject));
  const auto open = [&](store::Transaction& tx) -> Result<OpenedBlob> {
    TRY(images::Repository repository,
        this->repository(
            tx, is_head() ? "ecr:BatchCheckLayerAvailability" : "ecr:GetDownloadUrlForLayer"));
    TRY(images::ImageBlob blob, images::find_blob(tx, repository, digest));
    OpenedBlob out{std::move(repository), std::move(blob), std::nullopt, {}};
    if (is_head()) return out;
    TRY(out.range, range_of(head().headers.get("range"), out.blob.bytes));
    TRY(out.content, door_.bodies.content(tx, out.blob.stored(), out.range));
    return out;
  };
  TRY(OpenedBlob opened, context_.store.read(open));
  if (const ServerTime now = context_.call.clock.server_time(); opened.blob.wants_keeping(now))
    TRY_DO(context_.store.write([&](store::Transaction& tx) -> Result<> {
      TRY_DO(images::find_blob(tx, opened.repository, digest));
      images::keep_blob(tx, opened.repository, digest, now);
      return {};
    }));
  net::Response response = distribution_answer(opened.range ? 206 : 200);
  response.headers.add("Content-Type", "application/octet-stream");
  response.headers.add("Docker-Content-Digest", digest.text());
  response.headers.add("ETag", fmt::format("\"{}\"", digest.text()));
  response.headers.add("Accept-Ranges", "bytes");
  if (opened.range)
    response.headers.add(
        "Content-Range",
        fmt::format("bytes {}-{}/{}", opened.range->offset,
                    opened.range->offset + opened.range->length - 1, opened.blob.bytes));
  if (is_head())
    response.headers.add("Content-Length", fmt::format("{}", opened.blob.bytes));
  else
    response.body = body_of(std::move(opened.content));
  return response;
}

Result<net::Response> DistributionCall::delete_blob() {
  TRY(const images::Digest digest, images::Digest::parse(path_.subject));
  TRY_DO(context_.store.write([&](store::Transaction& tx) -> Result<> {
    TRY(const images::Repository repository, this->repository(tx, "ecr:BatchDeleteImage"));
    return images::remove_blob(tx, door_.bodies, repository, digest);
  }));
  return distribution_answer(202);
}

net::Response DistributionCall::upload_answer(int status, const images::BlobUpload& upload) const {
  net::Response response = distribution_answer(status);
  response.headers.add("Location", fmt::format("/v2/{}/blobs/uploads/{}", path_.name, upload.id));
  response.headers.add("Range", fmt::format("0-{}", upload.bytes == 0 ? 0 : upload.bytes - 1));
  response.headers.add("Docker-Upload-UUID", upload.id);
  return response;
}

net::Response DistributionCall::blob_answer(const images::ImageBlob& blob) const {
  net::Response response = distribution_answer(201);
  response.headers.add("Location", fmt::format("/v2/{}/blobs/{}", path_.name, blob.digest.text()));
  response.headers.add("Docker-Content-Digest", blob.digest.text());
  return response;
}

// A blob that cannot be mounted is uploaded: that is no error.
std::optional<net::Response> DistributionCall::mounted(store::Transaction& tx,
                                                       const images::Repository& to) {
  const auto digest = images::Digest::parse(path_.parameter("mount").value_or(""));
  if (!digest) return std::nullopt;
  const auto from = path_.parameter("from");
  const auto sources = from ? std::vector<std::string>{*from}
                            : images::holders_of(tx, to.name.space, *digest, mount_sources_max);
  for (const std::string& name : sources) {
    if (!permit(tx, "ecr:GetDownloadUrlForLayer", name)) continue;
    const auto source = images::find_repository(tx, named(name));
    if (!source) continue;
    if (const auto blob =
            images::mount_blob(tx, *source, to, *digest, context_.call.clock.server_time()))
      return blob_answer(*blob);
  }
  return std::nullopt;
}

Result<net::Response> DistributionCall::begin_upload() {
  const std::string algorithm = path_.parameter("digest-algorithm").value_or("sha256");
  const auto kind = images::digest_kind(algorithm);
  if (!kind)
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("'{}' is no algorithm of digests here; sha256 and sha512 are.", algorithm),
        "bad_digest");
  return context_.store.write([&](store::Transaction& tx) -> Answer {
    TRY(const images::Repository to, repository_for_push(tx, "ecr:InitiateLayerUpload"));
    if (auto answer = mounted(tx, to)) return *std::move(answer);
    return upload_answer(202, door_.uploads.begin(tx, to, *kind));
  });
}

Result<net::Response> DistributionCall::on_upload() {
  const auto find = [&](store::Transaction& tx) -> Result<images::BlobUpload> {
    TRY(const images::Repository repository, this->repository(tx, "ecr:UploadLayerPart"));
    return images::Uploads::find(tx, repository, path_.subject);
  };
  if (head().method == "GET") {
    TRY(const images::BlobUpload upload, context_.store.read(find));
    return upload_answer(204, upload);
  }
  if (head().method != "DELETE") return not_supported("The path is not for this method.");
  TRY_DO(context_.store.write([&](store::Transaction& tx) -> Result<> {
    TRY(const images::BlobUpload upload, find(tx));
    door_.uploads.cancel(tx, upload);
    return {};
  }));
  return distribution_answer(204);
}

// "a-b", where the part stands in the blob: parts come in order.
Result<> DistributionCall::check_position(const images::BlobUpload& upload) const {
  const auto header = head().headers.find("content-range");
  if (!header) return {};
  const std::size_t dash = header->find('-');
  const auto first = number_of(header->substr(0, dash));
  const auto last = dash == header->npos ? std::nullopt : number_of(header->substr(dash + 1));
  if (!first || !last)
    return fail(ErrorCode::invalid_argument,
                fmt::format("Content-Range '{}' is not of the form FIRST-LAST.", *header),
                "bad_part");
  const bool right = *first == upload.bytes && *last >= *first &&
                     (!head().content_length || *last - *first + 1 == *head().content_length);
  if (right) return {};
  auto out = fail(ErrorCode::invalid_argument,
                  fmt::format("The part {} does not follow the {} bytes that are there.", *header,
                              upload.bytes),
                  "out_of_order");
  out.error().headers = {
      {"Location", fmt::format("/v2/{}/blobs/uploads/{}", path_.name, upload.id)},
      {"Range", fmt::format("0-{}", upload.bytes == 0 ? 0 : upload.bytes - 1)}};
  return out;
}

Result<images::UploadPart> DistributionCall::begin_part() {
  using Place = images::Uploads::Place;
  if (!is_repository_name(path_.name))
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no name of a repository.", path_.name), "bad_name");
  TRY_DO(find_room());
  if (head().method == "PATCH") {
    TRY(const images::BlobUpload upload,
        context_.store.read([&](store::Transaction& tx) -> Result<images::BlobUpload> {
          TRY(const images::Repository repository, this->repository(tx, "ecr:UploadLayerPart"));
          return images::Uploads::find(tx, repository, path_.subject);
        }));
    TRY_DO(check_position(upload));
    return door_.uploads.begin_part(upload, Place::in_between, upload.kind);
  }
  TRY(const images::Digest digest, images::Digest::parse(path_.parameter("digest").value_or("")));
  if (head().method == "POST") {
    TRY(const images::BlobUpload upload,
        context_.store.write([&](store::Transaction& tx) -> Result<images::BlobUpload> {
          TRY(const images::Repository to, repository_for_push(tx, "ecr:InitiateLayerUpload"));
          TRY_DO(permit(tx, "ecr:CompleteLayerUpload", path_.name));
          return door_.uploads.begin(tx, to, digest.kind());
        }));
    return door_.uploads.begin_part(upload, Place::last, digest.kind());
  }
  TRY(const images::BlobUpload upload,
      context_.store.read([&](store::Transaction& tx) -> Result<images::BlobUpload> {
        TRY(const images::Repository repository, this->repository(tx, "ecr:CompleteLayerUpload"));
        return images::Uploads::find(tx, repository, path_.subject);
      }));
  TRY_DO(check_position(upload));
  return door_.uploads.begin_part(upload, Place::last, digest.kind());
}

Result<net::Response> DistributionCall::end_part(images::UploadPart part) {
  if (head().method == "PATCH") {
    TRY(const images::BlobUpload upload, door_.uploads.append(std::move(part)));
    return upload_answer(202, upload);
  }
  TRY(const images::Digest digest, images::Digest::parse(path_.parameter("digest").value_or("")));
  TRY(const images::ImageBlob blob, door_.uploads.complete(std::move(part), digest));
  return blob_answer(blob);
}

}  // namespace slipway::ecr
