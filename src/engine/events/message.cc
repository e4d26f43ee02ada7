#include "engine/events/message.h"

namespace slipway::events {
namespace {

void put(std::string_view text, std::string& out) {
  const auto size = static_cast<std::uint32_t>(text.size());
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>((size >> shift) & 0xff);
  out += text;
}

bool take(std::string_view& from, std::string& out) {
  if (from.size() < 4) return false;
  std::uint32_t size = 0;
  for (std::size_t i = 0; i < 4; ++i)
    size |= static_cast<std::uint32_t>(static_cast<unsigned char>(from[i])) << (8 * i);
  from.remove_prefix(4);
  if (from.size() < size) return false;
  out.assign(from.substr(0, size));
  from.remove_prefix(size);
  return true;
}

}  // namespace

std::string pack(const Attributes& attributes) {
  std::string out;
  for (const Attribute& each : attributes) {
    out += static_cast<char>(each.form);
    put(each.name, out);
    put(each.type, out);
    put(each.value, out);
  }
  return out;
}

Result<Attributes> unpack(std::string_view bytes) {
  Attributes out;
  while (!bytes.empty()) {
    Attribute& next = out.emplace_back();
    next.form = static_cast<Attribute::Form>(bytes.front());
    bytes.remove_prefix(1);
    if (!take(bytes, next.name) || !take(bytes, next.type) || !take(bytes, next.value))
      return fail(ErrorCode::corrupted, "The stored attributes of a message cannot be read.");
  }
  return out;
}

}  // namespace slipway::events
