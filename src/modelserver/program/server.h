// slipway-modelserver as a whole: listen, load, answer, drain.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "modelserver/backends/onnx_model.h"
#include "modelserver/options.h"

namespace slipway::modelserver {

// Runs until SIGTERM or SIGINT and returns the exit status: 0 after a drain, 1 where the model
// cannot be loaded or an address cannot be listened on (one line on standard error says why), 2 for
// arguments that are not understood. `onnx`: a runtime that is open already, or null. To be called
// on the main thread, before any other was started.
int serve(const Options& options, std::shared_ptr<const OnnxRuntime> onnx);

// As serve(); or, where the options ask for it, finds out what a model needs installed, or installs
// it (environment_tool.h).
int run(const Options& options, std::shared_ptr<const OnnxRuntime> onnx);

// Says a sentence on standard error where it can be written; goes on where it cannot.
void print_error(std::string_view sentence);

// Reads the arguments (without the program's name), then serves or becomes a zygote.
int run_program(std::span<const std::string> arguments);

}  // namespace slipway::modelserver
