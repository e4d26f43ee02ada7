// Reads what the instances of a place print into the log book.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "engine/logs/log_book.h"
#include "place/place.h"

namespace slipway::logs {

// How often instances that printed something are read; a reader of the book has them read at once
// by collect().
inline constexpr std::chrono::milliseconds collect_period{1'000};
// What is read of one instance in one round; the rest in the next.
inline constexpr std::size_t parts_per_round_max = 16;

// The stream that an instance prints into; nothing: it is not kept.
using StreamOf = std::function<std::optional<StreamName>(const place::InstanceKey&)>;

// One thread of its own, from start() on. All methods are thread-safe and return at once but for
// collect().
class Collector {
 public:
  // All outlive this object.
  Collector(LogBook& book, place::Place& place, const Clock& clock, StreamOf stream_of);
  ~Collector();  // as stop()
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  void start();
  // Ends the thread; what waits to be forgotten is read and forgotten first.
  void stop();

  // Give it every observation of the place: instances are read from `started` or `adopted` on,
  // after each `printed`, and to their end after `exited`.
  void observe(const place::Observation& observation);
  // Reads the instance to its end, then calls place.forget(key).
  void forget(const place::InstanceKey& key);

  // Reads, now and on the caller's thread, every running instance of the group.
  void collect(std::string_view space, std::string_view group);

 private:
  // An instance that is read.
  struct Source {
    place::InstanceKey key;
    StreamName stream;
    std::uint64_t cursor = 0;
    bool refused = false;  // the book took nothing the last time: said once
    std::mutex reading;    // held by whoever reads it: this thread or a caller of collect()
  };
  struct Text {
    std::string text;
    std::uint64_t start = 0;  // where it begins in what the instance printed
    bool ends = false;        // nothing follows it yet
  };
  enum class Upto : std::uint8_t { last_whole_line, end };
  enum class Left : std::uint8_t { nothing, more };  // to be read in the next round

  void run(std::stop_token stop);
  void note_printed(const place::InstanceKey& key);
  void read_round();
  void finish_ended();
  std::optional<Text> next_text(const Source& source) const;
  Left read(Source& source, Upto upto);
  std::shared_ptr<Source> source_of(const place::InstanceKey& key);

  LogBook& book_;
  place::Place& place_;
  const Clock& clock_;
  const StreamOf stream_of_;

  std::mutex mutex_;
  std::condition_variable_any work_;
  // Guarded by mutex_.
  std::map<place::InstanceKey, std::shared_ptr<Source>> running_;
  std::set<std::shared_ptr<Source>> to_read_;  // of those that run
  std::vector<std::shared_ptr<Source>> ended_;
  std::vector<place::InstanceKey> to_forget_;

  std::jthread thread_;
};

// A place whose instances are collected: hands everything on, and forget() by way of the collector,
// so that nothing that was printed is lost. The engine gets this one instead of the place itself.
class CollectedPlace final : public place::Place {
 public:
  // Both outlive this object.
  CollectedPlace(place::Place& place, Collector& collector)
      : place_(place), collector_(collector) {}

  place::Capabilities capabilities() const override { return place_.capabilities(); }
  void start(const place::InstanceKey& key, const place::InstanceSpec& spec) override {
    place_.start(key, spec);
  }
  void stop(const place::InstanceKey& key, std::chrono::milliseconds grace) override {
    place_.stop(key, grace);
  }
  void forget(const place::InstanceKey& key) override { collector_.forget(key); }
  void adopt() override { place_.adopt(); }
  std::string log_tail(const place::InstanceKey& key, std::size_t lines) const override {
    return place_.log_tail(key, lines);
  }
  Result<place::LogPart> read_log(const place::InstanceKey& key,
                                  std::uint64_t offset) const override {
    return place_.read_log(key, offset);
  }

 private:
  place::Place& place_;
  Collector& collector_;
};

}  // namespace slipway::logs
