#include "service/sqs/admission.h"

#include "service/sqs/attributes.h"
#include "service/sqs/door.h"

namespace slipway::sqs {

bool admits(const events::Queue& queue, const ServiceSender& sender,
            service::PolicyTexts& policies) {
  const std::string account = queue.id.text.substr(0, queue.id.text.find('/'));
  const auto text = queue.settings.notes.find("Policy");
  if (text == queue.settings.notes.end()) return sender.account == account;
  const auto policy = policies.parse(text->second, principals_of(queue.settings));
  if (!policy) return sender.account == account;

  const std::string arn = arn_of(queue.id);
  identity::Principal principal;
  principal.kind = identity::Principal::Kind::service;
  principal.name = sender.service;
  service::Context context = identity::principal_context(principal);
  context.push_back({"aws:SourceArn", {sender.source_arn}});
  context.push_back({"aws:SourceAccount", {sender.account}});
  context.push_back({"aws:SourceOwner", {sender.account}});
  return identity::decide(principal, {},
                          {.action = "sqs:SendMessage", .resource = arn, .context = context},
                          {.account = account, .policy = policy.get()})
      .allowed();
}

}  // namespace slipway::sqs
