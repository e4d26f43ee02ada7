#include "net/message_reader.h"

#include <cstring>
#include <utility>

namespace slipway::net {

MessageReader::MessageReader(HttpParser::Kind kind, const ParserLimits& limits,
                             std::shared_ptr<MessagePool> pool, BodySink& sink)
    : pool_(std::move(pool)), parser_(kind, limits, sink) {}

void MessageReader::begin(std::string_view first) {
  MessagePtr message = pool_->take();
  message->append(first);
  begin(std::move(message));
}

void MessageReader::begin_behind() {
  const MessagePtr last = std::move(message_);
  begin(std::string_view(last->data() + parsed_, last->used - parsed_));
}

void MessageReader::keep(std::string_view bytes, Instant received_at) {
  next_ = pool_->take();
  next_->append(bytes);
  next_->head.received_at = received_at;
}

std::span<char> MessageReader::space_anew(std::size_t capacity) {
  message_->used = parsed_ = 0;
  message_->reserve(capacity);
  return message_->free_space();
}

void MessageReader::add_to_body(std::string_view bytes) {
  Message& m = *message_;
  char* end = m.data() + m.body_end;
  if (end != bytes.data()) std::memmove(end, bytes.data(), bytes.size());
  m.body_end += bytes.size();
}

MessagePtr MessageReader::split_head() {
  MessagePtr head = std::exchange(message_, pool_->take());
  message_->append({head->data() + parsed_, head->used - parsed_});
  head->used = parsed_;
  parsed_ = 0;
  parser_.go_on_in(*message_);
  return head;
}

}  // namespace slipway::net
