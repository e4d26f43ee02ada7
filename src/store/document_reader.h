// A stored struct's fields out of a text; document.h is where to begin.
#pragma once

#include <array>
#include <boost/json/fwd.hpp>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/document_field.h"

namespace slipway::store {

// Visits a struct's fields and reads them out of a parsed text. After the first field that does not
// hold, it goes on with what it visits and keeps the values that they have; finish() says where it
// was. read_document() is its one user. It is quickest where a text has its fields in the order of
// the list, as the writer leaves them; any other order is read, too.
class DocumentReader {
 public:
  static constexpr bool reads = true;

  explicit DocumentReader(std::string_view text);
  ~DocumentReader();

  template <typename T>
  void operator()(std::string_view name, T&& value, Presence presence = Presence::required) {
    const boost::json::value* const field = find(name);
    if (field == nullptr) {
      if (presence == Presence::required) refuse_field(name, "is missing");
      return;
    }
    const Step step(*this, name);
    get(*field, value);
  }

  void version(std::int64_t known);

  // Reads the whole of it.
  template <typename T>
  void read(T& value) {
    if (const boost::json::value* const whole = root()) get(*whole, value);
  }

  // corrupted: the first thing that was refused, with its place: "variants[2].elastic.provisioned".
  Result<> finish(std::string_view what) const;

 private:
  // One step down to what is being read, for as long as it lives: a field, or an element of a list,
  // which has no name. Only a refusal makes a path of them.
  class Step {
   public:
    Step(DocumentReader& reader, std::string_view name) : Step(reader, name, 0) {}
    Step(DocumentReader& reader, std::size_t index) : Step(reader, {}, index) {}
    ~Step() { reader_.step_ = outer_; }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

    // Returns the path from the root: "variants[2].elastic.provisioned".
    std::string path() const;

   private:
    Step(DocumentReader& reader, std::string_view name, std::size_t index)
        : reader_(reader), outer_(reader.step_), name_(name), index_(index) {
      reader.step_ = this;
    }

    DocumentReader& reader_;
    const Step* const outer_;
    const std::string_view name_;
    const std::size_t index_;
  };

  // The parsed text, and the memory that it stands in.
  struct Parsed;

  template <typename T>
  void get(const boost::json::value& from, T& value) {
    using Limits = std::numeric_limits<T>;
    if constexpr (std::same_as<T, bool>) {
      value = get_bool(from);
    } else if constexpr (std::unsigned_integral<T>) {
      value = static_cast<T>(get_unsigned(from, Limits::max()));
    } else if constexpr (std::signed_integral<T>) {
      value = static_cast<T>(get_signed(from, Limits::min(), Limits::max()));
    } else if constexpr (std::floating_point<T>) {
      value = get_real(from);
    } else if constexpr (std::same_as<T, std::string>) {
      value = get_text(from);
    } else if constexpr (kind::Id<T>) {
      value.text = get_text(from);
    } else if constexpr (kind::is_numbered<T>) {
      get_number(from, value.value, value.last);
    } else if constexpr (kind::is_converted<T>) {
      get_converted(from, value);
    } else if constexpr (kind::is_duration<T>) {
      typename T::rep count{};
      get(from, count);
      value = T(count);
    } else if constexpr (kind::is_time<T>) {
      typename T::duration since{};
      get(from, since);
      value = T(since);
    } else if constexpr (kind::is_optional<T>) {
      value.reset();
      if (!is_null(from)) get(from, value.emplace());
    } else if constexpr (kind::is_vector<T>) {
      get_array(from, value);
    } else if constexpr (kind::is_map<T>) {
      get_map(from, value);
    } else {
      const Level outer = enter(from);
      fields(*this, value);
      leave(outer);
    }
  }

  template <typename Enum>
  void get_number(const boost::json::value& from, Enum& value, std::uint64_t last) {
    value = static_cast<Enum>(get_unsigned(from, last));
  }
  template <typename Enum>
  void get_number(const boost::json::value& from, std::optional<Enum>& value, std::uint64_t last) {
    value.reset();
    if (!is_null(from)) get_number(from, value.emplace(), last);
  }

  template <typename T, typename To, typename From>
  void get_converted(const boost::json::value& from, Converted<T, To, From>& field) {
    typename Converted<T, To, From>::Stored stored{};
    get(from, stored);
    if (why_) return;
    if (Result<T> value = field.from(std::move(stored)))
      field.value = *std::move(value);
    else
      refuse_because(value.error());
  }

  template <typename T>
  void get_array(const boost::json::value& from, std::vector<T>& values) {
    const std::size_t count = array_size(from);
    values.clear();
    values.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      const Step step(*this, i);
      get(element(from, i), values.emplace_back());
    }
  }

  template <typename Key, typename T, typename Less>
  void get_map(const boost::json::value& from, std::map<Key, T, Less>& map) {
    const std::size_t count = object_size(from);
    map.clear();
    for (std::size_t i = 0; i < count; ++i) {
      const auto& [name, value] = member(from, i);
      const Step step(*this, name);
      Key key{};
      if constexpr (std::integral<Key>)
        get_key(name, key);
      else
        key = name;
      get(value, map[std::move(key)]);
    }
  }

  template <std::integral Key>
  void get_key(std::string_view name, Key& key) {
    const char* const end = name.data() + name.size();
    const auto [at, error] = std::from_chars(name.data(), end, key);
    if (error != std::errc() || at != end) refuse("is no number");
  }

  // The object that is being read, null where something else stands there. Its first `in_order`
  // members were visited in their order; what was visited otherwise begins in known_ there.
  struct Level {
    const boost::json::object* object = nullptr;
    std::size_t in_order = 0;
    std::size_t known_begin = 0;
  };
  struct Member {
    std::string_view name;
    const boost::json::value& value;
  };

  // Null: the text is no JSON.
  const boost::json::value* root() const;
  // The field of the object that is being read, which it now knows; null where it has none.
  const boost::json::value* find(std::string_view name);
  // Goes into an object, and out of it again once its fields were read: what it has beside them is
  // refused. enter() returns what leave() goes back to.
  Level enter(const boost::json::value& from);
  void leave(const Level& outer);

  bool get_bool(const boost::json::value& from);
  std::uint64_t get_unsigned(const boost::json::value& from, std::uint64_t max);
  std::int64_t get_signed(const boost::json::value& from, std::int64_t min, std::int64_t max);
  double get_real(const boost::json::value& from);
  std::string get_text(const boost::json::value& from);
  static bool is_null(const boost::json::value& from);
  // 0, and refused, where it is none.
  std::size_t array_size(const boost::json::value& from);
  std::size_t object_size(const boost::json::value& from);
  static const boost::json::value& element(const boost::json::value& from, std::size_t index);
  static Member member(const boost::json::value& from, std::size_t index);

  std::string path() const;  // of what is being read; empty: of the whole
  void refuse(std::string_view why);
  void refuse_because(const Error& error);
  void refuse_field(std::string_view name, std::string_view why);

  static constexpr std::size_t memory_bytes = 6 * 1024;  // what most texts come to, parsed

  alignas(std::max_align_t) std::array<unsigned char, memory_bytes> memory_;
  std::unique_ptr<Parsed> parsed_;
  Level level_;
  std::vector<std::string_view> known_;  // of all objects that are being read
  const Step* step_ = nullptr;           // the innermost
  std::optional<std::string> why_;       // of the first refusal, with its place
};

}  // namespace slipway::store
