// A value is what is known of one value of a graph while its records are followed (row_wise.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace slipway::modelserver::row_wise {

inline constexpr std::int64_t unknown_size = -1;  // the same for all requests that may be joined

// One entry of a value that holds sizes, as Shape gives them.
struct Size {
  enum class Kind : std::uint8_t {
    number,
    unknown,  // of another axis: requests that differ in it are never joined
    records,  // the number of records
    mixed,    // computed from the number of records
  };
  Kind kind = Kind::unknown;
  std::int64_t number = 0;
};

// Says what is known of a value of the graph: how it depends on what is asked.
struct Value {
  enum class Kind : std::uint8_t {
    constant,  // the same whatever is asked
    sizes,     // a few sizes of what is asked: a vector, or a scalar of one
    records,   // records lie along `axis`
  };
  Kind kind = Kind::constant;
  // Sizes along the axes; unknown_size where they are not known, and at a record's axis. Absent: a
  // constant whose rank is not known; values of records, and of sizes, always have their rank.
  std::optional<std::vector<std::int64_t>> dims = {};
  std::size_t axis = 0;
  std::vector<Size> sizes = {};                     // of `sizes`
  std::optional<std::vector<double>> numbers = {};  // of a small constant

  bool is_constant() const { return kind == Kind::constant; }
  bool has_records() const { return kind == Kind::records; }
  std::size_t rank() const { return dims ? dims->size() : 0; }

  static Value of_records(std::vector<std::int64_t> dims, std::size_t axis) {
    dims[axis] = unknown_size;
    return {.kind = Kind::records, .dims = std::move(dims), .axis = axis};
  }
};

}  // namespace slipway::modelserver::row_wise
