#include "engine/fleet/artifacts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/encoding.h"
#include "base/fd.h"
#include "base/log.h"
#include "engine/fleet/artifact_manifest.h"
#include "engine/fleet/file_names.h"
#include "engine/fleet/read_only.h"

namespace slipway::fleet {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t copy_bytes = 1024 * 1024;
constexpr std::size_t content_digits = 32;
constexpr std::size_t shown_name_bytes_max = 200;
constexpr const char* half_made = ".new";
constexpr const char* list_of_files = ".files";
constexpr const char* removed_now = ".gone.new";  // by its end half-made: swept at the next start

// Equal for equal content, also under another URI.
std::string content_of(const Artifact& artifact, const std::vector<ArtifactEntry>& entries) {
  std::string text = fmt::format("{}\n", static_cast<int>(artifact.form));
  for (const ArtifactEntry& entry : entries)
    text += fmt::format("{}\n{}\n{}\n", artifact.form == Artifact::Form::tar_gz ? "" : entry.name,
                        entry.version, entry.bytes);
  return sha256_hex(text).substr(0, content_digits);
}

// The caller hears why, and the log where.
std::unexpected<Error> cannot(std::string_view what, const fs::path& path, const std::string& why) {
  log_error("fleet", "an artifact cannot be kept",
            {{"act", std::string(what)}, {"path", path.string()}, {"why", why}});
  return fail(ErrorCode::unavailable, fmt::format("The artifact cannot be kept: {}.", why));
}

std::unexpected<Error> stopped() {
  return fail(ErrorCode::unavailable, "The artifact is not fetched: the server stops.");
}

// Writes the objects of one artifact, each as a file.
class FileKeeper {
 public:
  FileKeeper(const ArtifactLimits& limits, const std::stop_token& stop)
      : limits_(limits), stop_(stop), bytes_left_(limits.fetched_bytes_max) {}

  Result<> keep(ArtifactReader& reader, const fs::path& path) {
    const fs::path folder = path.parent_path();
    if (make_folders(*limits_.disk, folder) != 0)
      return cannot("make", folder, std::strerror(errno));
    const Fd file(limits_.disk->create(disk_name(path)));
    if (!file) return cannot("make", path, std::strerror(errno));
    return copy(reader, file.get(), path);
  }

 private:
  Result<> copy(ArtifactReader& reader, int file, const fs::path& path) {
    std::vector<char> buffer(copy_bytes);
    for (off_t offset = 0;;) {
      if (stop_.stop_requested()) return stopped();
      TRY(const std::size_t got, reader.read(buffer));
      if (got == 0) return {};
      if (got > bytes_left_)
        return fail(ErrorCode::limit_exceeded, "The artifact is longer than is allowed.");
      bytes_left_ -= got;
      if (limits_.room != nullptr) TRY_DO(limits_.room->admit_bytes(got));
      if (write_whole(*limits_.disk, file, {buffer.data(), got}, offset) != 0)
        return cannot("write", path, std::strerror(errno));
      offset += static_cast<off_t>(got);
    }
  }

  const ArtifactLimits& limits_;
  const std::stop_token& stop_;
  std::uint64_t bytes_left_;
};

// A disk that failed may have failed in one place: the next draft lies elsewhere. Where too little
// of it is free, or the artifact is at fault, the next would end as this one did.
bool is_worth_another_try(const Error& error) {
  return error.code == ErrorCode::unavailable && error.kind != "disk_full";
}

void touch(const fs::path& path) {
  std::error_code ignored;
  fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);
}

bool is_short_of_disk(const fs::path& folder) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  return !error && space.available < space.capacity / 100 * disk_free_percent_min;
}

std::uint64_t bytes_below(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error))
    if (it->is_regular_file(error)) bytes += it->file_size(error);
  return bytes;
}

}  // namespace

