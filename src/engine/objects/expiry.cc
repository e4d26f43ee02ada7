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
  return std::chrono::floor<days>(begin) + term + days(1);
}

bool ExpiryFilter::takes(const Object& object) const {
  if (!object.key.starts_with(prefix)) return false;
  if (object.delete_marker) return tags.empty() && !larger_than && !smaller_than;
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
