#include "modelserver/fronts/dispatcher.h"

#include <fmt/format.h>

#include <algorithm>

#include "modelserver/fronts/link_front.h"

namespace slipway::modelserver {
namespace {

// What waits for its share of a crowd waits no longer when nothing came for so long.
constexpr std::chrono::microseconds quiet_time{200};

}  // namespace

struct Dispatcher::Waiting {
  ModelCall invocation;
  Reply reply;
  Instant since = {};
  std::vector<char> kept;  // a link's bytes, once they are needed beyond the batch
};

// A batch is what one call of Model::answer works on. The invocations lie side by side, the rest
// beside them.
struct Dispatcher::Batch {
  std::vector<ModelCall> invocations;
  std::vector<Waiting> requests;
};

Dispatcher::Dispatcher(net::Loop& loop, Batching batching, WorkerPool* pool)
    : loop_(loop), batching_(batching), pool_(pool) {}

Dispatcher::~Dispatcher() {
  loop_.disarm(*this);
  if (own_pool_) own_pool_->stop();
  streams_.clear();
}

void Dispatcher::set_model(std::unique_ptr<Model> model) { model_ = std::move(model); }

void Dispatcher::submit(std::string_view model, const ModelCall& invocation, Reply reply) {
  if (!model.empty())
    return refuse(reply, 404, "This server has one model; it takes requests that name none.");
  submit(invocation, std::move(reply));
}

void Dispatcher::submit(const ModelCall& invocation, Reply reply) {
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
  if (!waiting_.empty() && !waits_for_more()) {
    if (!streams_.empty() || (pace_.is_slow() && !comes_alone()))
      run_elsewhere();
    else
      run_here();
  }
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

// How many more batches may run now.
std::size_t Dispatcher::free_slots() const {
  const std::size_t taken = running_ + streams_.size();
  return std::max(model_->concurrency(), taken) - taken;
}

// How long the oldest request may wait for others to join it, and how many are enough.
std::chrono::nanoseconds Dispatcher::wait_of(std::size_t* enough) const {
  *enough = batch_max();
  if (*enough == 1) return {};
  if (batching_.wait.count() > 0) return batching_.wait;
  if (running_ == 0 || free_slots() == 0) return {};
  *enough = std::min(*enough, pace_.fair_share(model_->concurrency()));
  return pace_.run_time() / 2;
}

bool Dispatcher::waits_for_more() {
  std::size_t enough = 0;
  const auto most = wait_of(&enough);
  const auto waited = loop_.now() - waiting_.front().since;
  if (std::exchange(waited_enough_, false) || waited >= most || waiting_.size() >= enough)
    return false;
  keep_bytes();
  if (!timer_)
    timer_ = std::make_unique<net::PreciseTimer>(loop_, [this] {
      waited_enough_ = true;
      loop_.at_batch_end(*this);
    });
  timer_->set(batching_.wait.count() > 0
                  ? most - waited
                  : std::min<std::chrono::nanoseconds>(quiet_time, most - waited));
  return true;
}

// Whether the one request that waits is likely to be the only one for as long as it runs, and to
// run as long as those before it did.
bool Dispatcher::comes_alone() {
  const bool alone = waiting_.size() == 1 && running_ == 0;
  if (!alone) alone_ = 0;
  if (!alone || pool_ != own_pool_.get() || batch_max() == 1 || !pace_.may_hold_up_loop() ||
      waiting_.front().invocation.body.size() > lone_body_bytes_max)
    return false;
  return ++alone_ > lone_requests_min;
}

void Dispatcher::run_here() {
  if (pace_.is_slow()) {
    run_batch_here();
    if (loop_.has_events()) alone_ = 0;  // others came meanwhile, and had to wait
    return;
  }
  while (!waiting_.empty() && !pace_.is_slow() && streams_.empty()) run_batch_here();
  if (!waiting_.empty()) run_elsewhere();
}

void Dispatcher::run_batch_here() {
  auto batch = take_batch(std::min(waiting_.size(), batch_max()));
  const auto started = std::chrono::steady_clock::now();
  model_->answer(batch->invocations);
  finish(*batch, std::chrono::steady_clock::now() - started);
  spare_ = std::move(batch);
}

// As many batches as there may run at once; the rest waits, and grows together meanwhile.
void Dispatcher::run_elsewhere() {
  keep_bytes();
  if (pool_ == nullptr) {
    own_pool_ = std::make_unique<WorkerPool>(model_->concurrency());
    pool_ = own_pool_.get();
  }
  while (!waiting_.empty() && free_slots() > 0) {
    pace_.note_crowd(waiting_.size() + running_requests_);
    const std::size_t share = pace_.fair_share(model_->concurrency());
    auto batch = take_batch(std::min({waiting_.size(), share, batch_max()}));
    ++running_;
    running_requests_ += batch->requests.size();
    pool_->post([this, model = model_.get(), batch = std::move(batch)]() mutable {
      const auto started = std::chrono::steady_clock::now();
      model->answer(batch->invocations);
      const auto took = std::chrono::steady_clock::now() - started;
      loop_.post([this, took, done = std::move(batch)] {
        --running_;
        running_requests_ -= done->requests.size();
        finish(*done, took);
        loop_.at_batch_end(*this);
      });
    });
  }
}

void Dispatcher::finish(Batch& batch, std::chrono::nanoseconds took) {
  pace_.note_run(took, batch.invocations.size());
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

void Dispatcher::send(Waiting& waiting, Answer& answer) {
  if (answer.parts) return start_stream(waiting.reply, answer);
  send_to(waiting.reply, answer, pace_.link_pace());
}

void send_to(Reply& reply, const Answer& answer, net::LinkPace pace) {
  if (auto* const link = std::get_if<LinkReply>(&reply))
    return link->link->respond(link->id, answer, pace);
  const net::Header all[] = {{"Content-Type", answer.content_type},
                             {custom_attributes_name, answer.custom_attributes}};
  const auto headers = std::span(all).first(answer.custom_attributes.empty() ? 1 : 2);
  std::get<HttpReply>(reply).responder.send(net::ResponseView{answer.status, headers, answer.body});
}

void refuse(Reply& reply, std::uint16_t status, std::string_view sentence) {
  Answer answer;
  answer_error(answer, status, sentence);
  send_to(reply, answer);
}

}  // namespace slipway::modelserver
