// Which generation, which variant and which instance a request goes to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/random.h"
#include "engine/routing/route_view.h"

namespace slipway::routing {

// Chance that costs a few instructions (splitmix64); nothing secret depends on it.
class QuickRandom {
 public:
  explicit QuickRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() { return scatter(state_ += scatter_step); }
  std::size_t below(std::size_t bound) {
    return static_cast<std::size_t>((next() >> 32) * bound >> 32);
  }
  double fraction() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  std::uint64_t state_;
};

// One router's choices, and its chance. Loop thread only.
class Picker {
 public:
  explicit Picker(std::uint64_t seed) : random_(seed) {}

  // By share. Null: nothing serves. Where one generation does, chance is not asked.
  LegView* leg(FleetView& fleet);
  // By weight among those that have instances; where all of these weigh nothing, any of them. Of a
  // variant with several containers, the first. `target` not empty: that one. Null: there is none.
  VariantView* variant(LegView& leg, std::string_view target,
                       Audience audience = Audience::callers);
  // `first` is the first of so many containers of its variant; the others follow it. Null: none is
  // called so.
  static VariantView* container(VariantView& first, std::uint32_t count, std::string_view name);

  // Of a variant that has instances. `not_this`: tried before, to be avoided where there is
  // another.
  InstanceLink* instance(const VariantView& variant, Balancing balancing,
                         const InstanceLink* not_this);
  // The one with the least under way, as long as that is less than `each_max`; null: there is none.
  static InstanceLink* least_busy(const VariantView& variant, std::uint32_t each_max,
                                  const InstanceLink* not_this);

  // True for that share of the calls.
  bool chance(double share) { return random_.fraction() < share; }
  bool chance_percent(unsigned percent) { return random_.below(100) < percent; }

 private:
  InstanceLink* at_random(const VariantView& variant);

  QuickRandom random_;
};

}  // namespace slipway::routing
