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

#include "base/fd.h"

namespace slipway::cell {

namespace fs = std::filesystem;

namespace {

constexpr const char* skeleton_options = "mode=0755,size=4m,nr_inodes=8k";
constexpr const char* devices_options = "mode=0755,size=64k,nr_inodes=1k";

std::unexpected<Error> cannot(std::string_view what, const std::string& path) {
  const std::string why = errno_text(errno);
  return fail(ErrorCode::unavailable,
              fmt::format("The cell's file tree cannot be made: {} {}: {}", what, path, why));
}

Result<> mount_new(const char* type, const std::string& at, unsigned long flags,
                   const char* options) {
  if (::mount(type, at.c_str(), type, flags, options) == 0) return {};
  return cannot(fmt::format("mount {} at", type), at);
}

// The C library of Debian 12 knows the structure; the number is the same everywhere.
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

Result<> set_attributes(const std::string& at, std::uint64_t attributes) {
  mount_attr wanted{};
  wanted.attr_set = attributes;
  if (::syscall(SYS_mount_setattr, AT_FDCWD, at.c_str(), AT_RECURSIVE, &wanted, sizeof wanted) == 0)
    return {};
  return cannot("protect", at);
}

// Below `root`, which will be "/".
class Tree {
 public:
  explicit Tree(std::string root) : root_(std::move(root)) {}

  const std::string& root() const { return root_; }
  std::string at(const std::string& inside) const { return root_ + inside; }

  Result<> make_directory(const std::string& inside) {
    std::error_code error;
    fs::create_directories(at(inside), error);
    if (!error) return {};
    errno = error.value();
    return cannot("make", inside);
  }

  // A symbolic link of the host stays one; what an earlier bind shows already is left.
  Result<> add(const std::string& host, const std::string& inside, std::uint64_t attributes) {
    struct stat info{};
    if (::lstat(host.c_str(), &info) != 0) return {};
    if (host == inside && shows(inside)) return {};
    TRY_DO(make_directory(fs::path(inside).parent_path()));
    if (host == inside && is_there_by_a_link(host)) return {};
    if (S_ISLNK(info.st_mode) && host == inside) return copy_link(host);
    return bind(host, inside, attributes);
  }

