// Any bytes as a form that comes in pieces: it says the same however it is cut, holds no more than
// its bounds, and the file is made of bytes that came.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wire/form_data.h"

using namespace slipway::wire;

namespace {

void check(bool holds) {
  if (!holds) __builtin_trap();
}

struct Outcome {
  std::string kind;
  std::string file;
  std::vector<std::string> fields;
  bool operator==(const Outcome&) const = default;
};

Outcome read(std::string_view body, std::size_t piece) {
  auto reader = FormReader::of("multipart/form-data; boundary=b");
  check(reader.has_value());
  Outcome out;
  std::vector<std::string_view> pieces;
  while (!body.empty() && out.kind.empty()) {
    if (const auto pushed = reader->push(body.substr(0, piece), pieces); !pushed)
      out.kind = pushed.error().kind;
    for (const std::string_view each : pieces) out.file += each;
    pieces.clear();
    body.remove_prefix(std::min(piece, body.size()));
  }
  if (const auto finished = reader->finish(); out.kind.empty() && !finished)
    out.kind = finished.error().kind;
  std::size_t held = 0;
  for (const FormField& field : reader->fields()) {
    held += field.name.size() + field.value.size();
    out.fields.push_back(field.name + "=" + field.value);
  }
  check(held <= 2 * FormReader::front_bytes_max);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const Outcome whole = read(body, size + 1);
  check(whole.file.size() <= size);
  if (whole.kind.empty()) {
    check(whole == read(body, 1));
    check(whole == read(body, 7));
  }
  const auto reader = FormReader::of(body);
  (void)reader;
  return 0;
}
