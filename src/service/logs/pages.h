// Which page of a list a request of this door asks for.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "service/logs/tokens.h"
#include "service/paging.h"

namespace slipway::logs_door {

inline constexpr std::size_t list_page_default = 50;

// Borrows the call's caller and the input.
class AskedPage {
 public:
  template <typename Input>
  AskedPage(const service::Call& call, const Input& in)
      : tokens_(call.caller(), in),
        token_(in.nextToken()),
        items_max_(in.limit() ? static_cast<std::size_t>(*in.limit()) : list_page_default) {}

  std::size_t items_max() const { return items_max_; }
  // The name behind which it begins; empty: the first page. InvalidParameterException for a token
  // that is not of this list.
  Result<std::string> after() const {
    auto position = tokens_.position_in(token_);
    if (!position) return invalid_token();
    return *std::move(position);
  }
  // Cuts `items`, which begin behind after(), to the page; returns the token of the next one.
  template <typename Item>
  std::optional<std::string> cut(std::vector<Item>& items) const {
    if (items.size() <= items_max_) return std::nullopt;
    items.resize(items_max_);
    return tokens_.token_behind(items.back().name);
  }

 private:
  service::PageTokens tokens_;
  std::optional<std::string_view> token_;
  std::size_t items_max_;
};

}  // namespace slipway::logs_door
