// The answers of the distribution API: its headers, and errors in its words.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"

namespace slipway::ecr {

// An answer with the header that every one has.
net::Response distribution_answer(int status);
net::Response json_answer(int status, std::string_view content_type, std::string text);
// {"errors": [...]}; with WWW-Authenticate where nobody is known.
net::Response distribution_error(const Error& error);

inline std::unexpected<Error> not_supported(std::string what) {
  return fail(ErrorCode::not_implemented, std::move(what), "not_supported");
}

}  // namespace slipway::ecr
