// What every way of assuming a role asks of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/identity/policy.h"
#include "engine/identity/roles.h"
#include "service/call.h"

namespace slipway::sts {

inline constexpr std::int64_t session_seconds_default = 3'600;

// The parts of a role's ARN that name it.
struct RoleArn {
  std::string_view account;
  std::string_view name;
};

// "arn:aws:iam::123456789012:role/path/name"
std::optional<RoleArn> parse_role_arn(std::string_view arn);

// The role of that ARN to the letter, its path included.
std::optional<identity::Role> role_of(service::Call& call, std::string_view arn);

// Its trust policy, which means the users and roles that it named when it was stored.
Result<identity::Policy> trust_policy_of(const identity::Role& role);

// ValidationError where the role lets no session live as long.
Result<> check_session_time(const identity::Role& role, std::chrono::seconds life);

// What is asked for. `carried`: tags that come with the caller and stand in for the role's own.
struct TrustQuestion {
  std::string_view session_name;
  std::optional<std::int64_t> seconds = {};
  std::optional<std::string_view> source_identity = {};
  std::vector<identity::Tag> tags = {};
  std::vector<std::string> transitive_keys = {};
  std::vector<identity::Tag> carried = {};
};

// The condition keys that a trust policy can ask for, but for those of whoever asks.
void add_trust_keys(service::Call& call, const identity::Role& role, const TrustQuestion& question,
                    std::vector<identity::ContextEntry>& context);

}  // namespace slipway::sts
