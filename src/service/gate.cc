#include "service/gate.h"

#include <vector>

#include "wire/codec.h"

namespace slipway::service {
namespace {

Result<wire::Node> decode_head(const net::Request& request, const wire::Route& route,
                               wire::Arena& arena) {
  std::vector<wire::HeaderView> headers;
  for (const net::Header& header : request.headers())
    headers.push_back({header.name, header.value});
  return wire::decode_request(*route.operation, route.protocol, route.labels,
                              {.method = request.method(),
                               .path = request.path(),
                               .query = request.query(),
                               .headers = headers,
                               .body = {}},
                              arena);
}

}  // namespace

template <typename Ask>
Result<> Gate::within(Ask ask) {
  Call& call = question_.call();
  if (call.has_transaction()) return ask();
  return store_.read([&](store::Transaction& tx) -> Result<> {
    call.set_transaction(&tx);
    Result<> answer = ask();
    call.set_transaction(nullptr);
    return answer;
  });
}

Result<> Gate::pass() {
  if (!authorizer_) return {};
  question_.call().set_permit(
      [this](std::string_view action, const std::string& resource, Call::Keys keys) {
        return within(
            [&] { return authorizer_->check_one(question_, session_, action, resource, keys); });
      });
  return within([&] { return authorizer_->check(question_, session_); });
}

Error Gate::veiled(Error failure) {
  if (!authorizer_ || !authorizer_->may_hide(question_.operation(), failure)) return failure;
  return within([&]() -> Result<> {
           return std::unexpected(authorizer_->veiled(question_, session_, std::move(failure)));
         })
      .error();
}

Result<> HotGate::pass(const net::Request& request, const wire::Route& route, const Caller& caller,
                       std::string_view request_id) {
  if (!authorizer_ || caller.principal.is_root()) return {};
  if (const auto now = authorizer_->directory().generation(); now != generation_) {
    allowed_.clear();
    generation_ = now;
  }
  name_.assign(caller.access_key_id).append("\n").append(caller.region).append("\n");
  name_.append(route.operation->name).append("\n").append(request.path()).append("\n");
  name_.append(request.headers().get("x-amzn-sagemaker-inference-component"));
  if (allowed_.contains(name_)) return {};
  TRY_DO(decide(request, route, caller, request_id));
  const auto policies = authorizer_->directory().policies_of(caller.principal);
  if (!policies || policies->ask_context()) return {};
  if (allowed_.size() >= remembered_max) allowed_.clear();
  allowed_.insert(name_);
  return {};
}

Result<> HotGate::decide(const net::Request& request, const wire::Route& route,
                         const Caller& caller, std::string_view request_id) const {
  wire::Arena arena;
  TRY(const wire::Node input, decode_head(request, route, arena));
  HttpCall call(context_, caller, request.head(), request_id, arena);
  return Gate(authorizer_, store_, call, *route.operation, input).pass();
}

}  // namespace slipway::service
