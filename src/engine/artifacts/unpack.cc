#include "engine/artifacts/unpack.h"

// Archives from outside are hostile until checked: every entry's name, kind and size is looked at
// here, and libarchive's own guards stand behind.
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/fd.h"
#include "engine/artifacts/file_names.h"

namespace slipway::artifacts {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t read_bytes = 256 * 1024;
constexpr std::size_t shown_name_bytes_max = 200;

struct FreeArchive {
  void operator()(archive* a) const { archive_read_free(a); }
};
using Archive = std::unique_ptr<archive, FreeArchive>;

std::string shown(std::string_view name) {
  std::string text(name.substr(0, shown_name_bytes_max));
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) c = '?';
  return text;
}

std::unexpected<Error> bad_entry(std::string_view name, std::string_view what) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("The archive's entry '{}' {}; it was refused.", shown(name), what));
}

// Hands the reader's bytes to libarchive.
struct Source {
  ArtifactReader& reader;
  std::array<char, read_bytes> buffer = {};
  std::uint64_t bytes = 0;
  std::uint64_t bytes_max = 0;
  Result<> outcome = {};
};

la_ssize_t read_source(archive* a, void* data, const void** buffer) {
  auto& source = *static_cast<Source*>(data);
  auto got = source.reader.read(source.buffer);
  if (got) source.bytes += *got;
  if (got && source.bytes > source.bytes_max)
    got = fail(ErrorCode::limit_exceeded,
               fmt::format("The archive is longer than {} bytes.", source.bytes_max));
  if (!got) {
    source.outcome = std::unexpected(std::move(got).error());
    archive_set_error(a, EIO, "the source failed");
    return -1;
  }
  *buffer = source.buffer.data();
  return static_cast<la_ssize_t>(*got);
}

// Whether the archive is to blame that its entry could not be made, and not the disk.
bool is_of_the_archive(int error) {
  return error == EEXIST || error == ENOTDIR || error == EISDIR || error == ENOENT ||
         error == ENAMETOOLONG || error == ELOOP || error == EINVAL || error == EILSEQ;
}

std::unexpected<Error> disk_failed(int error) {
  return fail(ErrorCode::unavailable,
              fmt::format("The artifact cannot be written: {}.", std::strerror(error)));
}

class Unpacker {
 public:
  Unpacker(archive* a, const Source& source, const fs::path& into, const ArtifactLimits& limits,
           const std::stop_token& stop)
      : archive_(a), source_(source), into_(into), limits_(limits), stop_(stop) {}

  Result<> unpack() {
    for (;;) {
      archive_entry* entry = nullptr;
      const int got = archive_read_next_header(archive_, &entry);
      if (got == ARCHIVE_EOF) break;
      if (got < ARCHIVE_WARN) return broken();
      if (++entries_ > limits_.entries_max)
        return fail(ErrorCode::limit_exceeded,
                    fmt::format("The archive has more than {} entries.", limits_.entries_max));
      TRY_DO(go_on());
      TRY_DO(unpack_entry(entry));
    }
    if (entries_ == 0)
      return fail(ErrorCode::invalid_argument,
                  "It is no tar archive (plain or compressed by gzip), or an empty one.");
    return {};
  }

 private:
  Result<> go_on() const {
    if (!stop_.stop_requested()) return {};
    return fail(ErrorCode::unavailable, "The archive is not unpacked: the server stops.");
  }

  std::unexpected<Error> broken() const {
    const char* why = archive_error_string(archive_);
    return fail(ErrorCode::invalid_argument,
                fmt::format("It is no tar archive (plain or compressed by gzip), or a damaged one: "
                            "{}.",
                            why == nullptr ? "unknown" : why));
  }

