#include "engine/objects/upload.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/encoding.h"
#include "base/thread_name.h"
#include "engine/objects/body_removals.h"
#include "engine/objects/body_sums.h"
#include "engine/objects/body_writer.h"

namespace slipway::objects {
namespace {

constexpr std::size_t pipeline_buffers_max = 4;
// Beyond this many bytes the MD5 gets a thread of its own: making one costs more than hashing less.
constexpr std::uint64_t threadless_bytes_max = 1 << 20;

// The MD5 of a body, on the caller's thread until start_thread(), on its own after.
class Md5 {
 public:
  ~Md5() { finish(); }

  bool threaded() const { return thread_.joinable(); }
  // Where `files` has no thread left for it, the caller's goes on hashing.
  void start_thread(BodyFiles& files) {
    if (!files.begin_hashing()) return;
    files_ = &files;
    thread_ = std::jthread([this] { run(); });
  }

  // Takes `buffer` and returns an empty one to fill; waits while the thread lags too far behind.
  WriteBuffer add(WriteBuffer buffer) {
    if (!threaded()) {
      md5_.update(buffer.text());
      buffer.clear();
      return buffer;
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return queue_.size() < pipeline_buffers_max; });
    queue_.push_back(std::move(buffer));
    changed_.notify_all();
    return take_spare();
  }

  std::string hex() {
    finish();
    return to_hex(md5_.digest());
  }

 private:
  WriteBuffer take_spare() {
    if (spares_.empty()) return {};
    WriteBuffer spare = std::move(spares_.back());
    spares_.pop_back();
    return spare;
  }

  void finish() {
    if (!threaded()) return;
    {
      const std::lock_guard lock(mutex_);
      finished_ = true;
    }
    changed_.notify_all();
    thread_.join();
    files_->end_hashing();
  }

  void run() {
    name_this_thread("md5");
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return finished_ || !queue_.empty(); });
      if (queue_.empty()) return;
      WriteBuffer buffer = std::move(queue_.front());
      queue_.pop_front();
      changed_.notify_all();
      lock.unlock();
      md5_.update(buffer.text());
      buffer.clear();
      lock.lock();
      spares_.push_back(std::move(buffer));
    }
  }

  wire::Checksum md5_{wire::Checksum::Algorithm::md5};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<WriteBuffer> queue_;    // guarded by mutex_
  std::vector<WriteBuffer> spares_;  // guarded by mutex_
  bool finished_ = false;            // guarded by mutex_
  BodyFiles* files_ = nullptr;       // whose thread this is
  std::jthread thread_;
};

}  // namespace

FileClaim::FileClaim(FileClaim&& other) noexcept
    : removals_(std::exchange(other.removals_, nullptr)), name_(std::move(other.name_)) {}

FileClaim::~FileClaim() {
  if (removals_) removals_->remove(DoomedBody{0, {name_}});
}

class Upload::Impl {
 public:
  Impl(BodyRemovals& removals, UploadOptions options)
      : removals_(removals), files_(removals.files()), options_(std::move(options)) {
    for (const ChecksumKind kind : options_.checksums)
      if (!is_etag(kind)) checksums_.emplace_back(kind);
  }

  std::uint64_t size() const { return size_; }

  Result<> write(std::span<const std::byte> bytes) {
    std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (rest.size() > options_.bytes_max - size_)
      return fail(ErrorCode::limit_exceeded,
                  fmt::format("the body is larger than the {} bytes allowed", options_.bytes_max),
                  "body_too_large");
    size_ += rest.size();
    for (wire::Checksum& checksum : checksums_) checksum.update(rest);
    while (!rest.empty()) {
      rest.remove_prefix(buffer_.append(rest));
      if (buffer_.full()) TRY_DO(flush());
    }
    return {};
  }

