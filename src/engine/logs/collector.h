// Keeps what the instances of a place print in the log book.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>

#include "base/clock.h"
#include "engine/logs/log_book.h"
#include "place/place.h"

namespace slipway::logs {

// The place's sink for logs: cuts parts into lines, and appends them to the streams that the labels
// name. The book knows how far each stream's instance was read, so that nothing is kept twice and a
// server that was killed goes on after the last line that is kept. Thread-safe.
class Collector final : public place::LogSink {
 public:
  // Both outlive this object.
  Collector(LogBook& book, const Clock& clock) : book_(book), clock_(clock) {}

  std::uint64_t taken(const place::Labels& labels) override;
  // Takes whole lines, and what has no end where nothing follows it or where it is too long to wait
  // for; nothing where the book cannot take a line, and the place offers it again.
  std::uint64_t take(const place::InstanceKey& key, const place::Labels& labels,
                     const place::LogPart& part) override;

 private:
  void note_refusal(const StreamName& stream, const place::InstanceKey& key, const Error& error);

  LogBook& book_;
  const Clock& clock_;
  std::mutex mutex_;
  std::set<StreamName> refused_;  // took nothing the last time: said once. Guarded by mutex_
};

// Has the place offer what its instances printed, and waits until it has, a moment at most: what
// was printed before the call can be read after it.
void collect(place::Place& place);

}  // namespace slipway::logs
