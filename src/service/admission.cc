#include "service/admission.h"

namespace slipway::service {

using events::Admission;

Admission admission(const Guarded& target, const Sending& sending, const ServiceSender& sender,
                    PolicyTexts& policies) {
  const Admission without =
      sender.account == target.account ? Admission::unsaid : Admission::refused;
  if (!target.policy) return without;
  const auto policy = policies.parse(*target.policy, target.principals);
  if (!policy) return without;

  identity::Principal principal;
  principal.kind = identity::Principal::Kind::service;
  principal.name = sender.service;
  Context context = identity::principal_context(principal);
  context.push_back({"aws:SourceArn", {sender.source_arn}});
  context.push_back({"aws:SourceAccount", {sender.account}});
  context.push_back({"aws:SourceOwner", {sender.account}});
  const identity::Verdict verdict =
      identity::decide(principal, {},
                       {.action = std::string(sending.action),
                        .resource = std::string(sending.arn),
                        .context = context},
                       {.account = target.account, .policy = policy.get()});
  return verdict.allowed() ? Admission::granted : Admission::refused;
}

}  // namespace slipway::service
