#include "engine/routing/capture.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/thread_name.h"

namespace slipway::routing {
namespace {

// After the first record the others of a burst are waited for: one wake of the thread for all.
constexpr std::chrono::milliseconds gather_time{100};
constexpr std::chrono::seconds warn_period{60};
// What a record takes beside its texts.
constexpr std::size_t record_bytes = 256;

auto hour_of(Timestamp time) { return std::chrono::floor<std::chrono::hours>(time); }

bool belongs(const CaptureRecord& record, const CaptureFile& file) {
  const CaptureRecord& first = file.records.front();
  return first.variant == record.variant && first.fleet == record.fleet &&
         first.writer == record.writer && first.plan->destination == record.plan->destination &&
         hour_of(first.time) == hour_of(record.time);
}

}  // namespace

std::size_t CaptureRecord::bytes() const {
  return record_bytes + fleet.size() + variant.size() + writer.size() + caller_id.size() +
         caller_note.size() + input_type.size() + input.size() + output_type.size() + output.size();
}

void CaptureBuffer::offer(CaptureRecord record) {
  const std::size_t bytes = record.bytes();
  record.time = writer_.clock_.now();
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (bytes > capture_buffer_bytes_max - bytes_) return writer_.drop(1);
    first = records_.empty();
    records_.push_back(std::move(record));
    bytes_ += bytes;
  }
  if (first) writer_.tell();
}

std::vector<CaptureRecord> CaptureBuffer::take() {
  const std::lock_guard lock(mutex_);
  bytes_ = 0;
  return std::exchange(records_, {});
}

CaptureWriter::CaptureWriter(const Clock& clock, Sink sink)
    : clock_(clock), sink_(std::move(sink)), thread_([this] { run(); }) {}

CaptureWriter::~CaptureWriter() { stop(); }

CaptureBuffer& CaptureWriter::add_buffer() {
  const std::lock_guard lock(mutex_);
  buffers_.push_back(std::unique_ptr<CaptureBuffer>(new CaptureBuffer(*this)));
  return *buffers_.back();
}

void CaptureWriter::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

CaptureWriter::Counts CaptureWriter::counts() const {
  return {.written = written_.load(), .dropped = dropped_.load()};
}

void CaptureWriter::tell() {
  {
    const std::lock_guard lock(mutex_);
    offered_ = true;
  }
  changed_.notify_one();
}

void CaptureWriter::drop(std::size_t records) { dropped_ += records; }

bool CaptureWriter::stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void CaptureWriter::run() {
  name_this_thread("capture");
  while (!stopping()) {
    wait_for_records();
    collect();
    hand_over_due();
  }
  collect();
  for (const OpenFile& open : open_) hand_over(open.file);
  open_.clear();
}

void CaptureWriter::wait_for_records() {
  std::unique_lock lock(mutex_);
  const auto news = [this] { return offered_ || stopping_; };
  if (open_.empty())
    changed_.wait(lock, news);
  else
    changed_.wait_for(lock, capture_file_age_max / 10, news);
  if (offered_) changed_.wait_for(lock, gather_time, [this] { return stopping_; });
  offered_ = false;
}

void CaptureWriter::collect() {
  std::vector<CaptureBuffer*> buffers;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& buffer : buffers_) buffers.push_back(buffer.get());
  }
  for (CaptureBuffer* buffer : buffers)
    for (CaptureRecord& record : buffer->take()) add(std::move(record));
}

void CaptureWriter::add(CaptureRecord record) {
  auto open =
      std::ranges::find_if(open_, [&](const OpenFile& each) { return belongs(record, each.file); });
  if (open == open_.end()) {
    open_.push_back({.file = {.plan = record.plan, .records = {}}, .begun = clock_.monotonic()});
    open = open_.end() - 1;
  }
  const std::size_t bytes = record.bytes();
  open->bytes += bytes;
  open_bytes_ += bytes;
  open->file.records.push_back(std::move(record));
  if (open->bytes < capture_file_bytes_max) return;
  hand_over(open->file);
  open_bytes_ -= open->bytes;
  open_.erase(open);
}

void CaptureWriter::hand_over_due() {
  const Instant now = clock_.monotonic();
  const bool all = open_bytes_ > capture_open_bytes_max;
  std::erase_if(open_, [&](const OpenFile& open) {
    if (!all && now - open.begun < capture_file_age_max) return false;
    hand_over(open.file);
    open_bytes_ -= open.bytes;
    return true;
  });
}

void CaptureWriter::hand_over(const CaptureFile& file) {
  const Result<> kept = sink_(file);
  if (kept) {
    written_ += file.records.size();
    return;
  }
  drop(file.records.size());
  const Instant now = clock_.monotonic();
  if (warned_at_ != Instant{} && now - warned_at_ < warn_period) return;
  warned_at_ = now;
  log_warning("routing", "captured requests cannot be kept and are dropped",
              {{"why", kept.error().message},
               {"destination", file.plan->destination},
               {"dropped", fmt::format("{}", dropped_.load())}});
}

}  // namespace slipway::routing
