#include "store/document_writer.h"

#include <boost/json.hpp>

namespace slipway::store {

// Behind the first field of an object, and nowhere else, another one has ended.
void DocumentWriter::put_name(std::string_view name) {
  if (text_.back() != '{') text_ += ',';
  put_text(name);
  text_ += ':';
}

void DocumentWriter::put_word(std::string_view word) { text_ += word; }

void DocumentWriter::put_unsigned(std::uint64_t value) { text_ += std::to_string(value); }

void DocumentWriter::put_signed(std::int64_t value) { text_ += std::to_string(value); }

void DocumentWriter::put_real(double value) {
  text_ += boost::json::serialize(boost::json::value(value));
}

void DocumentWriter::put_text(std::string_view value) {
  text_ += boost::json::serialize(boost::json::string_view(value.data(), value.size()));
}

}  // namespace slipway::store
