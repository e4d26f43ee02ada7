#include "store/document_reader.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <boost/json.hpp>
#include <span>

#include "store/document.h"

namespace slipway::store {

namespace json = boost::json;

DocumentReader::DocumentReader(std::string_view text) {
  json::error_code error;
  json::value parsed = json::parse({text.data(), text.size()}, error);
  if (error)
    refuse(fmt::format("it is no JSON ({})", error.message()));
  else
    root_ = std::make_unique<json::value>(std::move(parsed));
}

DocumentReader::~DocumentReader() = default;

void DocumentReader::version(std::int64_t known) {
  std::int64_t found = known;
  (*this)("version", found);
  if (found != known) refuse(fmt::format("it is of the unknown version {}", found));
}

Result<> DocumentReader::finish(std::string_view what) const {
  if (!why_) return {};
  return fail(ErrorCode::corrupted, fmt::format("The stored {} cannot be read: {}.", what, *why_));
}

DocumentReader::Step::Step(DocumentReader& reader, std::string_view name)
    : reader_(reader), length_(reader.path_.size()) {
  if (length_ > 0) reader_.path_ += '.';
  reader_.path_ += name;
}

DocumentReader::Step::Step(DocumentReader& reader, std::size_t index)
    : reader_(reader), length_(reader.path_.size()) {
  reader_.path_ += fmt::format("[{}]", index);
}

const json::value* DocumentReader::find(std::string_view name) {
  known_.push_back(name);
  if (level_.object == nullptr) return nullptr;
  return level_.object->if_contains({name.data(), name.size()});
}

DocumentReader::Level DocumentReader::enter(const json::value& from) {
  const Level outer = level_;
  level_ = {.object = from.if_object(), .known_begin = known_.size()};
  if (level_.object == nullptr) refuse("is no object");
  return outer;
}

void DocumentReader::leave(const Level& outer) {
  const auto known = std::span(known_).subspan(level_.known_begin);
  if (level_.object != nullptr && !why_)
    for (const auto& member : *level_.object) {
      const std::string_view name(member.key().data(), member.key().size());
      if (std::ranges::find(known, name) == known.end()) refuse_field(name, "is not known");
    }
  known_.resize(level_.known_begin);
  level_ = outer;
}

bool DocumentReader::get_bool(const json::value& from) {
  const bool* const value = from.if_bool();
  if (value == nullptr) refuse("is neither true nor false");
  return value != nullptr && *value;
}

std::uint64_t DocumentReader::get_unsigned(const json::value& from, std::uint64_t max) {
  json::error_code error;
  const auto value = from.to_number<std::uint64_t>(error);
  if (!error && value <= max) return value;
  refuse(fmt::format("is no number from 0 to {}", max));
  return 0;
}

std::int64_t DocumentReader::get_signed(const json::value& from, std::int64_t min,
                                        std::int64_t max) {
  json::error_code error;
  const auto value = from.to_number<std::int64_t>(error);
  if (!error && value >= min && value <= max) return value;
  refuse(fmt::format("is no number from {} to {}", min, max));
  return 0;
}

double DocumentReader::get_real(const json::value& from) {
  json::error_code error;
  const auto value = from.to_number<double>(error);
  if (error) refuse("is no number");
  return error ? 0 : value;
}

std::string DocumentReader::get_text(const json::value& from) {
  const json::string* const text = from.if_string();
  if (text != nullptr) return std::string(*text);
  refuse("is no text");
  return {};
}

bool DocumentReader::is_null(const json::value& from) { return from.is_null(); }

std::size_t DocumentReader::array_size(const json::value& from) {
  const json::array* const array = from.if_array();
  if (array == nullptr) refuse("is no list");
  return array == nullptr ? 0 : array->size();
}

std::size_t DocumentReader::object_size(const json::value& from) {
  const json::object* const object = from.if_object();
  if (object == nullptr) refuse("is no object");
  return object == nullptr ? 0 : object->size();
}

const json::value& DocumentReader::element(const json::value& from, std::size_t index) {
  return from.get_array()[index];
}

DocumentReader::Member DocumentReader::member(const json::value& from, std::size_t index) {
  const auto& found = from.get_object().begin()[static_cast<std::ptrdiff_t>(index)];
  return {.name = {found.key().data(), found.key().size()}, .value = found.value()};
}

void DocumentReader::refuse(std::string_view why) {
  if (!why_) why_ = path_.empty() ? std::string(why) : fmt::format("{} {}", path_, why);
}

void DocumentReader::refuse_because(const Error& error) {
  std::string_view why = error.message;
  if (why.ends_with('.')) why.remove_suffix(1);
  if (!why_) why_ = fmt::format("{}: {}", path_, why);
}

void DocumentReader::refuse_field(std::string_view name, std::string_view why) {
  const Step step(*this, name);
  refuse(why);
}

BrokenDocument::BrokenDocument(const std::string& message) : Failure(SQLITE_CORRUPT, message) {}

}  // namespace slipway::store
