#include "store/connection.h"

#include <fmt/format.h>

namespace slipway::store {
namespace {

constexpr int busy_wait_ms = 5'000;

[[noreturn]] void throw_failure(sqlite3* database, std::string_view doing) {
  const int code = database ? sqlite3_extended_errcode(database) : SQLITE_NOMEM;
  const char* const why = database ? sqlite3_errmsg(database) : "out of memory";
  throw Failure(code, fmt::format("{}: {}", doing, why));
}

}  // namespace

Error to_error(const Failure& failure) {
  const int kind = failure.code() & 0xff;
  if (kind == SQLITE_BUSY || kind == SQLITE_CANTOPEN)
    return {ErrorCode::unavailable, failure.what()};
  if (kind == SQLITE_FULL || kind == SQLITE_IOERR || kind == SQLITE_READONLY)
    return {ErrorCode::unavailable, fmt::format("the metadata cannot be written: {}; check the "
                                                "disk that holds the data directory",
                                                failure.what())};
  if (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB)
    return {ErrorCode::corrupted, fmt::format("the metadata is damaged: {}", failure.what())};
  return {ErrorCode::internal, failure.what()};
}

PreparedStatement::PreparedStatement(sqlite3* database, std::string_view sql) : sql_(sql) {
  const int outcome = sqlite3_prepare_v3(database, sql_.data(), static_cast<int>(sql_.size()),
                                         SQLITE_PREPARE_PERSISTENT, &raw_, nullptr);
  if (outcome != SQLITE_OK) throw_failure(database, fmt::format("cannot prepare '{}'", sql_));
}

PreparedStatement::~PreparedStatement() { sqlite3_finalize(raw_); }

DatabaseConnection::DatabaseConnection(const Opening& opening, FileAccess access) {
  const std::filesystem::path& file = opening.file;
  const char* const vfs = opening.vfs.empty() ? nullptr : opening.vfs.c_str();
  const int flags = SQLITE_OPEN_NOMUTEX |
                    (access == FileAccess::read_only ? SQLITE_OPEN_READONLY
                                                     : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (sqlite3_open_v2(file.c_str(), &database_, flags, vfs) != SQLITE_OK) {
    const std::string why = database_ ? sqlite3_errmsg(database_) : "out of memory";
    sqlite3_close(database_);
    throw Failure(SQLITE_CANTOPEN, fmt::format("cannot open '{}': {}", file.string(), why));
  }
  sqlite3_extended_result_codes(database_, 1);
  sqlite3_busy_timeout(database_, busy_wait_ms);
}

DatabaseConnection::~DatabaseConnection() {
  idle_.clear();
  sqlite3_close(database_);
}

PreparedStatement* DatabaseConnection::lend(std::string_view sql) {
  const auto found = idle_.find(sql);
  if (found == idle_.end() || found->second.empty()) return new PreparedStatement(database_, sql);
  PreparedStatement* const statement = found->second.back().release();
  found->second.pop_back();
  return statement;
}

void DatabaseConnection::give_back(PreparedStatement* statement) {
  std::unique_ptr<PreparedStatement> owned(statement);
  sqlite3_reset(statement->raw());
  sqlite3_clear_bindings(statement->raw());
  auto found = idle_.find(std::string_view(statement->sql()));
  if (found == idle_.end()) found = idle_.try_emplace(statement->sql()).first;
  found->second.push_back(std::move(owned));
}

bool DatabaseConnection::step(PreparedStatement* statement) {
  const int outcome = sqlite3_step(statement->raw());
  if (outcome == SQLITE_ROW) return true;
  if (outcome == SQLITE_DONE) return false;
  throw_failure(database_, fmt::format("'{}' failed", statement->sql()));
}

void DatabaseConnection::execute(std::string_view sql) {
  Rows rows(*this, lend(sql));
  while (rows.next()) {
  }
}

void DatabaseConnection::execute_script(std::string_view sql) {
  char* message = nullptr;
  if (sqlite3_exec(database_, std::string(sql).c_str(), nullptr, nullptr, &message) == SQLITE_OK)
    return;
  sqlite3_free(message);
  throw_failure(database_, fmt::format("'{}' failed", sql));
}

}  // namespace slipway::store
