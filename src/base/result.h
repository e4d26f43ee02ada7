// A function that can fail returns a Result; a failure is an Error.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

// A code says what went wrong, in the engines' own words. Each service maps these to its AWS errors
// in one table (service/errors.h).
enum class ErrorCode : std::uint8_t {
  invalid_argument,     // the caller sent something that can never work
  not_found,            // the thing that was named does not exist
  already_exists,       // a thing of that name lives
  in_use,               // something else still needs the thing
  conflict,             // the thing is in a state that does not allow this now
  limit_exceeded,       // a named limit would be passed
  precondition_failed,  // the caller's own condition (If-Match, ...) does not hold
  permission_denied,    // the caller is known and may not
  unauthenticated,      // the caller is not known, or its signature does not hold
  not_implemented,      // a real operation or option that Slipway does not have yet
  unavailable,          // cannot now, may later
  timeout,              // did not happen in time
  corrupted,            // stored or received bytes contradict themselves
  internal,             // a bug or a broken machine
};

// The enumerator's own name: "not_found".
std::string_view name_of(ErrorCode code);

// A failure that can be expected. `message` is a sentence for a person: the cause, the place, what
// to do. `kind` refines `code` where a caller must tell two failures of one code apart: an engine
// uses its own words ("no_such_bucket"), a door may name the AWS error itself
// ("NoSuchKey"). Empty where the code says enough. `details` are named facts that the wire carries
// beside the message (S3's <Key>, ModelError's OriginalStatusCode); `headers` are fields that the
// head of an HTTP answer to it carries (a delete marker's Last-Modified).
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string kind = {};
  std::vector<std::pair<std::string, std::string>> details = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
};

template <typename T = void>
using Result = std::expected<T, Error>;

// `return fail(ErrorCode::not_found, "no bucket 'b'");`
inline std::unexpected<Error> fail(ErrorCode code, std::string message, std::string kind = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(kind)});
}

#define SLIPWAY_JOIN2(a, b) a##b
#define SLIPWAY_JOIN(a, b) SLIPWAY_JOIN2(a, b)

// TRY(const Bucket bucket, find_bucket(tx, name));  declares `bucket`, or returns the error.
#define TRY(declaration, ...) \
  SLIPWAY_TRY_IMPL(SLIPWAY_JOIN(try_result_, __LINE__), declaration, __VA_ARGS__)
#define SLIPWAY_TRY_IMPL(result, declaration, ...)                \
  auto result = (__VA_ARGS__);                                    \
  if (!result) return std::unexpected(std::move(result).error()); \
  declaration = *std::move(result)

// TRY_DO(write_row(tx, row));  returns the error of a Result<void>, or goes on.
#define TRY_DO(...)                                        \
  do {                                                     \
    if (auto try_done = (__VA_ARGS__); !try_done)          \
      return std::unexpected(std::move(try_done).error()); \
  } while (false)

}  // namespace slipway
