#include "engine/identity/mfa.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/backoff.h"
#include "engine/identity/rows.h"
#include "engine/identity/totp.h"

namespace slipway::identity {
namespace {

using namespace std::chrono_literals;

// How far a device's clock may be off when two codes show it: five minutes.
constexpr std::int64_t drift_max = 10;
// How far it may move from there between two uses.
constexpr std::int64_t slack = 1;
// So many wrong codes in a row are looked at at once. Then one after a pause, which each doubles:
// whoever guesses for a day has a hundred guesses of a million.
constexpr std::int64_t failures_free = 5;
constexpr Backoff failure_pause{.first = 30s, .most = 16min};

// As many as there can be users.
constexpr Quota quota{"identity_mfa_devices", "VirtualMFADevicesPerAccount", users_max};

constexpr std::string_view columns =
    "account, name, seed, user_key, created, enabled, drift, last_step, failures, failed "
    "FROM identity_mfa_devices";

MfaDevice device_of(const store::Rows& rows) {
  return {.account = std::string(rows.text(0)),
          .name = std::string(rows.text(1)),
          .seed = std::string(rows.text(2)),
          .user = std::string(rows.text(3)),
          .created = time_of(rows.integer(4)),
          .enabled = time_of(rows.integer(5)),
          .drift = rows.integer(6),
          .last_step = rows.integer(7),
          .failures = rows.integer(8),
          .failed = time_of(rows.integer(9))};
}

Owner owner_of(const MfaDevice& device) {
  return {Owner::Kind::mfa_device, device.account, device.name};
}

// All but its name and its seed.
void put(store::Transaction& tx, const MfaDevice& device) {
  tx.run(
      "UPDATE identity_mfa_devices SET user_key = ?3, enabled = ?4, drift = ?5, last_step = ?6, "
      "failures = ?7, failed = ?8 WHERE account = ?1 AND name_key = ?2",
      device.account, key_of(device.name), device.user, number_of(device.enabled), device.drift,
      device.last_step, device.failures, number_of(device.failed));
}

Result<> require_users(const User& user, const MfaDevice& device) {
  if (device.user == key_of(user.name)) return {};
  return fail(ErrorCode::not_found, "MFA Device invalid for user.", "no_mfa_device");
}

// Until when no code is looked at.
Timestamp paused_until(const MfaDevice& device) {
  if (device.failures < failures_free) return Timestamp::min();
  return device.failed +
         failure_pause.after(static_cast<std::uint64_t>(device.failures - failures_free) + 1);
}

// Sets the device's clock by two codes.
Result<> set_clock(MfaDevice& device, MfaCodes codes, Timestamp now) {
  const std::int64_t step = totp_step(now);
  for (std::int64_t drift = -drift_max; drift <= drift_max; ++drift) {
    const std::int64_t second = step + drift;
    if (!find_totp(device.seed, codes.first, {second - 1, second - 1}) ||
        !find_totp(device.seed, codes.second, {second, second}))
      continue;
    device.drift = drift;
    device.last_step = second;
    device.failures = 0;
    return {};
  }
  return fail(ErrorCode::invalid_argument, "Authentication code for device is not valid.",
              "wrong_code");
}

}  // namespace

Result<> create_mfa_device(store::Transaction& tx, const MfaDevice& device,
                           std::span<const Tag> tags) {
  if (require(tx, owner_of(device)))
    return fail(ErrorCode::already_exists, "MFA device already exists.");
  TRY_DO(require_room(tx, device.account, quota));
  tx.run(
      "INSERT INTO identity_mfa_devices (account, name_key, name, seed, user_key, created, "
      "enabled, "
      "drift, last_step, failures, failed) VALUES (?1, ?2, ?3, ?4, '', ?5, 0, 0, 0, 0, 0)",
      device.account, key_of(device.name), device.name, device.seed, number_of(device.created));
  return put_tags(tx, owner_of(device), tags);
}

Result<MfaDevice> find_mfa_device(store::Transaction& tx, std::string_view account,
                                  std::string_view name) {
  const Owner owner{Owner::Kind::mfa_device, account, name};
  TRY_DO(require(tx, owner));
  auto rows =
      tx.query(fmt::format("SELECT {} WHERE account = ?1 AND name_key = ?2 AND name = ?3", columns),
               account, key_of(name), name);
  if (rows.next()) return device_of(rows);
  return missing(owner);
}

Page<MfaDevice> list_mfa_devices(store::Transaction& tx, std::string_view account,
                                 MfaAssigned assigned, const PageRequest& page) {
  const std::string_view which = assigned == MfaAssigned::any   ? ""
                                 : assigned == MfaAssigned::yes ? "AND user_key <> '' "
                                                                : "AND user_key = '' ";
  auto rows = tx.query(
      fmt::format("SELECT {} WHERE account = ?1 AND name_key > ?2 {}ORDER BY name_key LIMIT ?3",
                  columns, which),
      account, key_of(page.after), page.items_max + 1);
  return page_of<MfaDevice>(rows, page, device_of);
}

std::vector<MfaDevice> mfa_devices_of(store::Transaction& tx, const User& user) {
  auto rows = tx.query(
      fmt::format("SELECT {} WHERE account = ?1 AND user_key = ?2 ORDER BY name_key", columns),
      user.account, key_of(user.name));
  std::vector<MfaDevice> out;
  while (rows.next()) out.push_back(device_of(rows));
  return out;
}

Result<> delete_mfa_device(store::Transaction& tx, const MfaDevice& device) {
  if (!device.user.empty())
    return fail(ErrorCode::in_use, "MFA VirtualDevice in use. Must deactivate first.");
  tags::erase_all(tx, tagged(owner_of(device)));
  tx.run("DELETE FROM identity_mfa_devices WHERE account = ?1 AND name_key = ?2", device.account,
         key_of(device.name));
  return {};
}

Result<> enable_mfa_device(store::Transaction& tx, const User& user, MfaDevice device,
                           MfaCodes codes, Timestamp now) {
  if (!device.user.empty()) return fail(ErrorCode::already_exists, "MFA Device is already in use.");
  if (mfa_devices_of(tx, user).size() >= mfa_devices_max)
    return fail(ErrorCode::limit_exceeded,
                fmt::format("Cannot exceed quota for MFADevicesPerUser: {}", mfa_devices_max));
  TRY_DO(set_clock(device, codes, now));
  device.user = key_of(user.name);
  device.enabled = std::chrono::floor<std::chrono::seconds>(now);
  put(tx, device);
  return {};
}

Result<> resync_mfa_device(store::Transaction& tx, const User& user, MfaDevice device,
                           MfaCodes codes, Timestamp now) {
  TRY_DO(require_users(user, device));
  const std::int64_t taken = device.last_step;
  TRY_DO(set_clock(device, codes, now));
  device.last_step = std::max(device.last_step, taken);
  put(tx, device);
  return {};
}

Result<> deactivate_mfa_device(store::Transaction& tx, const User& user, const MfaDevice& device) {
  TRY_DO(require_users(user, device));
  MfaDevice free = device;
  free.user.clear();
  free.enabled = {};
  put(tx, free);
  return {};
}

MfaVerdict take_mfa_code(store::Transaction& tx, const User& user, std::string_view device_name,
                         std::string_view code, Timestamp now) {
  auto device = find_mfa_device(tx, user.account, device_name);
  if (!device || device->user != key_of(user.name)) return MfaVerdict::not_the_users;
  if (now < paused_until(*device)) return MfaVerdict::wrong;
  const std::int64_t step = totp_step(now) + device->drift;
  const auto found = find_totp(device->seed, code, {step - slack, step + slack});
  const bool right = found && *found > device->last_step;
  if (right) {
    device->drift += *found - step;
    device->last_step = *found;
    device->failures = 0;
  } else {
    ++device->failures;
    device->failed = now;
  }
  put(tx, *device);
  return right ? MfaVerdict::right : MfaVerdict::wrong;
}

}  // namespace slipway::identity
