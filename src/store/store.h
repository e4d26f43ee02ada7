// The durable state of the server: one SQLite file in WAL mode, one writer, many readers.
//
// A room owns its tables and nobody reads another's: it names them in its migrations and reaches
// them only through a Transaction that a caller hands it. So one change may span rooms (an endpoint
// row and its fleet's plan) and still be all or nothing.
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/disk.h"
#include "base/result.h"
#include "base/worker_pool.h"

namespace slipway::store {

// One step of a room's tables, forward only: applied once, in ascending `version` within the room.
// A step that was released is never edited.
struct Migration {
  std::string_view room;
  int version = 1;
  std::string_view sql;
};

// A failure is what SQLite refused (disk full, I/O error, a broken constraint). Thrown by the
// statements below, caught by Store::write and Store::read, which roll back and return
// `unavailable` or `internal`.
class Failure : public std::runtime_error {
 public:
  Failure(int code, const std::string& message) : std::runtime_error(message), code_(code) {}
  int code() const { return code_; }  // SQLite's extended result code

 private:
  int code_;
};

// Bytes as opposed to text, for binding.
struct SqlBlob {
  std::string_view bytes;
};

class DatabaseConnection;
class PreparedStatement;

// The rows of a query, one at a time: `while (rows.next()) use(rows.text(0));`. What text() and
// blob() return lives until the next next(). Ends with its Transaction.
class Rows {
 public:
  Rows(DatabaseConnection& connection, PreparedStatement* statement);
  Rows(Rows&& other) noexcept;
  Rows& operator=(Rows&&) = delete;
  ~Rows();

  bool next();
  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;  // empty for NULL
  std::string_view blob(int column) const;
  std::optional<std::string> optional_text(int column) const;

 private:
  DatabaseConnection& connection_;
  PreparedStatement* statement_;
};

// A consistent view of the whole store and, in a write, the right to change it. Lives only inside
// the closure it was given to, on that closure's thread. Parameters are ?1, ?2, ... and bind
// integers, enums, bools, doubles, text, SqlBlob, and std::optional of these (NULL).
class Transaction {
 public:
  explicit Transaction(DatabaseConnection& connection) : connection_(connection) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Runs a statement to its end; returns the number of rows it changed.
  template <typename... Args>
  std::int64_t run(std::string_view sql, const Args&... args) {
    PreparedStatement* statement = prepare(sql);
    bind_all(statement, args...);
    return finish(statement);
  }

  template <typename... Args>
  Rows query(std::string_view sql, const Args&... args) {
    PreparedStatement* statement = prepare(sql);
    bind_all(statement, args...);
    return Rows(connection_, statement);
  }

  // The rowid of the last insert of this transaction.
  std::int64_t last_id() const;

  // Runs `part() -> Result<T>` so that it can fail by itself: of a part that returns an error
  // nothing remains, its on_commit() tasks included, and the change goes on. What a part throws
  // goes on to whoever began the change, and all of it is rolled back. Parts may stand in parts;
  // no Rows may outlive one. In a write only.
  template <typename F>
  auto attempt(F&& part) -> std::invoke_result_t<F&> {
    const std::size_t tasks = begin_part();
    auto answer = part();
    end_part(tasks, answer ? Part::kept : Part::undone);
    return answer;
  }

  // Runs `task` on the writer's thread after this change became durable; never where it was
  // refused or lost. Short work only: waking a reconciler, posting to a loop.
  void on_commit(Task task) { after_commit_.push_back(std::move(task)); }

 private:
  friend class Store;

  enum class Part : std::uint8_t { kept, undone };

  PreparedStatement* prepare(std::string_view sql);
  std::int64_t finish(PreparedStatement* statement);
  std::size_t begin_part();  // how many tasks there were before it
  void end_part(std::size_t tasks, Part outcome);

  template <typename... Args>
  void bind_all(PreparedStatement* statement, const Args&... args) {
    int index = 0;
    (bind(statement, ++index, args), ...);
  }

