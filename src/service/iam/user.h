// Users, as several files of this door need them.
#pragma once

#include <optional>
#include <string_view>

#include "engine/identity/users.h"
#include "service/iam/operations.h"

namespace slipway::iam {

// What every answer tells of a user.
void fill(const Call& call, const identity::User& user, api::User out);

// The user of that name, or the calling user where no name is given; ValidationError where the
// caller is no user.
Result<identity::User> user_in(Call& call, std::optional<std::string_view> name);

// "Active" or "Inactive": of access keys and of everything that a user uploads.
std::string_view shown(identity::AccessKey::Status status);
// InvalidInput for "Expired", a state of AWS's own, which nobody sets.
Result<identity::AccessKey::Status> status_in(std::string_view text);

}  // namespace slipway::iam
