// A control-plane request on its way through its handler: decoded and validated on a worker, run in
// its mode, answered when its outcome is final.
#pragma once

#include <any>
#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "engine/changes.h"
#include "net/http_server.h"
#include "service/aws_request_handler.h"
#include "wire/arena.h"

namespace slipway::service {

class EventStreamAnswer;

// Owns the request until it is answered. One thread at a time: worker, writer, or none while held.
class Work {
 public:
  struct Begin {
    net::Request request;
    net::Responder responder;
    wire::Route route;
    const Entry& entry;
    Caller caller;
    std::string request_id;
  };

  // Answers by itself, later, from another thread.
  static void start(const ServiceContext& context, Begin begin);

 private:
  Work(const ServiceContext& context, Begin begin);

  WorkerPool& lane() const;
  static void post_again(std::unique_ptr<Work> work, void (*step)(std::unique_ptr<Work>));
  static void run_safely(std::unique_ptr<Work> work, void (*step)(std::unique_ptr<Work>));
  static void run(std::unique_ptr<Work> work);
  static void run_read(std::unique_ptr<Work> work);
  static void run_write(std::unique_ptr<Work> work);
  static void answer_write(std::unique_ptr<Work> work);
  static void poll(std::unique_ptr<Work> work);
  static void polled(std::unique_ptr<Work> work, engine::WaitOutcome outcome, Instant until);
  static void poll_again(std::unique_ptr<Work> work);
  static void answer_unready(std::unique_ptr<Work> work);
  static void run_alone(std::unique_ptr<Work> work);
  static void hold(std::unique_ptr<Work> work, const std::string& topic, std::uint64_t since);

  void prepare();
  Result<wire::Node> handle(Call& call);
  bool may_hold() const;
  bool is_too_late() const;
  void answer(Result<wire::Node> outcome);
  void answer_as_stream(EventStreamAnswer& stream, const wire::Node& output);
  void name_in_log(net::Body& body) const;
  void answer_error(const Error& error);

  const ServiceContext& context_;
  net::Request request_;
  net::Responder responder_;
  const wire::Route route_;
  const Entry& entry_;
  const Caller caller_;
  const std::string request_id_;
  Instant hold_until_;
  wire::Arena arena_;
  wire::Node input_{};
  std::any prepared_;
  wire::Node output_{};
  Result<> outcome_;  // of the change, in a `write`
  const Instant begun_;
  std::uint64_t since_ = 0;  // of engine::Changes, before the change
  std::optional<Call::Poll> poll_;
  engine::Changes::Turn turn_;               // in the line that it stood in; goes on when this ends
  std::shared_ptr<std::atomic<bool>> gone_;  // the client, while its answer is polled for
  Call::Beside beside_;
  net::Fields page_fields_;  // where a page of another origin asks
};

}  // namespace slipway::service
