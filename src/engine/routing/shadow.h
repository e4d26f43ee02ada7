// Copies of requests for a shadow variant, whose answers nobody waits for.
#pragma once

#include <cstddef>
#include <memory>

#include "engine/routing/invocation.h"

namespace slipway::routing {

// Limits, per router. What would pass them is not copied: a slow shadow costs copies, never memory
// without end, and never the caller's time.
inline constexpr std::size_t shadows_under_way_max = 256;
inline constexpr std::size_t shadow_bytes_max = 64 * 1024 * 1024;  // bodies of those under way

// What one router has under way as copies. Loop thread only.
struct ShadowLedger {
  std::size_t under_way = 0;
  std::size_t bytes = 0;

  bool has_room_for(std::size_t body_bytes) const {
    return under_way < shadows_under_way_max && bytes + body_bytes <= shadow_bytes_max;
  }
};

// The copy of an invocation that was answered already: it keeps the original, and so what that
// owns, instead of copying a byte. That it is sent after the answer is why it cannot delay it.
class ShadowInvocation final : public Invocation {
 public:
  // `ledger` outlives this object. `original` was answered and belongs to no pipeline; `variant`,
  // the shadow's name, lives as long as the original's route.
  ShadowInvocation(std::unique_ptr<Invocation> original, std::string_view variant,
                   ShadowLedger& ledger);
  ~ShadowInvocation() override;

  // Whatever became of it is dropped; the router has counted it under the shadow's name.
  void answered(const InvokeAnswer& answer) override { (void)answer; }
  void failed(InvokeFailure failure, std::string_view detail, std::string_view variant) override {
    (void)failure, (void)detail, (void)variant;
  }

 private:
  const std::unique_ptr<Invocation> original_;
  ShadowLedger& ledger_;
};

}  // namespace slipway::routing
