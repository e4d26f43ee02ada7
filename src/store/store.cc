#include "store/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <latch>
#include <mutex>
#include <thread>

#include "base/fd.h"
#include "base/log.h"
#include "base/short_turns.h"
#include "base/thread_name.h"
#include "store/connection.h"
#include "store/file.h"
#include "store/schema.h"

namespace slipway::store {
namespace {

constexpr std::size_t changes_per_commit_max = 512;
constexpr std::size_t idle_readers_max = 16;
// Kept for the log on the disk, in multiples of what it has when it is carried over.
constexpr off_t log_rooms = 2;
constexpr off_t page_bytes = 4096;
constexpr std::size_t zeros_at_once = 1 << 20;
// Nobody who starts a server waits for megabytes of zeros: what the commits of a start need is
// written at once, and the rest when it has a pause.
constexpr off_t first_room_bytes = 256 * 1024;
constexpr std::chrono::milliseconds quiet_before_log_room{200};

// WAL with synchronous=FULL: a commit is on the disk when it returns (sqlite.org/pragma.html
// #pragma_synchronous). Readers never wait for the writer. No memory map: an I/O error under one
// would be a signal instead of an error. Checkpoints are ours (shorten_log), as SQLite's own
// keep their errors to themselves.
constexpr std::string_view writer_settings =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
    "PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;"
    "PRAGMA cell_size_check=ON; PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=67108864";
constexpr std::string_view reader_settings =
    "PRAGMA cache_size=-1024; PRAGMA query_only=ON; PRAGMA mmap_size=0; PRAGMA cell_size_check=ON";

// Whether a COMMIT that failed so has certainly not happened: the disk was full before the frame
// that would have sealed it. After any other failure the frames may lie in the log, whole.
bool certainly_undone(const Failure& failure) {
  const int kind = failure.code() & 0xff;
  return kind == SQLITE_FULL || kind == SQLITE_BUSY || kind == SQLITE_CONSTRAINT;
}

[[noreturn]] void end_now(const Error& error) {
  log_error("store", "ending: whether a change is on the disk is known only after the next start",
            {{"why", error.message}});
  std::_Exit(unknown_commit_exit);
}

struct Submitted {
  Change change;
  Done done;
  Result<> outcome = {};
  std::vector<Task> after_commit = {};
};

// A clean end leaves no log behind.
bool ended_uncleanly(const std::filesystem::path& file) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(file.string() + "-wal", error);
  return !error && bytes > 0;
}

void check_pages(DatabaseConnection& connection) {
  Transaction tx(connection);
  auto rows = tx.query("PRAGMA quick_check(1)");
  if (rows.next() && rows.text(0) == "ok") return;
  throw Failure(SQLITE_CORRUPT,
                fmt::format("{}; restore a backup (slipway restore)", rows.text(0)));
}

// What recovery found in the log may stand in the kernel's cache alone, where a sync has failed
// before: it is written anew, to the file, before anybody is told of it. On a full disk that cannot
// be done; the log then stays as it is, so that the owner can make room through the server.
void settle_log(DatabaseConnection& connection) {
  int in_log = 0;
  int moved = 0;
  const int outcome = sqlite3_wal_checkpoint_v2(connection.raw(), nullptr,
                                                SQLITE_CHECKPOINT_TRUNCATE, &in_log, &moved);
  if (outcome == SQLITE_OK) return;
  // A backup that reads meanwhile keeps the log from being cut, not from being carried over.
  if ((outcome & 0xff) == SQLITE_BUSY && moved == in_log) return;
  const Failure failure(outcome, fmt::format("the log cannot be carried into the file: {}",
                                             sqlite3_errmsg(connection.raw())));
  if ((outcome & 0xff) != SQLITE_FULL) throw failure;
  log_warning("store", "the disk is full", {{"why", failure.what()}});
}

// Allocates the log's room, so that on a full disk commits go on in it. It is kept until the log is
// cut, which happens at a clean end and at the next start. False where the disk has none, or the
// file system allocates by writing only.
bool allocate_log_room(const std::filesystem::path& file, off_t bytes) {
  const Fd log(::open((file.string() + "-wal").c_str(), O_WRONLY | O_CLOEXEC));
  return log && ::fallocate(log.get(), FALLOC_FL_KEEP_SIZE, 0, bytes) == 0;
}

// Writes the room behind what the log has, so that a commit changes bytes of the file and neither
// its size nor its map. A sync that has these to keep waits, on a journalling file system, for the
// pages of every file that grew meanwhile: a small change for all uploads under way. SQLite takes
// zeros for no log.
bool write_log_room(const std::filesystem::path& file, off_t bytes) {
  const Fd log(::open((file.string() + "-wal").c_str(), O_WRONLY | O_CLOEXEC));
  struct stat facts{};
  if (!log || ::fstat(log.get(), &facts) != 0) return false;
  const std::string zeros(std::min(zeros_at_once, static_cast<std::size_t>(bytes)), '\0');
  for (off_t at = facts.st_size; at < bytes;) {
    const auto count = std::min<std::size_t>(zeros.size(), static_cast<std::size_t>(bytes - at));
    const ssize_t wrote = ::pwrite(log.get(), zeros.data(), count, at);
    if (wrote <= 0) return false;
    at += wrote;
  }
  return ::fdatasync(log.get()) == 0;
}

Opening opened(Opening opening, std::span<const Migration> migrations, Disk& disk) {
  if (is_new(opening.file))
    make_in_place(opening.file, disk, [&](const std::filesystem::path& draft) {
      make_draft({draft, opening.vfs}, migrations);
    });
  return opening;
}

}  // namespace

