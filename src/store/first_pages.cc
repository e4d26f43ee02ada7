#include "store/first_pages.h"

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>

#include "store/connection.h"
#include "store/file.h"
#include "store/schema.h"

namespace slipway::store {
namespace {

void write_pages(Pages pages, const std::filesystem::path& draft, Disk& disk) {
  const Fd out(disk.create(disk_name(draft)));
  if (!out) throw_of_file("make", draft);
  std::array<char, page_bytes> whole;
  off_t at = 0;
  for (const std::string_view page : pages) {
    whole.fill(0);
    page.copy(whole.data(), whole.size());
    if (write_whole(disk, out.get(), {whole.data(), whole.size()}, at) != 0)
      throw_of_file("write", draft);
    at += page_bytes;
  }
  if (disk.sync_bytes(out.get()) != 0) throw_of_file("sync", draft);
}

}  // namespace

Result<std::string> bytes_of_new(const std::filesystem::path& folder,
                                 std::span<const Migration> migrations,
                                 const std::function<void(Transaction&)>& finish) {
  const std::filesystem::path file = folder / "store.db";
  try {
    make_draft({.file = file, .vfs = {}}, migrations, [&](DatabaseConnection& connection) {
      Transaction tx(connection);
      finish(tx);
      // Leaves nothing of what was there before a change.
      connection.execute("VACUUM");
    });
  } catch (const Failure& failure) {
    return std::unexpected(to_error(failure));
  }
  std::ifstream in(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Result<> make_of(Pages pages, const std::filesystem::path& file, Disk& disk) {
  try {
    const FileLock lock(file);
    if (!is_new(file)) return {};
    make_in_place(file, disk,
                  [&](const std::filesystem::path& draft) { write_pages(pages, draft, disk); });
    return {};
  } catch (const Failure& failure) {
    return std::unexpected(to_error(failure));
  }
}

}  // namespace slipway::store
