// What an account keeps beside its users, groups, roles and policies: instance profiles, identity
// providers, its other name. None of it decides about a request: nothing here runs machines that a
// profile is for, or takes the word of a provider.
// Errors and what these share with others: owners.h.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/identity/owners.h"
#include "store/store.h"

namespace slipway::identity {

inline constexpr std::size_t instance_profiles_max = 1'000;
inline constexpr std::size_t providers_max = 100;
inline constexpr std::size_t provider_clients_max = 100;
inline constexpr std::size_t provider_thumbprints_max = 5;

// What hands a role to a machine: it holds one role at most.
struct InstanceProfile {
  std::string account;
  std::string name;
  std::string path = "/";
  std::string id;         // never used again
  std::string role = {};  // its name, in lower case; empty: none
  Timestamp created{};
};

Result<> create_instance_profile(store::Transaction& tx, const InstanceProfile& profile,
                                 std::span<const Tag> tags);
Result<InstanceProfile> find_instance_profile(store::Transaction& tx, std::string_view account,
                                              std::string_view name);
Page<InstanceProfile> list_instance_profiles(store::Transaction& tx, std::string_view account,
                                             const PageRequest& page);
Page<InstanceProfile> list_instance_profiles_of(store::Transaction& tx, Owner role,
                                                const PageRequest& page);
// An empty role takes it out.
void set_profile_role(store::Transaction& tx, const InstanceProfile& profile,
                      std::string_view role);
// in_use while it has a role.
Result<> delete_instance_profile(store::Transaction& tx, const InstanceProfile& profile);

// Of OpenID Connect.
struct Provider {
  std::string account;
  std::string name;  // its URL without the scheme, in the case that it was given in
  std::vector<std::string> clients = {};
  std::vector<std::string> thumbprints = {};
  Timestamp created{};
};

Result<> create_provider(store::Transaction& tx, const Provider& provider,
                         std::span<const Tag> tags);
Result<Provider> find_provider(store::Transaction& tx, std::string_view account,
                               std::string_view name);
// All of them: an account has few.
std::vector<Provider> list_providers(store::Transaction& tx, std::string_view account);
// Its clients and thumbprints. limit_exceeded; invalid_argument, kind "too_many_thumbprints".
Result<> update_provider(store::Transaction& tx, const Provider& provider);
void delete_provider(store::Transaction& tx, const Provider& provider);

std::optional<std::string> account_alias(store::Transaction& tx, std::string_view account);
// An account has one: another takes its place. already_exists where another account has it.
Result<> set_account_alias(store::Transaction& tx, std::string_view account,
                           std::string_view alias);
void clear_account_alias(store::Transaction& tx, std::string_view account);

}  // namespace slipway::identity
