// Takes a multipart/form-data body (RFC 7578) apart while it streams in, as S3 reads the forms of
// browsers: fields first, then one file, and what stands behind the file says nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::wire {

// One field of a form that is no file.
struct FormField {
  std::string name;  // as sent
  std::string value;
};

// MalformedPOSTRequest.
Error malformed_form();

// Errors are AWS's: MalformedPOSTRequest, MaxPostPreDataLengthExceeded, InvalidArgument where there
// is no file. After one only destruction is left. Holds the fields and never the file.
class FormReader {
 public:
  // Names and values of all fields together.
  static constexpr std::size_t fields_bytes_max = 20'480;
  // All that comes before the file's first byte, the heads of parts and the boundaries too.
  static constexpr std::size_t front_bytes_max = 64 * 1024;
  static constexpr std::size_t boundary_bytes_max = 70;  // RFC 2046

  // Whether a body of that type is a form with room for a file.
  static bool reads(std::string_view content_type);
  static Result<FormReader> of(std::string_view content_type);

  // Reads on. Appends what of `bytes` belongs to the file: views into `bytes` and into this object,
  // valid until the next call.
  Result<> push(std::string_view bytes, std::vector<std::string_view>& file);
  // The body is over: whether the file is whole.
  Result<> finish() const;

  // Complete once the file has begun.
  const std::vector<FormField>& fields() const { return fields_; }
  bool has_file() const { return state_ >= State::file; }
  // As the client named the file; nullopt where it did not.
  const std::optional<std::string>& file_name() const { return file_name_; }

 private:
  enum class State : std::uint8_t { preamble, head, field, end, file, behind_file };

  explicit FormReader(std::string_view boundary);

  Result<> read_front(std::string_view bytes, std::vector<std::string_view>& file);
  Result<bool> read_front_step();
  std::optional<std::string_view> take_through(std::string_view mark);
  Result<> read_head(std::string_view head);
  Result<> add_value(std::string_view value);
  void read_file(std::string_view bytes, std::vector<std::string_view>& file);

  std::string delimiter_;  // CR LF "--" boundary
  State state_ = State::preamble;
  std::string front_;       // what came before the file
  std::size_t at_ = 0;      // how much of `front_` is understood
  std::size_t looked_ = 0;  // the mark that is looked for does not begin before it
  std::size_t fields_bytes_ = 0;
  std::vector<FormField> fields_;
  std::optional<std::string> file_name_;
  std::size_t matched_ = 0;  // how much of `delimiter_` the last bytes of the file are
};

}  // namespace slipway::wire
