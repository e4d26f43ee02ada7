#include "engine/deadlines.h"

#include <utility>

namespace slipway::engine {

void Deadlines::keep(Expire expire) {
  loop_.post([this, expire = std::move(expire)]() mutable {
    kept_.push_back(std::move(expire));
    if (kept_.size() == 1) look_later();
  });
}

void Deadlines::look() {
  std::erase_if(kept_, [](const Expire& expire) { return expire() == 0; });
  if (!kept_.empty()) look_later();
}

void Deadlines::look_later() {
  loop_.after(expire_period, [this] { look(); });
}

}  // namespace slipway::engine
