// The table of an account's credentials that was made last: one for each account, whole or not at
// all.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "store/store.h"

namespace slipway::identity {

// The CSV of all users and their credentials as it was made at one time.
struct CredentialReport {
  Timestamp made{};
  std::string content;
};

std::optional<CredentialReport> find_credential_report(store::Transaction& tx,
                                                       std::string_view account);
void put_credential_report(store::Transaction& tx, std::string_view account,
                           const CredentialReport& report);

}  // namespace slipway::identity