  void bind(PreparedStatement* statement, int index, std::nullopt_t);
  void bind(PreparedStatement* statement, int index, std::int64_t value);
  void bind(PreparedStatement* statement, int index, double value);
  void bind(PreparedStatement* statement, int index, std::string_view text);
  void bind(PreparedStatement* statement, int index, SqlBlob blob);

  template <typename T>
    requires(std::integral<T> || std::is_enum_v<T>)
  void bind(PreparedStatement* statement, int index, T value) {
    bind(statement, index, static_cast<std::int64_t>(value));
  }
  template <typename T>
    requires(!std::integral<T> && std::convertible_to<const T&, std::string_view>)
  void bind(PreparedStatement* statement, int index, const T& value) {
    bind(statement, index, std::string_view(value));
  }
  template <typename T>
  void bind(PreparedStatement* statement, int index, const std::optional<T>& value) {
    if (value)
      bind(statement, index, *value);
    else
      bind(statement, index, std::nullopt);
  }

  DatabaseConnection& connection_;
  std::vector<Task> after_commit_;
};

using Change = std::move_only_function<Result<>(Transaction&)>;
using Done = std::move_only_function<void(Result<>)>;

// A store stands on these beside its file.
struct StoreOptions {
  // A failed sync leaves a commit that nobody can call done or undone: its pages may be on the
  // disk, and the next open may find them. So the process ends, the caller hears nothing, and
  // recovery decides. By default this logs the error and ends the process at once, running no
  // destructor that could remove a file that either state names. A test may throw or return; after
  // that every change is refused. Runs on the writer's thread.
  std::move_only_function<void(const Error&)> end_process = {};
  // The name of SQLite's way to the disk, and what syncs the folder; a test's may fail.
  std::string vfs = {};  // empty: the kernel's
  Disk* disk = &kernel_disk();
  // The write-ahead log is carried into the file when it has this many pages.
  int log_pages_max = 1000;
};

// The exit status of a process that ended because a commit became unknown (EX_IOERR).
inline constexpr int unknown_commit_exit = 74;

// Opens the database, and runs reads and changes on it. Thread-safe.
class Store {
 public:
  // Opens or makes the file and brings every room's tables to their newest version. What a crash
  // left in the write-ahead log is in the file, and on the disk, when this returns; after a crash
  // the file's pages are checked first. Refuses a file that a newer Slipway wrote, one that is
  // damaged, and one that another process has open.
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& file,
                                             std::span<const Migration> migrations,
                                             StoreOptions options = {});
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Runs `change(Transaction&) -> Result<T>` on the writer's thread. When this returns a value the
  // change is on the disk; when it returns an error nothing of it is, and never will be. Waiting
  // changes share one commit (group commit), each in a savepoint of its own. Not to be called from
  // a change.
  template <typename F>
  auto write(F&& change) -> std::invoke_result_t<F&, Transaction&> {
    using Answer = std::invoke_result_t<F&, Transaction&>;
    std::optional<Answer> answer;
    Result<> outcome = write_and_wait([&](Transaction& tx) -> Result<> {
      answer.emplace(change(tx));
      if (!*answer) return std::unexpected(answer->error());
      return {};
    });
    if (!outcome) return std::unexpected(std::move(outcome).error());
    return std::move(*answer);
  }

  // The same without waiting: `done` runs on the writer's thread once the outcome is final.
  void write_async(Change change, Done done);

  // Changes that the writer has not taken up yet. From any thread.
  std::size_t waiting() const;

  // Runs `look(Transaction&) -> Result<T>` on the calling thread over a snapshot that holds every
  // change whose write() returned before. Changing anything in it throws Failure.
  template <typename F>
  auto read(F&& look) -> std::invoke_result_t<F&, Transaction&> {
    using Answer = std::invoke_result_t<F&, Transaction&>;
    std::optional<Answer> answer;
    Result<> outcome = read_with([&](Transaction& tx) { answer.emplace(look(tx)); });
    if (!outcome) return std::unexpected(std::move(outcome).error());
    return std::move(*answer);
  }

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);

  Result<> write_and_wait(Change change);
  Result<> read_with(std::move_only_function<void(Transaction&)> look);

  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::store
