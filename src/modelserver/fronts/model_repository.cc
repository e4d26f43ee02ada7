#include "modelserver/fronts/model_repository.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <new>
#include <thread>

#include "base/folder_bytes.h"
#include "base/log.h"
#include "modelserver/backends/load_model.h"

namespace slipway::modelserver {
namespace {

// Threads for models that are too slow for the loop. A model never takes more of them than it says
// it can use, so that one which blocks leaves some to the others.
constexpr std::size_t answering_threads = 32;
constexpr std::size_t loading_threads = 2;
constexpr std::size_t starting_threads = 2;
// nice(1) calls the priority of loading so: answering goes first.
constexpr int loading_nice = 5;
// More arenas than this keep more freed memory between them than they save in waiting.
constexpr int arenas_max = 2;
// Larger blocks are mapped, and go back to the system when they are freed.
constexpr int mapped_bytes_min = 256 * 1024;

void lower_priority() {
  thread_local const bool lowered =
      ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), loading_nice) == 0;
  (void)lowered;
}

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t whole = 0;
  std::uint64_t resident = 0;
  file >> whole >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

struct ModelRepository::Entry {
  enum class State : std::uint8_t { loading, ready, leaving };

  Entry(net::Loop& loop, const Options& options, WorkerPool& pool, std::string from)
      : folder(std::move(from)), dispatcher(loop, options.batching, &pool) {}

  State state = State::loading;
  std::string folder;
  Dispatcher dispatcher;
  std::vector<Done> loaders;  // told when it is loaded, or is not
  std::vector<Task> waiting;  // run when the state changed
  std::vector<Done> unloaders;
};

ModelRepository::ModelRepository(net::Loop& loop, const Options& options,
                                 std::shared_ptr<const OnnxRuntime> onnx)
    : loop_(loop),
      options_(options),
      answerers_(answering_threads),
      loaders_(loading_threads),
      starters_(starting_threads),
      runtime_(std::move(onnx)) {
  ::mallopt(M_ARENA_MAX, arenas_max);
  ::mallopt(M_MMAP_THRESHOLD, mapped_bytes_min);
}

ModelRepository::~ModelRepository() {
  loaders_.stop();
  starters_.stop();
  answerers_.stop();
}

void ModelRepository::run_waiting(std::vector<Task> waiting) {
  for (Task& task : waiting) task();
}

// ---- Loading ----

void ModelRepository::load(std::string name, std::string folder, Done done) {
  const auto found = models_.find(name);
  if (found != models_.end() && found->second->state == Entry::State::ready)
    return loop_.post([done = std::move(done), name = std::move(name)]() mutable {
      done(fail(ErrorCode::already_exists, fmt::format("The model {} is loaded.", name)));
    });
  if (found != models_.end())
    return found->second->waiting.push_back(
        [this, name, folder = std::move(folder), done = std::move(done)]() mutable {
          load(std::move(name), std::move(folder), std::move(done));
        });
  if (models_.size() >= models_max)
    return loop_.post([done = std::move(done)]() mutable {
      done(fail(ErrorCode::limit_exceeded, fmt::format("{} models are loaded.", models_max)));
    });
  auto& entry =
      *(models_[name] = std::make_unique<Entry>(loop_, options_, answerers_, std::move(folder)));
  entry.loaders.push_back(std::move(done));
  start_loading(name);
}

void ModelRepository::start_loading(const std::string& name) {
  Options options = options_;
  options.model_dir = models_.find(name)->second->folder;
  loaders_.post([this, name, options = std::move(options)]() mutable {
    lower_priority();
    const auto finish = [&](Result<std::unique_ptr<Model>> model) {
      loop_.post([this, name, model = std::move(model)]() mutable {
        finish_loading(name, std::move(model));
      });
    };
    if (const Result<> room = have_memory_for(options.model_dir); !room)
      return finish(std::unexpected(room.error()));
    const auto choice = choose_backend(options);
    if (!choice) return finish(std::unexpected(choice.error()));
    if (choice->backend == Backend::python) return start_python(name, std::move(options));
    try {
      auto onnx = runtime();
      if (!onnx) return finish(std::unexpected(onnx.error()));
      finish(load_model(options, *std::move(onnx)));
    } catch (const std::bad_alloc&) {
      finish(fail(ErrorCode::limit_exceeded, "There is no memory for the model."));
    }
  });
}

void ModelRepository::start_python(const std::string& name, Options options) {
  starters_.post([this, name, options = std::move(options)] {
    auto model = load_model(options, nullptr);
    loop_.post([this, name, model = std::move(model)]() mutable {
      finish_loading(name, std::move(model));
    });
  });
}

void ModelRepository::finish_loading(const std::string& name,
                                     Result<std::unique_ptr<Model>> model) {
  Entry& entry = *models_.find(name)->second;
  auto loaders = std::exchange(entry.loaders, {});
  auto waiting = std::exchange(entry.waiting, {});
  if (model) {
    entry.state = Entry::State::ready;
    entry.dispatcher.set_model(*std::move(model));
    for (Done& done : loaders) done({});
  } else {
    models_.erase(name);
    for (Done& done : loaders) done(std::unexpected(model.error()));
  }
  run_waiting(std::move(waiting));
}

