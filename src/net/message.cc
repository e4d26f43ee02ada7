#include "net/message.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace slipway::net {
namespace {

constexpr std::size_t usual_bytes = 16 * 1024;     // what a message starts with
constexpr std::size_t kept_bytes_max = 64 * 1024;  // a larger buffer is not kept
constexpr std::size_t kept_messages_max = 256;

char* allocate(std::size_t size) {
  auto* bytes = static_cast<char*>(std::malloc(size));
  if (bytes == nullptr) throw std::bad_alloc();
  return bytes;
}

void move_view(std::string_view& view, const char* from, std::size_t size, const char* to) {
  const std::less_equal<const char*> not_after;
  if (view.data() == nullptr || !not_after(from, view.data())) return;
  if (!not_after(view.data(), from + size)) return;
  view = {to + (view.data() - from), view.size()};
}

}  // namespace

Message::Message() : bytes_(allocate(usual_bytes)), capacity_(usual_bytes) { fields.reserve(32); }

void Message::reserve(std::size_t wanted) {
  if (wanted <= capacity_) return;
  // The kernel moves the pages of a large buffer instead of copying them. The old address is only
  // compared with, never read.
  const char* const before = bytes_.get();
  auto* const larger = static_cast<char*>(std::realloc(bytes_.get(), wanted));  // NOLINT
  if (larger == nullptr) throw std::bad_alloc();
  static_cast<void>(bytes_.release());
  bytes_.reset(larger);
  capacity_ = wanted;
  if (larger == before) return;
  for (std::string_view* view : {&head.target, &head.path, &head.query}) {
    move_view(*view, before, used, larger);
  }
  for (Header& field : fields) {
    move_view(field.name, before, used, larger);
    move_view(field.value, before, used, larger);
  }
}

void Message::append(std::string_view more) {
  if (more.empty()) return;
  if (used + more.size() > capacity_) reserve(std::max(used + more.size(), 2 * capacity_));
  std::memcpy(bytes_.get() + used, more.data(), more.size());
  used += more.size();
}

void Message::clear() {
  head = {};
  status = 0;
  fields.clear();
  trailers.clear();
  trailer_text.clear();
  put = {};
  used = body_begin = body_end = 0;
  room = {};
}

void MessageReturn::operator()(Message* message) const {
  std::unique_ptr<Message> owned(message);
  if (!owned) return;
  const std::shared_ptr<MessagePool> home = std::move(owned->home);
  if (home) home->give_back(std::move(owned));
}

MessagePool::MessagePool() { free_.reserve(kept_messages_max); }

MessagePtr MessagePool::take() {
  std::unique_ptr<Message> message;
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      message = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (!message) message = std::make_unique<Message>();
  message->home = shared_from_this();
  return MessagePtr(message.release());
}

// Allocates nothing: it is called where a request ends, whatever ended it.
void MessagePool::give_back(std::unique_ptr<Message> message) {
  if (message->capacity() > kept_bytes_max) return;
  message->clear();
  const std::lock_guard lock(mutex_);
  if (free_.size() < kept_messages_max) free_.push_back(std::move(message));
}

}  // namespace slipway::net
