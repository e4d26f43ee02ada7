#include "engine/artifacts/sealed_folders.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/folder_bytes.h"
#include "base/log.h"
#include "engine/artifacts/read_only.h"

namespace slipway::artifacts {

namespace fs = std::filesystem;

namespace {

constexpr const char* half_made = ".new";
constexpr const char* list_of_files = ".files";
constexpr const char* shared_files = "files.shared";
constexpr const char* removed_now = ".gone.new";  // by its end half-made: swept at the next start

void touch(const fs::path& path) {
  std::error_code ignored;
  fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);
}

}  // namespace

SealedFolders::SealedFolders(fs::path root, Kind kind)
    : root_(std::move(root)), kind_(std::move(kind)) {
  std::error_code error;
  fs::create_directories(root_, error);
  if (kind_.files == Kind::Files::shared) shared_.emplace(root_ / shared_files);
  for (const auto& entry : fs::directory_iterator(root_, error)) {
    const fs::path& path = entry.path();
    const bool lonely =
        path.extension() == list_of_files && !fs::exists(fs::path(path).replace_extension(), error);
    if (path.extension() == half_made || lonely) remove_tree(path);
  }
}

bool SealedFolders::disk_is_short() const {
  std::error_code error;
  const fs::space_info space = fs::space(root_, error);
  return !error && space.available < space.capacity / 100 * disk_free_percent_min;
}

fs::path SealedFolders::draft_of(const std::string& content) const {
  return root_ / (content + half_made);
}

fs::path SealedFolders::list_of(const std::string& content) const {
  return root_ / (content + list_of_files);
}

void SealedFolders::begin(const std::string& content) {
  std::unique_lock lock(mutex_);
  free_.wait(lock, [&] { return !busy_.contains(content); });
  busy_.insert(content);
}

void SealedFolders::end(const std::string& content) {
  const std::lock_guard lock(mutex_);
  busy_.erase(content);
  free_.notify_all();
}

bool SealedFolders::is_sound(const std::string& content, const std::stop_token& stop) {
  const fs::path directory = path_of(content);
  std::error_code error;
  Scrutiny scrutiny = Scrutiny::bytes;
  {
    const std::lock_guard lock(mutex_);
    if (sound_.contains(content)) scrutiny = Scrutiny::sizes;
  }
  const bool there = fs::is_directory(directory, error);
  const std::string why =
      there ? difference(directory, list_of(content), kind_.listed, scrutiny, stop) : "";
  if (stop.stop_requested()) return false;  // nothing is known of it
  if (!why.empty())
    log_warning("artifacts", kind_.damaged, {{"directory", directory.string()}, {"why", why}});
  const bool sound = there && why.empty();
  if (sound) touch(directory);
  const std::lock_guard lock(mutex_);
  if (sound)
    sound_[content] = Instant::clock::now();
  else
    sound_.erase(content);
  return sound;
}

fs::path SealedFolders::put_aside(const std::string& content) {
  std::error_code error;
  fs::path doomed = root_ / fmt::format("{}.{}{}", content, ++put_aside_count_, removed_now);
  if (fs::exists(path_of(content), error))
    kind_.disk->rename({disk_name(path_of(content)), disk_name(doomed)});
  kind_.disk->unlink(disk_name(list_of(content)));
  return doomed;
}

void SealedFolders::drop(const std::string& content) { remove_tree(put_aside(content)); }

Fd SealedFolders::open_disk() const {
  return Fd(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

void SealedFolders::share(const fs::path& draft, const std::stop_token& stop) {
  const std::uint64_t bytes = shared_->share(draft, stop);
  if (bytes != 0)
    log_info("artifacts", fmt::format("an {} shares files with others", kind_.name),
             {{"folder", draft.stem().string()}, {"bytes", std::to_string(bytes)}});
}

// The list is there before the directory has its name: a crash between the two leaves a lonely
// list.
Result<> SealedFolders::keep(const std::string& content, const Fd& disk,
                             const std::stop_token& stop) {
  const fs::path draft = draft_of(content);
  if (shared_) share(draft, stop);
  make_read_only(draft);
  Disk& on = *kind_.disk;
  auto made = seal_directory(draft, list_of(content), kind_.listed, {on, disk.get()}, stop);
  if (made && (on.rename({disk_name(draft), disk_name(path_of(content))}) != 0 ||
               on.sync_names(disk.get()) != 0)) {
    const std::string why = std::strerror(errno);
    log_error("artifacts", fmt::format("an {} cannot be kept", kind_.name),
              {{"path", path_of(content).string()}, {"why", why}});
    made = fail(ErrorCode::unavailable, fmt::format("The {} cannot be kept: {}.", kind_.name, why));
  }
  remove_tree(draft);
  if (!made) return made;
  const std::lock_guard lock(mutex_);
  sound_[content] = Instant::clock::now();
  return {};
}

std::optional<fs::path> SealedFolders::find(const std::string& content) {
  const std::lock_guard lock(mutex_);
  const auto known = sound_.find(content);
  if (known == sound_.end()) return std::nullopt;
  known->second = Instant::clock::now();
  return path_of(content);
}

void SealedFolders::remove(const std::string& content) {
  fs::path doomed;
  {
    const std::lock_guard lock(mutex_);
    if (content.empty() || busy_.contains(content)) return;
    sound_.erase(content);
    doomed = put_aside(content);
  }
  remove_tree(doomed);
}

Instant SealedFolders::found_at(const std::string& content) const {
  const auto known = sound_.find(content);
  return known == sound_.end() ? Instant::min() : known->second;
}

// A content that was just made may be needed by a fleet that has not noted it yet: hence the age.
void SealedFolders::collect(const std::set<std::string>& used, std::uint64_t spare_bytes_max,
                            std::chrono::seconds age_min) {
  struct Spare {
    std::pair<Instant, fs::file_time_type> found_at;  // by this process, by one before
    std::string content;
  };
  std::vector<Spare> spares;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root_, error)) {
    const std::string name = entry.path().filename();
    if (used.contains(name) || entry.path().has_extension()) continue;
    const auto touched = entry.last_write_time(error);
    const std::lock_guard lock(mutex_);
    if (!busy_.contains(name)) spares.push_back({{found_at(name), touched}, name});
  }
  std::ranges::sort(spares, std::greater<>{}, &Spare::found_at);
  std::uint64_t kept = 0;
  const Instant young = Instant::clock::now() - age_min;
  for (const Spare& spare : spares) {
    kept += bytes_below(path_of(spare.content));
    if (kept <= spare_bytes_max || spare.found_at.first >= young) continue;
    fs::path doomed;
    {
      const std::lock_guard lock(mutex_);  // it may have been found while others were removed
      if (busy_.contains(spare.content) || found_at(spare.content) >= young) continue;
      sound_.erase(spare.content);
      doomed = put_aside(spare.content);
    }
    remove_tree(doomed);
  }
  if (shared_) shared_->collect();
}

}  // namespace slipway::artifacts