  Result<> unpack_entry(archive_entry* entry) {
    const char* raw = archive_entry_pathname(entry);
    const std::string name = raw == nullptr ? "" : raw;
    TRY(const std::string path, clean_name(name, limits_.name_bytes_max));
    if (path.empty()) return {};  // "./"
    if (archive_entry_hardlink(entry) != nullptr) return hard_link(entry, name, path);
    switch (archive_entry_filetype(entry)) {
      case AE_IFDIR: return make_folder(into_ / path);
      case AE_IFREG: return write_file(entry, name, path);
      case AE_IFLNK: return soft_link(entry, name, path);
      default: return bad_entry(name, "is a device, a pipe or a socket");
    }
  }

  Disk& disk() const { return *limits_.disk; }

  // Why the last call for an entry failed.
  static std::unexpected<Error> no_entry(std::string_view name) {
    const int error = errno;
    return is_of_the_archive(error) ? bad_entry(name, std::strerror(error)) : disk_failed(error);
  }

  Result<> make_folder(const fs::path& folder) const {
    if (make_folders(disk(), folder) == 0) return {};
    if (!is_of_the_archive(errno)) return disk_failed(errno);
    return fail(ErrorCode::invalid_argument,
                fmt::format("The archive's folder '{}' cannot be made: {}.",
                            shown(folder.filename().string()), std::strerror(errno)));
  }

  // Nothing is ever written through a link: links are made last, when all files are there.
  Result<> write_file(archive_entry* entry, const std::string& name, const std::string& path) {
    const fs::path to = into_ / path;
    TRY_DO(make_folder(to.parent_path()));
    disk().unlink(disk_name(to));
    const Fd file(disk().create(disk_name(to)));
    if (!file) return no_entry(name);
    // What runs is told by its mode (read_only.h).
    if ((archive_entry_perm(entry) & 0111) != 0) ::fchmod(file.get(), 0700);
    return copy_data(entry, file.get());
  }

  Result<> copy_data(archive_entry* entry, int fd) {
    std::uint64_t file_bytes = 0;
    for (;;) {
      const void* bytes = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      const int got = archive_read_data_block(archive_, &bytes, &size, &offset);
      if (got == ARCHIVE_EOF) break;
      if (got < ARCHIVE_WARN || offset < 0) return broken();
      TRY_DO(go_on());
      TRY_DO(grow(file_bytes, static_cast<std::uint64_t>(offset) + size));
      if (limits_.room != nullptr) TRY_DO(limits_.room->admit_bytes(size));
      if (write_whole(disk(), fd, {static_cast<const char*>(bytes), size}, offset) != 0)
        return disk_failed(errno);
    }
    return end_with_hole(entry, fd, file_bytes);
  }

  // A hole at the end of a file is no data of the archive's.
  Result<> end_with_hole(archive_entry* entry, int fd, std::uint64_t file_bytes) {
    const la_int64_t size = archive_entry_size(entry);
    if (size <= 0 || static_cast<std::uint64_t>(size) <= file_bytes) return {};
    TRY_DO(grow(file_bytes, static_cast<std::uint64_t>(size)));
    if (write_whole(disk(), fd, std::string_view("\0", 1), size - 1) != 0)
      return disk_failed(errno);
    return {};
  }

  // The file has `to` bytes now, holes among them: whoever reads it reads these too.
  Result<> grow(std::uint64_t& file_bytes, std::uint64_t to) {
    if (to <= file_bytes) return {};
    TRY_DO(admit(to - file_bytes));
    file_bytes = to;
    return {};
  }

  // A bomb ends by what it unpacks to for each byte of it: as much as whoever reads all its files
  // will read, by each name that they have.
  Result<> admit(std::uint64_t bytes) {
    bytes_ += bytes;
    const std::uint64_t bytes_max =
        std::max(limits_.unpacked_bytes_free, source_.bytes * limits_.unpacked_ratio_max);
    if (bytes_ <= bytes_max) return {};
    return fail(ErrorCode::limit_exceeded,
                fmt::format("The archive unpacks to more than {} bytes, {} times what was read of "
                            "it.",
                            bytes_max, limits_.unpacked_ratio_max));
  }

