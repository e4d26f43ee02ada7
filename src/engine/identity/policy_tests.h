// The tests that a policy's condition can make of one value: StringLike, NumericLessThan, ...
#pragma once

#include <string_view>

namespace slipway::identity {

bool is_known_test(std::string_view name);

// Whether the test is one that holds where nothing matches ("StringNotEquals"): its positive form
// must then fail for every value of the policy.
bool is_negated(std::string_view name);

// The positive form of the test for one pair: what the policy wants, what the request has. Values
// that cannot be read as the test's type do not match.
bool holds(std::string_view test, std::string_view wanted, std::string_view given);

}  // namespace slipway::identity
