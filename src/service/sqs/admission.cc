#include "service/sqs/admission.h"

#include "service/sqs/attributes.h"
#include "service/sqs/door.h"

namespace slipway::sqs {

using events::Admission;

Admission admission(const events::Queue& queue, const ServiceSender& sender,
                    service::PolicyTexts& policies) {
  const std::string account = queue.id.text.substr(0, queue.id.text.find('/'));
  const auto text = queue.settings.notes.find("Policy");
  const Admission without = sender.account == account ? Admission::unsaid : Admission::refused;
  if (text == queue.settings.notes.end()) return without;
  const auto policy = policies.parse(text->second, principals_of(queue.settings));
  if (!policy) return without;

  const std::string arn = arn_of(queue.id);
  identity::Principal principal;
  principal.kind = identity::Principal::Kind::service;
  principal.name = sender.service;
  service::Context context = identity::principal_context(principal);
  context.push_back({"aws:SourceArn", {sender.source_arn}});
  context.push_back({"aws:SourceAccount", {sender.account}});
  context.push_back({"aws:SourceOwner", {sender.account}});
  const identity::Verdict verdict = identity::decide(
      principal, {}, {.action = "sqs:SendMessage", .resource = arn, .context = context},
      {.account = account, .policy = policy.get()});
  return verdict.allowed() ? Admission::granted : Admission::refused;
}

}  // namespace slipway::sqs
