#include "service/upload.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/log.h"
#include "base/memory_shortage.h"
#include "base/strand.h"
#include "base/text.h"
#include "net/socket.h"
#include "service/decode.h"
#include "service/gate.h"
#include "service/query_headers.h"
#include "service/upload_flow.h"
#include "wire/auth/chunked.h"
#include "wire/codec.h"

namespace slipway::service {
namespace {

// The half of an upload that runs on workers: one task at a time, in order. Its last step is a
// change of the store's: from its submission on, the writer alone touches what this holds.
class UploadWork : public std::enable_shared_from_this<UploadWork> {
 public:
  UploadWork(const ServiceContext& context, UploadBegin begin, net::Request request,
             net::Responder responder)
      : context_(context),
        begin_(std::move(begin)),
        request_(std::move(request)),
        responder_(std::move(responder)),
        call_(context.call, begin_.authenticated.caller, request_.head(), begin_.request_id,
              arena_) {}

  // Begins with a slot, or refuses without one. What came before is taken now.
  void open(UploadSlots::Slot slot) {
    guard([&] { return try_open(std::move(slot)); });
    for (Task& early : std::exchange(early_, {})) early();
  }
  void take(std::string block) {
    if (!opened_ && !over_)
      return early_.push_back(
          [this, block = std::move(block)]() mutable { take(std::move(block)); });
    guard([&] { return try_take(block); });
    flow.taken(block.size());
  }
  void finish(std::vector<wire::Trailer> trailers) {
    if (!opened_ && !over_)
      return early_.push_back(
          [this, late = std::move(trailers)]() mutable { finish(std::move(late)); });
    guard([&] { return try_finish(std::move(trailers)); });
  }
  void fail_with(Error error) {
    if (!opened_ && !over_)
      return early_.push_back(
          [this, late = std::move(error)]() mutable { fail_with(std::move(late)); });
    guard([&] { return Result<>(std::unexpected(std::move(error))); });
  }
  // The client is gone: nothing of the body remains, unless its change is under way.
  void drop() {
    if (!committing_) end();
  }

  UploadFlow flow;

 private:
  template <typename Step>
  void guard(Step step) {
    if (committing_ || over_) return;
    const LogRequest about(begin_.request_id);
    try {
      if (Result<> outcome = step(); !outcome) refuse(outcome.error());
    } catch (const std::exception& bug) {
      refuse_for(bug);
    }
  }

  void refuse_for(const std::exception& bug) {
    log_error("service", "an upload threw",
              {{"operation", std::string(begin_.entry.operation->name)}, {"what", bug.what()}});
    refuse({ErrorCode::internal, "The request failed because of a bug in the server."});
  }

  void end() {
    over_ = true;
    early_.clear();
    sink_.reset();
    slot_.reset();
  }

  void refuse(const Error& error) {
    end();
    net::Response response =
        error_response(error, begin_.route, begin_.entry.errors, begin_.request_id);
    add_fields(page_fields_, response);
    responder_.send(std::move(response));
  }

  Result<> try_open(UploadSlots::Slot slot) {
    page_fields_ = page_fields(context_, begin_.route, request_.head());
    if (!slot)
      return fail(ErrorCode::unavailable,
                  "Please reduce your request rate: more uploads are under way than are let in.",
                  "SlowDown");
    slot_ = std::move(slot);
    opened_ = true;
    TRY(input_, decode_input(begin_.route, request_, arena_));
    TRY_DO(expect_payload());
    TRY_DO(
        Gate(context_.authorizer, context_.store, call_, *begin_.route.operation, input_).pass());
    if (context_.disk)
      TRY_DO(context_.disk->admit_bytes(request_.head().content_length.value_or(0)));
    TRY(sink_, begin_.entry.opener(call_, input_));
    return {};
  }

