// Removes what no queue holds any more: messages of queues that were deleted or emptied, messages
// older than their queue keeps them, and names whose repetition is no longer looked for.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/reconciler.h"

namespace slipway::events {

inline constexpr std::chrono::seconds sweep_period{30};
// Rows that one step removes of each kind: other changes of the store wait for no more.
inline constexpr std::size_t swept_rows_max = 500;

// Has one key. A function of the tables alone; what was swept in part is swept on. Whenever it
// looked it calls `nudge`, on the store's thread: for what could not be delivered before.
class Sweeper final : public engine::Reconciler {
 public:
  explicit Sweeper(std::function<void()> nudge) : nudge_(std::move(nudge)) {}

  std::string_view name() const override { return "events-sweeper"; }
  std::vector<std::string> keys(store::Transaction& tx) override;
  engine::Wake reconcile(std::string_view key, store::Transaction& tx, const Moment& now,
                         engine::Effects& effects) override;

 private:
  std::function<void()> nudge_;
};

}  // namespace slipway::events
