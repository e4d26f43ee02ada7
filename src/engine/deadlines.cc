#include "engine/deadlines.h"

#include <utility>

namespace slipway::engine {

Deadlines::Begun Deadlines::watch(Expire expire) {
  auto kind = std::make_shared<Kind>();
  kind->expire = std::move(expire);
  return [this, kind = std::move(kind)] {
    if (kind->watched.exchange(true)) return;
    loop_.post([this, kind] {
      watched_.push_back(kind);
      if (watched_.size() == 1) look_later();
    });
  };
}

// Whoever begins to wait during a look is either counted by it or puts the kind back himself: the
// mark goes before the look, and who finds it gone sets it.
void Deadlines::look() {
  std::erase_if(watched_, [](const std::shared_ptr<Kind>& kind) {
    kind->watched = false;
    return kind->expire() == 0 || kind->watched.exchange(true);
  });
  if (!watched_.empty()) look_later();
}

void Deadlines::look_later() {
  loop_.after(expire_period, [this] { look(); });
}

}  // namespace slipway::engine
