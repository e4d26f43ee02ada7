// The welcome page is for whoever opens the server's address in a browser.
#pragma once

#include <string>
#include <string_view>

namespace slipway::server {

// HTML that needs nothing else: what this is, where clients find it, how they get keys. It tells
// nothing of what the server keeps. `endpoint` is what was opened, and may be anything.
std::string welcome_page(std::string_view endpoint);

}  // namespace slipway::server
