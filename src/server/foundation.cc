#include "server/foundation.h"

#include "base/log.h"
#include "engine/time_keeper.h"
#include "place/process/disk_watch.h"
#include "server/data_directory.h"

namespace slipway::server {
namespace {

constexpr std::size_t control_workers = 8;
constexpr std::size_t put_workers = 8;
constexpr std::size_t file_workers = 8;
constexpr std::size_t bulk_workers = 4;
constexpr std::size_t artifact_workers = 2;

using Priority = WorkerPool::Priority;

}  // namespace

Foundation::Foundation(const ServeOptions& settled)
    : options(settled),
      disk(options.data),
      artifacts(artifact_workers, Priority::background, "artifact"),
      control(control_workers, Priority::normal, "control"),
      puts(put_workers, Priority::normal, "put"),
      files(file_workers, Priority::background, "file"),
      bulk(bulk_workers, Priority::background, "bulk") {
  // Models may take all threads that a container has, until the place ends them.
  for (WorkerPool* const pool : {&artifacts, &control, &puts, &files, &bulk})
    pool->when_starved(deadlines.watch([pool] { return pool->try_again(); }));
}

Result<std::unique_ptr<Foundation>> Foundation::open(const ServeOptions& options) {
  TRY_DO(make_directory(options.data));
  std::unique_ptr<Foundation> made(new Foundation(options));
  // Nobody could delete anything through a server that does not start: the reserve is for that too.
  place::make_room(options.data / "instances", made->disk);
  made->disk.release_file(std::chrono::milliseconds(0));
  return made;
}

Result<> Foundation::open_store(ServerLifecycle& life) {
  TRY(store, server::open_store(options));
  TRY_DO(engine::keep_time(*store, clock));
  reconcilers = std::make_unique<engine::ReconcilerLoop>(*store, clock, changes);
  life.began([this] { end(); });
  return {};
}

void Foundation::end() {
  bulk.stop();
  files.stop();
  puts.stop();
  control.stop();
  artifacts.stop();
  bulk_loop.stop();
  note_time();  // waits for what the writer was given before
}

void Foundation::begin() {
  bulk_loop.loop().post([this] { keep_time(); });
}

void Foundation::keep_time() {
  control.post([this] { note_time(); });
  bulk_loop.loop().after(engine::time_note_period, [this] { keep_time(); });
}

void Foundation::note_time() {
  const Result<> noted = store->write([this](store::Transaction& tx) -> Result<> {
    engine::put_note(tx, clock.note());
    return {};
  });
  if (!noted) log_warning("server", "the time is not noted", {{"why", noted.error().message}});
}

}  // namespace slipway::server