Result<std::string> clean_name(std::string_view name, std::size_t bytes_max) {
  std::string shown(name.substr(0, shown_name_bytes_max));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) c = '?';
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("The name '{}' in the artifact {}; it was refused.", shown, why));
  };
  if (name.size() > bytes_max) return refuse(fmt::format("has more than {} bytes", bytes_max));
  if (name.starts_with('/')) return refuse("is an absolute path");
  if (name.find('\0') != std::string_view::npos) return refuse("holds a NUL");
  std::string clean;
  while (!name.empty()) {
    const std::string_view part = name.substr(0, name.find('/'));
    name.remove_prefix(std::min(name.size(), part.size() + 1));
    if (part == "..") return refuse("leads upwards with '..'");
    if (part.empty() || part == ".") continue;
    clean += clean.empty() ? "" : "/";
    clean += part;
  }
  return clean;
}

ArtifactCache::ArtifactCache(fs::path root, ArtifactSource& source, WorkerPool& pool,
                             ArtifactLimits limits)
    : root_(std::move(root)), source_(source), pool_(pool), limits_(limits) {
  std::error_code error;
  fs::create_directories(root_, error);
  for (const auto& entry : fs::directory_iterator(root_, error)) {
    const fs::path& path = entry.path();
    const bool lonely =
        path.extension() == list_of_files && !fs::exists(fs::path(path).replace_extension(), error);
    if (path.extension() == half_made || lonely) remove_tree(path);
  }
}

fs::path ArtifactCache::list_of(const std::string& content) const {
  return root_ / (content + list_of_files);
}

void ArtifactCache::begin(const std::string& content) {
  std::unique_lock lock(mutex_);
  free_.wait(lock, [&] { return !busy_.contains(content); });
  busy_.insert(content);
}

void ArtifactCache::end(const std::string& content) {
  const std::lock_guard lock(mutex_);
  busy_.erase(content);
  free_.notify_all();
}

bool ArtifactCache::is_sound(const std::string& content) {
  const fs::path directory = root_ / content;
  std::error_code error;
  Scrutiny scrutiny = Scrutiny::bytes;
  {
    const std::lock_guard lock(mutex_);
    if (sound_.contains(content)) scrutiny = Scrutiny::sizes;
  }
  const bool there = fs::is_directory(directory, error);
  const std::string why =
      there ? difference(directory, list_of(content), scrutiny, stop_.get_token()) : "";
  if (stop_.stop_requested()) return false;  // nothing is known of it
  if (!why.empty())
    log_warning("fleet", "an artifact on the disk is not what was fetched; it is fetched anew",
                {{"directory", directory.string()}, {"why", why}});
  const bool sound = there && why.empty();
  if (sound) touch(directory);
  const std::lock_guard lock(mutex_);
  if (sound)
    sound_[content] = Instant::clock::now();
  else
    sound_.erase(content);
  return sound;
}

fs::path ArtifactCache::put_aside(const std::string& content) {
  std::error_code error;
  fs::path doomed = root_ / fmt::format("{}.{}{}", content, ++put_aside_count_, removed_now);
  if (fs::exists(root_ / content, error))
    limits_.disk->rename({disk_name(root_ / content), disk_name(doomed)});
  limits_.disk->unlink(disk_name(list_of(content)));
  return doomed;
}

std::optional<fs::path> ArtifactCache::find(const std::string& content) {
  const std::lock_guard lock(mutex_);
  const auto known = sound_.find(content);
  if (known == sound_.end()) return std::nullopt;
  known->second = Instant::clock::now();
  return root_ / content;
}

void ArtifactCache::fetch(const Artifact& artifact, FetchDone done) {
  post([this, artifact] { return obtain(artifact); }, std::move(done));
}

void ArtifactCache::fetch_again(const Artifact& artifact, const std::string& content,
                                FetchDone done) {
  post(
      [this, artifact, content]() -> Result<FetchedArtifact> {
        begin(content);
        const bool sound = is_sound(content);
        end(content);
        if (sound) return FetchedArtifact{.content = content, .directory = root_ / content};
        return obtain(artifact);
      },
      std::move(done));
}

void ArtifactCache::post(Obtain obtain, FetchDone done) {
  pool_.post([this, obtain = std::move(obtain), done = std::move(done)]() mutable {
    try {
      done(stop_.stop_requested() ? stopped() : obtain());
    } catch (const std::exception& bug) {
      done(fail(ErrorCode::internal, bug.what()));
    }
  });
}

