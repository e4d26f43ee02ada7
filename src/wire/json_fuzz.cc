// Any bytes as the JSON body of a request, a document and a stored text.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gen/sagemaker.h"
#include "wire/codec.h"
#include "wire/document.h"
#include "wire/json_reader.h"
#include "wire/json_writer.h"
#include "wire/validate.h"

using namespace slipway::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Operation& operation = slipway::aws::sagemaker::op::CreateEndpointConfig::operation();
  Arena arena;
  const HttpRequestView request{
      .method = "POST", .path = "/", .query = "", .headers = {}, .body = text};
  if (const auto node = decode_request(operation, Protocol::json11, {}, request, arena)) {
    (void)validate(operation, *node);
    const std::string stored = to_json(*node, *operation.input);
    if (!from_json(stored, *operation.input, arena)) __builtin_trap();
  }
  if (const auto document = read_json_document(text, arena)) {
    std::string out;
    write_json_document(*document, out);
    if (!read_json_document(out, arena)) __builtin_trap();
  }
  return 0;
}
