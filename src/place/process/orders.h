// A cell is told an instance's spec, within this place's limits.
#pragma once

#include <sys/types.h>

#include <string>

#include "cell/order.h"
#include "place/place.h"
#include "place/process/run_directory.h"

namespace slipway::place {

// Says what the place decides of an instance, beside what its spec says.
struct OrderTerms {
  cell::Layers layers;
  std::string kept_free;  // as ProcessPlaceOptions has it
  uid_t user = 0;
  std::string cgroup;  // empty: none
};

cell::Order order_for(const InstanceSpec& spec, const RunDirectory& directory,
                      const OrderTerms& terms);

}  // namespace slipway::place
