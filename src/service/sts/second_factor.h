// The second factor that a request for credentials may come with.
#pragma once

#include <optional>

#include "base/clock.h"
#include "service/sts/operations.h"

namespace slipway::sts {

// What a request says of it.
struct FactorGiven {
  std::optional<std::string_view> serial;
  std::optional<std::string_view> code;
};

// Takes the code of the calling user's device: when it was shown, or nothing where none was given.
// AccessDenied, in AWS's words, where it is wrong, was taken before, or is not the caller's.
Result<std::optional<Timestamp>> take_factor(const Call& call, const FactorGiven& given,
                                             const StsNeeds& needs);

}  // namespace slipway::sts
