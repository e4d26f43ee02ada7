// A Model whose Python code runs in child processes.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/worker_pool.h"
#include "modelserver/backends/model.h"
#include "modelserver/backends/python_worker.h"

namespace slipway::modelserver {

// Bodies pass through as they are. One worker is there from the start; the others, up to
// options.workers, come up in the background. answer() takes a free worker or waits for one.
//
// An answer in parts holds its worker until it ends or is given up (python_stream.h).
//
// A worker that dies or takes too long costs the request that it had (500), and is replaced; the
// requests behind it go on. When a replacement does not come up, this process ends with status 1,
// and whoever started it starts another.
class PythonModel final : public Model {
 public:
  static Result<std::unique_ptr<PythonModel>> start(PythonOptions options);

  explicit PythonModel(PythonOptions options) : options_(std::move(options)) {}
  ~PythonModel() override;

  const ModelSignature& signature() const override { return signature_; }
  std::size_t batch_max() const override { return 1; }
  std::size_t concurrency() const override { return options_.workers; }
  void answer(std::span<ModelCall> batch) override;

  // Gives a worker back that answered to the end; or one that did not, to be replaced without
  // waiting for it. For PythonStream; retire() on the loop thread.
  void put(std::unique_ptr<PythonWorker> worker);
  void retire(std::unique_ptr<PythonWorker> worker);
  const PythonOptions& options() const { return options_; }

 private:
  void start_others();
  std::unique_ptr<PythonWorker> take();
  void answer_one(ModelCall& invocation);
  std::unique_ptr<PythonWorker> replace();

  PythonOptions options_;
  ModelSignature signature_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::vector<std::unique_ptr<PythonWorker>> workers_;  // the idle ones; guarded by mutex_
  std::jthread others_;                                 // starts the workers after the first
  std::atomic<bool> ending_ = false;
  std::unique_ptr<WorkerPool> replacing_;  // one thread, made when first needed
};

}  // namespace slipway::modelserver