  Result<SealedBody> seal() {
    SealedBody body;
    const bool small = !claim_ && buffer_.size() <= inline_bytes_max &&
                       options_.placement == UploadOptions::Placement::by_size;
    if (small) {
      body.bytes = buffer_.text();
      sums_.update(body.bytes);
      if (hashes()) md5_.add(std::move(buffer_));
    } else {
      TRY_DO(flush());
      TRY_DO(make_durable());
      body.file = std::move(claim_);
    }
    body.size = size_;
    body.sums = sums_.finish();
    if (options_.etag != UploadOptions::Etag::none) body.etag = hashes() ? md5_.hex() : bulk_etag();
    TRY(body.checksums, finished_checksums(body.etag));
    return body;
  }

 private:
  bool hashes() const {
    using Etag = UploadOptions::Etag;
    return options_.etag == Etag::md5 ||
           (options_.etag == Etag::md5_or_crc && size_ <= etag_md5_max);
  }

  // A checksum that is the ETag's own MD5 is not hashed once more.
  bool is_etag(ChecksumKind kind) const {
    return kind == ChecksumKind::md5 && options_.etag == UploadOptions::Etag::md5;
  }

  Result<std::vector<ObjectChecksum>> finished_checksums(std::string_view etag) const {
    std::vector<ObjectChecksum> finished;
    auto running = checksums_.begin();
    for (const ChecksumKind kind : options_.checksums) {
      ObjectChecksum& checksum = finished.emplace_back(kind, ChecksumScope::full_object);
      if (is_etag(kind)) {
        TRY(const std::string raw, from_hex(etag));
        checksum.base64 = to_base64(raw);
      } else {
        checksum.base64 = (running++)->base64();
      }
    }
    return finished;
  }

  // Of the form that S3 gives what came in parts: no client takes that for the MD5 of the bytes.
  std::string bulk_etag() const {
    return fmt::format("{}{:016x}-1", to_hex(bulk_crc_.digest()), size_);
  }

  Result<> create_file() {
    TRY(BodyFiles::Created created, files_.create());
    writer_ = BodyFileWriter(files_.disk(), std::move(created.file), options_.caching);
    claim_ = std::make_unique<FileClaim>(removals_, std::move(created.name));
    return {};
  }

  // Writes the buffer to the file, then gives it to the MD5: both read, neither changes it.
  Result<> flush() {
    TRY_DO(files_.admit(buffer_.size()));
    if (!claim_) TRY_DO(create_file());
    TRY_DO(writer_.write(buffer_.text()));
    sums_.update(buffer_.text());
    if (options_.etag == UploadOptions::Etag::md5_or_crc) bulk_crc_.update(buffer_.text());
    if (!hashes()) {
      buffer_.clear();
      return {};
    }
    const bool deserves_thread =
        options_.etag == UploadOptions::Etag::md5 && size_ > threadless_bytes_max;
    if (deserves_thread && !md5_.threaded()) md5_.start_thread(files_);
    buffer_ = md5_.add(std::move(buffer_));
    return {};
  }

  Result<> make_durable() {
    TRY_DO(writer_.make_durable());
    return files_.sync_folder(claim_->name());
  }

  BodyRemovals& removals_;
  BodyFiles& files_;
  UploadOptions options_;
  std::vector<wire::Checksum> checksums_;
  std::uint64_t size_ = 0;
  WriteBuffer buffer_;
  std::unique_ptr<FileClaim> claim_;
  BodyFileWriter writer_;
  BodySums sums_;
  Md5 md5_;
  wire::Checksum bulk_crc_{wire::Checksum::Algorithm::crc64nvme};
};

Upload::Upload(BodyRemovals& removals, UploadOptions options)
    : impl_(std::make_unique<Impl>(removals, std::move(options))) {}
Upload::Upload(Upload&&) noexcept = default;
Upload& Upload::operator=(Upload&&) noexcept = default;
Upload::~Upload() = default;

Result<> Upload::write(std::span<const std::byte> bytes) { return impl_->write(bytes); }
std::uint64_t Upload::size() const { return impl_->size(); }
Result<SealedBody> Upload::seal() { return impl_->seal(); }

}  // namespace slipway::objects
