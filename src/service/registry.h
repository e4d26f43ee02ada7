// The operations that this server has, who answers them, and the types of resources they make.
#pragma once

#include <any>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "service/call.h"
#include "service/errors.h"
#include "service/hot.h"
#include "wire/auth/chunked.h"
#include "wire/node.h"
#include "wire/schema.h"
#include "wire/view.h"

namespace slipway::service {

struct ResourceType;

// Where a handler runs; the second word of a line in operations.txt.
enum class Mode : std::uint8_t {
  read,    // on a worker, over a snapshot of the store
  write,   // on the store's writer, as one change: what it returns is answered when durable
  work,    // on a worker, without a transaction: the handler's engine has its own
  file,    // as work, in the lane of those that wait for files
  bulk,    // as work, in the lane of those that move as many bytes as their client likes, or
           // compute for long; where the disk is nearly full, it is refused as a write is
  upload,  // on workers: an UploadSink takes the streamed body; its end is a change of the writer's
  hot,     // on the I/O thread (hot.h)
};

// Takes a streamed request body. Called by one worker at a time, in order; dropped without commit()
// where the client gave up or the body was not what was signed: then nothing may remain.
class UploadSink {
 public:
  virtual ~UploadSink() = default;
  // After an error only destruction follows, and the error is answered.
  virtual Result<> write(std::span<const std::byte> bytes) = 0;
  // The body is complete and what its signature said: what of it is in files is on the disk when
  // this returns. `trailers` are those of aws-chunked or of the HTTP message, lower-case names.
  virtual Result<> seal(Call& call, std::span<const wire::Trailer> trailers) = 0;
  // After seal(), once, on the store's writer, as a `write` operation's handler: the body comes to
  // be in call.tx(), and the output is answered when that is durable.
  virtual Result<wire::Node> commit(Call& call) = 0;
};

using Handler = std::function<Result<wire::Node>(Call&, const wire::Node& input)>;
// What of a `write` operation takes too long for its change: runs before that on the worker,
// without a transaction, for callers who signed and who may do it. The change asks again; its
// handler gets what this returns by Call::take_left(), and looks whether it still holds.
using Preparation = std::function<std::any(Call&, const wire::Node& input)>;
// `input` lives as long as the sink.
using UploadOpener =
    std::function<Result<std::unique_ptr<UploadSink>>(Call&, const wire::Node& input)>;

// An operation and its handler.
struct Entry {
  const wire::Operation* operation = nullptr;
  Mode mode = Mode::read;
  ErrorTable errors;
  Handler handler;             // read, write, work, file, bulk
  UploadOpener opener;         // upload
  HotFactory hot;              // hot
  std::size_t hot_number = 0;  // ... and its place in Registry::hot()
  // The mark `frees` in operations.txt: it ends or removes something, or stands before what
  // does (a message is received before it is deleted), and so runs where the disk is nearly full.
  bool frees = false;
  Preparation prepare = {};
};

// Filled once by each door's install(), then only read, from any thread.
class Registry {
 public:
  // One service's part of the registry, while it is being filled. Adding an operation twice, with
  // another mode than operations.txt says, or of another service, is a bug: std::logic_error at
  // start. What operations.txt does not list has no type to add.
  class Service {
   public:
    Service(Registry& registry, const wire::Schema& schema, ErrorTable errors)
        : registry_(registry), schema_(schema), errors_(errors) {}

    // `Op` is a generated operation (gen/<service>.h). `handler(Call&, Op::Input) ->
    // Result<Op::Output>`, for Mode::read, write, work, file and bulk; Result<> where it answers
    // nothing.
    template <typename Op, typename F>
    Service& add(F handler) {
      using Input = typename Op::Input;
      using Answer = std::invoke_result_t<F&, Call&, Input>;
      using Output = typename Answer::value_type;
      static_assert(std::is_same_v<Output, typename Op::Output> ||
                        (std::is_void_v<Output> && std::is_same_v<typename Op::Output, wire::Unit>),
                    "the handler answers with another structure than the operation's");
      add_handler(Op::operation(),
                  [handler = std::move(handler)](
                      Call& call, const wire::Node& input) mutable -> Result<wire::Node> {
                    Answer answer = handler(call, Input(input, &call.arena()));
                    if (!answer) return std::unexpected(std::move(answer).error());
                    if constexpr (std::is_void_v<Output>)
                      return wire::make_structure(0, call.arena());
                    else
                      return answer->node();
                  });
      return *this;
    }

    // `opener(Call&, Op::Input) -> Result<std::unique_ptr<UploadSink>>`, for Mode::upload.
    template <typename Op, typename F>
    Service& add_upload(F opener) {
      using Input = typename Op::Input;
      add_opener(Op::operation(),
                 [opener = std::move(opener)](Call& call, const wire::Node& input) mutable {
                   return opener(call, Input(input, &call.arena()));
                 });
      return *this;
    }

    // `prepare(Call&, Op::Input) -> std::any`, of a `write` that was added.
    template <typename Op, typename F>
    Service& prepare(F prepare) {
      add_preparation(Op::operation(),
                      [prepare = std::move(prepare)](Call& call, const wire::Node& input) mutable {
                        return prepare(call, typename Op::Input(input, &call.arena()));
                      });
      return *this;
    }

    // For Mode::hot: each loop makes its handler by `factory`.
    template <typename Op>
    Service& add_hot(HotFactory factory) {
      add_factory(Op::operation(), std::move(factory));
      return *this;
    }

    // The types of resources that these operations make.
    Service& add_types(std::span<const ResourceType> types);

   private:
    Entry& claim(const wire::Operation& operation);
    void add_preparation(const wire::Operation& operation, Preparation prepare);
    void add_handler(const wire::Operation& operation, Handler handler);
    void add_opener(const wire::Operation& operation, UploadOpener opener);
    void add_factory(const wire::Operation& operation, HotFactory factory);

    Registry& registry_;
    const wire::Schema& schema_;
    ErrorTable errors_;
  };

  // Begins a service; its error table serves also the operations that nobody added.
  Service begin(const wire::Schema& schema, ErrorTable errors);

  // Null where the operation has no handler.
  const Entry* find(const wire::Operation& operation) const;
  ErrorTable errors_of(const wire::Schema& schema) const;
  // The entries of Mode::hot, by hot_number.
  std::span<const Entry* const> hot() const { return hot_; }

  // Null where there is none of that name ("AWS::SQS::Queue").
  const ResourceType* find_type(std::string_view name) const;
  // All types, by name.
  const std::map<std::string_view, const ResourceType*>& types() const { return types_; }

  // Every built operation that nobody answers: empty in a healthy program.
  std::vector<const wire::Operation*> unanswered(
      std::span<const wire::Schema* const> schemas) const;

 private:
  std::unordered_map<const wire::Operation*, Entry> entries_;
  std::vector<const Entry*> hot_;
  std::unordered_map<const wire::Schema*, ErrorTable> errors_;
  std::map<std::string_view, const ResourceType*> types_;
};

}  // namespace slipway::service
