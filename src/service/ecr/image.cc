// Images: manifests and their tags, as ECR tells of them.
#include <fmt/format.h>

#include <algorithm>

#include "service/ecr/operations.h"
#include "service/paging.h"

namespace slipway::ecr {
namespace {

constexpr std::size_t batch_bytes_max = 16 << 20;  // of manifests in one answer
constexpr std::int32_t page_default = 100;

// What an identifier means. Views.
struct ImageId {
  std::optional<std::string_view> digest;
  std::optional<std::string_view> tag;
};

ImageId id_of(const api::ImageIdentifier& id) { return {id.imageDigest(), id.imageTag()}; }

void show_id(api::ImageIdentifier out, const ImageId& id) {
  out.imageDigest(id.digest).imageTag(id.tag);
}

// Why an identifier means no image, as a batch tells it.
struct Failure {
  std::string_view code;
  std::string_view reason;
};

template <typename Out>
void add_failure(Out& out, const ImageId& id, const Failure& failure) {
  auto shown = out.add_failures();
  show_id(shown.make_imageId(), id);
  shown.failureCode(failure.code).failureReason(failure.reason);
}

constexpr Failure not_found{"ImageNotFound", "Requested image not found"};

std::expected<images::StoredManifest, Failure> look_up(store::Transaction& tx,
                                                       const images::Repository& repository,
                                                       const ImageId& id) {
  if (!id.digest && !id.tag)
    return std::unexpected(Failure{
        "MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"});
  std::optional<images::Digest> digest;
  if (id.digest) {
    auto parsed = images::Digest::parse(*id.digest);
    if (!parsed)
      return std::unexpected(
          Failure{"InvalidImageDigest",
                  "Invalid request parameters: image digest should satisfy the regex "
                  "'[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"});
    digest = *std::move(parsed);
  }
  if (id.tag) {
    auto tagged = images::find_tag(tx, repository, *id.tag);
    if (!tagged) return std::unexpected(not_found);
    if (digest && *digest != *tagged)
      return std::unexpected(
          Failure{"ImageTagDoesNotMatchDigest", "The tag does not name this digest"});
    digest = *std::move(tagged);
  }
  auto manifest = images::find_manifest(tx, repository, *digest);
  if (!manifest) return std::unexpected(not_found);
  return *std::move(manifest);
}

void show_image(const Call& call, api::Image out, const images::Repository& repository,
                const images::StoredManifest& manifest, std::optional<std::string_view> tag) {
  out.registryId(call.account())
      .repositoryName(repository.name.name)
      .imageManifest(manifest.bytes)
      .imageManifestMediaType(manifest.media_type);
  show_id(out.make_imageId(), {manifest.digest.text(), tag});
}

void show_detail(const Call& call, api::ImageDetail out, const images::Repository& repository,
                 const images::StoredManifest& manifest) {
  out.registryId(call.account())
      .repositoryName(repository.name.name)
      .imageDigest(manifest.digest.text())
      .imageSizeInBytes(static_cast<std::int64_t>(manifest.image_bytes))
      .imagePushedAt(manifest.pushed)
      .imageManifestMediaType(manifest.media_type)
      .imageStatus("ACTIVE");
  if (!manifest.artifact_type.empty()) out.artifactMediaType(manifest.artifact_type);
  if (manifest.subject) out.subjectManifestDigest(*manifest.subject);
  for (const std::string& tag : images::tags_of(call.tx(), repository, manifest.digest))
    out.add_imageTags(tag);
}

// Which images a list is of.
bool takes(std::string_view tag_status, bool tagged) {
  return tag_status == "ANY" || tag_status.empty() || (tag_status == "TAGGED") == tagged;
}

// A page of the images of a repository, by digest.
struct ImagePage {
  std::vector<images::StoredManifest> manifests;
  std::optional<std::string> next;
};

template <typename In>
Result<ImagePage> page_of(Call& call, const images::Repository& repository, const In& in) {
  const service::PageTokens tokens(call.caller(), in);
  const auto after = tokens.position_in(in.nextToken());
  if (!after)
    return refuse("InvalidParameterException",
                  "Invalid parameter at 'nextToken' failed to satisfy constraint: 'the token is of "
                  "another list'");
  const auto most = static_cast<std::size_t>(in.maxResults().value_or(page_default));
  ImagePage page{
      images::list_manifests(call.tx(), repository, *after, static_cast<std::uint32_t>(most + 1)),
      std::nullopt};
  if (page.manifests.size() <= most) return page;
  page.manifests.erase(page.manifests.begin() + static_cast<std::ptrdiff_t>(most),
                       page.manifests.end());
  page.next = tokens.token_behind(page.manifests.back().digest.text());
  return page;
}

template <typename In>
std::string_view tag_status_of(const In& in) {
  const auto filter = in.filter();
  return filter ? filter.tagStatus().value_or("") : std::string_view();
}

std::string_view text_or_null(std::optional<std::string_view> text) {
  return text.value_or("null");
}

}  // namespace

Result<api::ListImagesResponse> list_images(const EcrNeeds&, Call& call,
                                            api::ListImagesRequest in) {
  TRY(const images::Repository repository,
      find_repository(call, in.registryId(), in.repositoryName()));
  TRY(const ImagePage page, page_of(call, repository, in));
  auto out = call.output<api::ListImagesResponse>();
  out.imageIds(wire::empty);
  for (const images::StoredManifest& each : page.manifests) {
    const auto tags = images::tags_of(call.tx(), repository, each.digest);
    if (!takes(tag_status_of(in), !tags.empty())) continue;
    if (tags.empty()) show_id(out.add_imageIds(), {each.digest.text(), std::nullopt});
    for (const std::string& tag : tags) show_id(out.add_imageIds(), {each.digest.text(), tag});
  }
  if (page.next) out.nextToken(*page.next);
  return out;
}

Result<api::DescribeImagesResponse> describe_images(const EcrNeeds&, Call& call,
                                                    api::DescribeImagesRequest in) {
  TRY(const images::Repository repository,
      find_repository(call, in.registryId(), in.repositoryName()));
  auto out = call.output<api::DescribeImagesResponse>();
  out.imageDetails(wire::empty);
  for (const auto each : in.imageIds()) {
    const ImageId id = id_of(each);
    const auto manifest = look_up(call.tx(), repository, id);
    if (!manifest)
      return fail(ErrorCode::not_found,
                  fmt::format("The image with imageId {{imageDigest:'{}', imageTag:'{}'}} does not "
                              "exist within the repository with name '{}' in the registry with id "
                              "'{}'",
                              text_or_null(id.digest), text_or_null(id.tag), in.repositoryName(),
                              call.account()),
                  "no_such_manifest");
    show_detail(call, out.add_imageDetails(), repository, *manifest);
  }
  if (!in.imageIds().empty()) return out;
  TRY(const ImagePage page, page_of(call, repository, in));
  for (const images::StoredManifest& each : page.manifests)
    if (takes(tag_status_of(in), !images::tags_of(call.tx(), repository, each.digest).empty()))
      show_detail(call, out.add_imageDetails(), repository, each);
  if (page.next) out.nextToken(*page.next);
  return out;
}

Result<api::BatchGetImageResponse> batch_get_image(const EcrNeeds&, Call& call,
                                                   api::BatchGetImageRequest in) {
  TRY(const images::Repository repository,
      find_repository(call, in.registryId(), in.repositoryName()));
  auto out = call.output<api::BatchGetImageResponse>();
  out.images(wire::empty);
  out.failures(wire::empty);
  const auto accepted = [&](std::string_view type) {
    return in.acceptedMediaTypes().empty() ||
           std::ranges::any_of(in.acceptedMediaTypes(),
                               [&](std::string_view each) { return each == type; });
  };
  std::size_t bytes = 0;
  for (const auto each : in.imageIds()) {
    const ImageId id = id_of(each);
    const auto manifest = look_up(call.tx(), repository, id);
    if (manifest) bytes += manifest->bytes.size();
    if (bytes > batch_bytes_max)
      return refuse("InvalidParameterException",
                    fmt::format("Invalid parameter at 'imageIds' failed to satisfy constraint: "
                                "'their manifests together have more than {} bytes; ask for fewer'",
                                batch_bytes_max));
    if (!manifest)
      add_failure(out, id, manifest.error());
    else if (!accepted(manifest->media_type))
      add_failure(out, id, not_found);
    else
      show_image(call, out.add_images(), repository, *manifest, id.tag);
  }
  return out;
}

// By tag the tag goes, and the image with its last one; by digest both go.
Result<api::BatchDeleteImageResponse> batch_delete_image(const EcrNeeds&, Call& call,
                                                         api::BatchDeleteImageRequest in) {
  TRY(const images::Repository repository,
      find_repository(call, in.registryId(), in.repositoryName()));
  auto out = call.output<api::BatchDeleteImageResponse>();
  out.imageIds(wire::empty);
  out.failures(wire::empty);
  for (const auto each : in.imageIds()) {
    const ImageId id = id_of(each);
    const auto manifest = look_up(call.tx(), repository, id);
    if (!manifest) {
      add_failure(out, id, manifest.error());
      continue;
    }
    const auto tags = images::tags_of(call.tx(), repository, manifest->digest);
    if (id.tag && tags.size() > 1) {
      TRY_DO(images::remove_tag(call.tx(), repository, *id.tag));
      show_id(out.add_imageIds(), {manifest->digest.text(), id.tag});
      continue;
    }
    if (images::is_child(call.tx(), repository, manifest->digest)) {
      add_failure(out, id,
                  {"ImageReferencedByManifestList", "Requested image referenced by manifest list"});
      continue;
    }
    TRY_DO(images::remove_manifest(call.tx(), repository, manifest->digest, call.moment().server));
    if (tags.empty()) show_id(out.add_imageIds(), {manifest->digest.text(), std::nullopt});
    for (const std::string& tag : tags) show_id(out.add_imageIds(), {manifest->digest.text(), tag});
  }
  return out;
}

Result<api::PutImageResponse> put_image(const EcrNeeds&, Call& call, api::PutImageRequest in) {
  TRY(const images::Repository repository,
      find_repository(call, in.registryId(), in.repositoryName()));
  images::NewManifest put{.manifest = {},
                          .bytes = std::string(in.imageManifest()),
                          .digest = images::Digest::of(in.imageManifest()),
                          .tags = {},
                          .now = call.moment()};
  if (in.imageDigest()) {
    TRY(const images::Digest given, images::Digest::parse(*in.imageDigest()));
    put.digest = images::Digest::of(put.bytes, given.kind());
    if (given != put.digest)
      return refuse("ImageDigestDoesNotMatchException",
                    fmt::format("The provided digest '{}' does not match the digest '{}' of the "
                                "image manifest.",
                                given.text(), put.digest.text()));
  }
  if (in.imageTag()) {
    if (!images::is_tag(*in.imageTag()))
      return refuse("InvalidParameterException",
                    fmt::format("Invalid parameter at 'imageTag' failed to satisfy constraint: "
                                "'{}' is no tag",
                                *in.imageTag()));
    put.tags.emplace_back(*in.imageTag());
  }
  TRY(put.manifest, images::parse_manifest(put.bytes, in.imageManifestMediaType().value_or("")));
  const auto standing = images::find_manifest(call.tx(), repository, put.digest);
  const auto tagged = in.imageTag() ? images::find_tag(call.tx(), repository, *in.imageTag())
                                    : Result<images::Digest>(put.digest);
  if (standing && tagged && *tagged == put.digest)
    return refuse("ImageAlreadyExistsException",
                  fmt::format("Image with digest '{}' and tag '{}' already exists in the "
                              "repository with name '{}' in registry with id '{}'",
                              put.digest.text(), text_or_null(in.imageTag()), in.repositoryName(),
                              call.account()));
  auto outcome = images::put_manifest(call.tx(), repository, put);
  if (!outcome && outcome.error().kind == "tag_stays")
    outcome.error().message = fmt::format(
        "The image tag '{}' already exists in the '{}' repository and cannot be overwritten "
        "because the tag is immutable.",
        *in.imageTag(), in.repositoryName());
  TRY_DO(std::move(outcome));
  TRY(const images::StoredManifest stored,
      images::find_manifest(call.tx(), repository, put.digest));
  auto out = call.output<api::PutImageResponse>();
  show_image(call, out.make_image(), repository, stored, in.imageTag());
  return out;
}

Result<api::BatchCheckLayerAvailabilityResponse> batch_check_layer_availability(
    const EcrNeeds&, Call& call, api::BatchCheckLayerAvailabilityRequest in) {
  TRY(const images::Repository repository,
      find_repository(call, in.registryId(), in.repositoryName()));
  auto out = call.output<api::BatchCheckLayerAvailabilityResponse>();
  out.layers(wire::empty);
  out.failures(wire::empty);
  for (const std::string_view text : in.layerDigests()) {
    const auto digest = images::Digest::parse(text);
    if (!digest) {
      out.add_failures()
          .layerDigest(text)
          .failureCode("InvalidLayerDigest")
          .failureReason("Invalid request parameters: layer digest is invalid");
      continue;
    }
    const auto blob = images::find_blob(call.tx(), repository, *digest);
    auto layer = out.add_layers();
    layer.layerDigest(text).layerAvailability(blob ? "AVAILABLE" : "UNAVAILABLE");
    if (blob) layer.layerSize(static_cast<std::int64_t>(blob->bytes));
  }
  return out;
}

}  // namespace slipway::ecr