  Result<> bind(const std::string& host, const std::string& inside, std::uint64_t attributes) {
    struct stat info{};
    if (::stat(host.c_str(), &info) != 0) return cannot("find", host);
    if (S_ISDIR(info.st_mode)) {
      TRY_DO(make_directory(inside));
    } else {
      const Fd place(::open(at(inside).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
      if (!place) return cannot("make", inside);
    }
    if (::mount(host.c_str(), at(inside).c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
      return cannot("show", host);
    if (host == inside) shown_.push_back(host);
    return set_attributes(at(inside), attributes);
  }

  Result<> link(const std::string& to, const std::string& inside) {
    if (::symlink(to.c_str(), at(inside).c_str()) == 0 || errno == EEXIST) return {};
    return cannot("link", inside);
  }

 private:
  bool shows(const std::string& host) const {
    return std::ranges::any_of(shown_, [&](const std::string& path) {
      return host == path || host.starts_with(path + "/");
    });
  }

  // "/bin/x", where "/bin" is a link to what is shown already.
  bool is_there_by_a_link(const std::string& path) const {
    struct stat info{};
    std::error_code error;
    return ::lstat(at(path).c_str(), &info) == 0 && shows(fs::canonical(path, error));
  }

  // With the host's target, which is shown under its own path.
  Result<> copy_link(const std::string& path) {
    std::error_code error;
    const fs::path target = fs::read_symlink(path, error);
    TRY_DO(link(target, path));
    const fs::path real = fs::canonical(path, error);
    if (error || shows(real)) return {};
    return add(real, real, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  }

  const std::string root_;
  std::vector<std::string> shown_;  // under their own path, with what lies below
};

constexpr std::uint64_t read_only = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr std::uint64_t own = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

Result<> add_system(Tree& tree) {
  for (const std::string& path : system_paths()) {
    if (path == "/proc") continue;
    TRY_DO(tree.add(path, path, read_only));
  }
  return {};
}

Result<> add_devices(Tree& tree, const Order& order) {
  TRY_DO(tree.make_directory("/dev"));
  TRY_DO(mount_new("tmpfs", tree.at("/dev"), MS_NOSUID | MS_NOEXEC, devices_options));
  for (const std::string& path : device_paths())
    if (path != "/dev/shm") TRY_DO(tree.add(path, path, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  TRY_DO(tree.make_directory("/dev/shm"));
  const std::uint64_t bytes = order.limits.shared_memory_bytes;
  const std::string options = bytes == 0 ? "mode=1777" : fmt::format("mode=1777,size={}", bytes);
  TRY_DO(mount_new("tmpfs", tree.at("/dev/shm"), MS_NOSUID | MS_NODEV, options.c_str()));
  TRY_DO(tree.link("/proc/self/fd", "/dev/fd"));
  TRY_DO(tree.link("/proc/self/fd/0", "/dev/stdin"));
  TRY_DO(tree.link("/proc/self/fd/1", "/dev/stdout"));
  TRY_DO(tree.link("/proc/self/fd/2", "/dev/stderr"));
  return {};
}

Result<> add_proc(Tree& tree, const Order& order) {
  TRY_DO(tree.make_directory("/proc"));
  if (order.layers.fresh_proc)
    return mount_new("proc", tree.at("/proc"), MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
  return tree.bind("/proc", "/proc", own);
}

// The order's own directories: first "/tmp", so that what the host has below its /tmp can be shown
// there too; the parents come before the children.
Result<> add_given(Tree& tree, const Order& order) {
  const std::string temporary = order.directory + "/tmp";
  struct stat info{};
  if (::stat(temporary.c_str(), &info) == 0) TRY_DO(tree.bind(temporary, "/tmp", own));
  std::vector<Given> given = order.given;
  std::ranges::sort(given, {}, [](const Given& one) { return one.host.size(); });
  for (const Given& one : given) {
    const auto attributes = one.access == Given::Access::read_write ? own : read_only;
    if (one.access == Given::Access::read_write)
      TRY_DO(tree.bind(one.host, one.host, attributes));
    else
      TRY_DO(tree.add(one.host, one.host, attributes));
    if (!one.inside.empty() && one.inside != one.host)
      TRY_DO(tree.bind(one.host, one.inside, attributes));
  }
  return tree.bind(order.directory, order.directory, own);
}

// "." twice: the old root ends up below the new one at the same place, and is then let go.
Result<> change_root(const Tree& tree) {
  if (::chdir(tree.root().c_str()) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0)
    return cannot("move into", tree.root());
  if (::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0) return cannot("let go", "the old one");
  if (::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV,
              nullptr) != 0)
    return cannot("protect", "/");
  return {};
}

void add_if_there(std::vector<std::string>& paths, const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0) paths.push_back(path);
}

}  // namespace

std::vector<std::string> system_paths() {
  std::vector<std::string> paths;
  for (const char* path : {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc",
                           "/sys", "/proc", "/nix", "/gnu", "/snap"})
    add_if_there(paths, path);
  // /opt/ml is where a model's files appear: beside it, not over it.
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/opt", error))
    if (entry.path() != "/opt/ml") paths.push_back(entry.path());
  // What /etc/resolv.conf leads to, where it leads out of /etc.
  const fs::path resolver = fs::canonical("/etc/resolv.conf", error);
  if (!error && !resolver.native().starts_with("/etc/")) paths.push_back(resolver.parent_path());
  return paths;
}

std::vector<std::string> device_paths() {
  std::vector<std::string> paths;
  for (const char* path : {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom",
                           "/dev/shm", "/dev/dri", "/dev/kfd", "/dev/nvidiactl", "/dev/nvidia-uvm",
                           "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset", "/dev/nvidia-caps"})
    add_if_there(paths, path);
  for (int i = 0; i < 16; ++i) add_if_there(paths, fmt::format("/dev/nvidia{}", i));
  return paths;
}

namespace {

Result<> make_tree(Tree& tree, const Order& order) {
  TRY_DO(mount_new("tmpfs", tree.root(), MS_NOSUID | MS_NODEV, skeleton_options));
  TRY_DO(add_system(tree));
  TRY_DO(add_devices(tree, order));
  TRY_DO(add_proc(tree, order));
  return add_given(tree, order);
}

}  // namespace

Result<> enter_own_tree(const Order& order) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return cannot("separate", "/");
  Tree tree(order.control + "/root");
  if (::mkdir(tree.root().c_str(), 0700) != 0 && errno != EEXIST)
    return cannot("make", tree.root());
  const mode_t before = ::umask(022);  // the way to what is shown is open to everybody
  auto made = make_tree(tree, order);
  ::umask(before);
  TRY_DO(std::move(made));
  return change_root(tree);
}

}  // namespace slipway::cell
