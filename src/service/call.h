// What a handler knows of the call that it answers.
#pragma once

#include <any>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/worker_pool.h"
#include "engine/identity/key_ring.h"
#include "engine/identity/policy.h"
#include "net/http.h"
#include "store/store.h"
#include "wire/arena.h"
#include "wire/auth/signed_request.h"

namespace slipway::service {

// What showed that the caller is who it says.
enum class Proof : std::uint8_t {
  signature,  // or nothing had to: `--auth none`
  none,  // of an operation whose input is its own proof; then the principal is only the account
};

// The signature that was verified; nothing where none was.
struct Signature {
  wire::AuthForm form = wire::AuthForm::none;
  std::optional<Timestamp> time;  // SigV4's: when it was made

  bool in_query() const {
    return form == wire::AuthForm::v4_presigned || form == wire::AuthForm::v2_presigned;
  }
};

// Who asks, and for which region. Every row is keyed by account and region.
struct Caller {
  identity::Principal principal;
  std::string access_key_id;
  std::string region;
  Proof proof = Proof::signature;
  // Where nobody signed: the refusal that is answered where no policy lets everyone in.
  std::optional<Error> unsigned_refusal = {};
  Signature signature = {};
  // The services that ask in the principal's name, the first one first: a stack without a role of
  // its own is "cloudformation.amazonaws.com". Empty where the principal asks by itself, and where
  // a service asks as a role that it assumed: then that role is the principal.
  std::vector<std::string> called_via = {};

  const std::string& account() const { return principal.account; }
};

// Whose turn on the workers a caller's request takes: callers share them by access key.
TaskOwner owner_of(const Caller& caller);

// What all calls of a server share. Everything outlives the calls.
struct CallContext {
  const Clock& clock;
  Random& random;
};

// What a call from inside (run_operation.h) has in the place of a request.
struct FromInside {
  std::string_view request_id;
  std::string_view origin;  // where this server is reached: "http://127.0.0.1:4566"
};

class HttpCall;

// One call of an operation on its way through a handler, from inside or by HTTP (HttpCall); the
// handler's thread only. Text that a handler returns lives in arena() or in the request, both of
// which live until the answer is encoded.
class Call {
 public:
  Call(const CallContext& context, const Caller& caller, const FromInside& from, wire::Arena& arena)
      : context_(context),
        caller_(caller),
        from_(from),
        arena_(arena),
        now_(context.clock.moment()) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  virtual ~Call() = default;

  // The transaction that the operation's mode opened: a snapshot for `read`, the change itself for
  // `write`. The other modes have none, and asking is a bug (std::logic_error).
  store::Transaction& tx() const;

  const Caller& caller() const { return caller_; }
  const std::string& account() const { return caller_.account(); }
  const std::string& region() const { return caller_.region; }
  // The same call as one of a request, for what the model does not describe; null: this server
  // calls from inside, and there is no head, no peer and nobody on the way.
  virtual const HttpCall* http() const { return nullptr; }
  // Where whoever asks reaches this server, for URLs in an answer: "127.0.0.1:4566", and with its
  // scheme.
  virtual std::string_view host() const;
  virtual std::string origin() const { return std::string(from_.origin); }
  std::string_view request_id() const { return from_.request_id; }

  // The same instant for the whole call: the civil time that is shown, and both time lines for an
  // engine that keeps what is due.
  Timestamp now() const { return now_.civil; }
  const Moment& moment() const { return now_; }
  Random& random() const { return context_.random; }

  wire::Arena& arena() const { return arena_; }
  // An empty output to fill: `return call.output<CreateEndpointOutput>().EndpointArn(arn);`
  template <typename Output>
  Output output() const {
    return Output(arena_);
  }

  // "arn:aws:sagemaker:us-east-1:000000000000:endpoint/name" for the caller's account and region.
  std::string arn(std::string_view service, std::string_view resource) const;

  // What goes out beside the output that the handler returns: the bytes of a streamed member (S3's
  // Body), a status other than the model's (206), headers that the model does not have.
  struct Beside {
    std::optional<net::Body> body;
    std::optional<int> status;
    net::Fields headers;
  };
  void set_body(net::Body body) { beside_.body = std::move(body); }
  void set_status(int status) { beside_.status = status; }
  void add_header(std::string_view name, std::string_view value) {
    beside_.headers.add(name, value);
  }
  Beside take_beside() { return std::exchange(beside_, {}); }

