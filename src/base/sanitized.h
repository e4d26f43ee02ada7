#pragma once

namespace slipway {

// True where this program is compiled for AddressSanitizer or ThreadSanitizer. Such a program maps
// terabytes for notes on its own memory, traces itself, cannot share memory with a child, and takes
// several times as long; whatever cannot be so asks here, tests included.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace slipway
