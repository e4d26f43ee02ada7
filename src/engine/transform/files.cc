// One file of a transform job: read, asked, joined and written, in order.
#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "base/log.h"
#include "engine/objects/checked_files.h"
#include "engine/objects/uri.h"
#include "engine/transform/input.h"
#include "engine/transform/run.h"

namespace slipway::transform {
namespace {

constexpr std::uint64_t mebibyte = 1ULL << 20;

// One line, so that it stays one in a log, and not longer than is read.
std::string one_line(std::string_view answer) {
  std::string text(answer.substr(0, quoted_answer_bytes_max));
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  if (answer.size() > text.size()) text += "...";
  return text;
}

std::string place_of(const Chunk& chunk) {
  const std::uint64_t last = chunk.first_record + std::max<std::uint64_t>(chunk.records, 1) - 1;
  const std::string records = last == chunk.first_record
                                  ? fmt::format("record {}", last)
                                  : fmt::format("records {} to {}", chunk.first_record, last);
  return fmt::format("{} (bytes {} to {})", records, chunk.offset, chunk.offset + chunk.bytes);
}

// Of an Error: the container is at fault. All others are the input's.
constexpr std::string_view model_failed = "model_failed";

Fault fault_of(const Error& error) {
  return error.kind == model_failed ? Fault::model : Fault::input;
}

// A status of the 4xx kind says that the container refused the record, any other that it failed.
Error refused(const Chunk& chunk) {
  const int status = chunk.reply.status;
  const bool client = status >= 400 && status < 500;
  const std::string what =
      status == 0 ? fmt::format("no answer after {} tries: {}", chunk.tries, chunk.reply.body)
                  : fmt::format("Bad HTTP status received from algorithm: {}: {}", status,
                                one_line(chunk.reply.body));
  return {client ? ErrorCode::invalid_argument : ErrorCode::unavailable,
          fmt::format("{}: {}", place_of(chunk), what),
          std::string(client ? std::string_view() : model_failed)};
}

Error located(Error error, const Chunk& chunk) {
  error.message = fmt::format("{}: {}", place_of(chunk), error.message);
  return error;
}

// The chunks of a file that are not yet written, in order. What is left in it when the file fails
// or the job stops is dropped.
class Outstanding {
 public:
  explicit Outstanding(RequestWindow& window) : window_(window) {}
  ~Outstanding() {
    for (const auto& chunk : chunks_) window_.drop(chunk);
  }
  Outstanding(const Outstanding&) = delete;
  Outstanding& operator=(const Outstanding&) = delete;

  bool empty() const { return chunks_.empty(); }
  const Chunk* first() const { return chunks_.empty() ? nullptr : chunks_.front().get(); }
  void add(std::shared_ptr<Chunk> chunk) {
    window_.submit(chunk);
    chunks_.push_back(std::move(chunk));
  }
  std::shared_ptr<Chunk> take_first() {
    auto chunk = std::move(chunks_.front());
    chunks_.pop_front();
    window_.taken(*chunk);
    return chunk;
  }

