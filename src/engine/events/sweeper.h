// Removes what no queue holds any more: messages of queues that were deleted or emptied, messages
// older than their queue keeps them, and names whose repetition is no longer looked for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/reconciler.h"

namespace slipway::events {

inline constexpr std::chrono::seconds sweep_period{30};
// Rows that one step removes of each kind: other changes of the store wait for no more.
inline constexpr std::size_t swept_rows_max = 500;

// Has one key. A function of the tables alone; what was swept in part is swept on.
class Sweeper final : public engine::Reconciler {
 public:
  std::string_view name() const override { return "events-sweeper"; }
  std::vector<std::string> keys(store::Transaction& tx) override;
  engine::Wake reconcile(std::string_view key, store::Transaction& tx, Timestamp now) override;
};

}  // namespace slipway::events
