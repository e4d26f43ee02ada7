#include "modelserver/backends/python_stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace slipway::modelserver {
namespace {

constexpr std::size_t lengths_bytes = 8;

std::size_t get_u32(const char* from) {
  std::uint32_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace

PythonStream::PythonStream(PythonModel& model, std::unique_ptr<PythonWorker> worker)
    : model_(model), worker_(std::move(worker)) {}

PythonStream::~PythonStream() {
  if (complete_) {
    model_.put(std::move(worker_));
    return;
  }
  log_warning("modelserver", "a Python worker did not end its answer; replacing it",
              {{"pid", std::to_string(worker_->pid())}});
  model_.retire(std::move(worker_));
}

PythonStream::Filled PythonStream::fill() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == bytes_.size()) {
    std::memmove(bytes_.data(), bytes_.data() + begin_, available());
    end_ -= begin_;
    begin_ = 0;
  }
  const auto got = ::recv(worker_->channel(), bytes_.data() + end_, bytes_.size() - end_, 0);
  if (got > 0) {
    end_ += static_cast<std::size_t>(got);
    return Filled::some;
  }
  const bool later = got < 0 && (errno == EAGAIN || errno == EINTR);
  return later ? Filled::nothing : Filled::ended;
}

PartSource::Chunk PythonStream::read() {
  for (;;) {
    if (part_left_ > 0) {
      if (available() >= std::min(part_left_, stream_chunk_bytes_max)) return take_part();
    } else if (available() >= lengths_bytes) {
      const std::size_t head = get_u32(bytes_.data() + begin_);
      const std::size_t body = get_u32(bytes_.data() + begin_ + 4);
      if (head > stream_chunk_bytes_max || body > python_answer_bytes_max)
        return broken("The model's code sent what is no part of an answer.");
      if (head == 0) {
        begin_ += lengths_bytes;
        part_left_ = body;
        continue;
      }
      if (available() >= lengths_bytes + head) return take_last(head);
    }
    switch (fill()) {
      case Filled::some: break;
      case Filled::nothing: return {};
      case Filled::ended:
        return broken("The model's code ended its process in the middle of its answer.");
    }
  }
}

PartSource::Chunk PythonStream::take_part() {
  const std::size_t count = std::min({available(), part_left_, stream_chunk_bytes_max});
  const std::string_view bytes(bytes_.data() + begin_, count);
  begin_ += count;
  part_left_ -= count;
  return {Chunk::Kind::bytes, bytes};
}

PartSource::Chunk PythonStream::take_last(std::size_t head_bytes) {
  const auto last = read_stream_end({bytes_.data() + begin_ + lengths_bytes, head_bytes});
  if (!last) return broken("The model's code sent what is no end of an answer.");
  complete_ = true;
  if (last->empty()) return {Chunk::Kind::end, {}};
  return broken(*last);
}

PartSource::Chunk PythonStream::broken(std::string why) {
  why_ = std::move(why);
  return {Chunk::Kind::broken, why_};
}

}  // namespace slipway::modelserver
