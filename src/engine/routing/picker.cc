#include "engine/routing/picker.h"

#include <algorithm>
#include <limits>

namespace slipway::routing {

namespace {

// More instances than this are compared by drawing two of them.
constexpr std::size_t compared_max = 32;

std::uint32_t load_of(const InstanceLink& link) {
  return link.instance().outstanding.load(std::memory_order_relaxed);
}

}  // namespace

VariantView* Picker::container(VariantView& first, std::uint32_t count, std::string_view name) {
  VariantView* const end = &first + count;
  VariantView* const found = std::find_if(
      &first, end, [&](const VariantView& each) { return each.route->container() == name; });
  return found == end ? nullptr : found;
}

LegView* Picker::leg(FleetView& fleet) {
  if (fleet.legs.size() == 1) return &fleet.legs.front();
  double left = random_.fraction();
  LegView* last = nullptr;
  for (LegView& leg : fleet.legs) {
    if (leg.share <= 0) continue;
    last = &leg;
    left -= leg.share;
    if (left < 0) break;
  }
  return last;
}

VariantView* Picker::variant(LegView& leg, std::string_view target, Audience audience) {
  if (!target.empty()) {
    for (VariantView& variant : leg.variants)
      if (variant.route->name == target && variant.route->audience == audience) return &variant;
    return nullptr;
  }
  if (leg.variants.size() == 1) return &leg.variants.front();
  const double total = leg.route->weight_total;
  double left = random_.fraction() * total;
  VariantView* last = nullptr;
  for (VariantView& variant : leg.variants) {
    if (!variant.route->is_first() || variant.route->audience == Audience::shadow) continue;
    if (variant.links.empty() || (total > 0 && variant.route->weight <= 0)) continue;
    last = &variant;
    left -= variant.route->weight;
    if (left < 0) break;
  }
  return last;
}

InstanceLink* Picker::instance(const VariantView& variant, Balancing balancing,
                               const InstanceLink* not_this) {
  if (not_this == nullptr && balancing == Balancing::random) return at_random(variant);
  const auto& links = variant.links;
  const std::size_t from = random_.below(links.size());
  const std::size_t looked_at = links.size() > compared_max ? 2 : links.size();
  InstanceLink* best = nullptr;
  std::uint32_t least = std::numeric_limits<std::uint32_t>::max();
  for (std::size_t i = 0; i < looked_at; ++i) {
    const std::size_t at =
        links.size() > compared_max ? random_.below(links.size()) : (from + i) % links.size();
    const std::uint32_t load = load_of(*links[at]);
    if ((best != nullptr && load >= least) || links[at] == not_this) continue;
    best = links[at];
    least = load;
    if (balancing == Balancing::random) break;
  }
  return best != nullptr ? best : links[from];
}

// Of a quick model, whichever is at work already and will soon be through, the busiest first: a
// further process to wake costs more than the wait, and what comes together is read, run and
// written together. Who asks one request after the other meets each instance as often.
InstanceLink* Picker::at_random(const VariantView& variant) {
  const auto& links = variant.links;
  const std::size_t from = random_.below(links.size());
  InstanceLink* picked = links[from];
  std::uint32_t most = 0;
  for (std::size_t i = 0; i < std::min(links.size(), compared_max); ++i) {
    InstanceLink* const link = links[(from + i) % links.size()];
    const std::uint32_t under_way = load_of(*link);
    if (under_way <= most || under_way >= link->pace()) continue;
    picked = link;
    most = under_way;
  }
  return picked;
}

InstanceLink* Picker::least_busy(const VariantView& variant, std::uint32_t each_max,
                                 const InstanceLink* not_this) {
  InstanceLink* best = nullptr;
  std::uint32_t least = each_max;
  for (InstanceLink* const link : variant.links) {
    const std::uint32_t load = load_of(*link);
    if (load >= least || link == not_this) continue;
    best = link;
    least = load;
  }
  return best;
}

}  // namespace slipway::routing
