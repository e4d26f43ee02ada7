// Manifests, tags and referrers.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json.hpp>
#include <charconv>

#include "base/encoding.h"
#include "service/ecr/distribution.h"
#include "service/ecr/distribution_answers.h"

namespace slipway::ecr {
namespace {

namespace json = boost::json;

constexpr std::string_view index_type = "application/vnd.oci.image.index.v1+json";
constexpr std::uint32_t tags_per_page_max = 1000;
// Clients take no larger manifest, and a list of referrers is one.
constexpr std::size_t referrers_page_bytes_max = 4 << 20;

std::unexpected<Error> bad_tag(std::string_view tag) {
  return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no tag.", tag.substr(0, 200)),
              "bad_tag");
}

bool is_digest(std::string_view reference) { return reference.contains(':'); }

// A tag names its digest; a digest names itself.
Result<images::Digest> digest_of(store::Transaction& tx, const images::Repository& repository,
                                 std::string_view reference) {
  if (is_digest(reference)) return images::Digest::parse(reference);
  return images::find_tag(tx, repository, reference);
}

// All that a list of referrers tells of one; `annotations` are copied as they stand.
json::object descriptor_of(const images::StoredManifest& manifest) {
  json::object out{{"mediaType", manifest.media_type},
                   {"size", manifest.bytes.size()},
                   {"digest", manifest.digest.text()}};
  if (!manifest.artifact_type.empty()) out["artifactType"] = manifest.artifact_type;
  boost::system::error_code error;
  const json::value root = json::parse(manifest.bytes, error);
  if (error || !root.is_object()) return out;
  if (const json::value* const annotations = root.get_object().if_contains("annotations");
      annotations && annotations->is_object())
    out["annotations"] = *annotations;
  return out;
}

}  // namespace

Result<net::Response> DistributionCall::tags() {
  std::optional<std::uint32_t> page;
  if (const auto n = path_.parameter("n")) {
    std::uint32_t number = 0;
    if (std::from_chars(n->data(), n->data() + n->size(), number).ec != std::errc())
      return fail(ErrorCode::invalid_argument, fmt::format("n={} is no number.", *n));
    page = number;
  }
  const std::uint32_t most = std::min(page.value_or(tags_per_page_max), tags_per_page_max);
  TRY(std::vector<images::ImageTag> tags,
      context_.store.read([&](store::Transaction& tx) -> Result<std::vector<images::ImageTag>> {
        TRY(const images::Repository repository, this->repository(tx, "ecr:ListImages"));
        return images::list_tags(tx, repository, {path_.parameter("last").value_or(""), most + 1});
      }));
  const bool more = tags.size() > most && most > 0;
  tags.resize(std::min<std::size_t>(tags.size(), most));
  json::array names;
  for (const images::ImageTag& tag : tags) names.emplace_back(tag.name);
  net::Response response =
      json_answer(200, "application/json",
                  json::serialize(json::object{{"name", path_.name}, {"tags", std::move(names)}}));
  if (more)
    response.headers.add("Link", fmt::format("</v2/{}/tags/list?n={}&last={}>; rel=\"next\"",
                                             path_.name, most, percent_encode(tags.back().name)));
  return response;
}

Result<net::Response> DistributionCall::referrers() {
  TRY(const images::Digest subject, images::Digest::parse(path_.subject));
  const auto filter = path_.parameter("artifactType");
  const std::string after = path_.parameter("last").value_or("");
  std::string manifests;
  std::string last, next;  // shown last; the same, where there are more
  const auto show = [&](const images::StoredManifest& each) {
    if (filter && *filter != each.artifact_type) return true;
    const std::string descriptor = json::serialize(descriptor_of(each));
    if (!manifests.empty() && manifests.size() + descriptor.size() > referrers_page_bytes_max) {
      next = last;
      return false;
    }
    manifests += (manifests.empty() ? "" : ",") + descriptor;
    last = each.digest.text();
    return true;
  };
  TRY_DO(context_.store.read([&](store::Transaction& tx) -> Result<> {
    const auto repository = this->repository(tx, "ecr:BatchGetImage");
    // Where a push makes a repository, one that is absent is one that is empty.
    if (!repository && repository.error().kind == "no_such_repository" &&
        door_.absent == DistributionDoor::AbsentRepository::created)
      return {};
    if (!repository) return std::unexpected(repository.error());
    images::for_each_referrer(tx, *repository, subject, after, show);
    return {};
  }));
  net::Response response =
      json_answer(200, index_type,
                  fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}})",
                              index_type, manifests));
  if (filter) response.headers.add("OCI-Filters-Applied", "artifactType");
  if (!next.empty())
    response.headers.add(
        "Link",
        fmt::format("</v2/{}/referrers/{}?{}last={}>; rel=\"next\"", path_.name, subject.text(),
                    filter ? fmt::format("artifactType={}&", percent_encode(*filter)) : "",
                    percent_encode(next)));
  return response;
}

