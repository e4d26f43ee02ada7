#include "engine/routing/capture_copies.h"

#include <string>

namespace slipway::routing {

CaptureRecord copy_of(const InvokeRequest& request, const SerialPipeline* pipeline,
                      const GenerationRoute& route, const InvokeAnswer& answer) {
  const CapturePlan* const plan = route.capture.get();
  const auto writer = route.writers.find(answer.variant);
  CaptureRecord record{
      .plan = route.capture,
      .fleet = std::string(request.fleet),
      .variant = std::string(answer.variant),
      .writer = writer == route.writers.end() ? std::string() : writer->second,
      .caller_id = std::string(request.caller_id),
      .caller_note = std::string(request.caller_note),
      .input_type = std::string(pipeline ? pipeline->type_of_caller() : request.content_type),
      .output_type = std::string(answer.content_type)};
  if (plan->input) record.input = pipeline ? pipeline->body_of_caller() : request.body;
  if (plan->output) record.output = answer.body;
  return record;
}

void add_part(CaptureRecord& record, std::string_view bytes) {
  if (record.plan->output && record.output.size() <= capture_buffer_bytes_max)
    record.output += bytes;
}

}  // namespace slipway::routing
