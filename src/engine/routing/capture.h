// Copies of requests and their answers, taken beside the hot path and handed over as files.
//
// A router offers what a fleet's plan asks for to the CaptureBuffer of its loop: one copy, under a
// lock that only the writer's thread shares. The CaptureWriter's thread collects them into files,
// one for each variant, and gives each to a sink. Nobody waits for it: what does not fit is dropped
// and counted, and what was not handed over when the process is killed is lost.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/routing/traffic.h"

namespace slipway::routing {

// Limits.
inline constexpr std::size_t capture_buffer_bytes_max = 16 * 1024 * 1024;  // per loop
inline constexpr std::size_t capture_file_bytes_max =
    4 * 1024 * 1024;  // then a file is handed over
inline constexpr std::size_t capture_open_bytes_max = 64 * 1024 * 1024;  // of all open files
inline constexpr std::chrono::milliseconds capture_file_age_max{5'000};  // likewise

// One request and its answer.
struct CaptureRecord {
  std::shared_ptr<const CapturePlan> plan;  // what of it was asked for
  std::string fleet;
  std::string variant;
  std::string writer;   // for whom it is stored (FleetPlan::writers); empty: nobody is asked
  Timestamp time = {};  // of the answer
  std::string caller_id;
  std::string caller_note;
  std::string input_type;
  std::string input;
  std::string output_type;
  std::string output;

  std::size_t bytes() const;
};

// Records of one destination, fleet, variant, writer and hour; never empty.
struct CaptureFile {
  std::shared_ptr<const CapturePlan> plan;
  std::vector<CaptureRecord> records;
};

class CaptureWriter;

// One for each loop. Thread-safe.
class CaptureBuffer {
 public:
  // Stamps the record's time. Dropped and counted where there is no room.
  void offer(CaptureRecord record);

 private:
  friend class CaptureWriter;
  explicit CaptureBuffer(CaptureWriter& writer) : writer_(writer) {}
  std::vector<CaptureRecord> take();

  CaptureWriter& writer_;
  std::mutex mutex_;
  std::vector<CaptureRecord> records_;  // guarded by mutex_
  std::size_t bytes_ = 0;               // guarded by mutex_
};

// Owns the buffers and one thread, on which the sink is called.
class CaptureWriter {
 public:
  // Keeps a file; what it refuses is dropped and counted, and logged at most once a minute.
  using Sink = std::function<Result<>(const CaptureFile&)>;

  // `clock` outlives this object.
  CaptureWriter(const Clock& clock, Sink sink);
  ~CaptureWriter();  // stop()
  CaptureWriter(const CaptureWriter&) = delete;
  CaptureWriter& operator=(const CaptureWriter&) = delete;

  // Lives as long as this object. Before or while loops run.
  CaptureBuffer& add_buffer();

  // Hands over everything that was offered and ends the thread; nothing is offered any more.
  void stop();

  struct Counts {
    std::uint64_t written = 0;  // records that a sink kept
    std::uint64_t dropped = 0;
  };
  Counts counts() const;

 private:
  friend class CaptureBuffer;
  struct OpenFile {
    CaptureFile file;
    std::size_t bytes = 0;
    Instant begun = {};
  };

  void tell();
  void drop(std::size_t records);
  void run();
  void wait_for_records();
  void collect();
  void add(CaptureRecord record);
  void hand_over_due();
  void hand_over(const CaptureFile& file);
  bool stopping();

  const Clock& clock_;
  const Sink sink_;
  std::atomic<std::uint64_t> written_ = 0;
  std::atomic<std::uint64_t> dropped_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<CaptureBuffer>> buffers_;  // guarded by mutex_
  bool offered_ = false;                                 // guarded by mutex_
  bool stopping_ = false;                                // guarded by mutex_

  // The thread's.
  std::vector<OpenFile> open_;
  std::size_t open_bytes_ = 0;
  Instant warned_at_ = {};
  std::thread thread_;
};

}  // namespace slipway::routing
