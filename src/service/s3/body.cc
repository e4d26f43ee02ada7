#include "service/s3/body.h"

namespace slipway::s3 {
namespace {

Result<net::FileRange> open_range(const objects::FileSlice& slice) {
  TRY(objects::File file, slice.open());
  return net::FileRange{net::Fd(file.release()), slice.offset, slice.length};
}

}  // namespace

Result<net::Body> to_body(objects::Content content) {
  if (content.slices.empty()) return net::Body(std::move(content.bytes));
  if (content.slices.size() == 1) {
    TRY(net::FileRange range, open_range(content.slices.front()));
    return net::Body(std::move(range));
  }
  const std::uint64_t length = content.length;
  TRY(objects::File gathered, objects::gather(content));
  return net::Body(net::FileRange{net::Fd(gathered.release()), 0, length});
}

}  // namespace slipway::s3
