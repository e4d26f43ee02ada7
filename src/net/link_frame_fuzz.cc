// Any bytes to the link's decoder: never a read past the end, never a frame past its limits.
#include <cstdint>
#include <cstdlib>

#include "net/link_frame.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::net;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  while (true) {
    const auto frame = take_link_frame(bytes);
    if (!frame || !*frame) return 0;
    LinkPairs pairs = (*frame)->headers;
    std::size_t seen = (*frame)->content_type.size() + (*frame)->accept.size();
    while (const auto header = pairs.next()) seen += header->name.size() + header->value.size();
    if (seen > link_head_bytes_max || (*frame)->body.size() > link_response_body_bytes_max)
      std::abort();
  }
}
