#include "engine/objects/lifecycle.h"

#include <fmt/format.h>

#include "base/log.h"
#include "engine/objects/pairs.h"
#include "engine/objects/rows.h"

namespace slipway::objects {
namespace {

using std::chrono::days;

constexpr Cause by_itself{.way = Cause::Way::expiry};

// A version as the walk meets it, and how many newer ones its key has.
struct Met {
  Object object;
  std::int64_t number = 0;
  VersionStanding standing = {};
};

constexpr std::string_view met_columns = "key,seq,version,marker,size,modified,tags,storage_class";

Met read_met(const store::Rows& rows, const Bucket& bucket) {
  Met met{.object = {.bucket = bucket.name,
                     .key = std::string(rows.text(0)),
                     .version = std::string(rows.text(2)),
                     .delete_marker = rows.integer(3) != 0,
                     .size = static_cast<std::uint64_t>(rows.integer(4)),
                     .modified = Timestamp(std::chrono::microseconds(rows.integer(5))),
                     .storage_class = std::string(rows.text(7)),
                     .tags = decode_pairs(rows.blob(6))},
          .number = rows.integer(1)};
  return met;
}

// The bucket of that number, if it is there still.
std::optional<Bucket> bucket_with(store::Transaction& tx, std::int64_t id) {
  std::string name;
  {
    auto rows = tx.query("SELECT name FROM objects_bucket WHERE id=?1", id);
    if (!rows.next()) return std::nullopt;
    name = rows.text(0);
  }
  auto bucket = find_bucket(tx, name);
  return bucket ? std::optional(*std::move(bucket)) : std::nullopt;
}

// More newer versions of a key than these no rule asks about.
constexpr std::int64_t newer_counted_max = 1'000;

// What is known of a version that a page begins with in the middle of its key.
void learn_newer(store::Transaction& tx, const Bucket& bucket, Met& met) {
  auto count = tx.query(
      "SELECT count(*) FROM (SELECT 1 FROM objects_version WHERE bucket=?1 AND key=?2 AND seq>?3 "
      "LIMIT ?4)",
      bucket.id, met.object.key, met.number, newer_counted_max);
  if (count.next()) met.standing.newer = count.integer(0);
  auto next = tx.query(
      "SELECT modified FROM objects_version WHERE bucket=?1 AND key=?2 AND seq>?3 "
      "ORDER BY seq LIMIT 1",
      bucket.id, met.object.key, met.number);
  if (next.next()) met.standing.replaced = Timestamp(std::chrono::microseconds(next.integer(0)));
}

bool is_alone(store::Transaction& tx, const Bucket& bucket, const std::string& key) {
  auto rows =
      tx.query("SELECT 1 FROM objects_version WHERE bucket=?1 AND key=?2 LIMIT 2", bucket.id, key);
  return rows.next() && !rows.next();
}

bool is_due(const ExpiryRules& rules, const Met& old, Timestamp now) {
  for (const ExpiryRule& rule : rules)
    if (rule.old_versions && rule.filter.takes(old.object) &&
        end_of(old.standing.replaced, rule.old_versions->term) <= now &&
        old.standing.newer > std::int64_t{rule.old_versions->kept})
      return true;
  return false;
}

}  // namespace

// One page of one bucket.
struct Lifecycle::Step {
  store::Transaction& tx;
  Objects& objects;
  const Bucket& bucket;
  const ExpiryRules& rules;
  Timestamp now;
  Place& place;

  // Moves the place behind the page; false where there was nothing more.
  bool look_at_versions();
  bool look_at_uploads();

  std::vector<Met> page() const;
  void read(std::vector<Met>& out, const std::string& prefix) const;
  bool is_there(const Met& met) const;
  void look_at(const Met& met);
  void remove(const ObjectName& name);
  void move(const Met& met);
};

// Of the first prefix that is not behind the place.
std::vector<Met> Lifecycle::Step::page() const {
  std::vector<Met> out;
  for (const std::string& prefix : prefixes_of(rules)) {
    read(out, prefix);
    if (!out.empty()) break;
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i > 0 && out[i].object.key == out[i - 1].object.key) {
      out[i].standing.newer = out[i - 1].standing.newer + 1;
      out[i].standing.replaced = out[i - 1].object.modified;
    } else if (i == 0) {
      learn_newer(tx, bucket, out[i]);
    }
  }
  return out;
}

void Lifecycle::Step::read(std::vector<Met>& out, const std::string& prefix) const {
  const bool behind = place.number != 0 && place.key > prefix && !place.key.starts_with(prefix);
  if (behind) return;
  const auto take = [&](store::Rows rows) {
    while (rows.next() && rows.text(0).starts_with(prefix)) out.push_back(read_met(rows, bucket));
  };
  if (place.number != 0 && place.key.starts_with(prefix))
    take(tx.query(fmt::format("SELECT {} FROM objects_version WHERE bucket=?1 AND key=?2 AND "
                              "seq<?3 ORDER BY seq DESC LIMIT ?4",
                              met_columns),
                  bucket.id, place.key, place.number, looked_at_per_step_max));
  if (out.size() >= looked_at_per_step_max) return;
  const bool begun = place.number != 0 && place.key >= prefix;
  take(tx.query(fmt::format("SELECT {} FROM objects_version WHERE bucket=?1 AND key{}?2 "
                            "ORDER BY key, seq DESC LIMIT ?3",
                            met_columns, begun ? ">" : ">="),
                bucket.id, begun ? place.key : prefix, looked_at_per_step_max - out.size()));
}

// What may not go now, as somebody holds it, stays.
void Lifecycle::Step::remove(const ObjectName& name) {
  const auto done = objects.remove(tx, name, {}, Governance::kept, by_itself);
  if (done && done->kind != Removal::Kind::nothing) ++place.removed;
}

