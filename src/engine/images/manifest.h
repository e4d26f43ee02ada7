// What a manifest says: its kind, and what it names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/images/digest.h"

namespace slipway::images {

// Limits of a manifest.
inline constexpr std::size_t manifest_bytes_max = 4ULL << 20;
inline constexpr std::size_t manifest_references_max = 10'000;

// A manifest or an index, as it was read. Its bytes are kept as they came.
struct ImageManifest {
  // What else a manifest names. Blobs that are fetched from elsewhere (`urls`) are not among them.
  struct Reference {
    enum class Kind : std::uint8_t { blob, manifest };
    Kind kind;
    Digest digest;
  };

  std::string media_type;
  std::string artifact_type;  // or, without one, the media type of its config; empty: neither
  std::optional<Digest> subject;
  std::vector<Reference> references;
  std::uint64_t image_bytes = 0;  // of config and layers, as it says
};

// `content_type` is what it was sent with; empty: nothing was said. invalid_argument
// "bad_manifest"; limit_exceeded "manifest_too_large".
Result<ImageManifest> parse_manifest(std::string_view bytes, std::string_view content_type);

}  // namespace slipway::images
