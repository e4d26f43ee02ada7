// The file of a store, from outside: who may have it, and how a new one comes to its place.
// Internal to src/store. All throw Failure.
#pragma once

#include <filesystem>
#include <functional>

#include "base/disk.h"
#include "base/fd.h"

namespace slipway::store {

// One process owns the file: a second server on the same directory would run the same instances. It
// ends with the object, also where a process that was forked meanwhile still has the lock's file
// open.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& file);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  Fd file_;
};

// Whether there is nothing that a new file could replace, or that would be taken for its log.
bool is_new(const std::filesystem::path& file);

// Lets `make` write a file beside the place of `file`, synced, and moves it there. What a crash has
// left beside it is removed first. The caller syncs the folder.
void make_in_place(const std::filesystem::path& file, Disk& disk,
                   const std::function<void(const std::filesystem::path& draft)>& make);

// A new file's name survives a power cut only when its folder was synced, and so does the end of
// the journal that SQLite had before its log: that one, come back, would undo everything.
void sync_folder_of(const std::filesystem::path& file, Disk& disk);

// Says what errno says.
[[noreturn]] void throw_of_file(std::string_view doing, const std::filesystem::path& file);

}  // namespace slipway::store
