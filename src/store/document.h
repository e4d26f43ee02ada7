// Structs as text in a column: JSON, from one list of fields for each struct.
//
//   void fields(auto& field, store::Of<Elastic> auto& elastic) {
//     field("concurrency_max", elastic.concurrency_max);
//     field("body_bytes_max", elastic.body_bytes_max, store::Presence::added_later);
//   }
//
// The list is the writer, the reader, and the check that a text holds nothing else. It stands in
// the namespace of its struct, where the two find it (so in no unnamed one), in the .cc file that
// writes and reads the struct. The text has the fields in the order of the list.
//
// A field is a bool, a number, a text, an id (a struct of one `text`), a duration or a point in
// time (a count of its own unit, which the field's name says), a struct with a list of its own, an
// optional (null), a vector or a map of these (keys are texts, or numbers); what is none of these,
// or is stored in another shape than it has, goes through numbered() or converted().
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "store/document_reader.h"
#include "store/document_writer.h"
#include "store/store.h"

namespace slipway::store {

// The text of a struct, or of anything else that a field may be.
template <typename T>
std::string write_document(const T& value) {
  DocumentWriter writer;
  writer.put(value);
  return writer.take_text();
}

// `what` names the document in the error: corrupted, where the text is not of T's fields.
template <typename T>
Result<T> read_document(std::string_view what, std::string_view text) {
  T value{};
  DocumentReader reader(text);
  reader.read(value);
  TRY_DO(reader.finish(what));
  return value;
}

// A row of a room that does not hold what the room wrote. The transaction that reads it ends, as it
// does where SQLite finds its file damaged.
class BrokenDocument final : public Failure {
 public:
  explicit BrokenDocument(const std::string& message);
};

// Returns the value of what was read, for whoever is within a transaction: throws BrokenDocument.
template <typename T>
T value_of(Result<T> read) {
  if (!read) throw BrokenDocument(read.error().message);
  return *std::move(read);
}

// Reads what a row of the caller's own room holds, within a transaction: throws BrokenDocument.
template <typename T>
T read_own_document(std::string_view what, std::string_view text) {
  return value_of(read_document<T>(what, text));
}

}  // namespace slipway::store
