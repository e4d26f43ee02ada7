// Holds an input against the constraints of its shape and says what is wrong in AWS's own words.
#pragma once

#include "base/result.h"
#include "wire/node.h"
#include "wire/schema.h"

namespace slipway::wire {

// Of any document of S3's that cannot be read or is not what it should be.
inline constexpr std::string_view s3_malformed_xml =
    "The XML you provided was not well-formed or did not validate against our published schema";

// Collects every violation: required members, lengths, ranges, patterns, enums, union arity. Values
// of sensitive shapes are left out of the message. Thread-safe; patterns are compiled at first use.
//
// invalid_argument: "2 validation errors detected: Value ... ; Value ..."; `kind` is the error code
// that the service answers with. S3 tells of the first one only, in words of its own.
Result<void> validate(const Node& input, const Shape& shape, const Service& service);

// The same for the input of an operation.
Result<void> validate(const Operation& operation, const Node& input);

}  // namespace slipway::wire
