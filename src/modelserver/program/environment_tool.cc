#include "modelserver/program/environment_tool.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/fd.h"
#include "modelserver/backends/load_model.h"
#include "modelserver/backends/shared_library.h"
#include "modelserver/formats/json_cursor.h"
#include "modelserver/program/server.h"

namespace slipway::modelserver {
namespace {

using Settings = std::initializer_list<std::pair<std::string_view, std::string_view>>;

std::string json_of(Settings settings) {
  std::string json = "{";
  for (const auto& [name, value] : settings) {
    if (json.size() > 1) json += ", ";
    append_json_string(json, name);
    json += ": ";
    append_json_string(json, value);
  }
  return json + "}";
}

// Returns only where that fails.
int become_script(const PythonOptions& python, const char* act, Settings settings) {
  const std::string script = library_folder() + "/slipway_packages.py";
  setenv("SLIPWAY_WORKER", json_of(settings).c_str(), 1);
  ::execlp(python.interpreter.c_str(), python.interpreter.c_str(), script.c_str(), act, nullptr);
  print_error(fmt::format("'{}' cannot be started: {}.", python.interpreter, errno_text(errno)));
  return 1;
}

}  // namespace

int prepare_environment(const Options& options) {
  const PythonOptions python = python_options(options);
  if (!options.install_folder.empty())
    return become_script(python, "install",
                         {{"plan", options.environment_plan},
                          {"folder", options.install_folder},
                          {"path", options.environment}});
  const auto choice = choose_backend(options);
  if (!choice || choice->backend != Backend::python) return 0;
  return become_script(
      python, "plan",
      {{"model_dir", python.model_dir}, {"image", python.image}, {"file", options.plan_file}});
}

}  // namespace slipway::modelserver
