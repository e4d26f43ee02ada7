// Second factors: virtual devices, which are seeds of one-time codes, and whose they are.
//
// A code counts once: the step of the last that was taken is kept, and none before it is taken any
// more. Wrong ones in a row are counted, so that guessing ends after a few. Both are written by the
// change that takes the code: two that come at once are one after the other.
// Errors and what these share with others: owners.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/identity/users.h"
#include "store/store.h"

namespace slipway::identity {

inline constexpr std::size_t mfa_devices_max = 8;  // of one user
inline constexpr std::size_t mfa_seed_characters = 64;

// A virtual device of a second factor: its seed makes the codes of RFC 6238.
struct MfaDevice {
  std::string account;
  std::string name;       // with its path, but for the first slash: "path/name"
  std::string seed;       // base32; kept as it is: a code can only be checked with it
  std::string user = {};  // its name, in lower case; empty: nobody's
  Timestamp created{};
  Timestamp enabled{};
  std::int64_t drift = 0;      // by how many steps its clock is before ours
  std::int64_t last_step = 0;  // of the code that was taken last
  std::int64_t failures = 0;   // wrong codes since then
  Timestamp failed{};          // the last of them
};

// already_exists; limit_exceeded.
Result<> create_mfa_device(store::Transaction& tx, const MfaDevice& device,
                           std::span<const Tag> tags);
// By its name to the letter.
Result<MfaDevice> find_mfa_device(store::Transaction& tx, std::string_view account,
                                  std::string_view name);
// Of which devices a list is: whether a user has them enabled.
enum class MfaAssigned : std::uint8_t { any, yes, no };
Page<MfaDevice> list_mfa_devices(store::Transaction& tx, std::string_view account,
                                 MfaAssigned assigned, const PageRequest& page);
// In the order of their names.
std::vector<MfaDevice> mfa_devices_of(store::Transaction& tx, const User& user);
// in_use while it is somebody's.
Result<> delete_mfa_device(store::Transaction& tx, const MfaDevice& device);

// Two codes, one after the other, that show that device and server agree.
struct MfaCodes {
  std::string_view first;
  std::string_view second;
};
// Gives an unassigned device to the user. invalid_argument of kind "wrong_code"; already_exists;
// limit_exceeded.
Result<> enable_mfa_device(store::Transaction& tx, const User& user, MfaDevice device,
                           MfaCodes codes, Timestamp now);
// Finds out anew how its clock goes. "wrong_code"; not_found of kind "no_mfa_device" where it is
// not the user's, and so is the next.
Result<> resync_mfa_device(store::Transaction& tx, const User& user, MfaDevice device,
                           MfaCodes codes, Timestamp now);
Result<> deactivate_mfa_device(store::Transaction& tx, const User& user, const MfaDevice& device);

// Takes a code of the user's device, and says whether it was right. A wrong one is noted, so that
// the change must be kept in either case.
enum class MfaVerdict : std::uint8_t { right, wrong, not_the_users };
MfaVerdict take_mfa_code(store::Transaction& tx, const User& user, std::string_view device_name,
                         std::string_view code, Timestamp now);

}  // namespace slipway::identity
