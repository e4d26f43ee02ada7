// A stored struct's list of fields is written with these; document.h is where to begin.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace slipway::store {

// A list of fields takes this beside its visitor: a T to read into, or a const one to write.
template <typename Argument, typename T>
concept Of = std::same_as<std::remove_const_t<Argument>, T>;

// Whether a text has a field.
enum class Presence : std::uint8_t {
  required,     // always
  added_later,  // always in what is written now; texts that are older lack it, and then the
                // struct's own default holds
  if_any,       // where it is something: not 0, false, empty or nullopt
};

// An enum, or an optional one, that is stored by its number: one of those up to `last`.
template <typename T>
struct Numbered {
  T& value;
  std::uint64_t last;
};
template <typename T, typename Enum>
  requires std::is_enum_v<Enum> && (Of<T, Enum> || Of<T, std::optional<Enum>>)
Numbered<T> numbered(T& value, Enum last) {
  return {value, std::to_underlying(last)};
}

// A field that is stored as `to(value)`, whatever field that may be, and read back by `from`, which
// returns a Result: the sentence of its error ends the reader's.
template <typename T, typename To, typename From>
struct Converted {
  T& value;
  To to;
  From from;

  using Stored = std::remove_cvref_t<std::invoke_result_t<const To&, const T&>>;
};
template <typename T, typename To, typename From>
Converted<T, To, From> converted(T& value, To to, From from) {
  return {value, std::move(to), std::move(from)};
}

// The kinds of fields, for the two visitors below.
namespace kind {

template <typename T>
inline constexpr bool is_optional = false;
template <typename T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <typename T>
inline constexpr bool is_vector = false;
template <typename T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <typename T>
inline constexpr bool is_map = false;
template <typename Key, typename T, typename Less>
inline constexpr bool is_map<std::map<Key, T, Less>> = true;
template <typename T>
inline constexpr bool is_duration = false;
template <typename Rep, typename Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;
template <typename T>
inline constexpr bool is_time = false;
template <typename Clock, typename Duration>
inline constexpr bool is_time<std::chrono::time_point<Clock, Duration>> = true;
template <typename T>
inline constexpr bool is_numbered = false;
template <typename T>
inline constexpr bool is_numbered<Numbered<T>> = true;
template <typename T>
inline constexpr bool is_converted = false;
template <typename T, typename To, typename From>
inline constexpr bool is_converted<Converted<T, To, From>> = true;
template <typename T>
concept Id = requires(T& id) {
  { id.text } -> std::same_as<std::string&>;
} && sizeof(T) == sizeof(std::string);

}  // namespace kind

}  // namespace slipway::store
