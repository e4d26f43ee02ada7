#include "wire/form_data.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"

namespace slipway::wire {
namespace {

constexpr std::string_view form_type = "multipart/form-data";
constexpr std::string_view file_field = "file";

std::unexpected<Error> malformed() { return std::unexpected(malformed_form()); }

// S3's own words, their spelling too.
std::unexpected<Error> too_much() {
  auto error = fail(ErrorCode::limit_exceeded,
                    "Your POST request fields preceeding the upload file was too large.",
                    "MaxPostPreDataLengthExceeded");
  error.error().details = {
      {"MaxPostPreDataLengthBytes", std::to_string(FormReader::fields_bytes_max)}};
  return error;
}

std::unexpected<Error> no_file() {
  auto error = fail(ErrorCode::invalid_argument,
                    "POST requires exactly one file upload per request.", "InvalidArgument");
  error.error().details = {{"ArgumentName", std::string(file_field)}, {"ArgumentValue", "0"}};
  return error;
}

// Takes `"a \"b\""` or a token off `text`. Only a quote is escaped: browsers write a file's
// backslashes as they are.
std::string take_value(std::string_view& text) {
  if (!text.starts_with('"')) {
    const std::size_t end = std::min(text.find(';'), text.size());
    const std::string value(trimmed(text.substr(0, end)));
    text.remove_prefix(end);
    return value;
  }
  std::string value;
  std::size_t at = 1;
  for (; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\' && at + 1 < text.size() && text[at + 1] == '"') ++at;
    value += text[at];
  }
  text.remove_prefix(std::min(at + 1, text.size()));
  return value;
}

// "UTF-8''na%C3%AFve.txt" (RFC 8187); nullopt for what is not of that form.
std::optional<std::string> extended_value(std::string_view text) {
  const std::string_view charset = take_until(text, '\'');
  if (!equal_ignoring_case(charset, "utf-8") || !text.contains('\'')) return std::nullopt;
  take_until(text, '\'');  // the language
  return percent_decode(text);
}

// Holds what stands behind the first word of a Content-Disposition or Content-Type.
struct Parameters {
  std::optional<std::string> name;
  std::optional<std::string> file_name;
  std::optional<std::string> boundary;
};

Parameters parameters_of(std::string_view text) {
  Parameters out;
  std::optional<std::string> extended;
  take_until(text, ';');
  while (!text.empty()) {
    const std::size_t equals = text.find_first_of("=;");
    if (equals == std::string_view::npos) break;
    const std::string name = to_lower(trimmed(text.substr(0, equals)));
    const bool has_value = text[equals] == '=';
    text.remove_prefix(equals + 1);
    if (!has_value) continue;
    while (text.starts_with(' ')) text.remove_prefix(1);
    std::string value = take_value(text);
    take_until(text, ';');
    if (name == "name") out.name = std::move(value);
    if (name == "filename") out.file_name = std::move(value);
    if (name == "boundary") out.boundary = std::move(value);
    if (name == "filename*") extended = extended_value(value);
  }
  if (extended) out.file_name = std::move(extended);
  return out;
}

// The value of a line of a part's head, where the line is of that name.
std::optional<std::string_view> value_of(std::string_view line, std::string_view name) {
  const std::string_view found = take_until(line, ':');
  if (!equal_ignoring_case(trimmed(found), name)) return std::nullopt;
  return trimmed(line);
}

std::string_view take_line(std::string_view& rest) {
  std::string_view line = take_until(rest, '\n');
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

Error malformed_form() {
  return {ErrorCode::invalid_argument,
          "The body of your POST request is not well-formed multipart/form-data.",
          "MalformedPOSTRequest"};
}

bool FormReader::reads(std::string_view content_type) {
  return equal_ignoring_case(trimmed(take_until(content_type, ';')), form_type);
}

Result<FormReader> FormReader::of(std::string_view content_type) {
  const auto boundary = parameters_of(content_type).boundary;
  if (!reads(content_type) || !boundary || boundary->empty() ||
      boundary->size() > boundary_bytes_max || boundary->contains('\r'))
    return malformed();
  return FormReader(*boundary);
}

FormReader::FormReader(std::string_view boundary) : delimiter_("\r\n--") {
  delimiter_ += boundary;
  front_ = "\r\n";  // the first boundary needs no line before it
}

Result<> FormReader::push(std::string_view bytes, std::vector<std::string_view>& file) {
  if (state_ < State::end) return read_front(bytes, file);
  if (state_ == State::file) read_file(bytes, file);
  return {};
}

Result<> FormReader::finish() const {
  if (state_ == State::behind_file) return {};
  return state_ == State::end ? no_file() : malformed();
}

Result<> FormReader::read_front(std::string_view bytes, std::vector<std::string_view>& file) {
  if (front_.size() > front_bytes_max) return too_much();
  // Of a large piece no more than what may be a front: the file's bytes are not copied.
  const std::string_view near = bytes.substr(0, front_bytes_max + delimiter_.size());
  front_ += near;
  for (bool more = true; more && state_ < State::end;) {
    TRY(more, read_front_step());
  }
  if (state_ < State::end && front_.size() > front_bytes_max) return too_much();
  if (state_ != State::file) return {};
  const std::size_t behind = front_.size() - at_;  // all of it came just now
  front_ = std::string();
  read_file(bytes.substr(near.size() - behind), file);
  return {};
}

// Understands one piece more; false where the rest of it is yet to come.
Result<bool> FormReader::read_front_step() {
  if (state_ == State::head) {
    // Behind the boundary stands "--" where it was the last, else the rest of its line.
    if (front_.size() - at_ < 2) return false;
    if (std::string_view(front_).substr(at_).starts_with("--")) {
      state_ = State::end;
      return true;
    }
    const auto head = take_through("\r\n\r\n");
    if (!head) return false;
    TRY_DO(read_head(*head));
    return true;
  }
  const auto value = take_through(delimiter_);
  if (!value) return false;
  if (state_ == State::field) TRY_DO(add_value(*value));
  state_ = State::head;
  return true;
}

// Returns what stands before the next `mark`, which is taken with it. A view into `front_`.
std::optional<std::string_view> FormReader::take_through(std::string_view mark) {
  const std::size_t found = front_.find(mark, std::max(looked_, at_));
  if (found == std::string::npos) {
    looked_ = front_.size() < mark.size() ? 0 : front_.size() - mark.size() + 1;
    return std::nullopt;
  }
  const std::string_view before = std::string_view(front_).substr(at_, found - at_);
  at_ = looked_ = found + mark.size();
  return before;
}

Result<> FormReader::read_head(std::string_view head) {
  if (!trimmed(take_line(head)).empty()) return malformed();
  Parameters part;
  bool is_field = false;
  while (!head.empty()) {
    const auto disposition = value_of(take_line(head), "content-disposition");
    if (!disposition) continue;
    std::string_view rest = *disposition;
    is_field = equal_ignoring_case(trimmed(take_until(rest, ';')), "form-data");
    part = parameters_of(*disposition);
  }
  if (!part.name) return malformed();
  if (is_field && *part.name == file_field) {
    file_name_ = std::move(part.file_name);
    state_ = State::file;
    return {};
  }
  fields_bytes_ += part.name->size();
  fields_.push_back({*std::move(part.name), {}});
  state_ = State::field;
  return {};
}

Result<> FormReader::add_value(std::string_view value) {
  fields_bytes_ += value.size();
  if (fields_bytes_ > fields_bytes_max) return too_much();
  fields_.back().value = value;
  return {};
}

// No boundary holds a CR, so that one which turns out to be none begins again at a CR alone.
void FormReader::read_file(std::string_view bytes, std::vector<std::string_view>& file) {
  const auto add = [&](std::string_view piece) {
    if (!piece.empty()) file.push_back(piece);
  };
  std::size_t begin = 0;  // of what is the file's for certain
  std::size_t at = 0;
  while (at < bytes.size() && matched_ < delimiter_.size()) {
    if (matched_ == 0) {
      at = std::min(bytes.find('\r', at), bytes.size());
      add(bytes.substr(begin, at - begin));
      begin = at;
      if (at == bytes.size()) return;
    }
    if (bytes[at] == delimiter_[matched_]) {
      ++matched_;
      begin = ++at;
      continue;
    }
    add(std::string_view(delimiter_).substr(0, matched_));
    matched_ = 0;
  }
  if (matched_ == delimiter_.size()) state_ = State::behind_file;
}

}  // namespace slipway::wire
