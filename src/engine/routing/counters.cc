#include "engine/routing/counters.h"

#include <algorithm>
#include <bit>

namespace slipway::routing {

namespace {

// There is one writer, so no read-modify-write is needed.
void add(std::atomic<std::uint64_t>& counter, std::uint64_t amount) {
  counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

std::uint64_t value(const std::atomic<std::uint64_t>& counter) {
  return counter.load(std::memory_order_relaxed);
}

}  // namespace

void VariantCells::note_answer(int status, std::chrono::microseconds model_time,
                               std::uint64_t request_bytes) {
  const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(model_time.count(), 0));
  add(invocations_, 1);
  add(model_time_us_, us);
  add(request_bytes_, request_bytes);
  add(model_time_[std::min<std::size_t>(us == 0 ? 0 : std::bit_width(us) - 1U, 31)], 1);
  if (status >= 500)
    add(answers_5xx_, 1);
  else if (status >= 400)
    add(answers_4xx_, 1);
}

void VariantCells::note_answer_bytes(std::uint64_t bytes) { add(answer_bytes_, bytes); }

void VariantCells::note_failure() {
  add(invocations_, 1);
  add(failures_, 1);
}

VariantCounters VariantCells::read() const {
  VariantCounters out{.fleet = fleet_,
                      .variant = variant_,
                      .invocations = value(invocations_),
                      .answers_4xx = value(answers_4xx_),
                      .answers_5xx = value(answers_5xx_),
                      .failures = value(failures_),
                      .model_time_us = value(model_time_us_),
                      .request_bytes = value(request_bytes_),
                      .answer_bytes = value(answer_bytes_),
                      .model_time = {}};
  for (std::size_t i = 0; i < model_time_.size(); ++i)
    out.model_time.buckets[i] = value(model_time_[i]);
  return out;
}

VariantCells& TrafficCounters::of(const std::string& fleet, const std::string& variant) {
  const std::lock_guard lock(mutex_);
  for (VariantCells& cells : cells_)
    if (cells.is_of(fleet, variant)) return cells;
  return cells_.emplace_back(fleet, variant);
}

std::vector<VariantCounters> TrafficCounters::read() const {
  const std::lock_guard lock(mutex_);
  std::vector<VariantCounters> list;
  list.reserve(cells_.size());
  for (const VariantCells& cells : cells_) list.push_back(cells.read());
  return list;
}

}  // namespace slipway::routing
