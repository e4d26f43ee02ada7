#include "engine/logs/collector.h"

#include <algorithm>

#include "base/log.h"
#include "base/thread_name.h"

namespace slipway::logs {

namespace {

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

Collector::Collector(LogBook& book, place::Place& place, const Clock& clock, StreamOf stream_of)
    : book_(book), place_(place), clock_(clock), stream_of_(std::move(stream_of)) {}

Collector::~Collector() { stop(); }

void Collector::start() {
  thread_ = std::jthread([this](std::stop_token stop) { run(std::move(stop)); });
}

void Collector::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void Collector::run(std::stop_token stop) {
  name_this_thread("log-collector");
  while (!stop.stop_requested()) {
    std::unique_lock lock(mutex_);
    work_.wait_for(lock, stop, collect_period,
                   [this] { return !ended_.empty() || !to_forget_.empty(); });
    lock.unlock();
    finish_ended();
    read_round();
  }
  finish_ended();
}

void Collector::observe(const place::Observation& observation) {
  using Kind = place::Observation::Kind;
  if (observation.kind == Kind::adoption_done || observation.kind == Kind::over_memory) return;
  if (observation.kind == Kind::printed) return note_printed(observation.key);
  const bool runs = observation.kind == Kind::started || observation.kind == Kind::adopted;
  const std::shared_ptr<Source> source = source_of(observation.key);
  if (source == nullptr) return;
  const std::scoped_lock lock(mutex_);
  if (runs) {
    running_.emplace(observation.key, source);
    to_read_.insert(source);
    return;
  }
  running_.erase(observation.key);
  to_read_.erase(source);
  ended_.push_back(source);
  work_.notify_one();
}

void Collector::note_printed(const place::InstanceKey& key) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = running_.find(key); found != running_.end())
    to_read_.insert(found->second);
}

void Collector::forget(const place::InstanceKey& key) {
  const std::shared_ptr<Source> source = source_of(key);
  const std::scoped_lock lock(mutex_);
  running_.erase(key);
  to_read_.erase(source);
  if (source != nullptr) ended_.push_back(source);
  to_forget_.push_back(key);
  work_.notify_one();
}

void Collector::collect(std::string_view space, std::string_view group) {
  std::vector<std::shared_ptr<Source>> sources;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [key, source] : running_) {
      if (source->stream.space == space && source->stream.group == group) sources.push_back(source);
    }
  }
  for (const auto& source : sources) read(*source, Upto::last_whole_line);
}

// The instance's reader: the one it has, or a new one.
std::shared_ptr<Collector::Source> Collector::source_of(const place::InstanceKey& key) {
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = running_.find(key); found != running_.end()) return found->second;
  }
  auto stream = stream_of_(key);
  if (!stream) return nullptr;
  auto source = std::make_shared<Source>();
  source->key = key;
  source->stream = std::move(*stream);
  return source;
}

void Collector::read_round() {
  std::set<std::shared_ptr<Source>> sources;
  {
    const std::scoped_lock lock(mutex_);
    sources.swap(to_read_);
  }
  for (const auto& source : sources) {
    if (read(*source, Upto::last_whole_line) == Left::nothing) continue;
    const std::scoped_lock lock(mutex_);
    if (running_.contains(source->key)) to_read_.insert(source);
  }
}

void Collector::finish_ended() {
  std::vector<std::shared_ptr<Source>> ended;
  std::vector<place::InstanceKey> to_forget;
  {
    const std::scoped_lock lock(mutex_);
    ended.swap(ended_);
    to_forget.swap(to_forget_);
  }
  for (const auto& source : ended) read(*source, Upto::end);
  for (const auto& key : to_forget) place_.forget(key);
}

// What follows the cursor: at least one whole line, unless there is none yet.
std::optional<Collector::Text> Collector::next_text(const Source& source) const {
  const Result<place::LogPart> first = place_.read_log(source.key, source.cursor);
  if (!first || first->text.empty()) return std::nullopt;
  // What the place no longer keeps is skipped.
  Text next{first->text, first->next_offset - first->text.size(), false};
  if (next.text.contains('\n')) return next;
  const Result<place::LogPart> more = place_.read_log(source.key, first->next_offset);
  next.ends = !more || more->text.empty();
  if (!next.ends) next.text += more->text;
  return next;
}

// Where the book cannot take a line the cursor stays, and the next round tries again.
Collector::Left Collector::read(Source& source, Upto upto) {
  const std::scoped_lock reading(source.reading);
  source.cursor = std::max(source.cursor, book_.cursor(source.stream));
  for (std::size_t part = 0; part < parts_per_round_max || upto == Upto::end; ++part) {
    const auto next = next_text(source);
    if (!next) return Left::nothing;
    const Cut cut = cut_lines(next->text, next->start, upto == Upto::end && next->ends);
    const Result<> kept = book_.append(source.stream, clock_.now(), cut.lines);
    if (!kept) {
      if (!std::exchange(source.refused, true))
        log_warning("logs", "what an instance printed could not be kept",
                    {{"instance", source.key.text}, {"reason", kept.error().message}});
      return Left::more;
    }
    source.refused = false;
    if (cut.cursor <= source.cursor) return Left::nothing;
    source.cursor = cut.cursor;
  }
  return Left::more;
}

}  // namespace slipway::logs
