#include "cell/system_parts.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

namespace slipway::cell {

namespace fs = std::filesystem;

namespace {

bool lies_below(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

// A link and, where nothing shows it yet, what it leads to.
void add(SystemParts& parts, const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return;
  if (!S_ISLNK(info.st_mode)) {
    if (!parts.show(path)) parts.folders.push_back(path);
    return;
  }
  std::error_code error;
  parts.links.push_back({path, fs::read_symlink(path, error)});
  const fs::path real = fs::canonical(path, error);
  if (!error && !parts.show(real.native())) parts.folders.push_back(real);
}

void add_device(SystemParts& parts, const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0) parts.devices.push_back(path);
}

void find_devices(SystemParts& parts) {
  for (const char* path : {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom",
                           "/dev/dri", "/dev/kfd", "/dev/nvidiactl", "/dev/nvidia-uvm",
                           "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset", "/dev/nvidia-caps"})
    add_device(parts, path);
  for (int i = 0; i < 16; ++i) add_device(parts, fmt::format("/dev/nvidia{}", i));
}

}  // namespace

bool SystemParts::show(std::string_view path) const {
  return std::ranges::any_of(folders, [&](const std::string& folder) {
    return path == folder || lies_below(path, folder);
  });
}

bool SystemParts::lie_in(std::string_view path) const {
  const auto in = [&](const std::string& part) { return lies_below(part, path); };
  return std::ranges::any_of(folders, in) || std::ranges::any_of(links, in, &Link::path) ||
         std::ranges::any_of(devices, in);
}

SystemParts find_system_parts(const std::string& kept_free) {
  SystemParts parts;
  for (const char* path : {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc",
                           "/sys", "/nix", "/gnu", "/snap"})
    add(parts, path);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/opt", error))
    if (entry.path() != kept_free) add(parts, entry.path());
  // This is what /etc/resolv.conf leads to, where it leads out of /etc.
  const fs::path resolver = fs::canonical("/etc/resolv.conf", error);
  if (!error && !parts.show(resolver.native())) add(parts, resolver.parent_path());
  find_devices(parts);
  return parts;
}

}  // namespace slipway::cell
