// An object's files as the body of a request to an instance: each piece is checked before it
// leaves.
#pragma once

#include "engine/objects/checked_pieces.h"
#include "net/http.h"

namespace slipway::objects {

// Made anew for each attempt. Where a piece is damaged the sequence fails, and the log has why.
inline net::FileSequence checked_files(const Content& content) {
  return {
      .length = content.length,
      .next = [pieces = CheckedPieces(content.slices)]() mutable -> std::optional<net::FileRange> {
        auto piece = pieces.next();
        if (!piece || !*piece) return std::nullopt;
        return net::FileRange{Fd((*piece)->file.release()), (*piece)->offset, (*piece)->length};
      }};
}

}  // namespace slipway::objects
