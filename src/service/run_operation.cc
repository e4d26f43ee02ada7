#include "service/run_operation.h"

#include <fmt/format.h>

#include <span>

#include "base/encoding.h"
#include "base/log.h"
#include "service/gate.h"
#include "wire/validate.h"

namespace slipway::service {
namespace {

// Pages of the database's file that hold nothing now, and are taken before the file grows.
constexpr std::string_view reusable_bytes_query =
    "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size";

Result<std::uint64_t> reusable_bytes(store::Transaction& tx) {
  auto rows = tx.query(reusable_bytes_query);
  return rows.next() ? static_cast<std::uint64_t>(rows.integer(0)) : 0;
}

bool changes(const Entry& entry) { return entry.mode == Mode::write || entry.mode == Mode::bulk; }

// A stranger's deletion, and one of which nothing was allowed, leave the reserve as it is.
void make_room(const Checks& checks, const Entry& entry, const Gate& gate) {
  if (checks.disk && changes(entry) && entry.frees && gate.granted()) checks.disk->release_file();
}

std::unexpected<Error> refuse_mode(const wire::Operation& operation, std::string_view why) {
  return fail(ErrorCode::not_implemented,
              fmt::format("{} {}: {}", operation.schema->service.name, operation.name, why));
}

Result<const Entry*> entry_of(const Operations& operations, const wire::Operation& operation) {
  if (const Entry* const entry = operations.registry.find(operation)) return entry;
  return refuse_mode(operation, "this server does not have the operation.");
}

// What the handler left in `call` beside its output.
OperationAnswer answer_of(Call& call, const wire::Node& output) {
  OperationAnswer answer{.output = output, .awaited = call.awaited()};
  if (auto poll = call.take_poll()) answer.awaited = std::move(poll->topic);
  answer.body = call.take_beside().body;
  return answer;
}

// An upload whose body is at hand.
Result<wire::Node> upload(const Checks& checks, const Entry& entry, Call& call,
                          const InsideCall& inside, std::string_view body) {
  Gate gate(checks.authorizer, checks.store, call, inside.operation, inside.input);
  TRY_DO(gate.pass());
  if (checks.disk) TRY_DO(checks.disk->admit_bytes(body.size()));
  TRY(const auto sink, entry.opener(call, inside.input));
  TRY_DO(sink->write(std::as_bytes(std::span(body))));
  TRY_DO(sink->seal(call, {}));
  return checks.store.write([&](store::Transaction& tx) {
    call.set_transaction(&tx);
    return sink->commit(call);
  });
}

}  // namespace

Result<> find_room(const Checks& checks, const Entry& entry, store::Transaction* tx) {
  if (!changes(entry) || !checks.disk || !checks.disk->is_low() || entry.frees) return {};
  const auto reusable = tx ? reusable_bytes(*tx) : checks.store.read(reusable_bytes);
  return checks.disk->admit_change(reusable.value_or(0));
}

Result<wire::Node> handle(const Checks& checks, const Entry& entry, Call& call,
                          const wire::Node& input) {
  Gate gate(checks.authorizer, checks.store, call, *entry.operation, input);
  try {
    TRY_DO(gate.pass());
    make_room(checks, entry, gate);
    auto outcome = entry.handler(call, input);
    make_room(checks, entry, gate);  // a handler may have asked by itself
    if (!outcome) return std::unexpected(gate.veiled(std::move(outcome).error()));
    return outcome;
  } catch (const store::Failure&) {
    throw;  // the store rolls back and says what SQLite refused
  } catch (const std::exception& bug) {
    log_error("service", "a handler threw",
              {{"operation", std::string(entry.operation->name)}, {"what", bug.what()}});
    return fail(ErrorCode::internal, "The request failed because of a bug in the server.");
  }
}

Result<OperationAnswer> run_operation(const Operations& operations, const InsideCall& inside,
                                      store::Transaction& tx) {
  TRY(const Entry* const entry, entry_of(operations, inside.operation));
  if (entry->mode != Mode::read && entry->mode != Mode::write)
    return refuse_mode(inside.operation, "it cannot be part of a transaction.");
  TRY_DO(wire::validate(inside.operation, inside.input));
  TRY_DO(find_room(operations.checks, *entry, &tx));
  const std::string request_id = make_uuid(operations.context.random);
  Call call(operations.context, inside.caller, FromInside{request_id, operations.origin},
            inside.arena);
  call.set_transaction(&tx);
  const auto run = [&] { return handle(operations.checks, *entry, call, inside.input); };
  TRY(wire::Node output, entry->mode == Mode::write ? tx.attempt(run) : run());
  OperationAnswer answer = answer_of(call, output);
  return answer;
}

Result<OperationAnswer> run_operation_alone(const Operations& operations, const InsideCall& inside,
                                            std::string_view body) {
  TRY(const Entry* const entry, entry_of(operations, inside.operation));
  if (entry->mode == Mode::read || entry->mode == Mode::write)
    return refuse_mode(inside.operation, "it is run in a transaction.");
  if (entry->mode == Mode::hot)
    return refuse_mode(inside.operation, "it is answered to requests of HTTP alone.");
  TRY_DO(wire::validate(inside.operation, inside.input));
  TRY_DO(find_room(operations.checks, *entry));
  const std::string request_id = make_uuid(operations.context.random);
  Call call(operations.context, inside.caller, FromInside{request_id, operations.origin},
            inside.arena);
  TRY(const wire::Node output, entry->mode == Mode::upload
                                   ? upload(operations.checks, *entry, call, inside, body)
                                   : handle(operations.checks, *entry, call, inside.input));
  return answer_of(call, output);
}

}  // namespace slipway::service
