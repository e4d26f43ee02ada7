// SQLite, adapted: one connection and its prepared statements. Internal to src/store.
#pragma once

#include <sqlite3.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "store/store.h"

namespace slipway::store {

// Returns what it is to those who asked.
Error to_error(const Failure& failure);

// A prepared statement, on loan from its connection while a Rows or a run() uses it.
class PreparedStatement {
 public:
  PreparedStatement(sqlite3* database, std::string_view sql);
  ~PreparedStatement();
  PreparedStatement(const PreparedStatement&) = delete;
  PreparedStatement& operator=(const PreparedStatement&) = delete;

  sqlite3_stmt* raw() const { return raw_; }
  const std::string& sql() const { return sql_; }

 private:
  std::string sql_;
  sqlite3_stmt* raw_ = nullptr;
};

// Says what a connection may do to its file; a read_only one makes none.
enum class FileAccess : std::uint8_t { read_only, read_write };

// Which file a connection opens, and through which of SQLite's layers to the disk.
struct Opening {
  std::filesystem::path file;
  std::string vfs;  // empty: SQLite's own
};

// Is one open connection to the file, with the statements that it prepared. Used by one thread at a
// time. Throws Failure.
class DatabaseConnection {
 public:
  DatabaseConnection(const Opening& opening, FileAccess access);
  ~DatabaseConnection();
  DatabaseConnection(const DatabaseConnection&) = delete;
  DatabaseConnection& operator=(const DatabaseConnection&) = delete;

  // Lends a statement for `sql`, prepared once and kept.
  PreparedStatement* lend(std::string_view sql);
  void give_back(PreparedStatement* statement);

  // Advances `statement`; whether there is a row.
  bool step(PreparedStatement* statement);

  // Runs one statement to its end; it is prepared once and kept.
  void execute(std::string_view sql);
  // Runs statements that are not asked for again, one after the other.
  void execute_script(std::string_view sql);

  // False where an error made SQLite roll the whole transaction back by itself.
  bool in_transaction() const { return sqlite3_get_autocommit(database_) == 0; }

  sqlite3* raw() const { return database_; }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  sqlite3* database_ = nullptr;
  std::unordered_map<std::string, std::vector<std::unique_ptr<PreparedStatement>>, TextHash,
                     std::equal_to<>>
      idle_;
};

}  // namespace slipway::store
