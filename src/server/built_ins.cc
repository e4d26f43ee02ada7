#include "server/built_ins.h"

#include <system_error>

#include "server/instance_files.h"

namespace slipway::server {
namespace {

// What a program of `--program` is told.
fleet::BuiltInProgram::Flags program_flags() {
  return {.model = "--model-dir", .http_socket = "--http-socket"};
}

// The command line of slipway-modelserver (modelserver/README.md).
fleet::BuiltInProgram::Flags model_server_flags() {
  auto flags = program_flags();
  flags.link_socket = "--link-socket";
  return flags;
}

environments::EnvironmentFlags environment_flags() {
  return {.plan = "--plan-environment",
          .install = "--install-environment",
          .environment = "--environment",
          .plan_text = "--environment-plan",
          .reason = "slipway-modelserver: "};
}

}  // namespace

std::filesystem::path folder_of_this_program() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
}

fleet::FleetOptions fleet_options(const std::filesystem::path& model_server,
                                  const ServeOptions& serve) {
  fleet::FleetOptions options;
  options.idle_time = std::chrono::seconds(serve.serverless_idle);
  for (const char* image : {"slipway-inference", "sagemaker-xgboost", "sagemaker-scikit-learn"})
    options.built_ins[image] = {
        .argv = {model_server.string(), "serve"},
        .environment = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                        {"SLIPWAY_PYTHON", serve.python}},
        .mounts = model_server_files(model_server, serve.python, serve.reads),
        .flags = model_server_flags(),
        .packages = environment_flags()};
  for (const auto& [image, program] : serve.image_programs())
    options.built_ins[image] = {.argv = {program},
                                .environment = {},
                                .mounts = program_files(program, serve.data, serve.reads),
                                .flags = program_flags()};
  return options;
}

}  // namespace slipway::server