// One worker makes a content; others that want it wait for that one.
Result<FetchedArtifact> ArtifactCache::obtain(const Artifact& artifact) {
  TRY(const std::vector<ArtifactEntry> entries, source_.list(artifact));
  if (entries.empty())
    return fail(ErrorCode::not_found, fmt::format("Nothing stands at {}.", artifact.uri));
  if (entries.size() > limits_.entries_max)
    return fail(ErrorCode::limit_exceeded, fmt::format("The artifact {} has more than {} objects.",
                                                       artifact.uri, limits_.entries_max));
  FetchedArtifact fetched{.content = content_of(artifact, entries)};
  fetched.directory = root_ / fetched.content;
  begin(fetched.content);
  Result<> made;
  if (!is_sound(fetched.content)) made = make(artifact, entries, fetched.content);
  if (!made && is_worth_another_try(made.error())) made = make(artifact, entries, fetched.content);
  end(fetched.content);
  TRY_DO(made);
  return fetched;
}

// The list is there before the directory has its name: a crash between the two leaves a lonely
// list.
Result<> ArtifactCache::make(const Artifact& artifact, const std::vector<ArtifactEntry>& entries,
                             const std::string& content) {
  if (stop_.stop_requested()) return stopped();  // what lies there may be sound
  if (relieve_ && is_short_of_disk(root_)) relieve_();
  remove_tree(put_aside(content));
  const fs::path draft = root_ / (content + half_made);
  const Fd root(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return cannot("open", root_, std::strerror(errno));
  Disk& disk = *limits_.disk;
  auto made = fill(artifact, entries, draft);
  if (made) make_read_only(draft);
  if (made) made = seal_directory(draft, list_of(content), {disk, root.get()}, stop_.get_token());
  if (made && (disk.rename({disk_name(draft), disk_name(root_ / content)}) != 0 ||
               disk.sync_names(root.get()) != 0))
    made = cannot("name", root_ / content, std::strerror(errno));
  remove_tree(draft);
  if (!made) return made;
  const std::lock_guard lock(mutex_);
  sound_[content] = Instant::clock::now();
  return {};
}

Result<> ArtifactCache::fill(const Artifact& artifact, const std::vector<ArtifactEntry>& entries,
                             const fs::path& into) {
  remove_tree(into);
  if (make_folders(*limits_.disk, into) != 0) return cannot("make", into, std::strerror(errno));
  if (artifact.form == Artifact::Form::tar_gz) {
    TRY(const auto reader, source_.open(entries.front()));
    return unpack_archive(*reader, into, limits_, stop_.get_token());
  }
  const std::stop_token stop = stop_.get_token();
  FileKeeper files(limits_, stop);
  for (const ArtifactEntry& entry : entries) {
    TRY(const std::string name, clean_name(entry.name, limits_.name_bytes_max));
    if (name.empty() || entry.name.ends_with('/')) continue;  // a folder's marker
    TRY(const auto reader, source_.open(entry));
    TRY_DO(files.keep(*reader, into / name));
  }
  return {};
}

void ArtifactCache::remove(const std::string& content) {
  fs::path doomed;
  {
    const std::lock_guard lock(mutex_);
    if (content.empty() || busy_.contains(content)) return;
    sound_.erase(content);
    doomed = put_aside(content);
  }
  remove_tree(doomed);
}

// A content that was just fetched may be needed by a fleet that has not noted it yet: hence the
// age.
void ArtifactCache::collect(const std::set<std::string>& used, std::uint64_t spare_bytes_max,
                            std::chrono::seconds age_min) {
  struct Spare {
    std::pair<Instant, fs::file_time_type> found_at;  // by this process, by one before
    std::string content;
  };
  const auto found_at = [this](const std::string& content) {  // under the lock
    const auto known = sound_.find(content);
    return known == sound_.end() ? Instant::min() : known->second;
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
    kept += bytes_below(root_ / spare.content);
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
}

}  // namespace slipway::fleet
