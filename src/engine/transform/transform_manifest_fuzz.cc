// Any bytes as a manifest: what is read is what it says, once for each entry, and reads the same
// when it is written anew.
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/objects/uri.h"
#include "engine/transform/manifest.h"

namespace {

void check(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::transform;
  namespace json = boost::json;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto manifest = read_manifest(text);
  if (!manifest) {
    check(!manifest.error().message.empty());
    return 0;
  }
  check(!manifest->folder.bucket.empty() && !manifest->folder.bucket.contains('/'));
  check(json::parse(text).as_array().size() == 1 + manifest->names.size());
  json::array anew{json::object{{"prefix", slipway::objects::uri_of(manifest->folder)}}};
  for (const std::string& name : manifest->names) anew.emplace_back(name);
  const auto again = read_manifest(json::serialize(anew));
  check(again && again->names == manifest->names);
  check(again->folder.bucket == manifest->folder.bucket &&
        again->folder.key == manifest->folder.key);
  return 0;
}
