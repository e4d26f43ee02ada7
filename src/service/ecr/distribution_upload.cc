#include "service/ecr/distribution_upload.h"

#include <utility>
#include <vector>

#include "base/log.h"
#include "base/strand.h"
#include "net/socket.h"
#include "service/ecr/distribution_answers.h"
#include "service/upload_flow.h"

namespace slipway::ecr {
namespace {

// The half that runs on workers: one task at a time, in order. What comes before there is a slot is
// kept for later, which is little: the client is paused until then.
class BlobWork {
 public:
  BlobWork(std::shared_ptr<DistributionCall> call, net::Responder responder)
      : call_(std::move(call)), responder_(std::move(responder)) {}

  void open(service::UploadSlots::Slot slot) {
    guard([&]() -> Result<> {
      if (!slot) return fail(ErrorCode::unavailable, "More uploads are under way than are let in.");
      slot_ = std::move(slot);
      TRY(part_, call_->begin_part());
      return {};
    });
    opened_ = true;
    for (Task& early : std::exchange(early_, {})) early();
  }
  void take(std::string block) {
    if (!opened_)
      return early_.push_back(
          [this, block = std::move(block)]() mutable { take(std::move(block)); });
    guard([&] { return part_->write(std::as_bytes(std::span(block))); });
    flow.taken(block.size());
  }
  void finish() {
    if (!opened_) return early_.push_back([this] { finish(); });
    guard([&]() -> Result<> {
      TRY(net::Response response, call_->end_part(*std::exchange(part_, std::nullopt)));
      drop();
      responder_.send(std::move(response));
      return {};
    });
  }
  // The client is gone, or was answered.
  void drop() {
    over_ = true;
    part_.reset();
    slot_.reset();
  }

  service::UploadFlow flow;

 private:
  template <typename Step>
  void guard(Step step) {
    if (over_) return;
    try {
      if (const Result<> outcome = step(); !outcome) refuse(outcome.error());
    } catch (const std::exception& bug) {
      log_error("service", "an upload of a blob threw", {{"what", bug.what()}});
      refuse({ErrorCode::internal, "The request failed because of a bug in the server."});
    }
  }
  void refuse(const Error& error) {
    drop();
    responder_.send(distribution_error(error));
  }

  const std::shared_ptr<DistributionCall> call_;
  net::Responder responder_;
  std::optional<images::UploadPart> part_;
  service::UploadSlots::Slot slot_;
  std::vector<Task> early_;
  bool opened_ = false;
  bool over_ = false;
};

// The half that lives on the loop: gathers bytes into blocks and posts them.
class BlobReceiver final : public net::BodyReceiver {
 public:
  BlobReceiver(const DistributionDoor& door, const service::ServiceContext& context,
               service::Caller caller)
      : door_(door),
        context_(context),
        caller_(std::move(caller)),
        strand_(context.lanes.files, service::owner_of(caller_)) {}

  void on_start(net::Request&& request, net::Responder&& responder,
                net::BodyControl control) override {
    responder.vouch();
    responder.describe(
        {.service = "ecr",
         .operation = request.method() == "PATCH" ? "UploadLayerPart" : "CompleteLayerUpload",
         .principal = caller_.principal.name});
    const service::Uploader uploader{
        caller_.access_key_id, std::string(net::address_of(request.peer())), {}};
    work_ = std::make_shared<BlobWork>(
        std::make_shared<DistributionCall>(door_, context_, std::move(request), std::move(caller_)),
        std::move(responder));
    work_->flow.use(control);
    const auto begin = [](Strand& strand, const std::shared_ptr<BlobWork>& work,
                          service::UploadSlots::Slot slot) {
      strand.post([work, slot = std::move(slot)]() mutable { work->open(std::move(slot)); });
    };
    auto slot = context_.uploads->take(
        uploader, context_.call.clock.monotonic(),
        [begin, strand = strand_, work = work_, control](service::UploadSlots::Slot late) mutable {
          begin(strand, work, std::move(late));
          control.resume();
        });
    if (slot)
      begin(strand_, work_, std::move(slot));
    else
      control.pause();  // nothing is read before there is a slot
  }

  void on_data(std::string_view bytes) override {
    block_ += bytes;
    if (block_.size() >= service::upload_block_bytes) hand_over();
  }

  void on_end(const net::Headers&) override {
    hand_over();
    strand_.post([work = work_] { work->finish(); });
  }

  void on_abort(const Error&) override {
    strand_.post([work = work_] { work->drop(); });
  }

 private:
  void hand_over() {
    if (block_.empty()) return;
    work_->flow.queued(block_.size());
    strand_.post(
        [work = work_, block = std::move(block_)]() mutable { work->take(std::move(block)); });
    block_ = std::string();
  }

  const DistributionDoor& door_;
  const service::ServiceContext& context_;
  service::Caller caller_;
  Strand strand_;
  std::shared_ptr<BlobWork> work_;
  std::string block_;
};

}  // namespace

std::unique_ptr<net::BodyReceiver> make_blob_receiver(const DistributionDoor& door,
                                                      const service::ServiceContext& context,
                                                      service::Caller caller) {
  return std::make_unique<BlobReceiver>(door, context, std::move(caller));
}

}  // namespace slipway::ecr