  // Prepares for what x-amz-content-sha256 announced.
  Result<> expect_payload() {
    if (!begin_.authenticated.v4) return {};
    const wire::Verified& verified = *begin_.authenticated.v4;
    if (verified.payload == wire::PayloadMode::hashed) hash_.emplace();
    if (verified.payload == wire::PayloadMode::hashed ||
        verified.payload == wire::PayloadMode::unsigned_payload)
      return {};
    std::vector<wire::HeaderPair> headers;
    for (const net::Header& header : request_.headers())
      headers.emplace_back(header.name, header.value);
    const wire::SignedRequest request{.method = request_.method(),
                                      .path = request_.path(),
                                      .query = request_.query(),
                                      .headers = headers};
    TRY(wire::ChunkedOptions options, wire::chunked_options(request, verified));
    options.signatures = begin_.authenticated.chunk_signatures;
    decoder_.emplace(std::move(options));
    return {};
  }

  Result<> try_take(std::string_view bytes) {
    if (hash_) hash_->update(bytes);
    if (!decoder_) return sink_->write(std::as_bytes(std::span(bytes)));
    pieces_.clear();
    TRY_DO(decoder_->push(bytes, pieces_));
    for (const std::string_view piece : pieces_)
      TRY_DO(sink_->write(std::as_bytes(std::span(piece))));
    return {};
  }

  Result<> try_finish(std::vector<wire::Trailer> trailers) {
    TRY_DO(compare_hash());
    if (decoder_) {
      TRY(trailers, decoder_->finish());
    }
    TRY_DO(sink_->seal(call_, trailers));
    committing_ = true;
    context_.store.write_async(
        [self = shared_from_this()](store::Transaction& tx) { return self->commit(tx); },
        [self = shared_from_this()](Result<> outcome) {
          survive_memory_shortage("service", [&] { self->answer(outcome); });
        });
    return {};
  }

  Result<> commit(store::Transaction& tx) {
    const LogRequest about(begin_.request_id);
    call_.set_transaction(&tx);
    TRY(output_, sink_->commit(call_));
    return {};
  }

  void answer(const Result<>& outcome) {
    const LogRequest about(begin_.request_id);
    call_.set_transaction(nullptr);
    try {
      if (outcome)
        answer_made();
      else
        refuse(outcome.error());
    } catch (const std::exception& bug) {
      refuse_for(bug);
    }
  }

  void answer_made() {
    end();
    net::Response response = to_response(wire::encode_response(
        *begin_.entry.operation, begin_.route.protocol, output_, begin_.request_id));
    put_beside(call_.take_beside(), response);
    if (begin_.reshape) begin_.reshape(response);
    add_fields(page_fields_, response);
    responder_.send(std::move(response));
  }

  Result<> compare_hash() {
    if (!hash_) return {};
    const auto hex = wire::hex_of(hash_->finish());
    const std::string& announced = begin_.authenticated.v4->content_sha256;
    if (announced.empty() || announced == wire::view_of(hex)) return {};
    return std::unexpected(
        Error{ErrorCode::invalid_argument,
              "The provided 'x-amz-content-sha256' header does not match what was computed.",
              "XAmzContentSHA256Mismatch",
              {{"ClientComputedContentSHA256", announced},
               {"S3ComputedContentSHA256", std::string(wire::view_of(hex))}}});
  }

  const ServiceContext& context_;
  const UploadBegin begin_;
  const net::Request request_;
  net::Responder responder_;
  wire::Arena arena_;
  HttpCall call_;
  wire::Node input_{};
  net::Fields page_fields_;  // where a page of another origin asks
  std::unique_ptr<UploadSink> sink_;
  std::optional<wire::Sha256> hash_;
  std::optional<wire::ChunkedDecoder> decoder_;
  std::vector<std::string_view> pieces_;
  UploadSlots::Slot slot_;   // free once the answer is on its way
  std::vector<Task> early_;  // what came before the slot
  wire::Node output_{};
  bool opened_ = false;
  bool over_ = false;        // answered, or the client is gone
  bool committing_ = false;  // set by the workers before, and read by them alone
};

// The half that lives on the loop: gathers bytes into blocks and posts them.
class QueuedUpload final : public UploadReceiver {
 public:
  QueuedUpload(const ServiceContext& context, UploadBegin begin)
      : context_(context), begin_(std::move(begin)) {}

