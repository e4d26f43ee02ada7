#include "cli/data_check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include "base/fd.h"
#include "cli/backup_set.h"
#include "engine/objects/scrub.h"
#include "store/reader.h"

namespace slipway::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t md5_hex_digits = 32;

void look_at(store::Transaction& tx, const fs::path& data, const objects::StoredFile& stored,
             Scrubbed& found) {
  const fs::path path = data / "objects" / stored.name.substr(0, 2) / stored.name;
  const auto kind = objects::examine(path.string(), stored).kind;
  ++found.bodies;
  found.bytes += stored.bytes;
  using Kind = objects::FileVerdict::Kind;
  if (kind == Kind::sound) {
    found.without_sums += stored.sums.empty() && stored.etag.size() != md5_hex_digits;
    return;
  }
  found.damaged.push_back(fmt::format("{}: {}", objects::owner_of_body(tx, stored.body),
                                      kind == Kind::missing ? "missing" : "damaged"));
}

}  // namespace

Result<std::string> check_database(const fs::path& data) {
  const fs::path file = data / database_file;
  std::error_code error;
  if (!fs::exists(file, error)) return fmt::format("none yet at {}", file.string());
  TRY(const auto reader, store::Reader::open(file));
  TRY(const auto damage, reader->damage());
  if (damage.empty()) return file.string();
  return fail(ErrorCode::corrupted,
              fmt::format("{} is damaged ({}). Restore a backup: slipway restore.", file.string(),
                          damage.front()));
}

Result<Scrubbed> scrub_bodies(const fs::path& data) {
  Scrubbed found;
  std::error_code error;
  if (!fs::exists(data / database_file, error)) return found;
  // While this is held, a server removes no body that the rows below name.
  const Fd removals(
      ::open((data / "objects/removal.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (removals) ::flock(removals.get(), LOCK_SH);
  TRY(const auto reader, store::Reader::open(data / database_file));
  TRY_DO(reader->read([&](store::Transaction& tx) -> Result<> {
    objects::ScrubPlace place;
    while (const auto stored = objects::next_file(tx, place)) {
      place = {stored->body, stored->number};
      look_at(tx, data, *stored, found);
    }
    return {};
  }));
  return found;
}

}  // namespace slipway::cli
