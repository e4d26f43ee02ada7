// Does what the rules of a bucket say: objects go, old versions, delete markers that nothing stands
// behind, uploads that nobody finishes; and storage classes change.
//
// Once for each day of the civil clock it walks over all buckets that have rules, and over one
// whose rules changed. A step looks at no more than a page of one bucket, in a change of its own,
// so that others wait for no more than that. Where it stands is known in memory alone: after a
// crash the walk begins anew, and what is gone is gone.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/clock_watch.h"
#include "engine/objects/expiry.h"
#include "engine/objects/objects.h"
#include "engine/reconciler.h"

namespace slipway::objects {

// Limits.
inline constexpr std::size_t looked_at_per_step_max = 200;
inline constexpr std::chrono::milliseconds step_pause{5};
inline constexpr std::chrono::hours look_period_max{1};  // at the date

// The walk, as a reconciler of one key. What it needs outlives it; look_at() is called in the
// change that puts the rules.
class Lifecycle final : public engine::Reconciler {
 public:
  // The rules in a bucket's setting, which the door wrote.
  using ReadRules = std::function<std::shared_ptr<const ExpiryRules>(const std::string& setting)>;

  struct Needs {
    Objects& objects;
    std::string setting;  // which one it is
    ReadRules read;
    engine::ReconcilerLoop& loop;
  };
  explicit Lifecycle(Needs needs);

  // The rules of a bucket changed: once that is durable, looks at its objects.
  void look_at(store::Transaction& tx, const Bucket& bucket);

  std::string_view name() const override { return "objects-lifecycle"; }
  std::vector<std::string> keys(store::Transaction& tx) override;
  engine::Wake reconcile(std::string_view key, store::Transaction& tx, const Moment& now,
                         engine::Effects& effects) override;

 private:
  // What is looked at next in a bucket.
  struct Place {
    std::int64_t bucket = 0;
    std::string key = {};     // behind this version, or from this key on
    std::int64_t number = 0;  // 0: none of the key was looked at
    enum class Part : std::uint8_t { versions, uploads };
    Part part = Part::versions;
    std::string upload = {};  // behind this one of `key`
    std::size_t removed = 0;
  };
  // A day's walk: done, or behind which bucket.
  struct Walk {
    std::chrono::sys_days day = {};
    std::optional<std::int64_t> behind = {};
    std::optional<Place> place = {};
  };
  struct Step;

  bool choose_bucket(store::Transaction& tx, Walk& walk) const;
  void walk_on(store::Transaction& tx, Walk& walk, Timestamp now) const;
  engine::Wake wait(const Moment& now) const;

  const Needs needs_;
  engine::ClockWatch clock_watch_;  // the store's thread only
  // On the store's thread only, and after commits: a step that was taken back is taken again.
  Walk walk_;
  std::set<std::int64_t> changed_;  // buckets
  std::uint64_t changes_ = 0;
};

}  // namespace slipway::objects
