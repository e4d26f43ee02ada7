// The pages of this server, and what they say.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/routing/router.h"
#include "service/pages.h"

namespace slipway::server {

// Counts what came to the variants in one way: "real_time", "queued" or "batch".
struct Traffic {
  std::string_view way;
  std::vector<routing::VariantCounters> counters;
};

// Both are called from any thread; their owner outlives the pages.
struct PageSources {
  std::function<std::vector<Traffic>()> traffic;
  std::function<std::string()> certificate;  // SNS's, PEM; empty: there is none yet
  std::vector<service::ServerPage> inside;   // (inside.h)
};

// Returns the pages, with who reads what: the health page, SNS's certificate and LocalStack's
// health page anybody, the welcome page whoever opens the address in a browser, /_slipway/traffic
// and `inside` the root's keys.
std::vector<service::ServerPage> own_pages(PageSources sources);

}  // namespace slipway::server
