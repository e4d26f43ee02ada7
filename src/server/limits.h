// How much strangers and clients may cost, out of what this machine has.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "net/http_server.h"
#include "server/options.h"

namespace slipway::server {

// Of the machine's memory (or of the control group's), the share that collected request bodies and
// unread answers may take together; --request-memory says otherwise.
inline constexpr std::uint64_t request_memory_divisor = 4;
inline constexpr std::uint64_t request_memory_min = 128ULL << 20;
// And the share of uploads under way, which stream through a few buffers each.
inline constexpr std::uint64_t upload_memory_divisor = 8;
// From here on a quarter of the free descriptors is reserve enough.
inline constexpr std::uint64_t many_descriptors = 4096;

// Fewer open files than this are none to serve with: folders of bodies alone may take 256.
inline constexpr std::uint64_t descriptors_min = 512;

// limit_exceeded: this process may hold too few files open.
Result<> check_descriptors();

std::uint64_t request_memory(const ServeOptions& options);
std::uint64_t upload_memory();

// Returns how much of the limit of open files connections may have: three quarters of what is not
// open yet nor kept for folders of bodies, and half where that is little, since each may need a
// file for its body. The rest is for work under way: instances, the store's readers, bodies, models
// that are fetched.
std::uint64_t connection_descriptors();

// The limits of each of `loops` HTTP servers.
net::HttpLimits http_limits(const ServeOptions& options, unsigned loops);

}  // namespace slipway::server
