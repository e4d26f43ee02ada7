// A bucket's lifecycle configuration, read, and what S3 says of it with each object.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "engine/objects/expiry.h"
#include "service/s3/door.h"

namespace slipway::s3 {

// The storage classes that rules move objects to: `from` are those that S3 lets it come from. The
// archives are not among them, as nothing is restored from one here.
struct MovedTo {
  std::string_view to;
  std::vector<std::string> from;
  std::int32_t days_min = 0;
};
const MovedTo* moved_to(std::string_view storage_class);

// The rules that are enabled, of configurations by their stored text. Thread-safe.
class LifecycleTexts {
 public:
  static constexpr std::size_t remembered_max = 1'000;

  std::shared_ptr<const objects::ExpiryRules> read(const std::string& setting);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const objects::ExpiryRules>> read_;
};

// The header that says when the latest version of a key goes, and by which rule; nothing where none
// lets it go.
std::optional<std::string> expiration_of(const Door& door, store::Transaction& tx,
                                         const objects::Bucket& bucket,
                                         const objects::Object& latest);

// When an unfinished upload goes, and by which rule.
struct UploadEnd {
  Timestamp at;
  std::string rule;
};
std::optional<UploadEnd> end_of_upload(const Door& door, store::Transaction& tx,
                                       const objects::Bucket& bucket,
                                       const objects::Multipart& upload);

}  // namespace slipway::s3
