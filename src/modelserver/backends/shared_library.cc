#include "modelserver/backends/shared_library.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace slipway::modelserver {

std::string library_folder() {
  if (const char* const given = std::getenv("SLIPWAY_LIB"); given != nullptr && *given != '\0')
    return given;
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  return (program.parent_path().parent_path() / "lib").string();
}

Result<void*> open_library(std::initializer_list<std::string_view> names) {
  const std::filesystem::path folder = library_folder();
  for (const auto name : names) {
    const auto path = folder / name;
    std::error_code error;
    if (!std::filesystem::exists(path, error)) continue;
    if (void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
    return fail(ErrorCode::unavailable,
                fmt::format("The library {} does not open: {}.", path.string(), dlerror()));
  }
  for (const auto name : names)
    if (void* const library = dlopen(std::string(name).c_str(), RTLD_NOW | RTLD_LOCAL))
      return library;
  return fail(
      ErrorCode::not_found,
      fmt::format("The library {} is neither in {} nor where the system looks. Set SLIPWAY_LIB "
                  "to the folder that has it.",
                  *names.begin(), folder.string()));
}

Result<void*> find_symbol(void* library, const char* name) {
  if (void* const symbol = dlsym(library, name)) return symbol;
  return fail(
      ErrorCode::unavailable,
      fmt::format("The library has no function {}: it is not the one that is meant.", name));
}

}  // namespace slipway::modelserver
