// Holds an input against the constraints of its shape and says what is wrong in AWS's own words.
#pragma once

#include "base/result.h"
#include "wire/node.h"
#include "wire/schema.h"

namespace slipway::wire {

// Collects every violation: required members, lengths, ranges, patterns, enums, union arity. Values
// of sensitive shapes are left out of the message. Thread-safe; patterns are compiled at first use.
//
// invalid_argument: "2 validation errors detected: Value ... ; Value ..."; `kind` is the error code
// that the service answers with.
Result<void> validate(const Node& input, const Shape& shape, const Service& service);

// The same for the input of an operation.
Result<void> validate(const Operation& operation, const Node& input);

}  // namespace slipway::wire
