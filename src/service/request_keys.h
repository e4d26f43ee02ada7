// The condition keys that every request has, whatever it asks for.
#pragma once

#include <vector>

#include "engine/identity/policy.h"
#include "service/call.h"

namespace slipway::service {

// aws:CurrentTime, aws:EpochTime, aws:SecureTransport, aws:SourceIp (of the connection itself: what
// a proxy says in a header is not believed), aws:UserAgent, aws:Referer, aws:RequestedRegion,
// aws:ViaAWSService. Those that the request does not have are absent.
void add_request_keys(const Call& call, std::vector<identity::ContextEntry>& context);

}  // namespace slipway::service
