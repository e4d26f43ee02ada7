#include "service/sagemaker_runtime/async.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "engine/objects/uri.h"
#include "service/resource_key.h"
#include "service/s3_location.h"
#include "service/sagemaker_runtime/failures.h"
#include "wire/document.h"

namespace slipway::sagemaker_runtime {
namespace {

namespace api = aws::sagemaker_runtime;
using service::Call;

std::unexpected<Error> refused(std::string message) {
  return std::unexpected(validation_error(std::move(message)));
}

// A place below a path that may end in '/' or not, or be a bucket alone.
Result<objects::ObjectName> below(std::string_view path, std::string_view name) {
  auto place = service::s3_location(path);
  if (!place) return refused(fmt::format("The path {} names no bucket.", path));
  if (!place->key.empty() && !place->key.ends_with('/')) place->key += '/';
  place->key += name;
  return *std::move(place);
}

std::string joined(std::string_view folder, std::string_view name) {
  while (folder.ends_with('/')) folder.remove_suffix(1);
  if (folder.empty()) return std::string(name);
  return fmt::format("{}/{}", folder, name);
}

objects::Pairs headers_of(const api::InvokeEndpointAsyncInput& in, std::string_view inference_id) {
  objects::Pairs headers{{"X-Amzn-SageMaker-Inference-Id", std::string(inference_id)}};
  if (in.CustomAttributes())
    headers.emplace_back("X-Amzn-SageMaker-Custom-Attributes", *in.CustomAttributes());
  return headers;
}

// The wording is ours: AWS's is not known.
Result<> fill_body(const api::InvokeEndpointAsyncInput& in,
                   invocation_queue::QueuedRequest& request) {
  const bool inline_body = in.Body() && !in.Body()->bytes.empty();
  if (inline_body == in.InputLocation().has_value())
    return refused(
        "1 validation error detected: exactly one of Body and InputLocation must be given.");
  if (inline_body) {
    request.body = in.Body()->bytes;
    return {};
  }
  request.input = service::s3_location(*in.InputLocation());
  if (request.input && !request.input->key.empty()) return {};
  return refused(fmt::format("InputLocation {} names no object in a bucket.", *in.InputLocation()));
}

// The result is named by a UUID of its own, also where the caller chose the InferenceId: two
// requests of one id must not overwrite each other. (AWS says "based on the inference ID".)
Result<> fill_places(const api::InvokeEndpointAsyncInput& in,
                     const aws::sagemaker::AsyncInferenceOutputConfig& config,
                     std::string_view uuid, invocation_queue::QueuedRequest& request) {
  const std::string name =
      in.Filename() ? std::string(*in.Filename()) : fmt::format("{}.out", uuid);
  TRY(request.output, below(config.S3OutputPath().value_or(""),
                            joined(in.S3OutputPathExtension().value_or(""), name)));
  if (config.S3FailurePath()) {
    TRY(request.failure, below(*config.S3FailurePath(), fmt::format("{}-error.out", uuid)));
  }
  return {};
}

std::vector<service::Errand> results_of(const aws::sagemaker::AsyncInferenceConfig& config,
                                        const invocation_queue::QueuedRequest& request) {
  std::vector<service::Errand> out{service::write_object(request.output)};
  if (request.failure) out.push_back(service::write_object(*request.failure));
  const auto told = config.OutputConfig().NotificationConfig();
  for (const auto topic : {told.SuccessTopic(), told.ErrorTopic()})
    if (topic) out.push_back(service::publish(*topic));
  return out;
}

// Those of a queue whose settings a former version made; nullopt where there is no route yet.
std::optional<std::vector<std::string>> routed_writers(const routing::RouteTable& routes,
                                                       const std::string& fleet) {
  const auto map = routes.snapshot(routing::RouteTable::shard_of(fleet));
  const auto found = map->find(fleet);
  if (found == map->end() || found->second->legs.empty()) return std::nullopt;
  const routing::GenerationRoute& route = *found->second->legs.front().route;
  std::vector<std::string> writers;
  for (const routing::VariantRoute& variant : route.variants) {
    const auto known = route.writers.find(variant.name);
    writers.push_back(known == route.writers.end() ? std::string() : known->second);
  }
  std::ranges::sort(writers);
  const auto twice = std::ranges::unique(writers);
  writers.erase(twice.begin(), twice.end());
  return writers;
}

}  // namespace

std::string AsyncNote::text() const {
  std::string text = fmt::format("{}\n{}\n{}", inference_id, input_location, caller);
  for (const std::string& writer : writers) text += '\n' + writer;
  return text;
}

std::vector<std::string> AsyncNote::readers() const {
  std::vector<std::string> readers;
  if (!caller.empty()) readers.push_back(caller);
  std::ranges::copy_if(writers, std::back_inserter(readers), service::Errands::is_role);
  return readers;
}

AsyncNote AsyncNote::from(std::string_view text) {
  AsyncNote note{.inference_id = std::string(take_until(text, '\n'))};
  note.input_location = take_until(text, '\n');
  note.caller = take_until(text, '\n');
  while (!text.empty()) note.writers.emplace_back(take_until(text, '\n'));
  return note;
}

bool AsyncInvocations::serves(const Call& call, const std::string& fleet) const {
  if (const auto routed = needs_.routes.routed({fleet})) return !routed->empty();
  return !needs_.fleets.outline(call.tx(), {fleet}).shares.empty();
}

Result<invocation_queue::InvocationQueue> AsyncInvocations::queue_of(
    const Call& call, std::string_view endpoint) const {
  AskedEndpoint asked{.name = std::string(endpoint),
                      .account = call.account(),
                      .region = call.region(),
                      .fleet = service::resource_key(call.caller(), endpoint)};
  using routing::InvokeFailure;
  const auto not_so = [&](InvokeFailure why) {
    return std::unexpected(failure_error(asked, why, {}, {}, {}));
  };
  auto queue =
      invocation_queue::InvocationQueues::find_current(call.tx(), asked.fleet, needs_.routes);
  if (!queue) {
    switch (needs_.fleets.outline(call.tx(), {asked.fleet}).state) {
      case fleet::FleetState::gone: return not_so(InvokeFailure::not_found);
      case fleet::FleetState::removing: return not_so(InvokeFailure::not_serving);
      default: return not_so(InvokeFailure::other_access);
    }
  }
  if (!serves(call, asked.fleet)) return not_so(InvokeFailure::not_serving);
  return *std::move(queue);
}

// Results are stored for the writers of what serves; the input is read for those of them that are
// roles, and else for the caller, who names it.
Result<> AsyncInvocations::remember_for_whom(const Call& call,
                                             const invocation_queue::InvocationQueue& queue,
                                             AsyncNote& note) const {
  const auto writers =
      queue.settings.writers ? queue.settings.writers : routed_writers(needs_.routes, queue.fleet);
  if (!writers)
    return fail(ErrorCode::unavailable, "The server starts and does not know the endpoint yet.");
  if (!std::ranges::all_of(*writers, service::Errands::is_role))
    note.caller = service::Errands::remembered(call.caller().principal);
  std::ranges::copy_if(*writers, std::back_inserter(note.writers),
                       [](const std::string& writer) { return !writer.empty(); });
  return {};
}

// Asked at once, so that the caller hears of it, and again when it is done.
Result<> AsyncInvocations::expect_rights(const Call& call, const AsyncNote& note,
                                         const aws::sagemaker::AsyncInferenceConfig& config,
                                         const invocation_queue::QueuedRequest& request) const {
  if (!needs_.errands) return {};
  const auto check = [&](std::string_view who, const service::Errand& errand) {
    return needs_.errands->check_later(call.tx(), call.now(), who, errand);
  };
  if (request.input)
    for (const std::string& reader : note.readers())
      TRY_DO(check(reader, service::read_object(*request.input)));
  for (const std::string& writer : note.writers)
    for (const service::Errand& errand : results_of(config, request)) TRY_DO(check(writer, errand));
  return {};
}

Result<api::InvokeEndpointAsyncOutput> AsyncInvocations::invoke(
    Call& call, api::InvokeEndpointAsyncInput in) const {
  TRY(const invocation_queue::InvocationQueue queue, queue_of(call, in.EndpointName()));
  TRY(const auto config,
      wire::from_json<aws::sagemaker::AsyncInferenceConfig>(queue.settings.document, call.arena()));
  const std::string uuid = make_uuid(call.random());
  const std::string id = in.InferenceId() ? std::string(*in.InferenceId()) : uuid;
  AsyncNote note{.inference_id = id,
                 .input_location = std::string(in.InputLocation().value_or(""))};
  TRY_DO(remember_for_whom(call, queue, note));
  const std::chrono::seconds ttl(in.RequestTTLSeconds().value_or(request_ttl_default.count()));
  invocation_queue::QueuedRequest request{
      .accepted = call.moment(),
      .expires = call.moment().server + ttl,
      .time_limit = std::chrono::seconds(
          in.InvocationTimeoutSeconds().value_or(invocation_timeout_default.count())),
      .content_type = std::string(in.ContentType().value_or("")),
      .accept = std::string(in.Accept().value_or("")),
      .headers = headers_of(in, id),
      .document = note.text()};
  TRY_DO(fill_body(in, request));
  TRY_DO(fill_places(in, config.OutputConfig(), uuid, request));
  TRY_DO(expect_rights(call, note, config, request));
  auto out = call.output<api::InvokeEndpointAsyncOutput>();
  out.InferenceId(id).OutputLocation(objects::uri_of(request.output));
  if (request.failure) out.FailureLocation(objects::uri_of(*request.failure));
  TRY_DO(needs_.queues.accept(call.tx(), queue, std::move(request)));
  return out;
}

}  // namespace slipway::sagemaker_runtime
