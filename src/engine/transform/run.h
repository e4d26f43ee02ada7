// The work of one transform job while this process lives: lists its input, works on its files,
// writes their outputs. What it must not forget stands in the rows.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "engine/objects/objects.h"
#include "engine/transform/input.h"
#include "engine/transform/records.h"
#include "engine/transform/request_window.h"
#include "engine/transform/rows.h"
#include "store/store.h"

namespace slipway::transform {

// Limits and paces.
inline constexpr std::size_t file_workers_max = 32;  // of one job
inline constexpr std::size_t runs_max = 64;          // jobs at once; others wait
inline constexpr std::chrono::seconds progress_period{5};
inline constexpr std::size_t quoted_answer_bytes_max = 400;
// Without a limit for a request (payload 0) whole objects go as they are read, whatever their size;
// what must be in memory all the same (records, gzip, what is filtered or joined) may come to this.
inline constexpr std::uint64_t unlimited_bytes_max = 1ULL << 30;
inline constexpr std::uint64_t output_bytes_max = 1ULL << 42;

// What a job's work stands on. Everything outlives the runs.
struct TransformContext {
  store::Store& store;
  objects::Objects& objects;
  TransformInstances& instances;
  const Clock& clock;
  TransformContract contract;
  // Whether the owner of a job may read or write an object now; asked for each of the input when it
  // is listed and when it is read, and for each of the output when it is stored. permission_denied:
  // he may not, and the job fails.
  enum class Access : std::uint8_t { read, write };
  std::function<Result<>(store::Transaction&, const std::string& owner, Access,
                         const objects::ObjectName&)>
      may = [](store::Transaction&, const std::string&, Access, const objects::ObjectName&) {
        return Result<>();
      };
  Result<> check_right(store::Transaction& tx, const std::string& owner, Access access,
                       const objects::ObjectName& name) const {
    return owner.empty() ? Result<>() : may(tx, owner, access, name);
  }
  // Takes a line of the job's own log, and the job's end; from any thread.
  std::function<void(const TransformId&, std::string_view)> log;
  // Between any two effects; tests end a "server" by throwing here.
  std::function<void()> step = [] {};
};

// How the work ended: done, or it could not even begin.
using RunOutcome = Result<>;

// What is counted while the job runs: for its log and whoever looks.
struct TransformProgress {
  std::atomic<std::uint64_t> files_total = 0;
  std::atomic<std::uint64_t> files_done = 0;
  std::atomic<std::uint64_t> files_failed = 0;
  std::atomic<std::uint64_t> records = 0;
  std::atomic<std::uint64_t> bytes = 0;
  std::string text() const;
};

// The plan's own words first, then what the instance tells of itself, then the defaults. What the
// instance says is cut to the limits.
TransformTerms terms_of(const TransformPlan& plan, const InstanceSettings& said);

// Works on one job with threads of its own: one that lists and leads, and one for each file that is
// under way, at most file_workers_max. A thread that fails on a file goes on with the next.
class TransformRun {
 public:
  // `ended` is called once, from the leading thread, when outcome() is there.
  TransformRun(const TransformContext& context, TransformId id, TransformPlan plan,
               std::function<void()> ended);
  ~TransformRun();  // stop(), then waits for the threads
  TransformRun(const TransformRun&) = delete;
  TransformRun& operator=(const TransformRun&) = delete;

  // Returns at once; the run ends soon, without waiting for what the instances still compute.
  void stop();
  std::optional<RunOutcome> outcome() const;

 private:
  class Files;

  void lead();
  RunOutcome work();
  InstanceSettings ask_settings();
  bool stopping() const { return stopping_.load(std::memory_order_acquire); }

  const TransformContext& context_;
  const TransformId id_;
  const TransformPlan plan_;
  const std::function<void()> ended_;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::shared_ptr<RequestWindow> window_;  // guarded by mutex_
  std::optional<RunOutcome> outcome_;      // guarded by mutex_
  std::jthread leader_;
};

// Works on the files of a job that are still waiting, each at most once, from several threads.
class TransformFiles {
 public:
  // All outlive this object.
  struct Job {
    const TransformContext& context;
    const TransformId& id;
    const TransformPlan& plan;
    TransformTerms terms;
    RecordRules rules;
    std::shared_ptr<RequestWindow> window;
  };
  explicit TransformFiles(Job job);

  // Loops over files until there is none or the job stops.
  void work(std::vector<TransformFile>& queue, std::mutex& queue_mutex);
  TransformProgress progress;

 private:
  enum class End : std::uint8_t { settled, stopped };
  End transform(const TransformFile& file);
  Result<objects::SealedBody> make_output(const TransformFile& file, End& end);
  Result<objects::Objects::Opened> open_input(const TransformFile& file) const;
  Result<ByteSource> open(const TransformFile& file) const;
  bool goes_whole() const;
  Result<objects::SealedBody> make_whole(const TransformFile& file, End& end);
  Result<> prepare(Chunk& chunk) const;
  Result<> write(const Chunk& chunk, objects::Upload& upload, std::string& out);
  Result<> settle(const TransformFile& file, Result<objects::SealedBody> made);
  std::uint64_t payload_bytes_max(const TransformFile& file) const;
  void tell_progress();

  const Job job_;
  const std::shared_ptr<Blocks> blocks_;
  std::mutex told_mutex_;
  Instant told_at_;
};

// Finds the input of a job, in the order of its keys or of its manifest. not_found: there is
// nothing.
Result<std::vector<TransformFile>> list_input(const TransformContext& context,
                                              const TransformPlan& plan);

// The runs of this process. Thread-safe but for stop_all().
class TransformRuns {
 public:
  // `ended` is called with a job's id when its run has an outcome; from that run's thread.
  TransformRuns(TransformContext context, std::function<void(const TransformId&)> ended)
      : context_(std::move(context)), ended_(std::move(ended)) {}

  // Does nothing where it runs; false where too many run.
  bool start(const TransformId& id, const TransformPlan& plan);
  void stop(const TransformId& id);
  bool runs(const TransformId& id) const;
  std::optional<RunOutcome> outcome(const TransformId& id) const;
  // Waits for the run's threads: after its outcome is there, that is a moment. False where there is
  // none.
  bool forget(const TransformId& id);
  // Ends all of them; call before what they report to goes.
  void stop_all();

 private:
  const TransformContext context_;
  const std::function<void(const TransformId&)> ended_;
  mutable std::mutex mutex_;
  std::map<TransformId, std::unique_ptr<TransformRun>> runs_;
};

}  // namespace slipway::transform
