#include "engine/logs/bookmarks.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>

#include "base/fd.h"

namespace slipway::logs {

namespace fs = std::filesystem;

Bookmarks::Bookmarks(fs::path folder, Disk& disk) : folder_(std::move(folder)), disk_(disk) {
  load();
}

// A file's lines are: space, group, stream, "CURSOR SEGMENT STREAM_NUMBER".
void Bookmarks::load() {
  std::error_code error;
  fs::create_directories(folder_, error);
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    std::ifstream file(entry.path());
    StreamName name;
    Bookmark bookmark;
    std::getline(file, name.space);
    std::getline(file, name.group);
    std::getline(file, name.stream);
    file >> bookmark.cursor >> bookmark.segment >> bookmark.stream_number;
    if (!file || file.get() != '\n')
      continue;  // killed while it was written: its stream lies there
    bookmarks_.emplace(std::move(name), bookmark);
  }
}

Bookmarks::Bookmark Bookmarks::find(const StreamName& name) const {
  const auto found = bookmarks_.find(name);
  return found == bookmarks_.end() ? Bookmark{} : found->second;
}

std::uint64_t Bookmarks::stream_number_max() const {
  std::uint64_t out = 0;
  for (const auto& [name, bookmark] : bookmarks_) out = std::max(out, bookmark.stream_number);
  return out;
}

void Bookmarks::put(const StreamName& name, const Bookmark& bookmark) {
  if (bookmarks_.size() >= bookmarks_max && !bookmarks_.contains(name)) {
    const auto oldest = std::ranges::min_element(
        bookmarks_, {}, [](const auto& each) { return each.second.stream_number; });
    erase(StreamName(oldest->first));
  }
  bookmarks_[name] = bookmark;
  write(name, bookmark);
}

void Bookmarks::write(const StreamName& name, const Bookmark& bookmark) {
  const DiskName file = disk_name(file_of(name));
  disk_.unlink(file);
  const Fd out(disk_.create(file));
  const std::string text =
      fmt::format("{}\n{}\n{}\n{} {} {}\n", name.space, name.group, name.stream, bookmark.cursor,
                  bookmark.segment, bookmark.stream_number);
  if (out) write_whole(disk_, out.get(), text);
}

void Bookmarks::erase(const StreamName& name) {
  if (bookmarks_.erase(name) > 0) disk_.unlink(disk_name(file_of(name)));
}

fs::path Bookmarks::file_of(const StreamName& name) const { return folder_ / digest_of(name); }

}  // namespace slipway::logs
