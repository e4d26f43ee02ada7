// Many models in one process, loaded and let go while others answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/worker_pool.h"
#include "modelserver/backends/onnx_model.h"
#include "modelserver/fronts/dispatcher.h"
#include "modelserver/fronts/request_sink.h"
#include "modelserver/options.h"
#include "net/loop.h"

namespace slipway::modelserver {

// Limits.
inline constexpr std::size_t model_name_bytes_max = 256;
inline constexpr std::size_t listed_models_max = 1'000;  // in one page
inline constexpr std::size_t models_max = 100'000;
// Freed memory goes back to the system so long after a model was let go, for all that went
// meanwhile.
inline constexpr std::chrono::milliseconds trim_delay{50};

// The models by name, each with a Dispatcher of its own over shared worker threads. Loading and
// letting go happen on threads of a lower priority than those that answer; Python models, whose
// processes would inherit it, come up on others.
//
// Loop thread only; callbacks run there too, never inside the call. `loop` and `options` outlive
// it.
class ModelRepository final : public RequestSink {
 public:
  using Done = std::move_only_function<void(Result<>)>;

  // `onnx`: a runtime that is open already, or null.
  ModelRepository(net::Loop& loop, const Options& options, std::shared_ptr<const OnnxRuntime> onnx);
  ~ModelRepository() override;

  // Loads the model directory `folder` under `name`. Errors: already_exists; limit_exceeded (no
  // memory for it, until others are let go); what load_model() says. Where the model of that name
  // is being loaded or let go, this waits for that first.
  void load(std::string name, std::string folder, Done done);
  // Refuses new requests for it at once, waits for those that it has, lets it go. not_found.
  void unload(std::string name, Done done);

  struct Listed {
    std::string_view name;
    std::string_view folder;
  };
  // The loaded models in the order of their names, behind `after`. Views until the loop goes on.
  std::vector<Listed> list(std::string_view after, std::size_t count_max) const;
  std::optional<Listed> find(std::string_view name) const;

  // 404 where no model of that name is loaded.
  void submit(std::string_view model, const ModelCall& invocation, Reply reply) override;
  void cancel(const LinkConnection& link, std::uint32_t id) override;
  void add_credit(const LinkConnection& link, std::uint32_t id, std::uint32_t bytes) override;
  void link_closed(const LinkConnection& link) override;

  // Runs `task` once nothing waits for an answer.
  void when_idle(Task task);

 private:
  struct Entry;
  using Models = std::map<std::string, std::unique_ptr<Entry>, std::less<>>;

  void start_loading(const std::string& name);
  void start_python(const std::string& name, Options options);
  void finish_loading(const std::string& name, Result<std::unique_ptr<Model>> model);
  void let_go(const std::string& name);
  void remove(const std::string& name);
  static void run_waiting(std::vector<Task> waiting);
  void trim_later();

  // On a loader's thread.
  Result<std::shared_ptr<const OnnxRuntime>> runtime();
  Result<> have_memory_for(const std::string& folder) const;

  net::Loop& loop_;
  const Options& options_;
  Models models_;
  WorkerPool answerers_;
  WorkerPool loaders_;   // of low priority
  WorkerPool starters_;  // for Python models
  bool trim_planned_ = false;
  std::mutex runtime_mutex_;
  std::shared_ptr<const OnnxRuntime> runtime_;  // guarded by runtime_mutex_
};

}  // namespace slipway::modelserver
