// Reads JSON where it stands, without building a tree: bodies of requests are numbers by the
// thousand, and go straight into tensors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "modelserver/formats/tensor.h"

namespace slipway::modelserver {

// A place in a JSON text. Methods that return Result say where the text went wrong (byte offset);
// the cursor is of no use after that. Also read, as Python's json does: NaN, Infinity, -Infinity.
class JsonCursor {
 public:
  explicit JsonCursor(std::string_view text)
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

  // The next character that is no white space; 0 at the end.
  char peek();
  // Takes `c` if it is next.
  bool take(char c);
  Result<> expect(char c, std::string_view where);
  // Fails where more than white space is left.
  Result<> expect_end();
  // The text that has not been read, and going on behind a part of it.
  bool at_end() { return peek() == 0 && at_ == end_; }

  Result<std::string> read_string();
  // Reads a number, true, false, null, NaN ... as it is written.
  Result<std::string_view> read_word();
  // Passes over any value.
  Result<> skip_value(int depth = 0);

  // Appends the elements of the next value, a scalar or nested arrays, to `tensor`, and says its
  // shape in `shape`. Refuses ragged arrays, elements that the tensor's type cannot hold, depth and
  // element counts over the limits (decode.h).
  Result<> read_elements(Tensor& tensor, TensorShape& shape);

  std::unexpected<Error> fail_here(std::string_view what) const;

 private:
  Result<> read_array(Tensor& tensor, TensorShape& shape, std::size_t depth);
  std::int64_t read_plain_floats(Tensor& tensor);
  Result<> read_scalar(Tensor& tensor);
  Result<> read_escape(std::string& out);
  Result<std::uint32_t> read_hex4();

  const char* begin_;
  const char* at_;
  const char* end_;
};

// Visits the members of the object that is next: `visit(key) -> Result<>` reads the value.
template <typename Visit>
Result<> read_object(JsonCursor& cursor, Visit&& visit) {
  TRY_DO(cursor.expect('{', "an object"));
  if (cursor.take('}')) return {};
  do {
    TRY(const std::string key, cursor.read_string());
    TRY_DO(cursor.expect(':', "the value of a member"));
    TRY_DO(visit(key));
  } while (cursor.take(','));
  return cursor.expect('}', "the end of an object");
}

// Visits the elements of the array that is next: `visit() -> Result<>` reads one.
template <typename Visit>
Result<> read_array(JsonCursor& cursor, Visit&& visit) {
  TRY_DO(cursor.expect('[', "an array"));
  if (cursor.take(']')) return {};
  do {
    TRY_DO(visit());
  } while (cursor.take(','));
  return cursor.expect(']', "the end of an array");
}

// Appends `text` as a JSON string, quotes included. What is no UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

}  // namespace slipway::modelserver