  // Whether the caller may also do `action` to `resource`, of which only the handler knows; else
  // the refusal to answer with. Where policies are off, everyone may. `keys` are condition keys of
  // this question alone: of one entry of a batch.
  using Keys = std::span<const identity::ContextEntry>;
  using Permit =
      std::function<Result<>(std::string_view action, const std::string& resource, Keys keys)>;
  Result<> permit(std::string_view action, const std::string& resource, Keys keys = {}) const {
    return permit_ ? permit_(action, resource, keys) : Result<>();
  }
  void set_permit(Permit permit) { permit_ = std::move(permit); }

  // What the check of the call has read of its resource, for the handler that asks for the same
  // next in the same transaction. Given out once: the handler may change the resource after that.
  // And what a handler of Mode::work leaves for the frame: who streams the body
  // (answer_stream.h).
  template <typename Found>
  void leave(Found found) {
    left_ = std::move(found);
  }
  template <typename Found>
  std::optional<Found> take_left() {
    auto* const found = std::any_cast<Found>(&left_);
    if (!found) return std::nullopt;
    std::optional<Found> out = std::move(*found);
    left_.reset();
    return out;
  }

  // In a `read` handler: the answer is about something that is changing. Where the client is a
  // waiter, the answer is held until `topic` of engine::Changes moves and then made anew, for at
  // most waiter_hold_max (hold.h); a call from inside is told the topic; for everyone else this
  // does nothing.
  void wait_for(std::string topic) { awaited_ = std::move(topic); }
  const std::string& awaited() const { return awaited_; }

  // In a `read` handler: the answer cannot be made yet. It is made when `topic` of engine::Changes
  // moves, and `unavailable` where that takes longer than `time_max`, or the server ends.
  //
  // In a `write` handler: the answer holds nothing yet, and its client, any client, asked to wait
  // for what is given to one of those who wait, in turn. It is made anew when `topic` of
  // engine::Changes moves or `look_again` has passed, and goes out as it is once `time_max` has
  // passed since the request came, or when the server ends.
  struct Poll {
    std::string topic;
    std::chrono::microseconds time_max{0};
    std::optional<std::chrono::microseconds> look_again = {};
  };
  void poll(Poll poll) { poll_ = std::move(poll); }
  std::optional<Poll> take_poll() { return std::exchange(poll_, std::nullopt); }

  void set_transaction(store::Transaction* tx) { tx_ = tx; }
  bool has_transaction() const { return tx_ != nullptr; }

 private:
  const CallContext& context_;
  const Caller& caller_;
  const FromInside from_;
  wire::Arena& arena_;
  const Moment now_;
  store::Transaction* tx_ = nullptr;
  Beside beside_;
  std::string awaited_;
  std::optional<Poll> poll_;
  std::any left_;
  Permit permit_;
};

// A call that came as a request over HTTP.
class HttpCall final : public Call {
 public:
  // `head` outlives it.
  HttpCall(const CallContext& context, const Caller& caller, const net::RequestHead& head,
           std::string_view request_id, wire::Arena& arena)
      : Call(context, caller, FromInside{request_id, {}}, arena), head_(head) {}

  const HttpCall* http() const override { return this; }
  const net::RequestHead& head() const { return head_; }
  std::string_view host() const override { return head_.headers.get("host"); }
  std::string origin() const override;

 private:
  const net::RequestHead& head_;
};

// The method of the request; empty of a call from inside.
inline std::string_view method_of(const Call& call) {
  return call.http() ? call.http()->head().method : std::string_view();
}
// Its path, as sent; empty of a call from inside.
inline std::string_view path_of(const Call& call) {
  return call.http() ? call.http()->head().path : std::string_view();
}
// A header of the request; nullopt where it has none, as a call from inside has.
inline std::optional<std::string_view> header_of(const Call& call, std::string_view name) {
  if (!call.http()) return std::nullopt;
  return call.http()->head().headers.find(name);
}

}  // namespace slipway::service
