// What a router counts of each variant.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace slipway::routing {

// How many model times fell between which powers of two.
struct LatencyHistogram {
  // Bucket i counts model times in [2^i, 2^(i+1)) microseconds.
  std::array<std::uint64_t, 32> buckets = {};
};

// Counts of one fleet's variant since the router's start; summed over routers by the reader.
struct VariantCounters {
  std::string fleet;
  std::string variant;
  std::uint64_t invocations = 0;
  std::uint64_t answers_4xx = 0;
  std::uint64_t answers_5xx = 0;
  std::uint64_t failures = 0;
  std::uint64_t model_time_us = 0;
  std::uint64_t request_bytes = 0;
  std::uint64_t answer_bytes = 0;  // of whole answers
  LatencyHistogram model_time;
};

// The same while it is counted: one writer, the router's loop; readers on other threads see each
// number whole.
class VariantCells {
 public:
  VariantCells(std::string fleet, std::string variant)
      : fleet_(std::move(fleet)), variant_(std::move(variant)) {}

  // A request that an instance answered, or that its caller gave up.
  void note_answer(int status, std::chrono::microseconds model_time, std::uint64_t request_bytes);
  void note_answer_bytes(std::uint64_t bytes);
  // A request that no instance answered.
  void note_failure();

  bool is_of(const std::string& fleet, const std::string& variant) const {
    return fleet_ == fleet && variant_ == variant;
  }
  VariantCounters read() const;

 private:
  const std::string fleet_;
  const std::string variant_;
  std::atomic<std::uint64_t> invocations_ = 0;
  std::atomic<std::uint64_t> answers_4xx_ = 0;
  std::atomic<std::uint64_t> answers_5xx_ = 0;
  std::atomic<std::uint64_t> failures_ = 0;
  std::atomic<std::uint64_t> model_time_us_ = 0;
  std::atomic<std::uint64_t> request_bytes_ = 0;
  std::atomic<std::uint64_t> answer_bytes_ = 0;
  std::array<std::atomic<std::uint64_t>, 32> model_time_ = {};
};

// The cells of one router. They live as long as this object.
class TrafficCounters {
 public:
  // On the router's loop: those of the variant, made where there are none.
  VariantCells& of(const std::string& fleet, const std::string& variant);
  // From any thread.
  std::vector<VariantCounters> read() const;

 private:
  mutable std::mutex mutex_;  // adding cells against reading them
  std::deque<VariantCells> cells_;
};

}  // namespace slipway::routing
