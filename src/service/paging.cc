#include "service/paging.h"

#include <algorithm>

#include "base/encoding.h"
#include "wire/arena.h"
#include "wire/document.h"

namespace slipway::service {
namespace {

// Three bytes of a checksum are four characters of a token.
constexpr std::size_t checksum_bytes = 9;
constexpr std::size_t token_bytes_max = 8192;

// Members that may differ between the pages of one list, as AWS's services call them.
constexpr std::string_view free_members[] = {
    // Where to go on.
    "NextToken", "nextToken", "Marker", "ContinuationToken", "StartAfter",
    // How many to show.
    "MaxResults", "maxResults", "MaxItems", "MaxKeys", "MaxBuckets", "limit",
    // How to show them, and on whose account.
    "EncodingType", "FetchOwner", "OptionalObjectAttributes", "ExpectedBucketOwner",
    "RequestPayer"};

bool is_given(const wire::Node& value) {
  return value.present() && !(value.kind == wire::Kind::text && value.n == 0);
}

// The members that say which list it is, as text that is the same for the same list.
std::string list_of(const wire::Shape& shape, const wire::Node& input) {
  wire::Arena arena;
  wire::Node out = wire::make_structure(shape.members.size(), arena);
  for (std::size_t i = 0; i < input.slots().size(); ++i)
    if (std::ranges::find(free_members, shape.members[i].name) == std::end(free_members) &&
        is_given(input.items[i]))
      out.items[i] = input.items[i];
  return wire::to_json(out, shape);
}

}  // namespace

std::string PageTokens::checksum(std::string_view position) const {
  constexpr char end = '\0';
  std::string text(shape_.name);
  text.append(1, end).append(caller_.account()).append(1, end).append(caller_.region);
  text.append(1, end).append(list_of(shape_, input_)).append(1, end).append(position);
  const auto digest = sha256(text);
  return std::string(digest.begin(), digest.begin() + checksum_bytes);
}

std::optional<std::string> PageTokens::position_in(std::optional<std::string_view> token) const {
  if (!token) return std::string();
  if (token->size() > token_bytes_max) return std::nullopt;
  const auto text = from_base64(*token);
  if (!text || text->size() <= checksum_bytes) return std::nullopt;
  std::string position = text->substr(checksum_bytes);
  if (token_behind(position) != *token) return std::nullopt;
  return position;
}

std::string PageTokens::token_behind(std::string_view position) const {
  return to_base64(checksum(position).append(position));
}

}  // namespace slipway::service