  void on_start(net::Request&& request, net::Responder&& responder,
                net::BodyControl control) override {
    const Uploader uploader = uploader_of(request.head());
    strand_.emplace(lane_of(request.head()), owner_of(begin_.authenticated.caller));
    responder.vouch();
    responder.describe(
        described(begin_.route, begin_.request_id, begin_.authenticated.caller.principal.name));
    take_query_headers(request, begin_.route);
    work_ = std::make_shared<UploadWork>(context_, std::move(begin_), std::move(request),
                                         std::move(responder));
    work_->flow.use(control);
    auto slot = context_.uploads->take(
        uploader, context_.call.clock.monotonic(),
        [strand = *strand_, work = work_, control](UploadSlots::Slot late) mutable {
          begin(strand, work, std::move(late));
          control.resume();
        });
    if (slot)
      begin(*strand_, work_, std::move(slot));
    else
      control.pause();  // nothing is read before there is a slot
  }

  void on_data(std::string_view bytes) override {
    block_ += bytes;
    if (block_.size() >= upload_block_bytes) hand_over();
  }

  void on_end(const net::Headers& trailers) override {
    hand_over();
    std::vector<wire::Trailer> copied;
    for (const net::Header& trailer : trailers)
      copied.emplace_back(to_lower(trailer.name), trailer.value);
    strand_->post(
        [work = work_, copied = std::move(copied)]() mutable { work->finish(std::move(copied)); });
  }

  void refuse(Error error) override {
    strand_->post(
        [work = work_, error = std::move(error)]() mutable { work->fail_with(std::move(error)); });
  }

  void on_abort(const Error&) override {
    strand_->post([work = work_] { work->drop(); });
  }

 private:
  static void begin(Strand& strand, const std::shared_ptr<UploadWork>& work,
                    UploadSlots::Slot slot) {
    strand.post([work, slot = std::move(slot)]() mutable { work->open(std::move(slot)); });
  }

  // A small body becomes a row (docs/decisions/0002), and its client waits for that alone: it does
  // not stand in the queue of those that write files, nor give way to instances that start.
  WorkerPool& lane_of(const net::RequestHead& head) const {
    return head.content_length.value_or(upload_block_bytes) <= quick_upload_bytes_max
               ? context_.lanes.puts
               : context_.lanes.files;
  }

  Uploader uploader_of(const net::RequestHead& head) const {
    const Caller& caller = begin_.authenticated.caller;
    Uploader out{caller.access_key_id, std::string(net::address_of(head.peer)), {}};
    // What a URL of SigV2 has beyond its signature may be anything: the path is what it is for. A
    // form is handed out as URLs are.
    if (caller.signature.in_query() || begin_.reshape)
      out.url = fmt::format("{}{}{}", begin_.route.virtual_bucket.empty() ? "" : "/",
                            begin_.route.virtual_bucket, head.path);
    return out;
  }

  void hand_over() {
    if (block_.empty()) return;
    work_->flow.queued(block_.size());
    strand_->post(
        [work = work_, block = std::move(block_)]() mutable { work->take(std::move(block)); });
    block_ = std::string();
  }

  const ServiceContext& context_;
  UploadBegin begin_;
  std::optional<Strand> strand_;  // from on_start() on
  std::shared_ptr<UploadWork> work_;
  std::string block_;
};

}  // namespace

std::unique_ptr<UploadReceiver> make_upload_receiver(const ServiceContext& context,
                                                     UploadBegin begin) {
  return std::make_unique<QueuedUpload>(context, std::move(begin));
}

}  // namespace slipway::service
