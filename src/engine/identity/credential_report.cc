#include "engine/identity/credential_report.h"

#include "engine/identity/rows.h"

namespace slipway::identity {

std::optional<CredentialReport> find_credential_report(store::Transaction& tx,
                                                       std::string_view account) {
  auto rows =
      tx.query("SELECT made, content FROM identity_credential_reports WHERE account = ?1", account);
  if (!rows.next()) return std::nullopt;
  return CredentialReport{.made = time_of(rows.integer(0)), .content = std::string(rows.text(1))};
}

void put_credential_report(store::Transaction& tx, std::string_view account,
                           const CredentialReport& report) {
  tx.run(
      "INSERT OR REPLACE INTO identity_credential_reports (account, made, content) "
      "VALUES (?1, ?2, ?3)",
      account, number_of(report.made), report.content);
}

}  // namespace slipway::identity
