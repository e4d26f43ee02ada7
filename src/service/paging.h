// Where a list goes on: the one form of the page tokens that clients carry (NextToken, Marker,
// ContinuationToken).
//
// A token is the position behind which the next page begins, under a checksum over the list that it
// is of: the operation, the account and region that ask, and every member of the request that says
// what is listed and in which order. So a token of another list is refused, and so is one that was
// cut or changed. Nothing of it is stored: it outlives a restart, and page sizes may change from
// one page to the next.
//
// The checksum has no key. Who computes one by himself has chosen a position in a list that he may
// read from its beginning: a position goes into a query beside the account, the region and the
// filters of the request, never in their place.
//
// What is not in this form: markers that AWS shows as they are, because clients make them up too
// (S3's Marker, KeyMarker, VersionIdMarker, UploadIdMarker, PartNumberMarker), and the tokens of
// GetLogEvents, which clients tell apart by "f/" and "b/" (logs/tokens.h).
#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "service/call.h"
#include "wire/view.h"

namespace slipway::service {

// The tokens of the list that one request asks for a page of. Borrows the caller and the input.
class PageTokens {
 public:
  template <std::derived_from<wire::StructView> In>
  PageTokens(const Caller& caller, const In& in)
      : caller_(caller), shape_(In::shape()), input_(in.node()) {}

  // The position that token_behind() was given; empty where there is no token. Returns nullopt for
  // a token that is not of this list: the door says so in its service's words.
  std::optional<std::string> position_in(std::optional<std::string_view> token) const;

  // The same with the door's words for such a token: refuse() returns the unexpected Error.
  template <std::invocable Refuse>
  Result<std::string> position_or(std::optional<std::string_view> token, Refuse refuse) const {
    auto position = position_in(token);
    if (!position) return refuse();
    return *std::move(position);
  }

  // Cuts items, of which one more was read than a page has, to that page; returns the token of the
  // next one. The position of the last item of this page is what `position_of` is of it.
  template <typename Item, typename Position>
  std::optional<std::string> cut(std::vector<Item>& items, std::size_t items_max,
                                 Position position_of) const {
    if (items.size() <= items_max) return std::nullopt;
    items.resize(items_max);
    return token_behind(std::invoke(position_of, items.back()));
  }

  // `position` is any text by which the operation finds the last item of this page again.
  std::string token_behind(std::string_view position) const;

 private:
  std::string checksum(std::string_view position) const;

  const Caller& caller_;
  const wire::Shape& shape_;
  const wire::Node input_;
};

// The token of a service that takes an empty one for none.
inline std::optional<std::string_view> unless_empty(std::optional<std::string_view> token) {
  return token && token->empty() ? std::nullopt : token;
}

}  // namespace slipway::service
