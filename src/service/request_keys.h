// The condition keys that every request has, whatever it asks for.
#pragma once

#include <vector>

#include "engine/identity/policy.h"
#include "service/call.h"

namespace slipway::service {

// aws:CurrentTime, aws:EpochTime, aws:SecureTransport, aws:SourceIp (of the connection itself: what
// a proxy says in a header is not believed), aws:UserAgent, aws:Referer, aws:RequestedRegion,
// aws:ViaAWSService, and aws:CalledVia with its first and last where a service asks in the
// principal's name. Those that the request does not have are absent: a call from inside has no
// address and no headers, and nobody could listen on its way (aws:SecureTransport).
void add_request_keys(const Call& call, std::vector<identity::ContextEntry>& context);

}  // namespace slipway::service
