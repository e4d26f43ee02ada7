#include "service/s3/body.h"

#include "engine/objects/checked_pieces.h"

namespace slipway::s3 {
namespace {

using Piece = objects::CheckedPieces::Piece;

net::FileRange to_range(Piece piece) {
  return {net::Fd(piece.file.release()), piece.offset, piece.length};
}

// Checks one piece after the other, on the loop thread, while the one before is on its way. What is
// damaged is not sent: the connection is cut, since the head is gone already.
class Pieces {
 public:
  Pieces(Piece first, objects::CheckedPieces rest)
      : first_(std::move(first)), rest_(std::move(rest)) {}

  std::optional<net::FileRange> operator()() {
    if (first_) return to_range(*std::exchange(first_, std::nullopt));
    auto piece = rest_.next();
    if (!piece || !*piece) return std::nullopt;
    return to_range(**std::move(piece));
  }

 private:
  std::optional<Piece> first_;
  objects::CheckedPieces rest_;
};

}  // namespace

Result<net::Body> to_body(objects::Content content) {
  if (content.slices.empty()) return net::Body(std::move(content.bytes));
  objects::CheckedPieces pieces(std::move(content.slices));
  TRY(std::optional<Piece> first, pieces.next());
  if (!first) return net::Body();
  if (first->length == content.length) return net::Body(to_range(*std::move(first)));
  return net::Body(net::FileSequence{content.length, Pieces(*std::move(first), std::move(pieces))});
}

}  // namespace slipway::s3
