// The tests that a policy's condition can make of one value: StringLike, NumericLessThan, ...
#pragma once

#include <cstdint>
#include <string_view>

namespace slipway::identity {

struct ConditionTest {
  enum class Sense : std::uint8_t { positive, negated };
  // Negated tests ("StringNotEquals") hold where nothing matches: their positive form must fail for
  // every value of the policy.
  enum class Values : std::uint8_t { plain, patterns };
  // Whether ${...} is filled in: text and names only.
  enum class Variables : std::uint8_t { literal, filled };

  std::string_view name;
  // The positive form for one pair: what the policy wants, what the request has. Values that cannot
  // be read as the test's type do not match.
  bool (*holds)(std::string_view wanted, std::string_view given);
  Sense sense = Sense::positive;
  Variables variables = Variables::literal;
  Values values = Values::plain;

  bool negated() const { return sense == Sense::negated; }
};

// Null where there is no test of that name.
const ConditionTest* find_condition_test(std::string_view name);

// The test that asks whether a key is there: "Null".
const ConditionTest* presence_test();

}  // namespace slipway::identity
