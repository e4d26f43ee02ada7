// text/csv to tensors.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <limits>

#include "modelserver/formats/decode.h"
#include "modelserver/formats/numbers.h"

namespace slipway::modelserver {
namespace {

// A field as quoted in a message.
constexpr std::size_t quoted_field_bytes_max = 40;

// Of a number and the comma behind it; room for more is made when they are shorter.
constexpr std::size_t usual_number_bytes = 6;

// The delimiter of a body whose first line may have no comma.
char sniffed_delimiter(std::string_view body) {
  constexpr std::size_t sniffed_bytes = 512;
  const auto line = body.substr(0, std::min(body.find('\n'), sniffed_bytes));
  if (line.contains(',')) return ',';
  char best = ',';
  std::ptrdiff_t most = 0;
  for (const char each : {';', '\t', '|', ' '}) {
    const auto count = std::ranges::count(line, each);
    if (count <= most) continue;
    most = count;
    best = each;
  }
  return best;
}

std::unexpected<Error> bad_field(const ModelSignature& signature, std::string_view field,
                                 std::size_t line, std::size_t column, const TensorInfo& info) {
  const bool is_header =
      line == 1 && !field.empty() && std::isalpha(static_cast<unsigned char>(field[0]));
  return std::unexpected(
      misfit(signature, fmt::format("line {}, column {}: '{}' is no {}{}", line, column,
                                    field.substr(0, quoted_field_bytes_max), name_of(info.type),
                                    is_header ? " (send no header line)" : "")));
}

// The common case, and the fast one: plain numbers into one float32 input. Gives up (nothing said)
// at whatever is not a plain number between commas and line ends; the general reader then starts
// over and either knows what it is or names it.
bool read_float_table(std::string_view body, Tensor& out) {
  const char* at = body.data();
  const char* const end = at + body.size();
  std::size_t count = 0;
  std::size_t room = 0;
  float* numbers = nullptr;
  std::int64_t width = -1;
  std::int64_t records = 0;
  while (at != end) {
    const std::size_t row = count;
    for (;;) {
      if (count == room) {
        room += static_cast<std::size_t>(end - at) / usual_number_bytes + 1;
        out.bytes.resize(room * sizeof(float));
        numbers = out.data<float>();
      }
      const char* const after = read_float(at, end, numbers[count]);
      if (after == at) return false;
      ++count;
      at = after;
      if (at == end || *at != ',') break;
      ++at;
    }
    if (at != end && *at == '\r') ++at;
    if (at != end && *at++ != '\n') return false;
    const auto columns = static_cast<std::int64_t>(count - row);
    if (width >= 0 && columns != width) return false;
    width = columns;
    ++records;
  }
  if (records == 0) return false;
  out.bytes.resize(count * sizeof(float));
  out.shape = {records, width};
  return true;
}

// Walks the fields of a table, one line at a time.
class FieldReader {
 public:
  FieldReader(std::string_view body, char delimiter)
      : at_(body.data()), end_(at_ + body.size()), delimiter_(delimiter) {}

  // Goes to the next line that is not empty.
  bool next_line() {
    while (at_ != end_) {
      ++line_;
      const char* const start = skip_blanks(at_);
      if (start != end_ && *start != '\n' && *start != '\r') return true;
      at_ = start;
      if (at_ != end_ && *at_ == '\r') ++at_;
      if (at_ != end_ && *at_ == '\n') ++at_;
    }
    return false;
  }

  // Reads one field; `last` tells whether the line ended behind it. False: a quote never closed.
  bool read_field(std::string_view& field, bool& last) {
    at_ = skip_blanks(at_);
    const bool fine = at_ != end_ && *at_ == '"' ? read_quoted(field) : read_bare(field);
    last = at_ == end_ || *at_ != delimiter_;
    if (!last) {
      ++at_;
    } else {
      if (at_ != end_ && *at_ == '\r') ++at_;
      if (at_ != end_ && *at_ == '\n') ++at_;
    }
    return fine;
  }

  std::size_t line() const { return line_; }

 private:
  bool is_blank(char c) const { return (c == ' ' || c == '\t') && c != delimiter_; }

  const char* skip_blanks(const char* at) const {
    while (at != end_ && is_blank(*at)) ++at;
    return at;
  }

  bool read_bare(std::string_view& field) {
    const char* const first = at_;
    while (at_ != end_ && *at_ != delimiter_ && *at_ != '\n' && *at_ != '\r') ++at_;
    const char* last = at_;
    while (last != first && is_blank(last[-1])) --last;
    field = {first, static_cast<std::size_t>(last - first)};
    return true;
  }

  // "a ""quoted"" field": doubled quotes are one.
  bool read_quoted(std::string_view& field) {
    unquoted_.clear();
    for (++at_; at_ != end_; ++at_) {
      if (*at_ == '"') {
        if (at_ + 1 == end_ || at_[1] != '"') break;
        ++at_;
      }
      unquoted_ += *at_;
    }
    if (at_ == end_) return false;
    at_ = skip_blanks(at_ + 1);
    field = unquoted_;
    return at_ == end_ || *at_ == delimiter_ || *at_ == '\n' || *at_ == '\r';
  }

