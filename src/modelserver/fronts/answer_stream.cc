#include "modelserver/fronts/answer_stream.h"

#include <sys/epoll.h>

namespace slipway::modelserver {
AnswerStream::AnswerStream(net::Loop& loop, std::shared_ptr<PartSource> source,
                           std::unique_ptr<PartSink> sink, std::function<void(AnswerStream&)> done)
    : loop_(loop),
      source_(std::move(source)),
      sink_(std::move(sink)),
      done_(std::move(done)),
      last_at_(loop.now()) {
  watch();
  watch_time();
}

AnswerStream::~AnswerStream() {
  unwatch();
  loop_.cancel(timer_);
}

void AnswerStream::watch() {
  if (!std::exchange(watched_, true)) loop_.watch(source_->descriptor(), EPOLLIN, *this);
}

void AnswerStream::unwatch() {
  if (std::exchange(watched_, false)) loop_.unwatch(source_->descriptor(), *this);
}

void AnswerStream::on_ready(std::uint32_t /*events*/) {
  last_at_ = loop_.now();
  while (state_ == State::flowing || state_ == State::stopping) {
    const PartSource::Chunk chunk = source_->read();
    if (chunk.kind == PartSource::Chunk::Kind::nothing) return;
    take(chunk);
  }
}

void AnswerStream::take(const PartSource::Chunk& chunk) {
  using Kind = PartSource::Chunk::Kind;
  if (chunk.kind == Kind::bytes) {
    if (state_ == State::stopping || sink_->write(chunk.bytes) == Room::left) return;
    state_ = State::paused;
    return unwatch();
  }
  if (state_ != State::stopping) chunk.kind == Kind::end ? sink_->end() : sink_->abort(chunk.bytes);
  finish();
}

// What the source read ahead shows in no descriptor: it is asked once, whatever epoll says.
void AnswerStream::go_on() {
  if (state_ != State::paused) return;
  state_ = State::flowing;
  watch();
  on_ready(EPOLLIN);
}

void AnswerStream::reader_gone() {
  if (state_ == State::stopping || state_ == State::ended) return;
  state_ = State::stopping;
  source_->stop();
  last_at_ = loop_.now();
  watch();
  watch_time();
  on_ready(EPOLLIN);
}

void AnswerStream::finish() {
  state_ = State::ended;
  unwatch();
  source_.reset();
  done_(*this);
}

void AnswerStream::watch_time() {
  loop_.cancel(timer_);
  const std::chrono::milliseconds limit =
      state_ == State::stopping ? stop_time_max : source_->silence_max();
  timer_ = loop_.after(last_at_ + limit - loop_.now(), [this, limit] {
    timer_ = 0;
    if (state_ == State::ended) return;
    if (state_ == State::paused) last_at_ = loop_.now();  // the silence is the reader's
    const bool stopping = state_ == State::stopping;
    if (!stopping && loop_.now() - last_at_ < limit) return watch_time();
    if (!stopping) sink_->abort("the model's code gave nothing for too long");
    finish();
  });
}

}  // namespace slipway::modelserver
