#include "engine/objects/bodies.h"

#include "engine/objects/impl.h"

namespace slipway::objects {

Bodies& Objects::bodies() { return impl_->bodies; }

Upload Bodies::begin(UploadOptions options) { return {*impl_.removals, std::move(options)}; }

std::int64_t Bodies::create(store::Transaction& tx) { return next_number(tx); }

// Numbers of segments ascend; what is empty adds none.
void Bodies::append(store::Transaction& tx, const StoredBody& body, SealedBody sealed) {
  if (sealed.size == 0) return;
  impl_.note_change(tx);
  std::uint32_t number = 1;
  {
    auto rows = tx.query("SELECT max(number) FROM objects_segment WHERE body=?1", body.number);
    if (rows.next() && !rows.is_null(0)) number = static_cast<std::uint32_t>(rows.integer(0)) + 1;
  }
  insert_segment(
      tx,
      {.body = body.number, .number = number, .modified = impl_.clock.now(), .start = body.bytes},
      std::move(sealed));
}

void Bodies::release(store::Transaction& tx, std::int64_t number) {
  impl_.release_body(tx, number);
}

Result<Content> Bodies::content(store::Transaction& tx, const StoredBody& body,
                                std::optional<ByteRange> range) {
  return impl_.content(tx, body, range);
}

}  // namespace slipway::objects
