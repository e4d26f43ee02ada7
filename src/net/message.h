// The memory of a message: one buffer that holds its bytes, and the views into it. Internal to net.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory_budget.h"
#include "net/http.h"

namespace slipway::net {

class MessagePool;

// The bytes of one message as they came, and what was found in them. The views of `head`, `fields`
// and the body point into the buffer, or into `trailer_text`, `put` and `peer`.
struct Message {
  Message();

  char* data() { return bytes_.get(); }
  std::size_t capacity() const { return capacity_; }
  // Makes room for `wanted` bytes in all; the views of the head follow when the buffer moves.
  void reserve(std::size_t wanted);
  std::span<char> free_space() { return {bytes_.get() + used, capacity_ - used}; }
  void append(std::string_view more);
  std::string_view body() const { return {bytes_.get() + body_begin, body_end - body_begin}; }

  // As new, except for the memory.
  void clear();

  RequestHead head;  // requests
  int status = 0;    // responses
  std::vector<Header> fields;
  std::vector<Header> trailers;
  std::string trailer_text;
  Fields put;  // headers that were not sent as such
  std::string peer;
  std::size_t used = 0;  // bytes in the buffer
  std::size_t body_begin = 0;
  std::size_t body_end = 0;
  MemoryBudget::Share room;           // what its body takes of the server's memory
  std::shared_ptr<MessagePool> home;  // while it is lent out

 private:
  struct Free {
    void operator()(char* bytes) const { std::free(bytes); }
  };
  std::unique_ptr<char, Free> bytes_;
  std::size_t capacity_ = 0;
};

// Sets target, and path and query within it; an absolute target's scheme and host are left out.
void set_target(RequestHead& head, std::string_view target);

// Appends "name: value\r\n", with CR, LF and NUL as spaces.
void append_field(std::string& out, std::string_view name, std::string_view value);

using MessagePtr = std::unique_ptr<Message, MessageReturn>;

// Messages that wait to be used again. Any thread: a request may end anywhere.
class MessagePool : public std::enable_shared_from_this<MessagePool> {
 public:
  MessagePool();

  MessagePtr take();
  void give_back(std::unique_ptr<Message> message);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Message>> free_;
};

}  // namespace slipway::net
