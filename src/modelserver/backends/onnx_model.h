// ONNX models, by ONNX Runtime.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "modelserver/backends/predictor.h"
#include "modelserver/options.h"

namespace slipway::modelserver {

// Forbids ONNX Runtime to send usage events to its maker, which its Linux builds otherwise do from
// a thread of their own (ORT_DISABLE_TELEMETRY in this process's environment, for children too). To
// be called while there is one thread only.
void forbid_telemetry();

// How a model treats memory.
enum class Footprint : std::uint8_t {
  alone,        // keeps what it once needed for the next run
  one_of_many,  // gives it back after each run, so that thousands fit side by side
};

// The loaded library and its environment, without threads of its own: a process that has it may
// fork. One for each process; the predictors made from it keep it alive.
class OnnxRuntime {
 public:
  // Opens the library. not_found or unavailable where it cannot.
  static Result<std::shared_ptr<const OnnxRuntime>> open();

  virtual ~OnnxRuntime() = default;

  // Loads a model, learns its signature, and runs it on made-up records, which warms it up. With
  // Joins::automatic requests are joined where the graph shows that each record is worked on alone
  // (row_wise.h) and the made-up records bear it out; the log says why not. invalid_argument: the
  // file is no model that this library takes.
  virtual Result<std::unique_ptr<Predictor>> load(const std::string& path, Footprint footprint,
                                                  Joins joins) const = 0;

  // Makes and drops a tiny session, so that the first real one finds everything in place.
  virtual void warm_up() const = 0;
};

}  // namespace slipway::modelserver
