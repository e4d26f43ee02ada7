#include "service/ecr/distribution.h"

#include <fmt/format.h>

#include "base/log.h"
#include "gen/ecr.h"
#include "service/ecr/distribution_answers.h"
#include "service/ecr/distribution_upload.h"
#include "service/ecr/registry_password.h"

namespace slipway::ecr {
namespace {

using Kind = DistributionPath::Kind;

constexpr std::string_view service_name = "ecr";  // in the access log
constexpr std::uint64_t small_body_bytes_max = 8 * 1024;

bool is_streamed(const net::RequestHead& head, const DistributionPath& path) {
  if (path.kind == Kind::upload) return head.method == "PATCH" || head.method == "PUT";
  return path.kind == Kind::uploads && head.method == "POST" && path.parameter("digest");
}

std::string_view operation_of(const net::RequestHead& head, const DistributionPath& path) {
  const bool reads = head.method == "GET" || head.method == "HEAD";
  switch (path.kind) {
    case Kind::manifest:
      if (reads) return "BatchGetImage";
      return head.method == "PUT" ? "PutImage" : "BatchDeleteImage";
    case Kind::blob:
      if (!reads) return "BatchDeleteImage";
      return head.method == "HEAD" ? "BatchCheckLayerAvailability" : "GetDownloadUrlForLayer";
    case Kind::uploads: return "InitiateLayerUpload";
    case Kind::upload: return head.method == "PUT" ? "CompleteLayerUpload" : "UploadLayerPart";
    case Kind::tags: return "ListImages";
    case Kind::referrers: return "ListImageReferrers";
    default: return "Version";
  }
}

}  // namespace

// A page of the web that names this address must not push where nothing is asked of it.
Result<service::Caller> Distribution::authenticate(const net::RequestHead& head) {
  const identity::Key& root = context_.keys.root();
  const std::string_view authorization = head.headers.get("authorization");
  const bool open = context_.auth == service::AuthMode::none ||
                    (door_.anonymous == DistributionDoor::Anonymous::root && authorization.empty());
  if (open) {
    if (auto foreign = context_.sites.refusal(head))
      return fail(ErrorCode::permission_denied, *std::move(foreign));
    return service::Caller{root.principal, root.access_key_id, context_.region};
  }
  TRY(const identity::Key* const key, read_basic(reader_, authorization));
  return service::Caller{key->principal, key->access_key_id, context_.region};
}

net::BodyPlan Distribution::on_head(const net::RequestHead& head) {
  const DistributionPath path = parse_path(head);
  const bool manifest = path.kind == Kind::manifest && head.method == "PUT";
  if (!manifest && !is_streamed(head, path)) return net::Collect{small_body_bytes_max};
  auto caller = authenticate(head);
  if (!caller) return net::Refuse{distribution_error(caller.error()), small_body_bytes_max};
  if (manifest)
    return net::Collect{images::manifest_bytes_max, {caller->access_key_id}, Standing::proven};
  return net::Stream{make_blob_receiver(door_, context_, *std::move(caller))};
}

void Distribution::on_request(net::Request&& request, net::Responder&& responder) {
  const DistributionPath path = parse_path(request.head());
  responder.describe({.service = service_name, .operation = operation_of(request.head(), path)});
  auto caller = authenticate(request.head());
  if (!caller) return responder.send(distribution_error(caller.error()));
  responder.vouch();
  responder.describe({.service = service_name,
                      .operation = operation_of(request.head(), path),
                      .principal = caller->principal.name});
  if (path.kind == Kind::version) return responder.send(json_answer(200, "application/json", "{}"));
  const TaskOwner owner = service::owner_of(*caller);
  WorkerPool& lane = path.kind == Kind::blob ? context_.lanes.files : context_.lanes.control;
  auto call =
      std::make_shared<DistributionCall>(door_, context_, std::move(request), *std::move(caller));
  lane.post(
      [call = std::move(call), responder = std::move(responder)]() mutable {
        try {
          responder.send(call->answer());
        } catch (const std::exception& bug) {
          log_error("service", "a request of the registry threw", {{"what", bug.what()}});
        }
      },
      owner);
}

net::Response Distribution::refusal(const net::RequestHead& head, int status,
                                    std::string_view reason) {
  Error error{ErrorCode::unavailable, std::string(reason)};
  if (status == 413)
    error.kind = parse_path(head).kind == Kind::manifest ? "manifest_too_large" : "body_too_large";
  if (status == 408) error.code = ErrorCode::timeout;
  net::Response response = distribution_error(error);
  response.status = status;
  return response;
}

net::Response DistributionCall::answer() {
  Answer answer = dispatch();
  return answer ? *std::move(answer) : distribution_error(answer.error());
}

Result<net::Response> DistributionCall::dispatch() {
  if (path_.kind == Kind::unknown)
    return fail(ErrorCode::not_found, "The registry has nothing at this path.", "no_such_path");
  if (!is_repository_name(path_.name))
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no name of a repository.", path_.name), "bad_name");
  const bool reads = head().method == "GET" || is_head();
  if (!reads && head().method != "DELETE") TRY_DO(find_room());
  switch (path_.kind) {
    case Kind::blob: return on_blob();
    case Kind::manifest: return on_manifest();
    case Kind::upload: return on_upload();
    case Kind::uploads:
      if (head().method == "POST") return begin_upload();
      break;
    case Kind::tags:
      if (reads) return tags();
      break;
    case Kind::referrers:
      if (reads) return referrers();
      break;
    default: break;
  }
  return not_supported("The path is not for this method.");
}

Result<> DistributionCall::find_room() const {
  if (!context_.disk) return {};
  return context_.disk->admit_bytes(head().content_length.value_or(0) + request_.body().size());
}

images::RepositoryName DistributionCall::named(std::string_view name) const {
  return {fmt::format("{}/{}", caller_.account(), caller_.region), std::string(name)};
}

// The input is empty: what is asked about stands in the ARN.
Result<> DistributionCall::permit(store::Transaction& tx, std::string_view action,
                                  std::string_view name) {
  if (!context_.authorizer) return {};
  wire::Arena arena;
  service::HttpCall call(context_.call, caller_, head(), {}, arena);
  call.set_transaction(&tx);
  const wire::Node nothing = wire::make_structure(0, arena);
  const service::Question question(
      call, *aws::ecr::schema().find_operation("GetAuthorizationToken"), nothing);
  service::Authorizer::Session session;
  return context_.authorizer->check_one(question, session, action,
                                        call.arn("ecr", fmt::format("repository/{}", name)));
}

Result<images::Repository> DistributionCall::repository(store::Transaction& tx,
                                                        std::string_view action) {
  TRY_DO(permit(tx, action, path_.name));
  auto found = images::find_repository(tx, named(path_.name));
  if (!found)
    found.error().message =
        fmt::format("The repository with name '{}' does not exist in the registry with id '{}'",
                    path_.name, caller_.account());
  return found;
}

Result<images::Repository> DistributionCall::repository_for_push(store::Transaction& tx,
                                                                 std::string_view action) {
  auto found = repository(tx, action);
  if (found || found.error().kind != "no_such_repository" ||
      door_.absent == DistributionDoor::AbsentRepository::refused)
    return found;
  TRY_DO(permit(tx, "ecr:CreateRepository", path_.name));
  return images::create_repository(tx, {named(path_.name), context_.call.clock.now()});
}

}  // namespace slipway::ecr
