#include "engine/artifacts/artifact_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/encoding.h"
#include "base/fd.h"
#include "base/log.h"
#include "engine/artifacts/file_names.h"
#include "engine/artifacts/read_only.h"

namespace slipway::artifacts {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t copy_bytes = 1024 * 1024;
constexpr std::size_t content_digits = 32;
constexpr std::size_t shown_name_bytes_max = 200;

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
  log_error("artifacts", "an artifact cannot be kept",
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
    : source_(source),
      pool_(pool),
      limits_(limits),
      folders_(std::move(root),
               {.name = "artifact",
                .damaged = "an artifact on the disk is not what was fetched; it is fetched anew",
                .disk = limits.disk}) {}

void ArtifactCache::fetch(const Artifact& artifact, FetchDone done) {
  post([this, artifact] { return obtain(artifact); }, std::move(done));
}

void ArtifactCache::fetch_again(const Artifact& artifact, const std::string& content,
                                FetchDone done) {
  post(
      [this, artifact, content]() -> FetchOutcome {
        folders_.begin(content);
        const bool sound = folders_.is_sound(content, stop_.get_token());
        folders_.end(content);
        if (sound)
          return FetchedArtifact{.content = content, .directory = folders_.path_of(content)};
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
FetchOutcome ArtifactCache::obtain(const Artifact& artifact) {
  TRY(const std::vector<ArtifactEntry> entries, source_.list(artifact));
  if (entries.empty())
    return fail(ErrorCode::not_found, fmt::format("Nothing stands at {}.", artifact.uri));
  if (entries.size() > limits_.entries_max)
    return fail(ErrorCode::limit_exceeded, fmt::format("The artifact {} has more than {} objects.",
                                                       artifact.uri, limits_.entries_max));
  FetchedArtifact fetched{.content = content_of(artifact, entries)};
  fetched.directory = folders_.path_of(fetched.content);
  folders_.begin(fetched.content);
  Result<> made;
  if (!folders_.is_sound(fetched.content, stop_.get_token()))
    made = make(artifact, entries, fetched.content);
  if (!made && is_worth_another_try(made.error())) made = make(artifact, entries, fetched.content);
  folders_.end(fetched.content);
  TRY_DO(made);
  return fetched;
}

Result<> ArtifactCache::make(const Artifact& artifact, const std::vector<ArtifactEntry>& entries,
                             const std::string& content) {
  if (stop_.stop_requested()) return stopped();  // what lies there may be sound
  if (relieve_ && folders_.disk_is_short()) relieve_();
  folders_.drop(content);
  const fs::path draft = folders_.draft_of(content);
  const Fd disk = folders_.open_disk();
  if (!disk) return cannot("open", draft.parent_path(), std::strerror(errno));
  if (auto filled = fill(artifact, entries, draft); !filled) {
    remove_tree(draft);
    return filled;
  }
  return folders_.keep(content, disk, stop_.get_token());
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

}  // namespace slipway::artifacts
