#include "server/object_artifacts.h"

#include <fmt/format.h>

#include "engine/objects/uri.h"

namespace slipway::server {
namespace {

Result<objects::ObjectName> name_of(std::string_view uri) {
  if (auto name = objects::parse_uri(uri)) return *std::move(name);
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is not an s3:// address; upload the model to a bucket of this "
                          "server",
                          uri));
}

artifacts::ArtifactEntry entry_of(const objects::Object& object, std::string name) {
  return {.uri = objects::uri_of({.bucket = object.bucket, .key = object.key}),
          .name = std::move(name),
          .version = object.etag,
          .bytes = object.size};
}

std::string last_part(const std::string& key) { return key.substr(key.rfind('/') + 1); }

Result<std::vector<artifacts::ArtifactEntry>> list_prefix(store::Transaction& tx,
                                                          const objects::ObjectName& prefix) {
  std::vector<artifacts::ArtifactEntry> entries;
  objects::ListQuery query{.bucket = prefix.bucket, .prefix = prefix.key};
  for (;;) {
    TRY(objects::ListPage page, objects::list(tx, query));
    for (const objects::Object& object : page.objects)
      if (!object.key.ends_with('/'))  // a folder's placeholder
        entries.push_back(entry_of(object, object.key.substr(prefix.key.size())));
    if (!page.truncated) return entries;
    query.after = page.next;
  }
}

class ObjectReader final : public artifacts::ArtifactReader {
 public:
  explicit ObjectReader(objects::Content content) : reader_(std::move(content)) {}
  Result<std::size_t> read(std::span<char> out) override {
    return reader_.read(std::as_writable_bytes(out));
  }

 private:
  objects::ContentReader reader_;
};

}  // namespace

// The first two sentences are AWS's for an endpoint that fails of it; it names no container here.
Result<> ObjectArtifacts::may_read(store::Transaction& tx,
                                   const artifacts::Artifact& artifact) const {
  TRY(const objects::ObjectName name, name_of(artifact.uri));
  for (const service::Errand& errand : artifact.form == artifacts::Artifact::Form::prefix
                                           ? service::read_all_below(name)
                                           : std::vector{service::read_object(name)}) {
    const Result<> open = errands_.check(tx, artifact.reader, errand);
    if (open) continue;
    if (open.error().code != ErrorCode::permission_denied) return open;
    return fail(ErrorCode::permission_denied,
                fmt::format("Failed to download model data from URL: \"{}\". Please ensure that "
                            "there is an object located at the URL and that the role passed to "
                            "CreateModel has permissions to download the object. {}",
                            artifact.uri, open.error().message));
  }
  return {};
}

Result<std::vector<artifacts::ArtifactEntry>> ObjectArtifacts::list(
    const artifacts::Artifact& artifact) {
  TRY(objects::ObjectName name, name_of(artifact.uri));
  return store_.read([&](store::Transaction& tx) -> Result<std::vector<artifacts::ArtifactEntry>> {
    TRY_DO(may_read(tx, artifact));  // before it is told what is there
    if (artifact.form == artifacts::Artifact::Form::prefix) {
      if (!name.key.empty() && !name.key.ends_with('/')) name.key += '/';
      TRY(auto entries, list_prefix(tx, name));
      if (!entries.empty()) return entries;
      return fail(ErrorCode::not_found, fmt::format("there is nothing below {}", artifact.uri));
    }
    const auto object = objects::find(tx, name);
    if (!object)
      return fail(ErrorCode::not_found, fmt::format("could not find model data at {}: {}",
                                                    artifact.uri, object.error().message));
    return std::vector{entry_of(*object, last_part(object->key))};
  });
}

Result<std::unique_ptr<artifacts::ArtifactReader>> ObjectArtifacts::open(
    const artifacts::ArtifactEntry& entry) {
  TRY(const objects::ObjectName name, name_of(entry.uri));
  TRY(auto opened, objects_.open_object(name));
  if (opened.object.etag != entry.version)
    return fail(ErrorCode::conflict,
                fmt::format("{} was replaced while it was being fetched", entry.uri));
  return std::make_unique<ObjectReader>(std::move(opened.content));
}

}  // namespace slipway::server
