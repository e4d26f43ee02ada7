// Bytes of another engine, kept as objects' are and named by that engine's own rows: with sums,
// looked at now and then, in every backup, gone once nobody names or reads them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/objects/objects.h"
#include "engine/objects/upload.h"
#include "store/store.h"

namespace slipway::objects {

// A body as its owner's row has it. `name` is what a person is told where it is damaged.
struct StoredBody {
  std::int64_t number = 0;
  std::uint64_t bytes = 0;
  std::string name;
};

// Keeps, reads and releases bodies. Thread-safe; what takes a transaction changes nothing where
// that transaction is refused.
class Bodies {
 public:
  explicit Bodies(Objects::Impl& impl) : impl_(impl) {}

  // Takes bytes, before a transaction.
  Upload begin(UploadOptions options);

  // The number of a new body, which has no bytes yet. Who asks writes it into a row of his own in
  // the same change, and releases it in the change that removes that row.
  std::int64_t create(store::Transaction& tx);
  // Puts `sealed` behind the `body.bytes` that the body has.
  void append(store::Transaction& tx, const StoredBody& body, SealedBody sealed);
  void release(store::Transaction& tx, std::int64_t number);

  // Errors as of Objects::content; conflict "body_gone" where it was released meanwhile: ask the
  // row again.
  Result<Content> content(store::Transaction& tx, const StoredBody& body,
                          std::optional<ByteRange> range = {});

 private:
  Objects::Impl& impl_;
};

}  // namespace slipway::objects
