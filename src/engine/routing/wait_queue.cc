#include "engine/routing/wait_queue.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipway::routing {

WaitQueue::~WaitQueue() {
  for (auto& [limiter, queue] : queues_)
    queue.limiter->add_waiting(-static_cast<std::int32_t>(size(queue)));
}

void WaitQueue::add(Waiting waiting, const ElasticRoute& route, const std::string& variant) {
  Queue& queue = queues_[route.limiter.get()];
  if (!queue.limiter) {
    queue.limiter = route.limiter;
    queue.request_timeout = route.request_timeout;
    queue.fleet = waiting.invocation->request.fleet;
    queue.variant = variant;
    queue.given_up_seen = route.limiter->given_up_times();
  }
  auto& joined = waiting.permit.limiter() != nullptr ? queue.with_permit : queue.without_permit;
  joined.push_back(std::move(waiting));
  ++count_;
  queue.limiter->add_waiting(1);
}

WaitQueue::Waiting WaitQueue::take_front(Queue& queue, std::deque<Waiting>& from) {
  Waiting front = std::move(from.front());
  from.pop_front();
  --count_;
  queue.limiter->add_waiting(-1);
  return front;
}

void WaitQueue::advance(const ElasticRoute& route, const Send& send) {
  const auto found = queues_.find(route.limiter.get());
  if (found == queues_.end()) return;
  Queue& queue = found->second;
  while (!queue.without_permit.empty()) {
    auto permit = Permit::acquire(queue.limiter, route.limits.concurrency_max);
    if (!permit) break;
    queue.without_permit.front().permit = *std::move(permit);
    queue.with_permit.push_back(std::move(queue.without_permit.front()));
    queue.without_permit.pop_front();
  }
  while (!queue.with_permit.empty() && send(queue.with_permit.front())) {
    queue.with_permit.pop_front();
    --count_;
    queue.limiter->add_waiting(-1);
  }
  if (size(queue) == 0) queues_.erase(found);
}

std::vector<WaitQueue::Group> WaitQueue::groups() const {
  std::vector<Group> groups;
  for (const auto& [limiter, queue] : queues_)
    groups.push_back({.limiter = limiter, .fleet = queue.fleet, .variant = queue.variant});
  return groups;
}

bool WaitQueue::remove(const Invocation& invocation) {
  const auto is_it = [&](const Waiting& waiting) {
    return waiting.invocation.get() == &invocation;
  };
  for (auto& [limiter, queue] : queues_)
    for (auto* const half : {&queue.with_permit, &queue.without_permit}) {
      if (std::erase_if(*half, is_it) == 0) continue;
      --count_;
      queue.limiter->add_waiting(-1);
      return true;
    }
  return false;
}

std::vector<std::unique_ptr<Invocation>> WaitQueue::take_all(const ConcurrencyLimiter* limiter) {
  std::vector<std::unique_ptr<Invocation>> all;
  const auto found = queues_.find(limiter);
  if (found == queues_.end()) return all;
  Queue& queue = found->second;
  for (auto* const half : {&queue.with_permit, &queue.without_permit})
    while (!half->empty()) all.push_back(take_front(queue, *half).invocation);
  queues_.erase(found);
  return all;
}

void WaitQueue::drop_given_up(Queue& queue, std::vector<Dropped>& dropped) {
  if (queue.limiter->given_up_times() == queue.given_up_seen) return;
  const ConcurrencyLimiter::GivenUp given_up = queue.limiter->given_up();
  queue.given_up_seen = given_up.times;
  while (!queue.with_permit.empty())
    dropped.push_back({.invocation = take_front(queue, queue.with_permit).invocation,
                       .failure = InvokeFailure::start_failed,
                       .detail = given_up.reason});
}

std::vector<WaitQueue::Dropped> WaitQueue::take_dropped(Instant now) {
  std::vector<Dropped> dropped;
  for (auto at = queues_.begin(); at != queues_.end();) {
    Queue& queue = at->second;
    drop_given_up(queue, dropped);
    const auto waited = [&](const std::deque<Waiting>& half) { return now - half.front().since; };
    while (!queue.without_permit.empty() && waited(queue.without_permit) >= permit_wait_max)
      dropped.push_back({.invocation = take_front(queue, queue.without_permit).invocation,
                         .failure = InvokeFailure::throttled,
                         .detail = "as many requests as it takes at once were under way"});
    while (!queue.with_permit.empty()) {
      const std::chrono::milliseconds max =
          elastic_limit(queue.with_permit.front().invocation->request, queue.request_timeout);
      if (waited(queue.with_permit) < max) break;
      dropped.push_back(
          {.invocation = take_front(queue, queue.with_permit).invocation,
           .failure = InvokeFailure::not_ready,
           .detail =
               fmt::format("no instance of it could take the request within {} ms", max.count())});
    }
    at = size(queue) == 0 ? queues_.erase(at) : std::next(at);
  }
  return dropped;
}

}  // namespace slipway::routing