void Lifecycle::Step::move(const Met& met) {
  const Object& object = met.object;
  if (object.delete_marker) return;
  if (const StorageMove* move = move_of(rules, object, met.standing, now))
    (void)objects.reclassify(tx, {bucket.name, object.key, object.version}, move->to, by_itself);
}

// A marker that this step made may have taken the place of the null version, and its name.
bool Lifecycle::Step::is_there(const Met& met) const {
  if (met.object.version != null_version) return true;
  return tx
      .query("SELECT 1 FROM objects_version WHERE bucket=?1 AND key=?2 AND seq=?3", bucket.id,
             met.object.key, met.number)
      .next();
}

void Lifecycle::Step::look_at(const Met& met) {
  if (!is_there(met)) return;
  const Object& object = met.object;
  if (met.standing.newer > 0) {
    if (!is_due(rules, met, now)) return move(met);
    return remove({bucket.name, object.key, object.version});
  }
  const auto expiry = expiry_of(rules, object);
  if (!expiry || expiry->at > now) return move(met);
  if (!object.delete_marker) return remove({bucket.name, object.key});
  if (is_alone(tx, bucket, object.key)) remove({bucket.name, object.key, object.version});
}

bool Lifecycle::Step::look_at_versions() {
  const std::vector<Met> met = page();
  if (met.empty()) return false;
  for (const Met& each : met) look_at(each);
  place.key = met.back().object.key;
  place.number = met.back().number;
  return true;
}

bool Lifecycle::Step::look_at_uploads() {
  const auto page = list_multiparts(tx, {.bucket = bucket.name,
                                         .after_key = place.key,
                                         .after_upload = place.upload,
                                         .entries_max = looked_at_per_step_max});
  if (!page || page->uploads.empty()) return false;
  for (const Multipart& upload : page->uploads) {
    const auto expiry = expiry_of(rules, upload);
    if (expiry && expiry->at <= now && objects.abort(tx, upload.name)) ++place.removed;
  }
  place.key = page->uploads.back().name.key;
  place.upload = page->uploads.back().name.upload;
  return page->truncated;
}

Lifecycle::Lifecycle(Needs needs) : needs_(std::move(needs)), clock_watch_(needs_.loop.clock()) {}

void Lifecycle::look_at(store::Transaction& tx, const Bucket& bucket) {
  tx.on_commit([this, id = bucket.id] {
    changed_.insert(id);
    ++changes_;
    if (walk_.place && walk_.place->bucket == id) walk_.place.reset();
    needs_.loop.wake(*this, "all");
  });
}

std::vector<std::string> Lifecycle::keys(store::Transaction&) { return {"all"}; }

// False where nothing is left to look at.
bool Lifecycle::choose_bucket(store::Transaction& tx, Walk& walk) const {
  if (walk.place) return true;
  if (!changed_.empty()) {
    walk.place = Place{.bucket = *changed_.begin()};
    return true;
  }
  if (!walk.behind) return false;
  auto rows = tx.query(
      "SELECT bucket FROM objects_setting WHERE name=?1 AND bucket>?2 ORDER BY bucket LIMIT 1",
      needs_.setting, *walk.behind);
  if (!rows.next()) {
    walk.behind = std::nullopt;
    return false;
  }
  walk.behind = rows.integer(0);
  walk.place = Place{.bucket = rows.integer(0)};
  return true;
}

void Lifecycle::walk_on(store::Transaction& tx, Walk& walk, Timestamp now) const {
  Place& place = *walk.place;
  const auto bucket = bucket_with(tx, place.bucket);
  const auto document = bucket ? setting(tx, *bucket, needs_.setting) : Result<std::string>();
  const auto rules = bucket && document ? needs_.read(*document) : nullptr;
  if (!rules || rules->empty()) return walk.place.reset();
  Step step{.tx = tx,
            .objects = needs_.objects,
            .bucket = *bucket,
            .rules = *rules,
            .now = now,
            .place = place};
  const bool versions = place.part == Place::Part::versions;
  if (versions ? step.look_at_versions() : step.look_at_uploads()) return;
  if (versions) {
    place = {.bucket = place.bucket, .part = Place::Part::uploads, .removed = place.removed};
    return;
  }
  if (place.removed > 0)
    log_info("objects", "what the rules of a bucket let go is removed",
             {{"bucket", bucket->name}, {"number", fmt::format("{}", place.removed)}});
  walk.place.reset();
}

engine::Wake Lifecycle::wait(const Moment& now) const {
  const Timestamp midnight = std::chrono::floor<days>(now.civil) + days(1);
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(midnight - now.civil);
  return engine::Wake::after(std::min<std::chrono::microseconds>(left, look_period_max));
}

engine::Wake Lifecycle::reconcile(std::string_view, store::Transaction& tx, const Moment& now,
                                  engine::Effects&) {
  if (const auto left = clock_watch_.wait(now); left > left.zero())
    return engine::Wake::after(left);
  Walk walk = walk_;
  const auto today = std::chrono::floor<days>(now.civil);
  if (today != walk.day) walk = {.day = today, .behind = 0};  // also where the clock was set back
  const bool found = choose_bucket(tx, walk);
  const std::int64_t looked_at = found ? walk.place->bucket : 0;
  if (found) walk_on(tx, walk, now.civil);
  const bool ends = found && !walk.place;
  tx.on_commit([this, walk = std::move(walk), looked_at, ends, changes = changes_]() mutable {
    if (changes != changes_) return;  // rules changed beside this step: it is taken again
    walk_ = std::move(walk);
    if (ends) changed_.erase(looked_at);
  });
  return found ? engine::Wake::after(step_pause) : wait(now);
}

}  // namespace slipway::objects
