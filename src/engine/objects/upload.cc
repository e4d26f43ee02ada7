#include "engine/objects/upload.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/encoding.h"
#include "engine/objects/body_files.h"

namespace slipway::objects {
namespace {

constexpr std::size_t buffer_bytes = 1 << 20;
constexpr std::size_t pipeline_buffers_max = 4;
// Beyond this many bytes the MD5 gets a thread of its own: making one costs more than hashing less.
constexpr std::uint64_t threadless_bytes_max = 1 << 20;
// How much is written before the kernel is told to begin putting it on the disk.
constexpr std::uint64_t writeback_bytes = 8 << 20;

using Buffer = std::vector<char>;

std::string_view text_of(const Buffer& buffer) { return {buffer.data(), buffer.size()}; }

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
  Buffer add(Buffer buffer) {
    if (!threaded()) {
      md5_.update(text_of(buffer));
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
  Buffer take_spare() {
    Buffer spare;
    if (spares_.empty()) {
      spare.reserve(buffer_bytes);
    } else {
      spare = std::move(spares_.back());
      spares_.pop_back();
    }
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
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return finished_ || !queue_.empty(); });
      if (queue_.empty()) return;
      Buffer buffer = std::move(queue_.front());
      queue_.pop_front();
      changed_.notify_all();
      lock.unlock();
      md5_.update(text_of(buffer));
      buffer.clear();
      lock.lock();
      spares_.push_back(std::move(buffer));
    }
  }

  wire::Checksum md5_{wire::Checksum::Algorithm::md5};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Buffer> queue_;    // guarded by mutex_
  std::vector<Buffer> spares_;  // guarded by mutex_
  bool finished_ = false;       // guarded by mutex_
  BodyFiles* files_ = nullptr;  // whose thread this is
  std::jthread thread_;
};

std::unexpected<Error> write_failure(int error) {
  return fail(ErrorCode::unavailable,
              fmt::format("cannot write the object's bytes: {}; check the disk that holds the data "
                          "directory",
                          std::strerror(error)));
}

}  // namespace

FileClaim::FileClaim(FileClaim&& other) noexcept
    : files_(std::exchange(other.files_, nullptr)), name_(std::move(other.name_)) {}

FileClaim::~FileClaim() {
  if (files_) files_->remove(DoomedBody{0, {name_}});
}

class Upload::Impl {
 public:
  Impl(BodyFiles& files, UploadOptions options) : files_(files), options_(std::move(options)) {
    for (const ChecksumKind kind : options_.checksums) checksums_.emplace_back(kind);
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
      const std::size_t taken = std::min(rest.size(), buffer_bytes - buffer_.size());
      buffer_.insert(buffer_.end(), rest.begin(),
                     rest.begin() + static_cast<std::ptrdiff_t>(taken));
      rest.remove_prefix(taken);
      if (buffer_.size() == buffer_bytes) TRY_DO(flush());
    }
    return {};
  }

  Result<SealedBody> seal() {
    SealedBody body;
    const bool small = !claim_ && buffer_.size() <= inline_bytes_max &&
                       options_.placement == UploadOptions::Placement::by_size;
    if (small) {
      body.bytes.assign(buffer_.begin(), buffer_.end());
      md5_.add(std::move(buffer_));
    } else {
      TRY_DO(flush());
      TRY_DO(make_durable());
      body.file = std::move(claim_);
    }
    body.size = size_;
    body.etag = md5_.hex();
    for (const wire::Checksum& checksum : checksums_)
      body.checksums.push_back(
          {checksum.algorithm(), ChecksumScope::full_object, checksum.base64()});
    return body;
  }

 private:
  Result<> create_file() {
    TRY(BodyFiles::Created created, files_.create());
    file_ = std::move(created.file);
    claim_ = std::make_unique<FileClaim>(files_, std::move(created.name));
    return {};
  }

  // Writes the buffer to the file, then gives it to the MD5: both read, neither changes it.
  Result<> flush() {
    if (!claim_) TRY_DO(create_file());
    if (!md5_.threaded() && size_ > threadless_bytes_max) md5_.start_thread(files_);
    TRY_DO(write_file(text_of(buffer_)));
    buffer_ = md5_.add(std::move(buffer_));
    return {};
  }

  Result<> write_file(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t wrote = ::pwrite(file_.fd(), bytes.data(), bytes.size(), offset_);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return write_failure(errno);
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
      offset_ += wrote;
    }
    begin_writeback();
    return {};
  }

  void begin_writeback() {
    if (offset_ - synced_ < static_cast<off_t>(writeback_bytes)) return;
    ::sync_file_range(file_.fd(), synced_, offset_ - synced_, SYNC_FILE_RANGE_WRITE);
    synced_ = offset_;
  }

  Result<> make_durable() {
    if (::fdatasync(file_.fd()) != 0) return write_failure(errno);
    return files_.sync_folder(claim_->name());
  }

  BodyFiles& files_;
  UploadOptions options_;
  std::vector<wire::Checksum> checksums_;
  std::uint64_t size_ = 0;
  Buffer buffer_;
  std::unique_ptr<FileClaim> claim_;
  File file_;
  off_t offset_ = 0;
  off_t synced_ = 0;
  Md5 md5_;
};

Upload::Upload(BodyFiles& files, UploadOptions options)
    : impl_(std::make_unique<Impl>(files, std::move(options))) {}
Upload::Upload(Upload&&) noexcept = default;
Upload& Upload::operator=(Upload&&) noexcept = default;
Upload::~Upload() = default;

Result<> Upload::write(std::span<const std::byte> bytes) { return impl_->write(bytes); }
std::uint64_t Upload::size() const { return impl_->size(); }
Result<SealedBody> Upload::seal() { return impl_->seal(); }

}  // namespace slipway::objects
