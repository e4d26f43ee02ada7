// What a transform job's input is, and where its output goes.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "engine/objects/uri.h"
#include "engine/transform/manifest.h"
#include "engine/transform/run.h"

namespace slipway::transform {
namespace {

constexpr std::string_view output_suffix = ".out";

// Stands for a folder, and has nothing in it.
bool is_placeholder(const objects::Object& object) { return object.key.ends_with('/'); }

// How much of each key is the folder that the prefix names: "in/" and "in" leave "b.csv" of
// "in/b.csv", and so does the key itself; "in/b" leaves it too, as what it cuts is a name. It is
// the same of all keys, so that no two of them have one output: where "in" finds "in-2.csv" beside
// "in/b.csv", these are "in-2.csv" and "in/b.csv".
std::size_t folder_size(const std::vector<objects::Object>& all, std::string_view prefix) {
  const std::string folder = fmt::format("{}/", prefix);
  const bool is_folder = std::ranges::all_of(
      all, [&](const objects::Object& object) { return object.key.starts_with(folder); });
  if (is_folder) return folder.size();
  const std::size_t slash = prefix.rfind('/');
  return slash == prefix.npos ? 0 : slash + 1;
}

// Collects files up to the limit.
class Listing {
 public:
  Listing(const TransformContext& context, store::Transaction& tx, const TransformPlan& plan)
      : context_(context), tx_(tx), plan_(plan) {}

  // Nobody is told what his manifest names where he may not read it.
  Result<> expect_right(const objects::ObjectName& name) const {
    return context_.check_right(tx_, plan_.owner, TransformContext::Access::read, name);
  }

  Result<> add(const objects::Object& object, std::string_view relative) {
    if (is_placeholder(object)) return {};
    TRY_DO(expect_right({.bucket = object.bucket, .key = object.key}));
    if (files_.size() >= transform_files_max)
      return fail(ErrorCode::limit_exceeded,
                  fmt::format("the input has more than {} objects", transform_files_max));
    std::string output_key = fmt::format("{}{}{}", plan_.output_prefix, relative, output_suffix);
    if (output_key.size() > objects::key_bytes_max)
      return fail(ErrorCode::invalid_argument,
                  fmt::format("the key of an output has at most {} bytes, and this would have {}: "
                              "that of {}",
                              objects::key_bytes_max, output_key.size(), object.key));
    files_.push_back({.ordinal = files_.size(),
                      .bucket = object.bucket,
                      .key = object.key,
                      .output_key = std::move(output_key),
                      .bytes = object.size});
    return {};
  }

  Result<std::vector<TransformFile>> take() {
    if (!files_.empty()) return std::move(files_);
    return fail(
        ErrorCode::not_found,
        fmt::format("there is no object at {}",
                    objects::uri_of({.bucket = plan_.input_bucket, .key = plan_.input_key})));
  }

 private:
  const TransformContext& context_;
  store::Transaction& tx_;
  const TransformPlan& plan_;
  std::vector<TransformFile> files_;
};

Result<> list_prefix(store::Transaction& tx, const TransformPlan& plan, Listing& listing) {
  objects::ListQuery query{.bucket = plan.input_bucket, .prefix = plan.input_key};
  std::vector<objects::Object> all;
  bool more = true;
  while (more && all.size() <= transform_files_max) {
    TRY(objects::ListPage page, objects::list(tx, query));
    std::erase_if(page.objects, is_placeholder);
    std::ranges::move(page.objects, std::back_inserter(all));
    more = page.truncated;
    query.after = page.next;
  }
  const std::size_t cut = folder_size(all, plan.input_key);
  for (const objects::Object& object : all)
    TRY_DO(listing.add(object, std::string_view(object.key).substr(cut)));
  return {};
}

Result<> list_manifest(store::Transaction& tx, std::string_view text, Listing& listing) {
  TRY(const Manifest manifest, read_manifest(text));
  for (const std::string& name : manifest.names) {
    const objects::ObjectName named{.bucket = manifest.folder.bucket,
                                    .key = manifest.folder.key + name};
    TRY_DO(listing.expect_right(named));
    const auto object = objects::find(tx, named);
    if (!object)
      return fail(ErrorCode::not_found,
                  fmt::format("the manifest names {}, which is not there", objects::uri_of(named)));
    TRY_DO(listing.add(*object, name));
  }
  return {};
}

Result<std::string> read_manifest(const TransformContext& context, const TransformPlan& plan) {
  const objects::ObjectName name{.bucket = plan.input_bucket, .key = plan.input_key};
  const auto ask = [&](store::Transaction& tx,
                       const objects::Object&) -> Result<std::optional<objects::ByteRange>> {
    TRY_DO(context.check_right(tx, plan.owner, TransformContext::Access::read, name));
    return std::nullopt;
  };
  TRY(auto opened, context.objects.open_object(name, ask));
  if (opened.object.size > manifest_bytes_max)
    return fail(ErrorCode::limit_exceeded,
                fmt::format("the manifest is larger than {} bytes", manifest_bytes_max));
  std::string text(opened.object.size, '\0');
  objects::ContentReader reader(std::move(opened.content));
  for (std::size_t at = 0; at < text.size();) {
    TRY(const std::size_t got, reader.read(std::as_writable_bytes(std::span(text).subspan(at))));
    if (got == 0) return fail(ErrorCode::corrupted, "the manifest is shorter than its row says");
    at += got;
  }
  return text;
}

}  // namespace

Result<std::vector<TransformFile>> list_input(const TransformContext& context,
                                              const TransformPlan& plan) {
  std::string manifest;
  if (plan.source == TransformPlan::Source::manifest) {
    TRY(manifest, read_manifest(context, plan));
  }
  return context.store.read([&](store::Transaction& tx) -> Result<std::vector<TransformFile>> {
    TRY_DO(objects::find_bucket(tx, plan.output_bucket));
    Listing listing(context, tx, plan);
    if (plan.source == TransformPlan::Source::manifest)
      TRY_DO(list_manifest(tx, manifest, listing));
    else
      TRY_DO(list_prefix(tx, plan, listing));
    return listing.take();
  });
}

}  // namespace slipway::transform
