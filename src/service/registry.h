// The operations that this server has, and who answers them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "service/call.h"
#include "service/errors.h"
#include "wire/auth/chunked.h"
#include "wire/node.h"
#include "wire/schema.h"
#include "wire/view.h"

namespace slipway::service {

// Where a handler runs; the second word of a line in operations.txt.
enum class Mode : std::uint8_t {
  read,    // on a worker, over a snapshot of the store
  write,   // on the store's writer, as one change: what it returns is answered when durable
  work,    // on a worker, without a transaction: the handler's engine has its own
  upload,  // on workers: a BodySink takes the streamed body
  hot,     // on the I/O thread, by a HotDoor (front.h)
};

// Takes a streamed request body. Called by one worker at a time, in order; dropped without finish()
// where the client gave up or the body was not what was signed: then nothing may remain.
class BodySink {
 public:
  virtual ~BodySink() = default;
  // After an error only destruction follows, and the error is answered.
  virtual Result<> write(std::span<const std::byte> bytes) = 0;
  // The body is complete and what its signature said. `trailers` are those of aws-chunked or of the
  // HTTP message, lower-case names. Returns the operation's output.
  virtual Result<wire::Node> finish(Call& call, std::span<const wire::Trailer> trailers) = 0;
};

using Handler = std::function<Result<wire::Node>(Call&, const wire::Node& input)>;
// `input` lives as long as the sink.
using UploadOpener =
    std::function<Result<std::unique_ptr<BodySink>>(Call&, const wire::Node& input)>;

// An operation and its handler.
struct Entry {
  const wire::Operation* operation = nullptr;
  Mode mode = Mode::read;
  ErrorTable errors;
  Handler handler;      // read, write, work
  UploadOpener opener;  // upload
};

// Filled once by each door's install(), then only read, from any thread.
class Registry {
 public:
  // One service's part of the registry, while it is being filled. Adding what operations.txt does
  // not list, with another mode or with other shapes, is a bug: std::logic_error at start.
  class Service {
   public:
    Service(Registry& registry, const wire::Schema& schema, ErrorTable errors)
        : registry_(registry), schema_(schema), errors_(errors) {}

    // `handler(Call&, Input) -> Result<Output>`, for Mode::read, write and work; `Output` is void
    // where the operation answers nothing.
    template <typename Input, typename F>
    Service& add(std::string_view operation, F handler) {
      using Answer = std::invoke_result_t<F&, Call&, Input>;
      using Output = typename Answer::value_type;
      const wire::Shape* output = nullptr;
      if constexpr (!std::is_void_v<Output>) output = &Output::shape();
      add_handler(operation, Input::shape(), output,
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

    // `opener(Call&, Input) -> Result<std::unique_ptr<BodySink>>`, for Mode::upload.
    template <typename Input, typename F>
    Service& add_upload(std::string_view operation, F opener) {
      add_opener(operation, Input::shape(),
                 [opener = std::move(opener)](Call& call, const wire::Node& input) mutable {
                   return opener(call, Input(input, &call.arena()));
                 });
      return *this;
    }

   private:
    Entry& claim(std::string_view operation, const wire::Shape& input);
    void add_handler(std::string_view operation, const wire::Shape& input,
                     const wire::Shape* output, Handler handler);
    void add_opener(std::string_view operation, const wire::Shape& input, UploadOpener opener);

    Registry& registry_;
    const wire::Schema& schema_;
    ErrorTable errors_;
  };

  // Begins a service; its error table serves also the operations that nobody added.
  Service begin(const wire::Schema& schema, ErrorTable errors);

  // A hot operation has an entry without a handler: its HotDoor is found by the front.
  void add_hot(const wire::Schema& schema, std::string_view operation);

  // Null where the operation has no handler.
  const Entry* find(const wire::Operation& operation) const;
  ErrorTable errors_of(const wire::Schema& schema) const;

  // Every built operation that nobody answers: empty in a healthy program.
  std::vector<const wire::Operation*> unanswered(
      std::span<const wire::Schema* const> schemas) const;

 private:
  std::unordered_map<const wire::Operation*, Entry> entries_;
  std::unordered_map<const wire::Schema*, ErrorTable> errors_;
};

}  // namespace slipway::service
