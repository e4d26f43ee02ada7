#include "engine/objects/body_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

namespace slipway::objects {
namespace {

// How much is written before the kernel is told to begin putting it on the disk.
constexpr off_t writeback_bytes = 8 << 20;

std::unexpected<Error> write_failure(int error) {
  return fail(ErrorCode::unavailable,
              fmt::format("cannot write the object's bytes: {}; check the disk that holds the data "
                          "directory",
                          std::strerror(error)));
}

}  // namespace

void WriteBuffer::Free::operator()(char* bytes) const {
  ::operator delete[](bytes, std::align_val_t{direct_alignment});
}

void WriteBuffer::make_room(std::size_t bytes) {
  if (bytes <= room_) return;
  room_ = bytes <= small_bytes_max ? small_bytes_max : bytes_max;
  std::unique_ptr<char[], Free> larger(new (std::align_val_t{direct_alignment}) char[room_]);
  if (size_ > 0) std::memcpy(larger.get(), bytes_.get(), size_);
  bytes_ = std::move(larger);
}

std::size_t WriteBuffer::append(std::string_view bytes) {
  const std::size_t taken = std::min(bytes.size(), bytes_max - size_);
  if (taken == 0) return 0;
  make_room(size_ + taken);
  std::memcpy(bytes_.get() + size_, bytes.data(), taken);
  size_ += taken;
  return taken;
}

BodyFileWriter::BodyFileWriter(Disk& disk, File file, Caching caching)
    : disk_(&disk), file_(std::move(file)) {
  direct_ = caching == Caching::bypass && set_direct(true);
}

// False where the file system knows no way past the cache.
bool BodyFileWriter::set_direct(bool direct) {
  const int flags = ::fcntl(file_.fd(), F_GETFL);
  return flags >= 0 &&
         ::fcntl(file_.fd(), F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

Result<> BodyFileWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    // The end of a body is rarely as long as the disk would have it: the cache takes that.
    if (direct_ && bytes.size() % direct_alignment != 0) direct_ = !set_direct(false);
    const ssize_t wrote = disk_->write(file_.fd(), bytes, offset_);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && errno == EINVAL && direct_ && set_direct(false)) {  // another alignment
      direct_ = false;
      continue;
    }
    if (wrote < 0) return write_failure(errno);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
    offset_ += wrote;
  }
  if (!direct_) begin_writeback();
  return {};
}

void BodyFileWriter::begin_writeback() {
  if (offset_ - synced_ < writeback_bytes) return;
  ::sync_file_range(file_.fd(), synced_, offset_ - synced_, SYNC_FILE_RANGE_WRITE);
  synced_ = offset_;
}

Result<> BodyFileWriter::make_durable() {
  if (disk_->sync_bytes(file_.fd()) != 0) return write_failure(errno);
  return {};
}

}  // namespace slipway::objects
