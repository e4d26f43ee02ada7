#include "engine/routing/shadow.h"

#include <utility>

namespace slipway::routing {

ShadowInvocation::ShadowInvocation(std::unique_ptr<Invocation> original, std::string_view variant,
                                   ShadowLedger& ledger)
    : original_(std::move(original)), ledger_(ledger) {
  request = original_->request;
  request.target_variant = variant;
  request.answer_mode = AnswerMode::whole;
  ++ledger_.under_way;
  ledger_.bytes += request.body.size();
}

ShadowInvocation::~ShadowInvocation() {
  --ledger_.under_way;
  ledger_.bytes -= request.body.size();
}

}  // namespace slipway::routing
