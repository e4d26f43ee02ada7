// An operation's input from a JSON value: a template's properties, the parameters of an action.
#pragma once

#include <boost/json/fwd.hpp>

#include "base/result.h"
#include "wire/arena.h"
#include "wire/node.h"
#include "wire/schema.h"

namespace slipway::service {

// `value` as a structure of `shape`, by the model's own names. A template's scalars are taken for
// each other as CloudFormation does: "3" for a number and 3 for a text, "true" for a boolean and
// true for a text; a blob is base64, a time ISO 8601 or seconds. Nulls are not given. The result
// depends on `arena` alone.
//
// invalid_argument, naming the member ("Container.Image: a String is expected"): it does not exist,
// or its value cannot be one. The model's constraints are run_operation()'s to check.
Result<wire::Node> input_from(const boost::json::value& value, const wire::Shape& shape,
                              wire::Arena& arena);

}  // namespace slipway::service
