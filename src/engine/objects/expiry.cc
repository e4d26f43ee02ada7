#include "engine/objects/expiry.h"

#include <algorithm>

namespace slipway::objects {
namespace {

using std::chrono::days;

void take_earlier(std::optional<Expiry>& first, std::optional<Timestamp> at,
                  const ExpiryRule& rule) {
  if (at && (!first || *at < first->at)) first = Expiry{*at, &rule};
}

}  // namespace

Timestamp end_of(Timestamp begin, days term) {
  const auto last = std::chrono::floor<days>(Timestamp::max());
  const auto day = std::chrono::floor<days>(begin);
  return term < last - day ? day + term + days(1) : last;
}

bool ExpiryFilter::takes(const Object& object) const {
  if (!object.key.starts_with(prefix)) return false;
  if (larger_than && object.size <= *larger_than) return false;
  if (smaller_than && object.size >= *smaller_than) return false;
  return std::ranges::all_of(tags, [&](const auto& tag) {
    return std::ranges::find(object.tags, tag) != object.tags.end();
  });
}

std::optional<Timestamp> ExpiryRule::expires(const Object& latest) const {
  if (latest.delete_marker && lone_markers == LoneMarkers::go) return latest.modified;
  if (term) return end_of(latest.modified, *term);
  return date;
}

std::optional<Expiry> expiry_of(const ExpiryRules& rules, const Object& latest) {
  std::optional<Expiry> first;
  for (const ExpiryRule& rule : rules)
    if (rule.filter.takes(latest)) take_earlier(first, rule.expires(latest), rule);
  return first;
}

std::optional<Expiry> expiry_of(const ExpiryRules& rules, const Multipart& upload) {
  std::optional<Expiry> first;
  for (const ExpiryRule& rule : rules)
    if (rule.uploads && upload.name.key.starts_with(rule.filter.prefix))
      take_earlier(first, end_of(upload.started, *rule.uploads), rule);
  return first;
}

Timestamp StorageMove::at(Timestamp begin) const {
  return term ? end_of(begin, *term) : date.value_or(Timestamp::max());
}

// Of two that are due the one that leads farther, which more classes may come to.
const StorageMove* move_of(const ExpiryRules& rules, const Object& object,
                           const VersionStanding& standing, Timestamp now) {
  const StorageMove* farthest = nullptr;
  const bool latest = standing.newer == 0;
  for (const ExpiryRule& rule : rules) {
    if (!rule.filter.takes(object)) continue;
    for (const StorageMove& move : latest ? rule.moves : rule.old_moves) {
      if (object.size < move.bytes_min) continue;
      if (move.at(latest ? object.modified : standing.replaced) > now) continue;
      if (!latest && standing.newer <= std::int64_t{move.kept}) continue;
      if (std::ranges::find(move.from, object.storage_class) == move.from.end()) continue;
      if (farthest == nullptr || move.from.size() > farthest->from.size()) farthest = &move;
    }
  }
  return farthest;
}

std::vector<std::string> prefixes_of(const ExpiryRules& rules) {
  std::vector<std::string> out;
  for (const ExpiryRule& rule : rules) out.push_back(rule.filter.prefix);
  std::ranges::sort(out);
  std::vector<std::string> kept;
  std::optional<std::string> last;
  for (std::string& prefix : out)
    if (!last || !prefix.starts_with(*last)) {
      last = prefix;
      kept.push_back(std::move(prefix));
    }
  return kept;
}

}  // namespace slipway::objects
