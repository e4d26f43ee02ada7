// An operation run from its input to its output, whoever calls it: a request of HTTP (work.h), or
// this server from inside. What a stack, a pipeline, a rule or a schedule does to a resource, it
// does by this path, so that a stack's bucket is the same bucket, made with the same checks.
//
// The path: hold the input against the model's constraints → may the caller? → is there room on the
// disk? → the operation's handler → what may the caller know of a failure? A failure is what HTTP
// would answer; to_wire() (errors.h) with Registry::errors_of() gives it AWS's code.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/disk_room.h"
#include "service/authorize.h"
#include "service/call.h"
#include "service/registry.h"
#include "store/store.h"
#include "wire/arena.h"
#include "wire/node.h"
#include "wire/schema.h"

namespace slipway::service {

// What stands between a call and its handler. Views; a null pointer: it is not looked at.
struct Checks {
  store::Store& store;
  const Authorizer* authorizer = nullptr;
  DiskRoom* disk = nullptr;
};

// Where the disk is nearly full, refuses what changes something and frees nothing. `tx` is the
// transaction that the operation will run in, null where it has none yet.
Result<> find_room(const Checks& checks, const Entry& entry, store::Transaction* tx = nullptr);

// Runs the handler of `entry` for whoever `call` is of, after find_room(). Authorized in the
// transaction that the handler works in, so that both see the same policies. What a handler throws
// is a bug: logged, answered as one, and the server goes on; store::Failure alone passes.
Result<wire::Node> handle(const Checks& checks, const Entry& entry, Call& call,
                          const wire::Node& input);

// All operations of this server, for those who call them from inside. Views; thread-safe.
struct Operations {
  const Registry& registry;
  CallContext context;
  Checks checks;
  const std::string& origin;  // where clients reach this server: "http://127.0.0.1:4566"
};

// One call from inside. Views.
struct InsideCall {
  const wire::Operation& operation;
  const wire::Node& input;  // of the operation's input shape (json_input.h makes one)
  const Caller& caller;     // a role's session, or whoever began what calls now (called_via)
  wire::Arena& arena;       // holds the input, or less; the answer will live in it
};

// Says what an operation that was run from inside answered.
struct OperationAnswer {
  // Absent where a `read` cannot be answered yet (Call::poll); then `awaited` says when to ask
  // anew.
  wire::Node output{};
  // The topic of engine::Changes that moves when what was answered is no longer so: of a resource
  // on its way somewhere, of an empty queue. Empty: the answer stands. Who waits for it takes
  // Changes::sequence() before the transaction.
  std::string awaited = {};
  // A body that is streamed (GetObject's).
  std::optional<net::Body> body = {};
};

// Runs a `read` or `write` in the caller's transaction; a `write` needs one that may change things.
// Of a `write` that fails nothing remains, and the transaction goes on: whoever owns it decides
// whether the rest is still wanted. What an operation sets going begins with the commit.
//
// not_implemented: the operation is of another mode, and cannot be part of a transaction.
Result<OperationAnswer> run_operation(const Operations& operations, const InsideCall& call,
                                      store::Transaction& tx);

// Runs an operation that has transactions of its own (`work`, `file`, `bulk`: CopyObject,
// GetObject), or an `upload` (PutObject) with `body` as its bytes. Outside of any transaction, on a
// thread that may wait for files; what it did is durable when it returns. Who must know whether it
// was done although the server ended meanwhile does it again, or looks.
//
// not_implemented: the operation is a `read` or a `write`, or `hot`: that is answered on the loop
// of its connection alone. To invoke an endpoint from inside, call InvokeEndpointAsync, a `write`.
Result<OperationAnswer> run_operation_alone(const Operations& operations, const InsideCall& call,
                                            std::string_view body = {});

// The same with the generated types: run_operation<op::CreateModel>(operations, in, caller, tx).
template <typename Op>
Result<typename Op::Output> run_operation(const Operations& operations, typename Op::Input input,
                                          const Caller& caller, store::Transaction& tx) {
  TRY(const OperationAnswer answer,
      run_operation(operations, {Op::operation(), input.node(), caller, *input.arena()}, tx));
  return typename Op::Output(answer.output, input.arena());
}

}  // namespace slipway::service
