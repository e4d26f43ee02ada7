#include "store/document_reader.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <boost/json.hpp>
#include <span>

#include "store/document.h"

namespace slipway::store {

namespace json = boost::json;

// What is parsed is freed as a whole, with the reader: a document of many small parts is a few
// allocations, or none.
struct DocumentReader::Parsed {
  explicit Parsed(std::span<unsigned char> memory) : resource(memory.data(), memory.size()) {}

  json::monotonic_resource resource;
  std::optional<json::value> root;
};

DocumentReader::DocumentReader(std::string_view text)
    : parsed_(std::make_unique<Parsed>(std::span(memory_))) {
  json::error_code error;
  json::value root = json::parse({text.data(), text.size()}, error, &parsed_->resource);
  if (error)
    refuse(fmt::format("it is no JSON ({})", error.message()));
  else
    parsed_->root.emplace(std::move(root));
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

std::string DocumentReader::Step::path() const {
  std::string path = outer_ == nullptr ? std::string() : outer_->path();
  if (name_.data() == nullptr) return path + fmt::format("[{}]", index_);
  if (outer_ != nullptr) path += '.';
  return path.append(name_);
}

std::string DocumentReader::path() const { return step_ == nullptr ? "" : step_->path(); }

const json::value* DocumentReader::root() const {
  return parsed_->root ? &*parsed_->root : nullptr;
}

const json::value* DocumentReader::find(std::string_view name) {
  if (level_.object != nullptr && level_.in_order < level_.object->size()) {
    const auto& next = level_.object->begin()[static_cast<std::ptrdiff_t>(level_.in_order)];
    if (std::string_view(next.key().data(), next.key().size()) == name) {
      ++level_.in_order;
      return &next.value();
    }
  }
  known_.push_back(name);
  if (level_.object == nullptr) return nullptr;
  return level_.object->if_contains({name.data(), name.size()});
}

DocumentReader::Level DocumentReader::enter(const json::value& from) {
  const Level outer = level_;
  level_ = {.object = from.if_object(), .in_order = 0, .known_begin = known_.size()};
  if (level_.object == nullptr) refuse("is no object");
  return outer;
}

// The members that were visited in their order are known; behind them stand those that were visited
// in another order, and those that nobody asked for.
void DocumentReader::leave(const Level& outer) {
  const auto known = std::span(known_).subspan(level_.known_begin);
  if (level_.object != nullptr && !why_)
    for (std::size_t i = level_.in_order; i < level_.object->size(); ++i) {
      const json::string_view key = level_.object->begin()[static_cast<std::ptrdiff_t>(i)].key();
      const std::string_view name(key.data(), key.size());
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
  if (!why_) why_ = step_ == nullptr ? std::string(why) : fmt::format("{} {}", path(), why);
}

void DocumentReader::refuse_because(const Error& error) {
  std::string_view why = error.message;
  if (why.ends_with('.')) why.remove_suffix(1);
  if (!why_) why_ = fmt::format("{}: {}", path(), why);
}

void DocumentReader::refuse_field(std::string_view name, std::string_view why) {
  const Step step(*this, name);
  refuse(why);
}

BrokenDocument::BrokenDocument(const std::string& message) : Failure(SQLITE_CORRUPT, message) {}

}  // namespace slipway::store