class Store::Impl {
 public:
  Impl(const std::filesystem::path& file, std::span<const Migration> migrations,
       StoreOptions options)
      : end_process_(std::move(options.end_process)),
        log_pages_max_(options.log_pages_max),
        lock_(file),
        opening_(opened({file, options.vfs}, migrations, *options.disk)),
        crashed_(ended_uncleanly(file)),
        writer_(opening_, FileAccess::read_write) {
    if (!end_process_) end_process_ = end_now;
    writer_.execute_script(writer_settings);
    if (crashed_) check_pages(writer_);
    settle_log(writer_);
    log_room_is_due_ = allocate_log_room(file, log_room_bytes()) &&
                       store::write_log_room(file, std::min(log_room_bytes(), first_room_bytes));
    migrate(writer_, migrations);
    sync_folder_of(file, *options.disk);
    sqlite3_wal_hook(writer_.raw(), note_log_length, this);
    thread_ = std::jthread([this] { run(); });
  }

  ~Impl() {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  void submit(Change change, Done done) {
    {
      const std::scoped_lock lock(mutex_);
      queue_.push_back({std::move(change), std::move(done)});
    }
    wake_.notify_one();
  }

  std::size_t waiting() const {
    const std::scoped_lock lock(mutex_);
    return queue_.size();
  }

  bool on_writer_thread() const { return std::this_thread::get_id() == thread_.get_id(); }

  Result<> read(std::move_only_function<void(Transaction&)>& look) {
    try {
      std::unique_ptr<DatabaseConnection> reader = take_reader();
      reader->execute("BEGIN");
      {
        Transaction tx(*reader);
        look(tx);
      }
      reader->execute("COMMIT");
      return_reader(std::move(reader));
      return {};
    } catch (const Failure& failure) {
      return std::unexpected(to_error(failure));
    }
  }

 private:
  void run() {
    name_this_thread("store-writer");
    take_short_turns();
    for (std::vector<Submitted> batch = take_batch(); !batch.empty(); batch = take_batch()) {
      apply(batch);
      for (Submitted& each : batch) {
        if (each.outcome)
          for (Task& task : each.after_commit) task();
        // What these own is freed before anyone who waits goes on.
        each.after_commit.clear();
        each.change = nullptr;
        each.done(std::move(each.outcome));
        each.done = nullptr;
      }
      if (log_pages_ >= log_pages_max_) shorten_log();
    }
  }

  off_t log_room_bytes() const { return log_rooms * log_pages_max_ * page_bytes; }

  void write_log_room() {
    log_room_is_due_ = false;
    log_room_written_ = store::write_log_room(opening_.file, log_room_bytes());
  }

  static int note_log_length(void* self, sqlite3*, const char*, int pages) {
    static_cast<Impl*>(self)->log_pages_ = pages;
    return SQLITE_OK;
  }

  // Readers that stand in the way only put it off. A sync that failed is another matter: the pages
  // count as lost, and a second sync would say nothing about them.
  void shorten_log() {
    log_pages_ = 0;
    if (!log_room_written_ && allocate_log_room(opening_.file, log_room_bytes())) write_log_room();
    const int outcome = sqlite3_wal_checkpoint_v2(writer_.raw(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                                  nullptr, nullptr);
    if (outcome == SQLITE_OK || (outcome & 0xff) == SQLITE_BUSY) return;
    const Failure failure(outcome, fmt::format("the log cannot be carried into the file: {}",
                                               sqlite3_errmsg(writer_.raw())));
    if (outcome == SQLITE_IOERR_FSYNC || outcome == SQLITE_IOERR_DIR_FSYNC) return end(failure);
    log_error("store", "a checkpoint failed", {{"why", failure.what()}});
  }

  // Returns only where a test says so.
  void end(const Failure& failure) {
    ended_ = to_error(failure);
    end_process_(*ended_);
  }

  void refuse_all(std::vector<Submitted>& batch, const Error& why) {
    for (Submitted& each : batch)
      if (each.outcome) each.outcome = std::unexpected(why);
  }

  std::vector<Submitted> take_batch() {
    std::unique_lock lock(mutex_);
    const auto called = [this] { return stopping_ || !queue_.empty(); };
    if (log_room_is_due_ && !wake_.wait_for(lock, quiet_before_log_room, called)) {
      lock.unlock();
      write_log_room();
      lock.lock();
    }
    wake_.wait(lock, called);
    std::vector<Submitted> batch;
    while (!queue_.empty() && batch.size() < changes_per_commit_max) {
      batch.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    return batch;
  }

  void apply(std::vector<Submitted>& batch) {
    if (ended_) return refuse_all(batch, *ended_);
    bool committing = false;
    try {
      writer_.execute("BEGIN IMMEDIATE");
      for (Submitted& each : batch) apply_one(each);
      committing = true;
      writer_.execute("COMMIT");
    } catch (const Failure& failure) {
      if (committing && !certainly_undone(failure)) end(failure);
      log_error("store", "a commit failed", {{"why", failure.what()}});
      refuse_all(batch, to_error(failure));
      if (!ended_) roll_back();
    }
  }

  // Throws Failure only where the whole transaction is lost.
  void apply_one(Submitted& each) {
    writer_.execute("SAVEPOINT change");
    try {
      Transaction tx(writer_);
      each.outcome = each.change(tx);
      each.after_commit = std::move(tx.after_commit_);
    } catch (const Failure& failure) {
      each.outcome = std::unexpected(to_error(failure));
      if (!writer_.in_transaction()) throw;
    } catch (const std::exception& bug) {
      log_error("store", "a change threw", {{"what", bug.what()}});
      each.outcome = fail(ErrorCode::internal, bug.what());
    }
    if (!each.outcome) writer_.execute("ROLLBACK TO change");
    writer_.execute("RELEASE change");
  }

  void roll_back() {
    try {
      if (writer_.in_transaction()) writer_.execute("ROLLBACK");
    } catch (const Failure& failure) {
      end(failure);
    }
  }

  std::unique_ptr<DatabaseConnection> take_reader() {
    {
      const std::scoped_lock lock(readers_mutex_);
      if (!readers_.empty()) {
        auto reader = std::move(readers_.back());
        readers_.pop_back();
        return reader;
      }
    }
    auto reader = std::make_unique<DatabaseConnection>(opening_, FileAccess::read_only);
    reader->execute_script(reader_settings);
    return reader;
  }

  void return_reader(std::unique_ptr<DatabaseConnection> reader) {
    const std::scoped_lock lock(readers_mutex_);
    if (readers_.size() < idle_readers_max) readers_.push_back(std::move(reader));
  }

  std::move_only_function<void(const Error&)> end_process_;
  const int log_pages_max_;
  const FileLock lock_;
  const Opening opening_;
  const bool crashed_;
  DatabaseConnection writer_;        // the writer's thread only, once it runs
  int log_pages_ = 0;                // the writer's thread only
  bool log_room_is_due_ = false;     // the writer's thread only: allocated, to be written
  bool log_room_written_ = false;    // the writer's thread only
  std::optional<Error> ended_ = {};  // the writer's thread only

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Submitted> queue_;
  bool stopping_ = false;

  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<DatabaseConnection>> readers_;

  std::jthread thread_;
};

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& file,
                                           std::span<const Migration> migrations,
                                           StoreOptions options) {
  try {
    return std::unique_ptr<Store>(
        new Store(std::make_unique<Impl>(file, migrations, std::move(options))));
  } catch (const Failure& failure) {
    return std::unexpected(to_error(failure));
  }
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

void Store::write_async(Change change, Done done) {
  impl_->submit(std::move(change), std::move(done));
}

std::size_t Store::waiting() const { return impl_->waiting(); }

Result<> Store::write_and_wait(Change change) {
  if (impl_->on_writer_thread())
    throw std::logic_error("a change must not wait for another change: use write_async");
  std::latch finished(1);
  Result<> outcome;
  impl_->submit(std::move(change), [&](Result<> result) {
    outcome = std::move(result);
    finished.count_down();
  });
  finished.wait();
  return outcome;
}

Result<> Store::read_with(std::move_only_function<void(Transaction&)> look) {
  return impl_->read(look);
}

}  // namespace slipway::store