Result<std::shared_ptr<const OnnxRuntime>> ModelRepository::runtime() {
  const std::lock_guard lock(runtime_mutex_);
  if (runtime_ == nullptr) {
    TRY(runtime_, OnnxRuntime::open());
  }
  return runtime_;
}

// What a model takes is not known before it is loaded: at least what its files take.
Result<> ModelRepository::have_memory_for(const std::string& folder) const {
  if (options_.model_memory_bytes_max == 0) return {};
  const std::uint64_t needed = bytes_below(folder);
  if (resident_bytes() + needed <= options_.model_memory_bytes_max) return {};
  ::malloc_trim(0);
  const std::uint64_t resident = resident_bytes();
  if (resident + needed <= options_.model_memory_bytes_max) return {};
  return fail(
      ErrorCode::limit_exceeded,
      fmt::format("There is no memory for the model: {} MB are taken, its files have {} MB, "
                  "and {} MB are allowed.",
                  resident >> 20, needed >> 20, options_.model_memory_bytes_max >> 20));
}

// ---- Letting go ----

void ModelRepository::unload(std::string name, Done done) {
  const auto found = models_.find(name);
  if (found == models_.end())
    return loop_.post([done = std::move(done), name = std::move(name)]() mutable {
      done(fail(ErrorCode::not_found, fmt::format("No model {} is loaded.", name)));
    });
  Entry& entry = *found->second;
  if (entry.state == Entry::State::leaving) return entry.unloaders.push_back(std::move(done));
  if (entry.state == Entry::State::loading)
    return entry.waiting.push_back([this, name, done = std::move(done)]() mutable {
      unload(std::move(name), std::move(done));
    });
  entry.state = Entry::State::leaving;
  entry.unloaders.push_back(std::move(done));
  entry.dispatcher.when_idle(
      [this, name = std::move(name)] { loop_.post([this, name] { let_go(name); }); });
}

void ModelRepository::let_go(const std::string& name) {
  auto model = models_.find(name)->second->dispatcher.take_model();
  loaders_.post([this, name, model = std::move(model)]() mutable {
    lower_priority();
    model.reset();
    loop_.post([this, name] { remove(name); });
  });
}

void ModelRepository::remove(const std::string& name) {
  auto removed = std::move(models_.extract(name).mapped());
  for (Done& done : removed->unloaders) done({});
  run_waiting(std::move(removed->waiting));
  trim_later();
}

void ModelRepository::trim_later() {
  if (std::exchange(trim_planned_, true)) return;
  loop_.after(trim_delay, [this] {
    trim_planned_ = false;
    loaders_.post([] {
      lower_priority();
      ::malloc_trim(0);
    });
  });
}

// ---- Asking ----

std::vector<ModelRepository::Listed> ModelRepository::list(std::string_view after,
                                                           std::size_t count_max) const {
  std::vector<Listed> listed;
  for (auto at = models_.upper_bound(after); at != models_.end() && listed.size() < count_max; ++at)
    if (at->second->state == Entry::State::ready) listed.push_back({at->first, at->second->folder});
  return listed;
}

std::optional<ModelRepository::Listed> ModelRepository::find(std::string_view name) const {
  const auto found = models_.find(name);
  if (found == models_.end() || found->second->state != Entry::State::ready) return std::nullopt;
  return Listed{found->first, found->second->folder};
}

void ModelRepository::submit(std::string_view model, const ModelCall& invocation, Reply reply) {
  const auto found = models_.find(model);
  if (found == models_.end() || found->second->state != Entry::State::ready)
    return refuse(reply, 404, fmt::format("No model {} is loaded.", model));
  found->second->dispatcher.submit(invocation, std::move(reply));
}

void ModelRepository::cancel(const LinkConnection& link, std::uint32_t id) {
  for (const auto& [name, entry] : models_)
    if (!entry->dispatcher.idle()) entry->dispatcher.cancel(link, id);
}

void ModelRepository::add_credit(const LinkConnection& link, std::uint32_t id,
                                 std::uint32_t bytes) {
  for (const auto& [name, entry] : models_)
    if (!entry->dispatcher.idle()) entry->dispatcher.add_credit(link, id, bytes);
}

void ModelRepository::link_closed(const LinkConnection& link) {
  for (const auto& [name, entry] : models_)
    if (!entry->dispatcher.idle()) entry->dispatcher.link_closed(link);
}

void ModelRepository::when_idle(Task task) {
  for (const auto& [name, entry] : models_)
    if (!entry->dispatcher.idle() && entry->state == Entry::State::ready)
      return entry->dispatcher.when_idle([this, task = std::move(task)]() mutable {
        loop_.post([this, task = std::move(task)]() mutable { when_idle(std::move(task)); });
      });
  task();
}

}  // namespace slipway::modelserver
