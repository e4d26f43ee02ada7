#include "engine/images/collector.h"

#include <utility>

namespace slipway::images {

std::vector<std::string> ImageCollector::keys(store::Transaction&) { return {"all"}; }

std::size_t ImageCollector::remove_links(store::Transaction& tx, ServerTime now) const {
  std::vector<std::pair<std::int64_t, std::string>> links;
  {
    auto rows = tx.query(
        "SELECT repository,digest FROM images_link WHERE unused<?1 ORDER BY unused LIMIT ?2",
        to_microseconds(now - unused_link_life), collected_per_step_max);
    while (rows.next()) links.emplace_back(rows.integer(0), rows.text(1));
  }
  for (const auto& [repository, digest] : links) {
    tx.run("DELETE FROM images_link WHERE repository=?1 AND digest=?2", repository, digest);
    release_blob(tx, bodies_, digest);
  }
  return links.size();
}

std::size_t ImageCollector::remove_uploads(store::Transaction& tx, ServerTime now) const {
  std::vector<std::pair<std::string, std::int64_t>> uploads;
  {
    auto rows = tx.query("SELECT id,body FROM images_upload WHERE used<?1 ORDER BY used LIMIT ?2",
                         to_microseconds(now - upload_life), collected_per_step_max);
    while (rows.next()) uploads.emplace_back(rows.text(0), rows.integer(1));
  }
  for (const auto& [id, body] : uploads) {
    tx.run("DELETE FROM images_upload WHERE id=?1", id);
    bodies_.release(tx, body);
  }
  return uploads.size();
}

engine::Wake ImageCollector::reconcile(std::string_view, store::Transaction& tx, const Moment& now,
                                       engine::Effects&) {
  const std::size_t most = std::max(remove_links(tx, now.server), remove_uploads(tx, now.server));
  if (most == collected_per_step_max) return engine::Wake::after(std::chrono::milliseconds(5));
  return engine::Wake::after(collector_period);
}

}  // namespace slipway::images
