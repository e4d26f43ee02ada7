// Where the way of a request passes the Authorizer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

#include "net/http.h"
#include "service/authorize.h"
#include "service/call.h"
#include "store/store.h"
#include "wire/route.h"

namespace slipway::service {

// The check of one call, once its input is decoded; lets everyone through where policies are off.
// Views; lives as long as the call's handler runs.
class Gate {
 public:
  // A call without a transaction is decided over a snapshot of `store`.
  Gate(const Authorizer* authorizer, store::Store& store, Call& call,
       const wire::Operation& operation, const wire::Node& input)
      : authorizer_(authorizer), store_(store), question_(call, operation, input) {}
  ~Gate() { question_.call().set_permit({}); }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // Whether the handler may run; it may ask on then (Call::permit).
  Result<> pass();

  // Whether anything was allowed yet, by pass() or by what the handler asked.
  bool granted() const { return !authorizer_ || session_.granted(); }

  // The handler's failure, as far as the caller may know it.
  Error veiled(Error failure);

 private:
  template <typename Ask>
  Result<> within(Ask ask);

  const Authorizer* authorizer_;
  store::Store& store_;
  const Question question_;
  Authorizer::Session session_;
};

// The gate of hot operations, one for each loop: remembers what was decided, by key and what is
// asked for, until any policy changes. Root costs a comparison, everyone else a look-up. Refusals,
// and what depends on more than who asks for what (conditions, variables), are decided each time.
class HotGate {
 public:
  static constexpr std::size_t remembered_max = 4'096;

  HotGate(const Authorizer* authorizer, store::Store& store, CallContext context)
      : authorizer_(authorizer), store_(store), context_(context) {}

  // `caller` asks for `route` by `request`. Error: the refusal, or what is wrong with the request.
  Result<> pass(const net::Request& request, const wire::Route& route, const Caller& caller,
                std::string_view request_id);

 private:
  Result<> decide(const net::Request& request, const wire::Route& route, const Caller& caller,
                  std::string_view request_id) const;

  const Authorizer* authorizer_;
  store::Store& store_;
  CallContext context_;
  std::uint64_t generation_ = 0;
  std::unordered_set<std::string> allowed_;
  std::string name_;  // of what is looked up; reused
};

}  // namespace slipway::service