  static std::unexpected<Error> points_out(std::string_view name) {
    return bad_entry(name, "is a link that points out of the archive");
  }

  static bool leads_inside(const fs::path& root, const fs::path& path) {
    std::error_code error;
    const fs::path real = fs::weakly_canonical(path, error);
    return !error &&
           std::mismatch(root.begin(), root.end(), real.begin(), real.end()).first == root.end();
  }

  // The target, seen from the link's folder, must stay inside.
  Result<> soft_link(archive_entry* entry, const std::string& name, const std::string& path) {
    const char* raw = archive_entry_symlink(entry);
    const std::string target = raw == nullptr ? "" : raw;
    const fs::path folder = fs::path(path).parent_path();
    const fs::path reached = (folder / target).lexically_normal();
    if (target.empty() || fs::path(target).is_absolute() || *reached.begin() == "..")
      return points_out(name);
    links_.push_back({path, target});
    return {};
  }

  Result<> hard_link(archive_entry* entry, const std::string& name, const std::string& path) {
    auto target = clean_name(archive_entry_hardlink(entry), limits_.name_bytes_max);
    if (!target) return points_out(name);
    const fs::path to = into_ / path;
    TRY_DO(make_folder(to.parent_path()));
    disk().unlink(disk_name(to));
    if (disk().link({disk_name(into_ / *target), disk_name(to)}) == 0) {
      std::error_code error;
      const std::uint64_t bytes = fs::file_size(to, error);
      return error ? Result<>() : admit(bytes);  // a folder's has none
    }
    if (errno != ENOENT) return no_entry(name);
    return bad_entry(name, fmt::format("is a link to '{}', which is not there", shown(*target)));
  }

 public:
  // A chain of links can lead out though each of them looks fine, and a later link can change where
  // an earlier one leads: folders are looked at before a link is made in them, links when all are.
  Result<> make_links() {
    const fs::path root = fs::canonical(into_);
    for (const auto& [path, target] : links_) {
      const fs::path at = into_ / path;
      if (!leads_inside(root, at.parent_path())) return points_out(path);
      TRY_DO(make_folder(at.parent_path()));
      disk().unlink(disk_name(at));
      if (disk().link_to(target, disk_name(at)) != 0) return no_entry(path);
      if (!leads_inside(root, at)) return points_out(path);
    }
    for (const auto& [path, target] : links_)
      if (!leads_inside(root, into_ / path)) return points_out(path);
    return {};
  }

 private:
  struct Link {
    std::string path;
    std::string target;
  };

  archive* archive_;
  const Source& source_;
  const fs::path& into_;
  const ArtifactLimits& limits_;
  const std::stop_token& stop_;
  std::uint64_t entries_ = 0;
  std::uint64_t bytes_ = 0;
  std::vector<Link> links_;
};

}  // namespace

Result<> unpack_archive(ArtifactReader& reader, const fs::path& into, const ArtifactLimits& limits,
                        const std::stop_token& stop) {
  const Archive a(archive_read_new());
  archive_read_support_filter_gzip(a.get());
  archive_read_support_format_tar(a.get());
  auto source =
      std::make_unique<Source>(Source{.reader = reader, .bytes_max = limits.fetched_bytes_max});
  const int opened = archive_read_open(a.get(), source.get(), nullptr, read_source, nullptr);
  Unpacker unpacker(a.get(), *source, into, limits, stop);
  auto done = opened == ARCHIVE_OK ? unpacker.unpack() : Result<>{};
  TRY_DO(source->outcome);
  if (opened != ARCHIVE_OK)
    return fail(ErrorCode::invalid_argument,
                "It is no tar archive (plain or compressed by gzip), or a damaged one.");
  TRY_DO(done);
  return unpacker.make_links();
}

}  // namespace slipway::artifacts
