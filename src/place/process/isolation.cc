#include "place/process/isolation.h"

#include <fmt/format.h>

#include <string>

namespace slipway::place {

Result<cell::Layers> find_layers(const ProcessPlaceOptions& options) {
  if (options.isolation == Isolation::off) return cell::no_layers;
  if (options.layers) return *options.layers;
  const std::filesystem::path folder = options.root / "trial";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  auto layers = cell::ask(options.cell, folder);
  std::filesystem::remove_all(folder, error);
  if (!layers || options.isolation == Isolation::automatic) return layers;
  std::string missing;
  for (const cell::Finding& finding : cell::describe(*layers))
    if (finding.need == cell::Finding::Need::isolation && !finding.held)
      missing += fmt::format("; {}: {}", finding.what, finding.detail);
  if (missing.empty()) return layers;
  return fail(
      ErrorCode::unavailable,
      fmt::format("--isolation required, and this machine does not have all of it{}", missing));
}

std::filesystem::path cell_beside_this_program() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "slipway-cell";
}

bool walks_host_paths(const cell::Layers& layers) {
  return layers.own_users() && !layers.namespaces;
}

Capabilities capabilities_with(const cell::Layers& layers) {
  return {.runs_programs = true,
          .survives_server = true,
          .sees_host_paths = true,
          .limits_memory = true,
          .walks_host_paths = walks_host_paths(layers),
          .closes_files = layers.closes_files(),
          .closes_processes = layers.closes_processes(),
          .hides_processes = layers.namespaces,
          .closes_names = layers.closes_names(),
          .ends_everything = true};
}

void let_users_pass(const std::filesystem::path& folder) {
  using std::filesystem::perms;
  std::error_code ignored;
  std::filesystem::permissions(folder, perms::group_exec | perms::others_exec,
                               std::filesystem::perm_options::add, ignored);
}

Groups divide_group(const ProcessPlaceOptions& options, const cell::Layers& layers) {
  if (options.cgroup)
    return options.cgroup->empty() ? Groups() : Groups(*options.cgroup, options.root);
  if (layers == cell::no_layers) return {};
  const auto own = cell::Cgroups::own_base();
  return own ? Groups(*own, options.root) : Groups();
}

}  // namespace slipway::place
