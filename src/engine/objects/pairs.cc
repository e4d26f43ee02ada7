#include "engine/objects/pairs.h"

#include <cstdint>

#include "store/store.h"

namespace slipway::objects {
namespace {

constexpr int sqlite_corrupt = 11;

void put_text(std::string& out, std::string_view text) {
  const auto length = static_cast<std::uint32_t>(text.size());
  for (int shift = 0; shift < 32; shift += 8)
    out.push_back(static_cast<char>((length >> shift) & 0xff));
  out.append(text);
}

std::string_view take(std::string_view& bytes, std::size_t count) {
  if (bytes.size() < count)
    throw store::Failure(sqlite_corrupt, "an object's row holds pairs that end too early");
  const std::string_view taken = bytes.substr(0, count);
  bytes.remove_prefix(count);
  return taken;
}

std::string take_text(std::string_view& bytes) {
  std::uint32_t length = 0;
  int shift = 0;
  for (const char byte : take(bytes, 4)) {
    length |= static_cast<std::uint32_t>(static_cast<unsigned char>(byte)) << shift;
    shift += 8;
  }
  return std::string(take(bytes, length));
}

}  // namespace

std::string encode_pairs(const Pairs& pairs) {
  std::string out;
  for (const auto& [name, value] : pairs) {
    put_text(out, name);
    put_text(out, value);
  }
  return out;
}

Pairs decode_pairs(std::string_view bytes) {
  Pairs pairs;
  while (!bytes.empty()) {
    std::string name = take_text(bytes);
    pairs.emplace_back(std::move(name), take_text(bytes));
  }
  return pairs;
}

}  // namespace slipway::objects
