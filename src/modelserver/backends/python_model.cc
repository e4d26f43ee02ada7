#include "modelserver/backends/python_model.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#include "base/log.h"
#include "modelserver/backends/python_stream.h"

namespace slipway::modelserver {
namespace {

constexpr int replacement_tries_max = 3;

}  // namespace

Result<std::unique_ptr<PythonModel>> PythonModel::start(PythonOptions options) {
  auto model = std::make_unique<PythonModel>(std::move(options));
  TRY(auto first, PythonWorker::start(model->options_));
  model->put(std::move(first));
  model->start_others();
  return model;
}

// The threads join as the members go.
PythonModel::~PythonModel() { ending_ = true; }

void PythonModel::start_others() {
  others_ = std::jthread([this](const std::stop_token& stop) {
    for (std::size_t i = 1; i < options_.workers && !stop.stop_requested(); ++i) {
      auto worker = PythonWorker::start(options_);
      if (!worker) {
        log_warning("modelserver", "a further Python worker does not start",
                    {{"cause", worker.error().message}});
        return;
      }
      put(*std::move(worker));
    }
  });
}

std::unique_ptr<PythonWorker> PythonModel::take() {
  std::unique_lock lock(mutex_);
  free_.wait(lock, [&] { return !workers_.empty(); });
  auto worker = std::move(workers_.back());
  workers_.pop_back();
  return worker;
}

void PythonModel::put(std::unique_ptr<PythonWorker> worker) {
  {
    const std::scoped_lock lock(mutex_);
    workers_.push_back(std::move(worker));
  }
  free_.notify_one();
}

// Ending a worker and starting another both take their time; the loop waits for neither.
void PythonModel::retire(std::unique_ptr<PythonWorker> worker) {
  if (!replacing_) replacing_ = std::make_unique<WorkerPool>(1);
  replacing_->post([this, old = std::move(worker)]() mutable {
    old.reset();
    if (!ending_) put(replace());
  });
}

std::unique_ptr<PythonWorker> PythonModel::replace() {
  std::string cause;
  for (int i = 0; i < replacement_tries_max; ++i) {
    auto worker = PythonWorker::start(options_);
    if (worker) return *std::move(worker);
    cause = worker.error().message;
  }
  std::fputs(fmt::format("slipway-modelserver: The Python worker died and does not come up "
                         "again: {}\n",
                         cause)
                 .c_str(),
             stderr);
  std::fflush(stderr);
  std::_Exit(1);
}

void PythonModel::answer_one(ModelCall& invocation) {
  auto worker = take();
  auto done = worker->answer(invocation, options_.answer_time);
  if (done && *done == PythonWorker::Form::parts) {
    invocation.answer.parts = std::make_shared<PythonStream>(*this, std::move(worker));
    return;
  }
  if (!done) {
    const bool late = done.error().code == ErrorCode::timeout;
    log_warning(
        "modelserver",
        late ? "a Python worker took too long; replacing it" : "a Python worker died; replacing it",
        {{"pid", std::to_string(worker->pid())}});
    answer_error(invocation.answer, 500,
                 late ? fmt::format("The model's code took longer than {} s and was stopped.",
                                    options_.answer_time.count() / 1000)
                      : "The model's code ended its process while it worked on this request.");
    worker.reset();
    worker = replace();
  }
  put(std::move(worker));
}

void PythonModel::answer(std::span<ModelCall> batch) {
  for (auto& invocation : batch) answer_one(invocation);
}

}  // namespace slipway::modelserver
