#include "engine/logs/collector.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <vector>

#include "base/log.h"

namespace slipway::logs {

namespace {

// A place that is busy with starts is not waited for longer; what it has not offered comes later.
constexpr std::chrono::seconds collect_wait_max{2};

StreamName stream_of(const place::Labels& labels) {
  return {.space = labels.log_space, .group = labels.log_group, .stream = labels.log_stream};
}

// Cuts `text` into lines; what follows the last line end is a line only at the end of the source or
// where it is too long to wait for. Empty lines are no events. `start` is the cursor before `text`.
struct Cut {
  std::vector<Line> lines;
  std::uint64_t cursor = 0;
};

Cut cut_lines(std::string_view text, std::uint64_t start, bool to_the_end) {
  Cut cut;
  cut.cursor = start;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = text.find('\n', at);
    const bool unfinished = end == std::string_view::npos;
    if (unfinished) end = text.size();
    const bool too_long = end - at > message_bytes_max;
    if (too_long) end = at + message_bytes_max;
    if (unfinished && !too_long && !to_the_end) break;
    std::string_view message = text.substr(at, end - at);
    if (message.ends_with('\r')) message.remove_suffix(1);
    at = end + (unfinished || too_long ? 0 : 1);
    cut.cursor = start + at;
    if (!message.empty()) cut.lines.push_back({message, cut.cursor});
  }
  return cut;
}

}  // namespace

std::uint64_t Collector::taken(const place::Labels& labels) {
  return book_.cursor(stream_of(labels));
}

std::uint64_t Collector::take(const place::InstanceKey& key, const place::Labels& labels,
                              const place::LogPart& part) {
  const StreamName stream = stream_of(labels);
  const bool ends = part.follows == place::LogPart::Follows::nothing;
  const Cut cut = cut_lines(part.text, part.offset, ends);
  const Result<> kept = book_.append(stream, clock_.now(), cut.lines);
  if (!kept) {
    note_refusal(stream, key, kept.error());
    return std::max(part.offset, book_.cursor(stream));  // some of the lines may be kept
  }
  const std::scoped_lock lock(mutex_);
  refused_.erase(stream);
  return cut.cursor;
}

void Collector::note_refusal(const StreamName& stream, const place::InstanceKey& key,
                             const Error& error) {
  const std::scoped_lock lock(mutex_);
  if (refused_.insert(stream).second)
    log_warning("logs", "what an instance printed could not be kept",
                {{"instance", key.text}, {"reason", error.message}});
}

void collect(place::Place& place) {
  const auto offered = std::make_shared<std::promise<void>>();
  auto done = offered->get_future();
  place.push_logs([offered] { offered->set_value(); });
  done.wait_for(collect_wait_max);
}

}  // namespace slipway::logs