 private:
  RequestWindow& window_;
  std::deque<std::shared_ptr<Chunk>> chunks_;
};

// Made here, in bulk, and read by others later, if at all.
objects::UploadOptions output_upload() {
  return {.bytes_max = output_bytes_max,
          .etag = objects::UploadOptions::Etag::md5_or_crc,
          .caching = objects::Caching::bypass};
}

std::size_t block_bytes(const TransformTerms& terms) {
  return terms.payload_mb * mebibyte + InputChunks::block_margin;
}

}  // namespace

std::string TransformProgress::text() const {
  return fmt::format("progress: files {} of {}, failed {}, records {}, bytes {}", files_done.load(),
                     files_total.load(), files_failed.load(), records.load(), bytes.load());
}

TransformFiles::TransformFiles(Job job)
    : job_(std::move(job)),
      blocks_(std::make_shared<Blocks>(block_bytes(job_.terms))),
      told_at_(job_.context.clock.monotonic()) {}

void TransformFiles::work(std::vector<TransformFile>& queue, std::mutex& queue_mutex) {
  for (;;) {
    TransformFile file;
    {
      const std::lock_guard lock(queue_mutex);
      if (queue.empty() || job_.window->stopping()) return;
      file = std::move(queue.back());
      queue.pop_back();
    }
    if (transform(file) == End::stopped) return;
  }
}

TransformFiles::End TransformFiles::transform(const TransformFile& file) {
  End end = End::settled;
  auto made = make_output(file, end);
  if (end == End::stopped) return end;
  const bool good = made.has_value();
  const std::string uri = objects::uri_of({.bucket = file.bucket, .key = file.key});
  if (!good) {
    made.error().message = fmt::format("{}: {}", uri, made.error().message);
    job_.context.log(job_.id, made.error().message);
  }
  if (auto settled = settle(file, std::move(made)); !settled) {
    job_.context.log(job_.id, fmt::format("{}: {}", uri, settled.error().message));
    progress.files_failed += 1;
    return end;
  }
  (good ? progress.files_done : progress.files_failed) += 1;
  return end;
}

Result<objects::Objects::Opened> TransformFiles::open_input(const TransformFile& file) const {
  const objects::ObjectName name{.bucket = file.bucket, .key = file.key};
  const auto ask = [&](store::Transaction& tx,
                       const objects::Object&) -> Result<std::optional<objects::ByteRange>> {
    TRY_DO(job_.context.check_right(tx, job_.plan.owner, TransformContext::Access::read, name));
    return std::nullopt;
  };
  return job_.context.objects.open_object(name, ask);
}

Result<ByteSource> TransformFiles::open(const TransformFile& file) const {
  TRY(auto opened, open_input(file));
  auto reader = std::make_shared<objects::ContentReader>(std::move(opened.content));
  ByteSource plain = [reader](std::span<std::byte> out) { return reader->read(out); };
  if (job_.plan.compression == TransformPlan::Compression::none) return plain;
  return inflating(std::move(plain));
}

// Whether an object is sent as it lies in its files, without passing through memory.
bool TransformFiles::goes_whole() const {
  return job_.terms.payload_mb == 0 && job_.plan.split == SplitType::none &&
         job_.plan.compression == TransformPlan::Compression::none &&
         job_.plan.join == TransformPlan::Join::none && job_.rules.sends_input_as_it_is();
}

Result<objects::SealedBody> TransformFiles::make_whole(const TransformFile& file, End& end) {
  TRY(auto opened, open_input(file));
  objects::Upload upload = job_.context.objects.begin(output_upload());
  Outstanding outstanding(*job_.window);
  auto chunk = std::make_shared<Chunk>();
  chunk->first_record = 1;
  chunk->records = 1;
  chunk->bytes = opened.object.size;
  const auto content = std::make_shared<const objects::Content>(std::move(opened.content));
  chunk->made = content->bytes;
  chunk->sent = chunk->made;
  if (!content->slices.empty()) chunk->sent_files = [content] { return checked_files(*content); };
  std::string out;
  auto wants = chunk->bytes > 0 ? RequestWindow::Wants::more : RequestWindow::Wants::no_more;
  while (wants == RequestWindow::Wants::more || !outstanding.empty()) {
    const auto turn = job_.window->wait(outstanding.first(), wants);
    if (turn == RequestWindow::Turn::stop) {
      end = End::stopped;
      return fail(ErrorCode::unavailable, "the job is being stopped");
    }
    if (turn == RequestWindow::Turn::write) {
      TRY_DO(write(*outstanding.take_first(), upload, out));
      continue;
    }
    wants = RequestWindow::Wants::no_more;
    outstanding.add(chunk);
  }
  job_.context.step();
  return upload.seal();
}

std::uint64_t TransformFiles::payload_bytes_max(const TransformFile& file) const {
  if (job_.terms.payload_mb > 0) return job_.terms.payload_mb * mebibyte;
  const bool known = job_.plan.compression == TransformPlan::Compression::none;
  return known ? std::min(file.bytes + 1, unlimited_bytes_max) : unlimited_bytes_max;
}

// What is sent of a chunk.
Result<> TransformFiles::prepare(Chunk& chunk) const {
  chunk.sent = chunk.input;
  if (job_.rules.sends_input_as_it_is()) return {};
  std::string chosen;
  if (auto done = filter_input(job_.rules, chunk.input, chosen); !done)
    return std::unexpected(located(std::move(done).error(), chunk));
  chunk.made = std::move(chosen);
  chunk.sent = chunk.made;
  return {};
}

Result<> TransformFiles::write(const Chunk& chunk, objects::Upload& upload, std::string& out) {
  if (!chunk.reply.is_good()) return std::unexpected(refused(chunk));
  out.clear();
  if (auto done = finish_output(job_.rules, chunk.input, chunk.reply.body, out); !done)
    return std::unexpected(located(std::move(done).error(), chunk));
  TRY_DO(upload.write(std::as_bytes(std::span(out))));
  progress.records += chunk.records;
  progress.bytes += chunk.bytes;
  tell_progress();
  return {};
}

Result<objects::SealedBody> TransformFiles::make_output(const TransformFile& file, End& end) {
  if (goes_whole()) return make_whole(file, end);
  TRY(ByteSource source, open(file));
  const std::uint64_t bytes_max = payload_bytes_max(file);
  const auto blocks = job_.terms.payload_mb > 0
                          ? blocks_
                          : std::make_shared<Blocks>(bytes_max + InputChunks::block_margin);
  InputChunks chunks(
      std::move(source),
      {.type = job_.plan.split, .strategy = job_.terms.strategy, .bytes_max = bytes_max}, blocks);
  objects::Upload upload = job_.context.objects.begin(output_upload());
  Outstanding outstanding(*job_.window);
  std::string out;
  auto wants = RequestWindow::Wants::more;
  while (wants == RequestWindow::Wants::more || !outstanding.empty()) {
    switch (job_.window->wait(outstanding.first(), wants)) {
      case RequestWindow::Turn::stop:
        end = End::stopped;
        return fail(ErrorCode::unavailable, "the job is being stopped");
      case RequestWindow::Turn::write: TRY_DO(write(*outstanding.take_first(), upload, out)); break;
      case RequestWindow::Turn::cut: {
        auto chunk = chunks.next();
        if (chunk && *chunk)
          if (auto ready = prepare(**chunk); !ready)
            chunk = std::unexpected(std::move(ready).error());
        if (chunk && *chunk) {
          outstanding.add(*std::move(chunk));
          break;
        }
        job_.window->skip();
        if (!chunk) return std::unexpected(std::move(chunk).error());
        wants = RequestWindow::Wants::no_more;
        break;
      }
    }
  }
  job_.context.step();
  return upload.seal();
}

// The output and the note that it is there are one change: neither a crash between them nor a
// second run can lose or double it.
Result<> TransformFiles::settle(const TransformFile& file, Result<objects::SealedBody> made) {
  job_.context.step();
  const auto note = [&](FileState state, Fault fault, const std::string& reason, auto&& also) {
    return job_.context.store.write([&](store::Transaction& tx) -> Result<> {
      if (!end_file(tx, job_.id, file.ordinal, state, fault, reason)) return {};
      return also(tx);
    });
  };
  const auto nothing = [](store::Transaction&) -> Result<> { return {}; };
  const objects::ObjectName output{.bucket = job_.plan.output_bucket, .key = file.output_key};
  const auto put = [&](store::Transaction& tx) -> Result<> {
    TRY_DO(job_.context.check_right(tx, job_.plan.owner, TransformContext::Access::write, output));
    objects::PutOptions options;
    if (!job_.plan.accept.empty())
      options.attributes.properties.emplace_back("content-type", job_.plan.accept);
    const auto object = job_.context.objects.put(tx, output, *std::move(made), std::move(options));
    if (!object) return std::unexpected(object.error());
    return {};
  };
  Result<> done;
  if (made)
    done = note(FileState::done, Fault::nobody, "", put);
  else
    done = note(FileState::failed, fault_of(made.error()), made.error().message, nothing);
  job_.context.step();
  if (done) return {};
  const std::string reason = fmt::format("the output cannot be written: {}", done.error().message);
  const bool closed = done.error().code == ErrorCode::permission_denied;
  TRY_DO(note(FileState::failed, closed ? Fault::input : Fault::server, reason, nothing));
  return done;
}

void TransformFiles::tell_progress() {
  const Instant now = job_.context.clock.monotonic();
  {
    const std::lock_guard lock(told_mutex_);
    if (now - told_at_ < progress_period) return;
    told_at_ = now;
  }
  job_.context.log(job_.id, progress.text());
}

}  // namespace slipway::transform
