#include "place/process/log_feed.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace slipway::place {

namespace {

// Holds what follows `offset` in a log.
struct Text {
  std::string text;
  std::uint64_t offset = 0;  // later than asked for where that is not kept any more
  bool is_last = false;
};

// Holds at least one whole line, unless there is none yet: one may stand on both sides of where the
// log was moved aside.
std::optional<Text> text_after(const RunDirectory& directory, std::uint64_t offset) {
  const auto first = directory.read_log(offset);
  if (!first || first->text.empty()) return std::nullopt;
  Text found{first->text, first->next_offset - first->text.size()};
  const auto more = directory.read_log(first->next_offset);
  found.is_last = !more || more->text.empty();
  if (!found.is_last && !found.text.contains('\n')) found.text += more->text;
  return found;
}

}  // namespace

LogFeed::Source LogFeed::source_of(const RunDirectory& directory, const Labels& labels) const {
  const bool kept = sink_ != nullptr && !labels.log_group.empty();
  return {.directory = directory, .labels = labels, .offered = kept ? sink_->taken(labels) : 0};
}

void LogFeed::add(const InstanceKey& key, const RunDirectory& directory, const Labels& labels) {
  sources_[key] = source_of(directory, labels);
  watch_.add(key, directory.file("log"));
}

void LogFeed::remove(const InstanceKey& key) {
  watch_.remove(key);
  sources_.erase(key);
  printed_.erase(key);
  behind_.erase(key);
}

void LogFeed::finish(const InstanceKey& key, const RunDirectory& directory, const Labels& labels) {
  const auto known = sources_.find(key);
  Source source = known != sources_.end() ? known->second : source_of(directory, labels);
  directory.rotate_log(log_bytes_max);  // it may have printed without end since the last look
  offer(key, source, LogPart::Follows::nothing);
  remove(key);
}

void LogFeed::look() {
  for (const InstanceKey& key : watch_.grown()) {
    sources_.at(key).directory.rotate_log(log_bytes_max);
    printed_.insert(key);
  }
}

std::set<InstanceKey> LogFeed::push() {
  pushed_at_ = SteadyClock::now();
  look();
  std::set<InstanceKey> due = printed_;
  due.merge(std::exchange(behind_, {}));
  for (const InstanceKey& key : due)
    if (offer(key, sources_.at(key), LogPart::Follows::more_may) == Left::more) behind_.insert(key);
  return std::exchange(printed_, {});
}

// A line without its end is left for later: its end makes the log grow. What the sink takes nothing
// of, though it is whole, is offered again.
LogFeed::Left LogFeed::offer(const InstanceKey& key, Source& source, LogPart::Follows follows) {
  if (sink_ == nullptr || source.labels.log_group.empty()) return Left::nothing;
  const bool to_its_end = follows == LogPart::Follows::nothing;
  for (std::size_t part = 0; part < parts_per_round_max || to_its_end; ++part) {
    const auto next = text_after(source.directory, source.offered);
    if (!next) return Left::nothing;
    const auto taken =
        sink_->take(key, source.labels,
                    {.text = next->text,
                     .offset = next->offset,
                     .follows = next->is_last ? follows : LogPart::Follows::more_may});
    if (taken <= std::max(source.offered, next->offset))
      return next->text.contains('\n') ? Left::more : Left::nothing;
    source.offered = taken;
  }
  return Left::more;
}

}  // namespace slipway::place
