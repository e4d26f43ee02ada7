#include "cell/mounts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "cell/prepared_tree.h"

namespace slipway::cell {

namespace fs = std::filesystem;

namespace {

constexpr const char* skeleton_options = "mode=0755,size=4m,nr_inodes=8k";
constexpr const char* devices_options = "mode=0755,size=64k,nr_inodes=1k";
constexpr std::uint64_t read_only = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr std::uint64_t own = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr std::uint64_t device = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;

std::unexpected<Error> cannot(std::string_view what, std::string_view path) {
  const std::string why = errno_text(errno);
  return fail(ErrorCode::unavailable,
              fmt::format("The cell's file tree cannot be made: {} {}: {}", what, path, why));
}

Result<> mount_new(const char* type, const std::string& at, unsigned long flags,
                   const char* options) {
  if (::mount(type, at.c_str(), type, flags, options) == 0) return {};
  return cannot(fmt::format("mount {} at", type), at);
}

// The mount at `at` itself, without those below it.
Result<> protect(const std::string& at, std::uint64_t attributes) {
  mount_attr wanted{};
  wanted.attr_set = attributes;
  if (::mount_setattr(AT_FDCWD, at.c_str(), 0, &wanted, sizeof wanted) == 0) return {};
  return cannot("protect", at);
}

Result<> make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return {};
  return cannot("make", path);
}

Result<> make_link(const std::string& target, const std::string& at) {
  if (::symlink(target.c_str(), at.c_str()) == 0 || errno == EEXIST) return {};
  return cannot("link", at);
}

// A file or folder of the tree that this process sees now, with all that is mounted below it, on
// its way into another tree.
struct Taken {
  Fd mount;
  bool is_folder = false;
};

Result<Taken> take(const std::string& host, std::uint64_t attributes) {
  Taken taken{.mount = Fd(::open_tree(AT_FDCWD, host.c_str(),
                                      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE))};
  struct stat info{};
  if (!taken.mount || ::fstat(taken.mount.get(), &info) != 0) return cannot("find", host);
  taken.is_folder = S_ISDIR(info.st_mode);
  mount_attr wanted{};
  wanted.attr_set = attributes;
  wanted.propagation = MS_PRIVATE;
  if (::mount_setattr(taken.mount.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &wanted,
                      sizeof wanted) == 0)
    return taken;
  return cannot("protect", host);
}

// A /proc of this process's own numbers. Within a user namespace the kernel makes one only while
// another is to be seen, so this is before the tree is entered.
Result<Taken> take_new_proc() {
  const Fd kind(::fsopen("proc", FSOPEN_CLOEXEC));
  if (!kind || ::fsconfig(kind.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return cannot("make", "/proc");
  Taken taken{.mount = Fd(::fsmount(kind.get(), FSMOUNT_CLOEXEC, own | MOUNT_ATTR_NOEXEC)),
              .is_folder = true};
  if (!taken.mount) return cannot("mount", "/proc");
  return taken;
}

// The folder that `at` lies in is there.
Result<> attach(const Taken& taken, const std::string& at) {
  if (taken.is_folder) {
    TRY_DO(make_folder(at));
  } else if (::mknod(at.c_str(), S_IFREG | 0600, 0) != 0 && errno != EEXIST && errno != EROFS) {
    return cannot("make", at);
  }
  if (::move_mount(taken.mount.get(), "", AT_FDCWD, at.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0)
    return {};
  return cannot("show", at);
}

// ---- the system's part

Result<> make_parents(const std::string& root, std::string_view path) {
  for (std::size_t at = path.find('/', 1); at != path.npos; at = path.find('/', at + 1))
    TRY_DO(make_folder(root + std::string(path.substr(0, at))));
  return {};
}

// In a folder that nobody writes to: where cells share it, it is no way from one to the other.
Result<> add_devices(const SystemParts& parts, const std::string& root) {
  const std::string folder = root + "/dev";
  TRY_DO(make_folder(folder));
  TRY_DO(mount_new("tmpfs", folder, MS_NOSUID | MS_NOEXEC, devices_options));
  for (const std::string& path : parts.devices) {
    TRY(const Taken taken, take(path, device));
    TRY_DO(attach(taken, root + path));
  }
  TRY_DO(make_folder(folder + "/shm"));
  TRY_DO(make_link("/proc/self/fd", folder + "/fd"));
  TRY_DO(make_link("/proc/self/fd/0", folder + "/stdin"));
  TRY_DO(make_link("/proc/self/fd/1", folder + "/stdout"));
  TRY_DO(make_link("/proc/self/fd/2", folder + "/stderr"));
  return protect(folder, MOUNT_ATTR_RDONLY);
}

Result<> make_system_tree(const SystemParts& parts, const std::string& root) {
  TRY_DO(mount_new("tmpfs", root, MS_NOSUID | MS_NODEV, skeleton_options));
  for (const std::string& path : parts.folders) {
    TRY(const Taken taken, take(path, read_only));
    TRY_DO(make_parents(root, path));
    TRY_DO(attach(taken, root + path));
  }
  for (const auto& [path, target] : parts.links) {
    TRY_DO(make_parents(root, path));
    TRY_DO(make_link(target, root + path));
  }
  TRY_DO(add_devices(parts, root));
  TRY_DO(make_folder(root + "/proc"));
  return make_folder(root + "/tmp");
}

// "." twice: the old root ends up below the new one at the same place, and is then let go.
Result<> change_root(const std::string& root) {
  if (::chdir(root.c_str()) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0)
    return cannot("move into", root);
  if (::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0) return cannot("let go", "the old one");
  return {};
}

// ---- what a cell has for itself

// Something that was given, on its way to where the cell sees it.
struct Graft {
  std::string inside;
  Taken taken;
  std::string link;           // nothing is taken: this link is made
  bool unless_there = false;  // a link of the system may lead to it already
};

class Grafts {
 public:
  explicit Grafts(const SystemParts& parts) : parts_(parts) {}

  // Under its own path, as it is there: a link stays one.
  Result<> add(const std::string& host, std::uint64_t attributes) {
    struct stat info{};
    if (::lstat(host.c_str(), &info) != 0 || parts_.show(host) || has(host)) return {};
    std::error_code error;
    const fs::path real = fs::canonical(host, error);
    const bool by_system = !error && parts_.show(real.native());
    if (!S_ISLNK(info.st_mode)) {
      TRY_DO(add_at(host, host, attributes));
      list_.back().unless_there = by_system;
      return {};
    }
    list_.push_back({.inside = host,
                     .taken = {},
                     .link = fs::read_symlink(host, error),
                     .unless_there = by_system});
    if (real.empty() || by_system) return {};
    return add_at(real, real, attributes);
  }

  Result<> add_at(const std::string& host, const std::string& inside, std::uint64_t attributes) {
    TRY(Taken taken, take(host, attributes));
    add_taken(std::move(taken), inside);
    if (host == inside) given_.push_back(host);
    return {};
  }

  void add_taken(Taken taken, const std::string& inside) {
    list_.push_back({.inside = inside, .taken = std::move(taken), .link = {}});
  }

  const std::vector<Graft>& list() const { return list_; }

 private:
  // It, or a folder that it lies in, was given under its own path before.
  bool has(std::string_view host) const {
    return std::ranges::any_of(given_, [&](const std::string& one) {
      return host == one || (host.starts_with(one) && host.substr(one.size()).starts_with('/'));
    });
  }

  const SystemParts& parts_;
  std::vector<Graft> list_;
  std::vector<std::string> given_;
};

// Of the order's own directory, where it is there.
Result<> take_part(Grafts& grafts, const Order& order, const char* part, const std::string& at) {
  const std::string host = order.directory + part;
  struct stat info{};
  if (at.empty() || ::stat(host.c_str(), &info) != 0) return {};
  return grafts.add_at(host, at, own);
}

// First "/tmp", so that what the host has below its /tmp can be shown there too; parents come
// before what lies in them.
Result<> take_given(Grafts& grafts, const Order& order) {
  TRY_DO(take_part(grafts, order, "/tmp", "/tmp"));
  TRY_DO(take_part(grafts, order, "/kept", order.kept_free));
  TRY(Taken proc, order.layers.fresh_proc ? take_new_proc() : take("/proc", own));
  grafts.add_taken(std::move(proc), "/proc");
  std::vector<Given> given = order.given;
  std::ranges::sort(given, {}, [](const Given& one) { return one.host.size(); });
  for (const Given& one : given) {
    const bool writes = one.access == Given::Access::read_write;
    TRY_DO(writes ? grafts.add_at(one.host, one.host, own) : grafts.add(one.host, read_only));
    if (!one.inside.empty() && one.inside != one.host)
      TRY_DO(grafts.add_at(one.host, one.inside, writes ? own : read_only));
  }
  return grafts.add_at(order.directory, order.directory, own);
}

// The cell's own folders in the tree, which this process is in. The tree's skeleton may be shared
// with other cells, so nothing but a first folder is made there: the cell lays a file system of its
// own upon it.
class OwnFolders {
 public:
  explicit OwnFolders(const SystemParts& parts) : parts_(parts) {}

  Result<> make_parents(std::string_view path) {
    for (std::size_t at = path.find('/', 1); at != path.npos; at = path.find('/', at + 1))
      TRY_DO(make(std::string(path.substr(0, at))));
    return {};
  }
  void note(const std::string& path) { own_.push_back(path); }
  Result<> protect_all() const {
    for (const std::string& top : tops_) TRY_DO(protect(top, read_only));
    return protect("/", read_only);
  }

 private:
  bool is_own(std::string_view path) const {
    return std::ranges::any_of(own_, [&](const std::string& folder) {
      return path == folder ||
             (path.starts_with(folder) && path.substr(folder.size()).starts_with('/'));
    });
  }
  // Not so where a link of the system leads away from it.
  static bool is_of_skeleton(const std::string& path) {
    struct stat root{};
    struct stat folder{};
    return ::stat("/", &root) == 0 && ::stat(path.c_str(), &folder) == 0 &&
           root.st_dev == folder.st_dev;
  }
  Result<> make(const std::string& path) {
    if (parts_.show(path) || parts_.lie_in(path)) return {};
    TRY_DO(make_folder(path));
    if (is_own(path) || !is_of_skeleton(path)) return {};
    TRY_DO(mount_new("tmpfs", path, MS_NOSUID | MS_NODEV, skeleton_options));
    tops_.push_back(path);
    note(path);
    return {};
  }

  const SystemParts& parts_;
  std::vector<std::string> own_;   // with what lies below
  std::vector<std::string> tops_;  // those of a file system of their own
};

Result<> attach_given(OwnFolders& folders, const std::vector<Graft>& grafts) {
  for (const Graft& graft : grafts) {
    struct stat info{};
    if (graft.unless_there && ::lstat(graft.inside.c_str(), &info) == 0) continue;
    TRY_DO(folders.make_parents(graft.inside));
    if (graft.link.empty())
      TRY_DO(attach(graft.taken, graft.inside));
    else
      TRY_DO(make_link(graft.link, graft.inside));
    folders.note(graft.inside);
  }
  return {};
}

Result<> add_own(const SystemParts& parts, const Order& order, const Grafts& grafts) {
  const std::uint64_t bytes = order.limits.shared_memory_bytes;
  const std::string options = bytes == 0 ? "mode=1777" : fmt::format("mode=1777,size={}", bytes);
  TRY_DO(mount_new("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, options.c_str()));
  OwnFolders folders(parts);
  TRY_DO(attach_given(folders, grafts.list()));
  return folders.protect_all();
}

}  // namespace

Result<> enter_system_tree(const SystemParts& parts, const std::string& over) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return cannot("separate", "/");
  const mode_t before = ::umask(022);  // the way to what is shown is open to everybody
  auto made = make_system_tree(parts, over);
  ::umask(before);
  TRY_DO(std::move(made));
  return change_root(over);
}

Result<> enter_own_tree(const Order& order, const SystemParts& parts,
                        const PreparedTree* prepared) {
  Grafts grafts(parts);
  TRY_DO(take_given(grafts, order));
  TRY_DO(prepared != nullptr ? prepared->enter() : enter_system_tree(parts, order.control));
  const mode_t before = ::umask(022);
  auto added = add_own(parts, order, grafts);
  ::umask(before);
  return added;
}

}  // namespace slipway::cell
