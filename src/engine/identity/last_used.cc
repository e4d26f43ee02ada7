#include "engine/identity/last_used.h"

#include <algorithm>

#include "engine/identity/directory.h"
#include "engine/identity/rows.h"

namespace slipway::identity {
namespace {

// Only where the key or the role is still there: it may have gone meanwhile.
constexpr std::string_view key_query = R"(
  INSERT INTO identity_uses (account, id, at, service, region)
  SELECT ?1, ?2, ?4, ?5, ?6 WHERE EXISTS (
    SELECT 1 FROM identity_access_keys WHERE id = ?2 AND account = ?1 AND ?3 <> '')
  ON CONFLICT(account, id) DO UPDATE SET at = ?4, service = ?5, region = ?6)";
constexpr std::string_view role_query = R"(
  INSERT INTO identity_uses (account, id, at, service, region)
  SELECT ?1, ?2, ?4, ?5, ?6 WHERE EXISTS (
    SELECT 1 FROM identity_roles WHERE account = ?1 AND name_key = ?3 AND id = ?2)
  ON CONFLICT(account, id) DO UPDATE SET at = ?4, service = ?5, region = ?6)";

// Whoever signs chooses the region, and what is no name of one would spoil the documents that tell
// of it.
bool is_region(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

}  // namespace

std::optional<Use> last_use(store::Transaction& tx, std::string_view account, std::string_view id) {
  auto rows = tx.query(
      "SELECT at, service, region FROM identity_uses WHERE account = ?1 AND id = ?2", account, id);
  if (!rows.next()) return std::nullopt;
  return Use{.at = time_of(rows.integer(0)),
             .service = std::string(rows.text(1)),
             .region = std::string(rows.text(2))};
}

void forget_uses(store::Transaction& tx, std::string_view account, std::string_view id) {
  tx.run("DELETE FROM identity_uses WHERE account = ?1 AND id = ?2", account, id);
}

bool UseBook::is_due(const std::string& id, Instant now) {
  const std::scoped_lock lock(mutex_);
  const auto found = noted_.find(id);
  if (found != noted_.end()) {
    if (now - found->second < period) return false;
    found->second = now;
    return true;
  }
  if (noted_.size() >= remembered_max && now - swept_ >= sweep_pause) {
    swept_ = now;
    std::erase_if(noted_, [&](const auto& each) { return now - each.second >= period; });
  }
  if (noted_.size() >= remembered_max) return false;
  noted_.emplace(id, now);
  return true;
}

void UseBook::note(const Principal& principal, std::string_view access_key_id, Use use,
                   Instant now) {
  const bool is_role = principal.kind == Principal::Kind::role_session;
  if ((!is_role && principal.kind != Principal::Kind::user) || !principal.party) return;
  std::string id(is_role ? principal.party_id() : access_key_id);
  if (!is_due(id, now)) return;
  use.at = std::chrono::floor<std::chrono::seconds>(use.at);
  if (!is_region(use.region)) use.region = unknown_region;
  store_.write_async(
      [account = principal.account, id = std::move(id), name = key_of(principal.party->name),
       query = is_role ? role_query : key_query,
       use = std::move(use)](store::Transaction& tx) -> Result<> {
        tx.run(query, account, id, name, number_of(use.at), use.service, use.region);
        return {};
      },
      [](Result<>) {});
}

}  // namespace slipway::identity
