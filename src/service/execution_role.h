// The role that a model names: AWS's service assumes it, and so does this server, to act for
// whoever passed it.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "engine/identity/principal.h"
#include "engine/identity/roles.h"
#include "store/store.h"

namespace slipway::service {

inline constexpr std::string_view execution_service = "sagemaker.amazonaws.com";

// The role with exactly this ARN; nothing where there is none (any more).
Result<std::optional<identity::Role>> find_execution_role(store::Transaction& tx,
                                                          std::string_view arn);

// A session of the role as AWS names it. permission_denied where the role does not let
// `execution_service` assume it.
Result<identity::Principal> assume_execution_role(const identity::Role& role, Timestamp now);

// Another service that acts as a role: "cloudformation.amazonaws.com", whose sessions AWS names
// "AWSCloudFormation".
struct AssumingService {
  std::string_view principal;
  std::string_view session_name;
};
Result<identity::Principal> assume_role_as(const AssumingService& service,
                                           const identity::Role& role, Timestamp now);

}  // namespace slipway::service
