#include "store/reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/connection.h"

namespace slipway::store {
namespace {

std::unexpected<Error> to_result(const Failure& failure) {
  const int kind = failure.code() & 0xff;
  const bool damaged = kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB;
  return fail(damaged ? ErrorCode::corrupted : ErrorCode::unavailable, failure.what());
}

Result<> sync_file(const std::filesystem::path& file) {
  const Fd handle(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (handle && ::fsync(handle.get()) == 0) return {};
  return fail(ErrorCode::unavailable,
              fmt::format("cannot sync '{}': {}", file.string(), errno_text(errno)));
}

}  // namespace

Reader::Reader(std::unique_ptr<DatabaseConnection> connection)
    : connection_(std::move(connection)) {}
Reader::~Reader() = default;

Result<std::unique_ptr<Reader>> Reader::open(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error))
    return fail(ErrorCode::not_found, fmt::format("there is no database at '{}'", file.string()));
  try {
    auto connection = std::make_unique<DatabaseConnection>(Opening{.file = file, .vfs = {}},
                                                           FileAccess::read_only);
    connection->execute_script("PRAGMA mmap_size=0; PRAGMA cell_size_check=ON");
    return std::unique_ptr<Reader>(new Reader(std::move(connection)));
  } catch (const Failure& failure) {
    return to_result(failure);
  }
}

Result<> Reader::read_with(std::move_only_function<void(Transaction&)> look) {
  try {
    connection_->execute("BEGIN");
    {
      Transaction tx(*connection_);
      look(tx);
    }
    connection_->execute("COMMIT");
    return {};
  } catch (const Failure& failure) {
    if (connection_->in_transaction())
      sqlite3_exec(connection_->raw(), "ROLLBACK", nullptr, nullptr, nullptr);
    return to_result(failure);
  }
}

Result<std::vector<std::string>> Reader::damage() {
  return read([](Transaction& tx) -> Result<std::vector<std::string>> {
    std::vector<std::string> found;
    for (auto rows = tx.query("PRAGMA integrity_check"); rows.next();)
      if (rows.text(0) != "ok") found.emplace_back(rows.text(0));
    return found;
  });
}

Result<> Reader::copy_to(const std::filesystem::path& file) {
  try {
    Transaction tx(*connection_);
    tx.run("VACUUM INTO ?1", file.string());
  } catch (const Failure& failure) {
    return to_result(failure);
  }
  return sync_file(file);
}

bool is_served(const std::filesystem::path& file) {
  const Fd lock(::open((file.string() + ".lock").c_str(), O_RDWR | O_CLOEXEC));
  return lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0;
}

}  // namespace slipway::store