  const char* at_;
  const char* end_;
  char delimiter_;
  std::size_t line_ = 0;
  std::string unquoted_;
};

bool push_field(Tensor& tensor, std::string_view field) {
  if (field.empty() && is_floating(tensor.type))
    return tensor.push_number(std::numeric_limits<double>::quiet_NaN());
  return tensor.push_text(field);
}

// How many columns of a record belong to each input.
struct Columns {
  std::vector<std::int64_t> widths;  // any_size: as many as there are (a single input alone)
  std::int64_t total = 0;            // any_size likewise
};

Result<Columns> columns_of(const ModelSignature& signature) {
  Columns columns;
  for (const auto& info : signature.inputs) {
    const bool free = info.shape.size() <= 1 && signature.inputs.size() == 1;
    const auto width = free ? any_size : info.record_size();
    if (width == any_size && signature.inputs.size() > 1) {
      return std::unexpected(misfit(
          signature, fmt::format("CSV cannot say which columns are for '{}', whose size is open; "
                                 "send JSON",
                                 info.name)));
    }
    columns.widths.push_back(width);
    columns.total = width == any_size ? any_size : columns.total + width;
  }
  return columns;
}

// Reads one line's fields into the inputs; returns how many there were.
Result<std::int64_t> read_record(const ModelSignature& signature, const Columns& columns,
                                 FieldReader& reader, DecodedRequest& out) {
  std::int64_t count = 0;
  std::size_t input = 0;
  std::int64_t left = columns.widths[0];
  for (bool last = false; !last; ++count) {
    while (input < columns.widths.size() && left == 0)
      left = ++input < columns.widths.size() ? columns.widths[input] : 0;
    std::string_view field;
    if (!reader.read_field(field, last)) {
      return std::unexpected(
          misfit(signature, fmt::format("line {}, column {}: a quoted field does not end as one",
                                        reader.line(), count + 1)));
    }
    if (input == columns.widths.size()) continue;  // too many: counted, refused by the caller
    if (!push_field(out.inputs[input], field)) {
      return bad_field(signature, field, reader.line(), static_cast<std::size_t>(count + 1),
                       signature.inputs[input]);
    }
    if (left > 0) --left;
  }
  return count;
}

std::size_t elements_of(const DecodedRequest& request) {
  std::size_t elements = 0;
  for (const auto& tensor : request.inputs) elements += tensor.size();
  return elements;
}

Result<> read_table(const ModelSignature& signature, char delimiter, std::string_view body,
                    DecodedRequest& out) {
  TRY(const Columns columns, columns_of(signature));
  FieldReader reader(body, delimiter);
  std::int64_t width = -1;
  std::int64_t records = 0;
  while (reader.next_line()) {
    TRY(const std::int64_t count, read_record(signature, columns, reader, out));
    const auto wanted = columns.total == any_size ? width : columns.total;
    if (wanted >= 0 && count != wanted) {
      return std::unexpected(misfit(signature, fmt::format("line {} has {} columns, and {} are due",
                                                           reader.line(), count, wanted)));
    }
    if (elements_of(out) > request_strings_max && !out.inputs[0].strings.empty()) {
      return fail(ErrorCode::limit_exceeded,
                  fmt::format("The request has more than {} fields of text.", request_strings_max));
    }
    width = count;
    ++records;
  }
  if (records == 0) return std::unexpected(misfit(signature, "the body has no record"));
  for (std::size_t i = 0; i < out.inputs.size(); ++i) {
    const auto own = columns.widths[i] == any_size ? width : columns.widths[i];
    out.inputs[i].shape = {records, own};
  }
  return {};
}

}  // namespace

Result<> decode_csv(const ModelSignature& signature, Delimiters delimiters, std::string_view body,
                    DecodedRequest& out) {
  if (signature.inputs.empty()) return std::unexpected(misfit(signature, "it takes no input"));
  if (body.starts_with("\xEF\xBB\xBF"))  // which would be the begin of a text
    return std::unexpected(misfit(signature, "send no byte order mark"));
  const char delimiter = delimiters == Delimiters::sniffed ? sniffed_delimiter(body) : ',';
  const bool plain = delimiter == ',' && signature.inputs.size() == 1 &&
                     signature.inputs[0].type == ElementType::float32;
  if (!plain || !read_float_table(body, out.inputs[0])) {
    out.reset(signature);
    TRY_DO(read_table(signature, delimiter, body, out));
  }
  for (std::size_t i = 0; i < out.inputs.size(); ++i) {
    if (auto fitted = fit_shape(signature.inputs[i], Records::flattened, out.inputs[i]); !fitted)
      return std::unexpected(misfit(signature, fitted.error().message));
  }
  return {};
}

}  // namespace slipway::modelserver
