#include "engine/routing/elastic_lines.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipway::routing {

std::chrono::milliseconds elastic_limit(const InvokeRequest& request,
                                        std::chrono::milliseconds of_fleet) {
  return request.time_limit.count() > 0 ? std::min(request.time_limit, of_fleet) : of_fleet;
}

ElasticLines::~ElasticLines() {
  for (auto& [gate, queue] : lines_)
    queue.gate->add_waiting(-static_cast<std::int32_t>(size(queue)));
}

void ElasticLines::add(Waiting waiting, const std::shared_ptr<const ElasticRoute>& route,
                       const std::string& variant) {
  Queue& queue = lines_[route->gate.get()];
  if (!queue.gate) {
    queue.gate = route->gate;
    queue.request_timeout = route->request_timeout;
    queue.fleet = waiting.invocation->request.fleet;
    queue.variant = variant;
    queue.given_up_seen = route->gate->given_up_times();
  }
  auto& line = waiting.turn.gate() != nullptr ? queue.with_turn : queue.without_turn;
  line.push_back(std::move(waiting));
  ++count_;
  queue.gate->add_waiting(1);
}

ElasticLines::Waiting ElasticLines::take_front(Queue& queue, std::deque<Waiting>& from) {
  Waiting front = std::move(from.front());
  from.pop_front();
  --count_;
  queue.gate->add_waiting(-1);
  return front;
}

void ElasticLines::advance(const std::shared_ptr<const ElasticRoute>& route, const Send& send) {
  const auto found = lines_.find(route->gate.get());
  if (found == lines_.end()) return;
  Queue& queue = found->second;
  while (!queue.without_turn.empty()) {
    auto turn = ElasticTurn::take(queue.gate, route->limits.concurrency_max);
    if (!turn) break;
    queue.without_turn.front().turn = *std::move(turn);
    queue.with_turn.push_back(std::move(queue.without_turn.front()));
    queue.without_turn.pop_front();
  }
  while (!queue.with_turn.empty() && send(queue.with_turn.front())) {
    queue.with_turn.pop_front();
    --count_;
    queue.gate->add_waiting(-1);
  }
  if (size(queue) == 0) lines_.erase(found);
}

std::vector<ElasticLines::Line> ElasticLines::lines() const {
  std::vector<Line> lines;
  for (const auto& [gate, queue] : lines_)
    lines.push_back({.gate = gate, .fleet = queue.fleet, .variant = queue.variant});
  return lines;
}

bool ElasticLines::remove(const Invocation& invocation) {
  const auto is_it = [&](const Waiting& waiting) {
    return waiting.invocation.get() == &invocation;
  };
  for (auto& [gate, queue] : lines_)
    for (auto* const line : {&queue.with_turn, &queue.without_turn}) {
      if (std::erase_if(*line, is_it) == 0) continue;
      --count_;
      queue.gate->add_waiting(-1);
      return true;
    }
  return false;
}

std::vector<std::unique_ptr<Invocation>> ElasticLines::take_all(const ElasticGate* gate) {
  std::vector<std::unique_ptr<Invocation>> all;
  const auto found = lines_.find(gate);
  if (found == lines_.end()) return all;
  Queue& queue = found->second;
  for (auto* const line : {&queue.with_turn, &queue.without_turn})
    while (!line->empty()) all.push_back(take_front(queue, *line).invocation);
  lines_.erase(found);
  return all;
}

void ElasticLines::drop_given_up(Queue& queue, std::vector<Dropped>& dropped) {
  if (queue.gate->given_up_times() == queue.given_up_seen) return;
  const ElasticGate::GivenUp given_up = queue.gate->given_up();
  queue.given_up_seen = given_up.times;
  while (!queue.with_turn.empty())
    dropped.push_back({.invocation = take_front(queue, queue.with_turn).invocation,
                       .failure = InvokeFailure::start_failed,
                       .detail = given_up.reason});
}

std::vector<ElasticLines::Dropped> ElasticLines::take_dropped(Instant now) {
  std::vector<Dropped> dropped;
  for (auto line = lines_.begin(); line != lines_.end();) {
    Queue& queue = line->second;
    drop_given_up(queue, dropped);
    const auto waited = [&](const std::deque<Waiting>& line) { return now - line.front().since; };
    while (!queue.without_turn.empty() && waited(queue.without_turn) >= turn_wait_max)
      dropped.push_back({.invocation = take_front(queue, queue.without_turn).invocation,
                         .failure = InvokeFailure::throttled,
                         .detail = "as many requests as it takes at once were under way"});
    while (!queue.with_turn.empty()) {
      const std::chrono::milliseconds max =
          elastic_limit(queue.with_turn.front().invocation->request, queue.request_timeout);
      if (waited(queue.with_turn) < max) break;
      dropped.push_back(
          {.invocation = take_front(queue, queue.with_turn).invocation,
           .failure = InvokeFailure::not_ready,
           .detail =
               fmt::format("no instance of it could take the request within {} ms", max.count())});
    }
    line = size(queue) == 0 ? lines_.erase(line) : std::next(line);
  }
  return dropped;
}

}  // namespace slipway::routing
