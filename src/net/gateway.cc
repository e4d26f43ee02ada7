#include "net/gateway.h"

namespace slipway::net {

void Gateway::mount(std::string path, RequestHandler& handler, Claim claim) {
  mounts_.push_back({std::move(path), handler, std::move(claim)});
}

bool Gateway::Mount::has(std::string_view asked) const {
  if (asked.starts_with(path)) return asked.size() == path.size() || path.ends_with('/');
  return path.size() == asked.size() + 1 && path.ends_with('/') && path.starts_with(asked);
}

RequestHandler& Gateway::of(const RequestHead& head) const {
  for (const Mount& mount : mounts_)
    if (mount.has(head.path) && (!mount.claim || mount.claim(head))) return mount.handler;
  return rest_;
}

BodyPlan Gateway::on_head(const RequestHead& head) { return of(head).on_head(head); }

void Gateway::on_request(Request&& request, Responder&& responder) {
  of(request.head()).on_request(std::move(request), std::move(responder));
}

Response Gateway::refusal(const RequestHead& head, int status, std::string_view reason) {
  return of(head).refusal(head, status, reason);
}

}  // namespace slipway::net