Result<net::Response> DistributionCall::on_manifest() {
  if (!is_digest(path_.subject) && !images::is_tag(path_.subject)) return bad_tag(path_.subject);
  if (head().method == "GET" || is_head()) return get_manifest();
  if (head().method == "PUT") return put_manifest();
  if (head().method == "DELETE") return delete_manifest();
  return not_supported("The path is not for this method.");
}

Result<net::Response> DistributionCall::get_manifest() {
  TRY(images::StoredManifest manifest,
      context_.store.read([&](store::Transaction& tx) -> Result<images::StoredManifest> {
        TRY(const images::Repository repository, this->repository(tx, "ecr:BatchGetImage"));
        TRY(const images::Digest digest, digest_of(tx, repository, path_.subject));
        return images::find_manifest(tx, repository, digest);
      }));
  const std::string etag = fmt::format("\"{}\"", manifest.digest.text());
  const bool same = head().headers.get("if-none-match") == etag;
  net::Response response = distribution_answer(same ? 304 : 200);
  response.headers.add("Docker-Content-Digest", manifest.digest.text());
  response.headers.add("ETag", etag);
  if (same) return response;
  response.headers.add("Content-Type", manifest.media_type);
  if (is_head())
    response.headers.add("Content-Length", fmt::format("{}", manifest.bytes.size()));
  else
    response.body = std::move(manifest.bytes);
  return response;
}

Result<net::Response> DistributionCall::put_manifest() {
  images::NewManifest put{.manifest = {},
                          .bytes = std::string(request_.body()),
                          .digest = images::Digest::of(request_.body()),
                          .tags = {},
                          .now = context_.call.clock.moment()};
  if (is_digest(path_.subject)) {
    TRY(const images::Digest named, images::Digest::parse(path_.subject));
    put.digest = images::Digest::of(put.bytes, named.kind());
    if (put.digest != named)
      return fail(ErrorCode::invalid_argument,
                  fmt::format("The manifest has the digest {}.", put.digest.text()),
                  "other_digest");
    for (const auto& [name, value] : path_.query)
      if (name == "tag") put.tags.push_back(value);
  } else {
    put.tags.push_back(path_.subject);
  }
  for (const std::string& tag : put.tags)
    if (!images::is_tag(tag)) return bad_tag(tag);
  TRY(put.manifest, images::parse_manifest(put.bytes, head().headers.get("content-type")));
  TRY_DO(context_.store.write([&](store::Transaction& tx) -> Result<> {
    TRY(const images::Repository to, repository_for_push(tx, "ecr:PutImage"));
    auto outcome = images::put_manifest(tx, to, put);
    if (!outcome && outcome.error().kind == "tag_stays")
      outcome.error().message = fmt::format(
          "The image tag '{}' already exists in the '{}' repository and cannot be overwritten "
          "because the tag is immutable.",
          outcome.error().details.front().second, path_.name);
    return outcome;
  }));
  net::Response response = distribution_answer(201);
  response.headers.add("Location",
                       fmt::format("/v2/{}/manifests/{}", path_.name, put.digest.text()));
  response.headers.add("Docker-Content-Digest", put.digest.text());
  if (put.manifest.subject) response.headers.add("OCI-Subject", put.manifest.subject->text());
  if (is_digest(path_.subject) && !put.tags.empty())
    response.headers.add("OCI-Tag", fmt::format("{}", fmt::join(put.tags, ", ")));
  return response;
}

Result<net::Response> DistributionCall::delete_manifest() {
  TRY_DO(context_.store.write([&](store::Transaction& tx) -> Result<> {
    TRY(const images::Repository repository, this->repository(tx, "ecr:BatchDeleteImage"));
    if (!is_digest(path_.subject)) return images::remove_tag(tx, repository, path_.subject);
    TRY(const images::Digest digest, images::Digest::parse(path_.subject));
    return images::remove_manifest(tx, repository, digest, context_.call.clock.server_time());
  }));
  return distribution_answer(202);
}

}  // namespace slipway::ecr
