#include "engine/invocation_queue/routed_sender.h"

#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/strand.h"
#include "engine/objects/checked_files.h"

namespace slipway::invocation_queue {
namespace {

objects::UploadOptions answer_upload() { return {.bytes_max = queued_answer_bytes_max}; }

FailedDelivery failed_by(const Error& error) {
  if (error.code == ErrorCode::limit_exceeded)
    return {DeliveryError::answer_too_large, "The answer is larger than is allowed."};
  return {DeliveryError::unavailable, error.message};
}

DeliveryError error_of(routing::InvokeFailure failure) {
  switch (failure) {
    case routing::InvokeFailure::timeout: return DeliveryError::timeout;
    case routing::InvokeFailure::broken: return DeliveryError::broken;
    case routing::InvokeFailure::too_large: return DeliveryError::answer_too_large;
    default: return DeliveryError::unavailable;
  }
}

}  // namespace

// Takes an answer's bytes: into memory while they are few, then to a file, on a strand of workers.
// Lives until it told what became of them, whoever else lets go of it.
class RoutedSender::AnswerWriter : public std::enable_shared_from_this<AnswerWriter> {
 public:
  AnswerWriter(const Needs& needs, net::Loop& loop, Arrived arrived)
      : loop_(loop),
        strand_(needs.workers),
        upload_(needs.objects.begin(answer_upload())),
        arrived_(std::move(arrived)) {}

  // ---- The loop thread's ----

  void begin(int status, std::string_view content_type) {
    status_ = status;
    content_type_ = content_type;
  }

  // Whose answer it is, while it is read; null once it is gone.
  void set_source(routing::Invocation* source) { source_ = source; }

  void take(std::string_view bytes) {
    size_ += bytes.size();
    if (size_ <= echo_bytes_max) echo_ += bytes;
    pending_ += bytes;
    if (size_ <= objects::inline_bytes_max) return;
    flush();
    if (unwritten_ < unwritten_bytes_max || paused_ || source_ == nullptr) return;
    paused_ = true;
    source_->pause();
  }

  void end() {
    source_ = nullptr;
    if (size_ <= objects::inline_bytes_max) return seal(std::move(pending_));
    strand_.post([self = shared_from_this(), bytes = std::move(pending_)] { self->seal(bytes); });
  }

  void fail(FailedDelivery failed) {
    source_ = nullptr;
    strand_.post([self = shared_from_this(), failed = std::move(failed)]() mutable {
      self->tell(std::unexpected(std::move(failed)));
    });
  }

 private:
  void flush() {
    unwritten_ += pending_.size();
    strand_.post([self = shared_from_this(), bytes = std::exchange(pending_, {})] {
      self->write(bytes);
      self->loop_.post([self, size = bytes.size()] { self->written(size); });
    });
  }

  void written(std::size_t size) {
    unwritten_ -= size;
    if (failed_ && source_ != nullptr) {
      // It is destroyed by this, and nothing more comes of it.
      routing::Invocation* const source = std::exchange(source_, nullptr);
      source->give_up();
      strand_.post([self = shared_from_this()] { self->seal({}); });
    } else if (paused_ && unwritten_ < unwritten_bytes_max / 2 && source_ != nullptr) {
      paused_ = false;
      source_->resume();
    }
  }

  // ---- A worker's, one at a time, or the loop's where nothing was posted ----

  void write(std::string_view bytes) {
    if (!error_.empty()) return;
    if (auto written = upload_.write(std::as_bytes(std::span(bytes))); !written) {
      error_.push_back(failed_by(written.error()));
      failed_ = true;
    }
  }

  void seal(std::string_view rest) {
    if (!rest.empty()) write(rest);
    if (!error_.empty()) return tell(std::unexpected(std::move(error_.front())));
    auto sealed = upload_.seal();
    if (!sealed) return tell(std::unexpected(failed_by(sealed.error())));
    DeliveredAnswer answer{
        .status = status_, .content_type = std::move(content_type_), .body = *std::move(sealed)};
    if (size_ <= echo_bytes_max) answer.echo = std::move(echo_);
    tell(std::move(answer));
  }

  void tell(Delivered delivered) {
    if (auto arrived = std::exchange(arrived_, nullptr)) arrived(std::move(delivered));
  }

