#include "server/object_artifacts.h"

#include <fmt/format.h>

namespace slipway::server {
namespace {

constexpr std::string_view scheme = "s3://";

Result<objects::ObjectName> parse_uri(std::string_view uri) {
  if (!uri.starts_with(scheme))
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is not an s3:// address; upload the model to a bucket of this "
                            "server",
                            uri));
  const std::string_view path = uri.substr(scheme.size());
  const std::size_t slash = path.find('/');
  if (slash == path.npos || slash == 0)
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' names no key in a bucket", uri));
  return objects::ObjectName{.bucket = std::string(path.substr(0, slash)),
                             .key = std::string(path.substr(slash + 1))};
}

fleet::ArtifactEntry entry_of(const objects::Object& object, std::string name) {
  return {.uri = fmt::format("{}{}/{}", scheme, object.bucket, object.key),
          .name = std::move(name),
          .version = object.etag,
          .bytes = object.size};
}

std::string last_part(const std::string& key) { return key.substr(key.rfind('/') + 1); }

Result<std::vector<fleet::ArtifactEntry>> list_prefix(store::Transaction& tx,
                                                      const objects::ObjectName& prefix) {
  std::vector<fleet::ArtifactEntry> entries;
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

class ObjectReader final : public fleet::ArtifactReader {
 public:
  explicit ObjectReader(objects::Content content) : reader_(std::move(content)) {}
  Result<std::size_t> read(std::span<char> out) override {
    return reader_.read(std::as_writable_bytes(out));
  }

 private:
  objects::ContentReader reader_;
};

}  // namespace

Result<std::vector<fleet::ArtifactEntry>> ObjectArtifacts::list(const fleet::Artifact& artifact) {
  TRY(objects::ObjectName name, parse_uri(artifact.uri));
  return store_.read([&](store::Transaction& tx) -> Result<std::vector<fleet::ArtifactEntry>> {
    if (artifact.form == fleet::Artifact::Form::prefix) {
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

Result<std::unique_ptr<fleet::ArtifactReader>> ObjectArtifacts::open(
    const fleet::ArtifactEntry& entry) {
  TRY(const objects::ObjectName name, parse_uri(entry.uri));
  TRY(auto opened, objects_.open_object(name));
  if (opened.object.etag != entry.version)
    return fail(ErrorCode::conflict,
                fmt::format("{} was replaced while it was being fetched", entry.uri));
  return std::make_unique<ObjectReader>(std::move(opened.content));
}

}  // namespace slipway::server
