// The router's copies for the CaptureBuffer of its loop (capture.h).
#include "engine/routing/router_core.h"

namespace slipway::routing {
namespace {

constexpr std::size_t hundred_percent = 100;

// `relay` is null but for containers in series, whose requests are not the caller's.
CaptureRecord record_of(const InvokeRequest& request, const Relay* relay, const FleetRoute& route,
                        const InvokeAnswer& answer) {
  const CapturePlan* const plan = route.capture.get();
  const auto writer = route.writers.find(answer.variant);
  CaptureRecord record{
      .plan = route.capture,
      .fleet = std::string(request.fleet),
      .variant = std::string(answer.variant),
      .writer = writer == route.writers.end() ? std::string() : writer->second,
      .caller_id = std::string(request.caller_id),
      .caller_note = std::string(request.caller_note),
      .input_type = std::string(relay ? relay->type_of_caller() : request.content_type),
      .output_type = std::string(answer.content_type)};
  if (plan->input) record.input = relay ? relay->body_of_caller() : request.body;
  if (plan->output) record.output = answer.body;
  return record;
}

}  // namespace

// Only what was answered well is captured: a choice, AWS does not say. A request whose body stands
// in files is captured without it.
void RouterCore::capture(const Invocation& invocation, const InvokeAnswer& answer) {
  const auto& plan = invocation.route_->capture;
  if (captures_ == nullptr || answer.status < 200 || answer.status >= 300 ||
      random_.below(hundred_percent) >= plan->percent)
    return;
  captures_->offer(
      record_of(invocation.request, invocation.relay_.get(), *invocation.route_, answer));
}

void RouterCore::begin_capture(Invocation& invocation, const InvokeAnswer& head) {
  const auto& plan = invocation.route_->capture;
  if (captures_ == nullptr || random_.below(hundred_percent) >= plan->percent) return;
  invocation.captured_ = std::make_unique<CaptureRecord>(
      record_of(invocation.request, invocation.relay_.get(), *invocation.route_, head));
}

// What has become too long for the buffer is kept so long that the buffer drops it.
void RouterCore::capture_part(CaptureRecord& record, std::string_view bytes) {
  if (record.plan->output && record.output.size() <= capture_buffer_bytes_max)
    record.output += bytes;
}

}  // namespace slipway::routing
