// A stored struct's fields as text; document.h is where to begin.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "store/document_field.h"

namespace slipway::store {

// Visits a struct's fields and writes them. write_document() is its one user.
class DocumentWriter {
 public:
  static constexpr bool reads = false;

  template <typename T>
  void operator()(std::string_view name, const T& value, Presence presence = Presence::required) {
    if constexpr (kind::is_converted<T>) {
      (*this)(name, value.to(value.value), presence);
    } else {
      if (presence == Presence::if_any && !is_any(value)) return;
      put_name(name);
      put(value);
    }
  }

  // The number of the document's form, as its field "version".
  void version(std::int64_t number) { (*this)("version", number); }

  template <typename T>
  void put(const T& value) {
    if constexpr (std::same_as<T, bool>) {
      put_word(value ? "true" : "false");
    } else if constexpr (std::unsigned_integral<T>) {
      put_unsigned(value);
    } else if constexpr (std::signed_integral<T>) {
      put_signed(value);
    } else if constexpr (std::floating_point<T>) {
      put_real(value);
    } else if constexpr (std::same_as<T, std::string>) {
      put_text(value);
    } else if constexpr (kind::Id<T>) {
      put_text(value.text);
    } else if constexpr (kind::is_numbered<T>) {
      put_number(value.value);
    } else if constexpr (kind::is_duration<T>) {
      put(value.count());
    } else if constexpr (kind::is_time<T>) {
      put(value.time_since_epoch().count());
    } else if constexpr (kind::is_optional<T>) {
      value ? put(*value) : put_word("null");
    } else if constexpr (kind::is_vector<T>) {
      put_array(value);
    } else if constexpr (kind::is_map<T>) {
      put_map(value);
    } else {
      text_ += '{';
      fields(*this, value);
      text_ += '}';
    }
  }

  std::string take_text() { return std::move(text_); }

 private:
  // A struct always is something.
  template <typename T>
  static bool is_any(const T& value) {
    if constexpr (kind::is_numbered<T>)
      return is_any(value.value);
    else if constexpr (kind::is_optional<T>)
      return value.has_value();
    else if constexpr (kind::is_vector<T> || kind::is_map<T> || std::same_as<T, std::string>)
      return !value.empty();
    else if constexpr (kind::Id<T>)
      return !value.text.empty();
    else if constexpr (std::is_scalar_v<T>)
      return value != T{};
    else
      return true;
  }

  template <typename Enum>
  void put_number(const Enum& value) {
    put(std::to_underlying(value));
  }
  template <typename Enum>
  void put_number(const std::optional<Enum>& value) {
    value ? put_number(*value) : put_word("null");
  }

  template <typename T>
  void put_array(const T& values) {
    text_ += '[';
    for (const auto& value : values) {
      if (text_.back() != '[') text_ += ',';
      put(value);
    }
    text_ += ']';
  }

  template <typename T>
  void put_map(const T& map) {
    text_ += '{';
    for (const auto& [key, value] : map) {
      if constexpr (std::integral<typename T::key_type>)
        put_name(std::to_string(key));
      else
        put_name(key);
      put(value);
    }
    text_ += '}';
  }

  void put_name(std::string_view name);
  void put_unsigned(std::uint64_t value);
  void put_signed(std::int64_t value);
  void put_real(double value);
  void put_text(std::string_view value);
  void put_word(std::string_view word);  // true, false, null

  std::string text_;
};

}  // namespace slipway::store
