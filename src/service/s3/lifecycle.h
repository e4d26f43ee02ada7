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

// The storage classes that rules move objects to: `from` are those that S3 lets it come from.
struct MovedTo {
  std::string_view to;
  std::vector<std::string> from;
  std::int32_t days_min = 0;
  enum class Archive : std::uint8_t { no, yes } archive = Archive::no;
};
const MovedTo* moved_to(std::string_view storage_class);

// Which objects stay where they are for being small, where a rule says nothing of sizes.
inline constexpr std::string_view small_stay = "all_storage_classes_128K";
inline constexpr std::string_view small_are_archived = "varies_by_storage_class";

// Whether S3 takes the rule. One that it does not take, of an older version's store, does nothing.
Result<> check_rule(const api::LifecycleRule& rule);

// The rules that are enabled, of configurations by their stored text. Thread-safe.
class LifecycleTexts {
 public:
  // Limits: when more is known it begins anew.
  static constexpr std::size_t remembered_max = 1'000;
  static constexpr std::size_t remembered_bytes_max = 16 << 20;

  std::shared_ptr<const objects::ExpiryRules> read(const std::string& setting);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const objects::ExpiryRules>> read_;
  std::size_t bytes_ = 0;  // of their texts
};

// The header that says when the latest version of a key goes, and by which rule; nothing where none
// lets it go.
std::optional<std::string> expiration_of(const S3Door& door, store::Transaction& tx,
                                         const objects::Bucket& bucket,
                                         const objects::Object& latest);

// When an unfinished upload goes, and by which rule, as a header shows it.
struct UploadEnd {
  Timestamp at;
  std::string rule;
};
std::optional<UploadEnd> end_of_upload(const S3Door& door, store::Transaction& tx,
                                       const objects::Bucket& bucket,
                                       const objects::Multipart& upload);

}  // namespace slipway::s3
