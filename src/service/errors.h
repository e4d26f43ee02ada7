// How a failure is called on the wire of a service.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/codec.h"
#include "wire/schema.h"

namespace slipway::service {

// One line of a service's error table: what an engine calls a failure (Error::kind, or the name of
// Error::code), what AWS calls it, and its HTTP status (0: the model's, or 400).
struct ErrorRow {
  std::string_view name;
  std::string_view code;
  int status = 0;
};
using ErrorTable = std::span<const ErrorRow>;

// What goes over the wire; borrows the error's texts and the table's.
//
// Looked up in this order: the error's `kind` in the table (an AWS code may stand there too, for
// its status); a `kind` with a capital first letter is an AWS code as it is; the error's code in
// the table; what every service calls it ("ServiceUnavailable" 503, "InternalFailure" 500, the
// service's own validation error for invalid_argument, ...).
wire::ErrorAnswer to_wire(const Error& error, const wire::Service& service, ErrorTable table);

// A failure that a door names itself: `return refuse("ValidationException", "Could not find ...");`
inline std::unexpected<Error> refuse(std::string_view aws_code, std::string message) {
  return std::unexpected(
      Error{ErrorCode::invalid_argument, std::move(message), std::string(aws_code)});
}

}  // namespace slipway::service
