// The file of a new store, made without running a migration: as pages that the build took from a
// store that has run them all.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/disk.h"
#include "base/result.h"
#include "store/store.h"

namespace slipway::store {

inline constexpr std::size_t page_bytes = 4096;  // SQLite's, by default

// A store's pages in order, each without the zeros at its end.
using Pages = std::span<const std::string_view>;

// The bytes of a store that these migrations make in `folder`, which is empty, once `finish` has
// changed it. The same every time, where what they write is.
Result<std::string> bytes_of_new(const std::filesystem::path& folder,
                                 std::span<const Migration> migrations,
                                 const std::function<void(Transaction&)>& finish);

// Makes the file of those pages where there is neither a file nor a log: beside its place, synced
// and moved there whole, so that a crash leaves it or nothing. Store::open then finds a store like
// any other: it syncs the folder, and brings the store to its newest version where the pages are of
// an older one. Refuses a place where a server is at work.
Result<> make_of(Pages pages, const std::filesystem::path& file, Disk& disk = kernel_disk());

}  // namespace slipway::store
