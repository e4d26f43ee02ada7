// Any bytes as the CBOR body of a request.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "gen/sagemaker.h"
#include "wire/cbor_codec.h"
#include "wire/codec.h"

using namespace slipway::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Shape& shape = slipway::aws::sagemaker::CreateEndpointConfigInput::shape();
  Arena arena;
  if (const auto node = read_cbor(bytes, shape, arena)) {
    std::string out;
    write_cbor(*node, shape, out);
    if (!read_cbor(out, shape, arena)) __builtin_trap();
  }
  (void)decode_error(Protocol::cbor, {.status = 400, .headers = {}, .body = bytes});
  return 0;
}
