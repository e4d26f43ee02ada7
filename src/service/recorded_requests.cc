#include "service/recorded_requests.h"

#include <boost/json.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace slipway::service {
namespace {

namespace json = boost::json;

// What the server answers by itself to a body that did not come as it should.
int status_of_abort(const Error& error) {
  switch (error.code) {
    case ErrorCode::timeout: return 408;
    case ErrorCode::limit_exceeded: return 413;
    case ErrorCode::invalid_argument: return 400;
    default: return 0;  // nobody is there to be answered
  }
}

// One request, as much of it as a line says. The loop and whoever answers may speak at once.
class Record {
 public:
  Record(const net::RequestHead& head, AccessLog& to, const Clock& by)
      : log_(to),
        clock_(by),
        client_(head.peer),
        method_(head.method),
        received_at_(head.received_at),
        head_only_(head.method == "HEAD") {}

  void describe(const net::Described& known) {
    const auto take = [](std::string& out, std::string_view text) {
      if (!text.empty()) out = text;
    };
    const std::lock_guard lock(mutex_);
    take(id_, known.id);
    take(service_, known.service);
    take(operation_, known.operation);
    take(principal_, known.principal);
  }

  void add_received(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    bytes_in_ += bytes;
  }
  void begin_answer(int status) {
    const std::lock_guard lock(mutex_);
    status_ = status;
  }
  // Of the body as it leaves: none where the answer has none.
  void add_sent(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    if (!head_only_ && status_ != 304 && status_ != 204) bytes_out_ += bytes;
  }
  void note_client_gone() {
    const std::lock_guard lock(mutex_);
    client_gone_ = true;
  }

  // How it ended; only the first end counts.
  void end() {
    const std::lock_guard lock(mutex_);
    write();
  }
  void end_cut() {
    const std::lock_guard lock(mutex_);
    cut_ = true;
    write();
  }
  void end_aborted(const Error& error) {
    const std::lock_guard lock(mutex_);
    if (status_ == 0) status_ = status_of_abort(error);
    client_gone_ = client_gone_ || error.code == ErrorCode::unavailable;
    write();
  }

 private:
  void write() {
    if (std::exchange(written_, true)) return;
    const auto took =
        std::chrono::duration_cast<std::chrono::microseconds>(clock_.monotonic() - received_at_);
    json::object line = {{"time", to_iso8601(clock_.now() - took, Fraction::milliseconds)},
                         {"id", id_},
                         {"client", client_},
                         {"service", service_},
                         {"operation", operation_},
                         {"method", method_},
                         {"status", status_},
                         {"bytes_in", bytes_in_},
                         {"bytes_out", bytes_out_},
                         {"duration_us", took.count()},
                         {"principal", principal_}};
    if (cut_) line["cut"] = true;
    if (client_gone_) line["client_gone"] = true;
    log_.add(json::serialize(line) + '\n');
  }

  AccessLog& log_;
  const Clock& clock_;
  const std::string client_;
  const std::string method_;
  const Instant received_at_;
  const bool head_only_;

  std::mutex mutex_;
  std::string id_;
  std::string service_;
  std::string operation_;
  std::string principal_;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
  int status_ = 0;            // 0: none was sent
  bool cut_ = false;          // the answer was begun and given up
  bool client_gone_ = false;  // before the answer was whole
  bool written_ = false;
};

// Answers through the responder that it stands for.
class RecordedExchange final : public net::HttpExchange {
 public:
  RecordedExchange(std::shared_ptr<Record> record, net::Responder inner)
      : record_(std::move(record)), inner_(std::move(inner)) {
    watch({});
  }

