#include "modelserver/dispatcher.h"

#include <fmt/format.h>

#include <algorithm>

#include "modelserver/link_front.h"
#include "modelserver/tensor_model.h"

namespace slipway::modelserver {
namespace {

// The weight of the newest measurement in the moving average.
constexpr double newest_weight = 0.2;

}  // namespace

struct Dispatcher::Waiting {
  Invocation invocation;
  Reply reply;
  Instant since = {};
  std::vector<char> kept;  // a link's bytes, once they are needed beyond the batch
};

// What one call of Model::answer works on. The invocations lie side by side, the rest beside them.
struct Dispatcher::Batch {
  std::vector<Invocation> invocations;
  std::vector<Waiting> requests;
};

Dispatcher::Dispatcher(net::Loop& loop, Batching batching, WorkerPool* pool)
    : loop_(loop), batching_(batching), pool_(pool) {}

Dispatcher::~Dispatcher() {
  loop_.disarm(*this);
  loop_.cancel(wait_timer_);
  if (own_pool_) own_pool_->stop();
  streams_.clear();
}

void Dispatcher::set_model(std::unique_ptr<Model> model) { model_ = std::move(model); }

void Dispatcher::submit(std::string_view model, const Invocation& invocation, Reply reply) {
  if (!model.empty())
    return refuse(reply, 404, "This server has one model; it takes requests that name none.");
  submit(invocation, std::move(reply));
}

void Dispatcher::submit(const Invocation& invocation, Reply reply) {
  loop_.at_batch_end(*this);
  if (model_ == nullptr) return refuse(reply, 503, "The model is still being loaded.");
  if (waiting_.size() >= waiting_requests_max ||
      waiting_bytes_ + invocation.body.size() > waiting_bytes_max) {
    return refuse(reply, 503, "More requests wait than are let in; try again later.");
  }
  waiting_bytes_ += invocation.body.size();
  waiting_.push_back({invocation, std::move(reply), loop_.now(), {}});
}

void Dispatcher::cancel(const LinkConnection& link, std::uint32_t id) {
  const auto found = std::ranges::find_if(waiting_, [&](const Waiting& waiting) {
    const auto* const reply = std::get_if<LinkReply>(&waiting.reply);
    return reply != nullptr && reply->link.get() == &link && reply->id == id;
  });
  if (found == waiting_.end()) return cancel_stream(link, id);
  waiting_bytes_ -= found->invocation.body.size();
  waiting_.erase(found);
}

void Dispatcher::when_idle(Task task) {
  idle_task_ = std::move(task);
  loop_.at_batch_end(*this);
}

void Dispatcher::on_batch_end() {
  if (!waiting_.empty() && !waits_for_more())
    slow_ || !streams_.empty() ? run_elsewhere() : run_here();
  if (idle_task_ && idle()) std::exchange(idle_task_, {})();
}

std::unique_ptr<Dispatcher::Batch> Dispatcher::take_batch(std::size_t count) {
  auto batch = spare_ ? std::move(spare_) : std::make_unique<Batch>();
  batch->invocations.clear();
  batch->requests.clear();
  for (std::size_t i = 0; i < count; ++i) {
    waiting_bytes_ -= waiting_.front().invocation.body.size();
    batch->invocations.push_back(waiting_.front().invocation);
    batch->requests.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return batch;
}

std::size_t Dispatcher::batch_max() const {
  return std::min(model_->batch_max(), batching_.requests_max);
}

// Whether the oldest request may wait on for others to join it.
bool Dispatcher::waits_for_more() {
  if (batching_.wait.count() == 0 || batch_max() == 1 || waiting_.size() >= batch_max())
    return false;
  const auto waited = loop_.now() - waiting_.front().since;
  if (waited >= batching_.wait) return false;
  keep_bytes();
  if (wait_timer_ == 0) {
    wait_timer_ = loop_.after(batching_.wait - waited, [this] {
      wait_timer_ = 0;
      loop_.at_batch_end(*this);
    });
  }
  return true;
}

void Dispatcher::run_here() {
  while (!waiting_.empty() && !slow_ && streams_.empty()) {
    auto batch = take_batch(std::min(waiting_.size(), batch_max()));
    const auto started = std::chrono::steady_clock::now();
    model_->answer(batch->invocations);
    finish(*batch, std::chrono::steady_clock::now() - started);
    spare_ = std::move(batch);
  }
  if (!waiting_.empty()) run_elsewhere();
}

// As many batches as there may run at once; the rest waits, and grows together meanwhile.
void Dispatcher::run_elsewhere() {
  keep_bytes();
  const auto most = model_->concurrency();
  if (pool_ == nullptr) {
    own_pool_ = std::make_unique<WorkerPool>(most);
    pool_ = own_pool_.get();
  }
  while (!waiting_.empty() && running_ + streams_.size() < most) {
    // Shared out evenly among the threads that are free.
    const auto free = most - running_ - streams_.size();
    const auto share = (waiting_.size() + free - 1) / free;
    auto batch = take_batch(std::min(share, batch_max()));
    ++running_;
    pool_->post([this, model = model_.get(), batch = std::move(batch)]() mutable {
      const auto started = std::chrono::steady_clock::now();
      model->answer(batch->invocations);
      const auto took = std::chrono::steady_clock::now() - started;
      loop_.post([this, took, done = std::move(batch)] {
        --running_;
        finish(*done, took);
        loop_.at_batch_end(*this);
      });
    });
  }
}

void Dispatcher::finish(Batch& batch, std::chrono::nanoseconds took) {
  note_time(took, batch.invocations.size());
  for (std::size_t i = 0; i < batch.requests.size(); ++i)
    send(batch.requests[i], batch.invocations[i].answer);
  batch.requests.clear();
}

// A link's bytes are overwritten by its next read: who waits longer gets a copy.
void Dispatcher::keep_bytes() {
  for (auto& [invocation, reply, since, kept] : waiting_) {
    if (!kept.empty() || std::holds_alternative<HttpReply>(reply)) continue;
    std::string_view* const views[] = {&invocation.content_type, &invocation.accept,
                                       &invocation.custom_attributes, &invocation.body};
    std::size_t bytes = 0;
    for (const auto* view : views) bytes += view->size();
    kept.reserve(bytes);
    for (auto* view : views) {
      const auto at = kept.size();
      kept.insert(kept.end(), view->begin(), view->end());
      *view = std::string_view(kept.data() + at, view->size());
    }
  }
}

void Dispatcher::note_time(std::chrono::nanoseconds took, std::size_t requests) {
  const double us = static_cast<double>(took.count()) / 1000.0 / static_cast<double>(requests);
  run_us_ = run_us_ < 0 ? us : run_us_ + newest_weight * (us - run_us_);
  const auto limit = static_cast<double>(slow_run_time.count());
  if (slow_ && run_us_ < limit / 2) slow_ = false;
  if (!slow_ && run_us_ > limit) slow_ = true;
}

void Dispatcher::send(Waiting& waiting, Answer& answer) {
  if (answer.parts) return start_stream(waiting.reply, answer);
  send_to(waiting.reply, answer);
}

void send_to(Reply& reply, const Answer& answer) {
  if (auto* const link = std::get_if<LinkReply>(&reply))
    return link->link->respond(link->id, answer);
  const net::Header headers[] = {{"Content-Type", answer.content_type}};
  std::get<HttpReply>(reply).responder.send(net::ResponseView{answer.status, headers, answer.body});
}

void refuse(Reply& reply, std::uint16_t status, std::string_view sentence) {
  Answer answer;
  answer_error(answer, status, sentence);
  send_to(reply, answer);
}

}  // namespace slipway::modelserver
