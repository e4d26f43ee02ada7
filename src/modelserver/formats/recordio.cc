#include "modelserver/formats/recordio.h"

namespace slipway::modelserver::recordio {
namespace {

void append_u32(std::string& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(value >> shift);
}

}  // namespace

void append_frame(std::string& out, std::string_view message) {
  append_u32(out, magic);
  append_u32(out, static_cast<std::uint32_t>(message.size()));
  out += message;
  out.append((4 - message.size() % 4) % 4, '\0');
}

}  // namespace slipway::modelserver::recordio