  void send(std::uint64_t, net::Response&& response) override {
    record_->begin_answer(response.status);
    record_->add_sent(response.body.size());
    inner_.send(std::move(response));
    record_->end();
  }
  void send_view(std::uint64_t, const net::ResponseView& response) override {
    record_->begin_answer(response.status);
    record_->add_sent(response.body.size());
    inner_.send(response);
    record_->end();
  }
  void start(std::uint64_t, int status, net::Fields&& headers) override {
    record_->begin_answer(status);
    writer_ = inner_.start(status, std::move(headers));
  }
  std::size_t write(std::uint64_t, std::string_view bytes) override {
    record_->add_sent(bytes.size());
    return writer_.write(bytes);
  }
  void flush_now(std::uint64_t) override { writer_.flush(); }
  void finish(std::uint64_t) override {
    writer_.finish();
    record_->end();
  }
  void abort(std::uint64_t) override {
    writer_.abort();
    inner_ = {};
    record_->end_cut();
  }
  void on_drained(std::uint64_t, Task task) override { writer_.on_drained(std::move(task)); }
  void on_closed(std::uint64_t, Task task) override { watch(std::move(task)); }
  void set_paused(std::uint64_t, bool) override {}  // a BodyControl is the connection's own
  void vouch(std::uint64_t) override { inner_.vouch(); }
  void describe(std::uint64_t, const net::Described& request) override {
    record_->describe(request);
  }

 private:
  void watch(Task then) {
    inner_.on_closed([record = record_, then = std::move(then)]() mutable {
      record->note_client_gone();
      if (then) then();
    });
  }

  const std::shared_ptr<Record> record_;
  net::Responder inner_;
  net::BodyWriter writer_;
};

net::Responder recorded(std::shared_ptr<Record> record, net::Responder&& responder) {
  return {std::make_shared<RecordedExchange>(std::move(record), std::move(responder)), 0};
}

// Counts what comes.
class CountedBody final : public net::BodyReceiver {
 public:
  CountedBody(std::unique_ptr<net::BodyReceiver> inner, std::shared_ptr<Record> record)
      : inner_(std::move(inner)), record_(std::move(record)) {}

  void on_start(net::Request&& request, net::Responder&& responder,
                net::BodyControl control) override {
    inner_->on_start(std::move(request), recorded(record_, std::move(responder)),
                     std::move(control));
  }
  void on_data(std::string_view bytes) override {
    record_->add_received(bytes.size());
    inner_->on_data(bytes);
  }
  void on_end(const net::Headers& trailers) override { inner_->on_end(trailers); }
  // The server answers such a body by itself, past this exchange, and its owner drops it.
  void on_abort(const Error& error) override {
    record_->end_aborted(error);
    inner_->on_abort(error);
  }

 private:
  const std::unique_ptr<net::BodyReceiver> inner_;
  const std::shared_ptr<Record> record_;
};

std::string_view id_of(const net::Response& response) {
  const auto id = response.headers.find("x-amzn-requestid");
  return id ? *id : response.headers.find("x-amz-request-id").value_or("");
}

}  // namespace

net::BodyPlan RecordedRequests::on_head(const net::RequestHead& head) {
  net::BodyPlan plan = answers_.on_head(head);
  if (const auto* const refused = std::get_if<net::Refuse>(&plan))
    record_refusal(head, refused->response);
  if (auto* const streamed = std::get_if<net::Stream>(&plan))
    streamed->receiver = std::make_unique<CountedBody>(
        std::move(streamed->receiver), std::make_shared<Record>(head, log_, clock_));
  return plan;
}

void RecordedRequests::on_request(net::Request&& request, net::Responder&& responder) {
  auto record = std::make_shared<Record>(request.head(), log_, clock_);
  record->add_received(request.body().size());
  answers_.on_request(std::move(request), recorded(std::move(record), std::move(responder)));
}

net::Response RecordedRequests::refusal(const net::RequestHead& head, int status,
                                        std::string_view reason) {
  net::Response response = answers_.refusal(head, status, reason);
  record_refusal(head, response);
  return response;
}

void RecordedRequests::record_refusal(const net::RequestHead& head, const net::Response& response) {
  Record record(head, log_, clock_);
  record.describe(describe_(head));
  record.describe({.id = id_of(response)});
  record.begin_answer(response.status);
  record.add_sent(response.body.size());
  record.end();
}

}  // namespace slipway::service
