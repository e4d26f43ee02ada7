#include "modelserver/program/zygote.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include <cstdio>
#include <memory>
#include <span>

#include "base/log.h"
#include "cell/warm_parent.h"
#include "modelserver/backends/onnx_model.h"
#include "modelserver/options.h"
#include "modelserver/program/server.h"

namespace slipway::modelserver {
namespace {

std::shared_ptr<const OnnxRuntime> warm_runtime() {
  auto runtime = OnnxRuntime::open();
  if (runtime) {
    (*runtime)->warm_up();
    return *std::move(runtime);
  }
  log_warning("modelserver", "the zygote goes on without ONNX Runtime",
              {{"cause", runtime.error().message}});
  return nullptr;
}

void take_environment(const std::vector<std::string>& variables) {
  clearenv();
  for (const std::string& variable : variables)
    if (const auto equals = variable.find('='); equals != std::string::npos)
      setenv(variable.substr(0, equals).c_str(), variable.c_str() + equals + 1, 1);
}

// In the instance, in its cell.
int run_instance(const cell::Order& order, const std::shared_ptr<const OnnxRuntime>& onnx) {
  take_environment(order.variables);
  forbid_telemetry();
  const auto options = read_options(std::span(order.arguments).subspan(1));
  if (!options || !options->zygote_socket.empty()) {
    print_error(options ? "An instance cannot be a zygote." : options.error().message);
    return 2;
  }
  const int status = run(*options, onnx);
  std::fflush(nullptr);
  return status;
}

}  // namespace

int run_zygote(const std::string& socket) {
  // What it holds of its instances is for nobody else of its user.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const auto onnx = warm_runtime();
  const auto served = cell::serve_orders(
      socket, [&](const cell::Order& order) { return run_instance(order, onnx); });
  if (served) return 0;
  print_error(served.error().message);
  return 1;
}

}  // namespace slipway::modelserver
