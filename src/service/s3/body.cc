#include "service/s3/body.h"

#include "base/log.h"

namespace slipway::s3 {
namespace {

Result<net::FileRange> open_range(const objects::FileSlice& slice) {
  TRY(objects::File file, slice.open());
  return net::FileRange{net::Fd(file.release()), slice.offset, slice.length};
}

// Opens the slices one after the other, on the loop thread.
class Slices {
 public:
  explicit Slices(std::vector<objects::FileSlice> slices) : slices_(std::move(slices)) {}

  std::optional<net::FileRange> operator()() {
    if (next_ == slices_.size()) return std::nullopt;
    auto range = open_range(slices_[next_++]);
    if (range) return *std::move(range);
    log_error("s3", "an object cannot be sent to its end", {{"why", range.error().message}});
    return std::nullopt;
  }

 private:
  std::vector<objects::FileSlice> slices_;
  std::size_t next_ = 0;
};

}  // namespace

Result<net::Body> to_body(objects::Content content) {
  if (content.slices.empty()) return net::Body(std::move(content.bytes));
  if (content.slices.size() == 1) {
    TRY(net::FileRange range, open_range(content.slices.front()));
    return net::Body(std::move(range));
  }
  return net::Body(net::FileSequence{content.length, Slices(std::move(content.slices))});
}

}  // namespace slipway::s3
