// Errands are what the server does in other services for somebody, joined: the services whose
// resources have policies of their own.
#pragma once

#include <memory>

#include "engine/events/topics.h"
#include "engine/identity/directory.h"
#include "server/options.h"
#include "service/errands.h"

namespace slipway::server {

// Null where nobody is asked: with `--authorize off`, and with `--auth none`, where every errand is
// the root's. The directory and the topics outlive it.
std::unique_ptr<const service::Errands> open_errands(const ServeOptions& options,
                                                     const identity::Directory& directory,
                                                     const events::Topics& topics);

}  // namespace slipway::server
