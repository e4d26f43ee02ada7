// The streamed body of a blob on its way into an upload.
#pragma once

#include <memory>

#include "net/http_server.h"
#include "service/ecr/distribution.h"

namespace slipway::ecr {

// Of a request whose caller was let in. What `door` and `context` are, see Distribution.
std::unique_ptr<net::BodyReceiver> make_blob_receiver(const DistributionDoor& door,
                                                      const service::ServiceContext& context,
                                                      service::Caller caller);

}  // namespace slipway::ecr
