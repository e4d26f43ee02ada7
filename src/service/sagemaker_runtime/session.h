// What a container says of sessions in the header fields of its answer.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "engine/routing/router.h"
#include "engine/routing/sessions.h"
#include "service/sagemaker_runtime/failures.h"
#include "service/sagemaker_runtime/invoke_head.h"

namespace slipway::sagemaker_runtime {

// Of a session whose container does not say when it ends, or says it unreadably: what AWS's helper
// library for containers takes.
inline constexpr std::chrono::seconds session_life_default{1'200};

// The session that a call continues, and who holds it; lives as long as the call.
class HeldSession {
 public:
  // Sends `request` to the instance that holds the session of `head`; where it names none, or a new
  // one, nothing happens. no_session(): nobody holds it.
  Result<> find(const routing::Sessions& sessions, const AskedEndpoint& endpoint,
                const InvokeHead& head, routing::InvokeRequest& request);

 private:
  std::string instance_;
};

// Views into the answer.
struct NewSession {
  std::string_view id;
  std::chrono::microseconds life;
};

// X-Amzn-SageMaker-New-Session-Id: "<id>; Expires=YYYY-MM-DDThh:mm:ssZ".
std::optional<NewSession> opened_session(const routing::InvokeAnswer& answer, Timestamp now);
// X-Amzn-SageMaker-Closed-Session-Id: the id.
std::optional<std::string_view> closed_session(const routing::InvokeAnswer& answer);

}  // namespace slipway::sagemaker_runtime