  net::Loop& loop_;
  Strand strand_;
  objects::Upload upload_;
  Arrived arrived_;
  int status_ = 200;
  std::string content_type_;
  std::string echo_;
  std::vector<FailedDelivery> error_;
  std::atomic<bool> failed_ = false;

  routing::Invocation* source_ = nullptr;
  std::string pending_;
  std::uint64_t size_ = 0;
  std::size_t unwritten_ = 0;
  bool paused_ = false;
};

// One request as the router knows it.
class RoutedSender::OutboundRequest final : public routing::Invocation {
 public:
  OutboundRequest(RoutedSender& sender, Delivery delivery, Arrived arrived)
      : sender_(sender),
        delivery_(std::move(delivery)),
        writer_(std::make_shared<AnswerWriter>(sender.needs_, sender.needs_.loop.loop(),
                                               std::move(arrived))) {
    const QueuedRequest& queued = delivery_.request;
    for (const auto& [name, value] : queued.headers) headers_.push_back({name, value});
    request.fleet = delivery_.fleet;
    request.access = routing::Access::queued;
    request.content_type = queued.content_type;
    request.accept = queued.accept;
    request.headers = headers_;
    request.body = delivery_.content.bytes;
    if (!delivery_.content.slices.empty()) request.body_files = [this] { return files(); };
    request.answer_mode = routing::AnswerMode::streamed;
    request.time_limit = queued.time_limit;
    writer_->set_source(this);
  }
  ~OutboundRequest() override { launched(); }

  void sent() override { launched(); }

  void answered(const routing::InvokeAnswer& answer) override {
    writer_->begin(answer.status, answer.content_type);
    writer_->set_source(nullptr);
    writer_->take(answer.body);
    writer_->end();
  }
  void failed(routing::InvokeFailure failure, std::string_view detail, std::string_view) override {
    writer_->fail({error_of(failure), std::string(detail)});
  }
  void begun(const routing::InvokeAnswer& head) override {
    writer_->begin(head.status, head.content_type);
  }
  void part(std::string_view bytes) override { writer_->take(bytes); }
  void ended() override { writer_->end(); }

 private:
  void launched() {
    if (!std::exchange(launched_, true)) sender_.launched(delivery_.fleet);
  }

  net::FileSequence files() const { return checked_files(delivery_.content); }

  RoutedSender& sender_;
  const Delivery delivery_;
  std::vector<net::Header> headers_;
  const std::shared_ptr<AnswerWriter> writer_;
  bool launched_ = false;
};

RoutedSender::RoutedSender(const Needs& needs) : needs_(needs) {
  needs_.loop.run_and_wait([this] {
    router_ = std::make_unique<routing::Router>(needs_.loop.loop(), needs_.routes, needs_.random);
  });
}

void RoutedSender::stop() {
  needs_.loop.run_and_wait([this] { router_.reset(); });
}

std::size_t RoutedSender::room(std::string_view fleet, std::uint32_t concurrency) const {
  const auto routes = needs_.routes.snapshot(routing::RouteTable::shard_of(fleet));
  const auto route = routes->find(fleet);
  if (route == routes->end()) return 0;
  std::size_t free = 0;
  for (const routing::FleetRoute::Leg& leg : route->second->legs)
    for (const routing::VariantRoute& variant : leg.route->variants)
      for (const auto& instance : variant.instances) {
        const std::uint32_t load = instance->outstanding.load(std::memory_order_relaxed);
        if (load < concurrency && leg.share > 0) free += concurrency - load;
      }
  const std::lock_guard lock(mutex_);
  const auto launching = launching_.find(fleet);
  if (launching == launching_.end()) return free;
  return free > launching->second ? free - launching->second : 0;
}

void RoutedSender::deliver(Delivery delivery, Arrived arrived) {
  {
    const std::lock_guard lock(mutex_);
    ++launching_[delivery.fleet];
  }
  needs_.loop.loop().post(
      [this, delivery = std::move(delivery), arrived = std::move(arrived)]() mutable {
        auto request =
            std::make_unique<OutboundRequest>(*this, std::move(delivery), std::move(arrived));
        if (router_) router_->invoke(std::move(request));
      });
}

void RoutedSender::launched(const std::string& fleet) {
  const std::lock_guard lock(mutex_);
  const auto launching = launching_.find(fleet);
  if (launching != launching_.end() && --launching->second == 0) launching_.erase(launching);
}

}  // namespace slipway::invocation_queue
