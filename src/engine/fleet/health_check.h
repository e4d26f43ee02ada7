// One try to find out whether an instance is healthy, in each of the ways that a contract may ask.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/fleet/contract.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "net/socket.h"

namespace slipway::fleet {

// An answer that takes longer is a miss.
inline constexpr std::chrono::milliseconds check_timeout{2'000};

// Loop thread only. Not destroyed from within its own answer.
class HealthCheck {
 public:
  // Why the instance is not healthy; nullopt: it is.
  using Answer = std::move_only_function<void(std::optional<std::string> miss)>;

  virtual ~HealthCheck() = default;
  // Tries once, with a new connection or a kept one. `answer` is called once, maybe from within,
  // unless this object goes before; the next try begins after that.
  virtual void run(Answer answer) = 0;
};

// Returns the way to check an instance that listens at `address`; null where nothing has to be
// checked. `loop` outlives it; `messages` is shared with other checks.
std::unique_ptr<HealthCheck> make_check(const Probe& probe, net::Loop& loop, net::Address address,
                                        std::shared_ptr<net::MessagePool> messages);

}  // namespace slipway::fleet
