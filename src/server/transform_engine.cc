#include "server/transform_engine.h"

#include <fmt/format.h>

#include <array>

#include "base/log.h"
#include "service/sagemaker/log_stream.h"
#include "service/sagemaker/transform_contract.h"

namespace slipway::server {

using Access = transform::TransformContext::Access;

TransformEngine::TransformEngine(const Needs& needs)
    : log_book_(needs.log_book),
      clock_(needs.base.clock),
      instances_(needs.routes, needs.base.random, needs.base.bulk_loop),
      runs_({.store = *needs.base.store,
             .objects = needs.objects,
             .instances = instances_,
             .clock = needs.base.clock,
             .contract = sagemaker::transform_contract(),
             .may =
                 [errands = needs.errands](store::Transaction& tx, const std::string& owner,
                                           Access access, const objects::ObjectName& name) {
                   return errands.check(tx, owner,
                                        access == Access::read ? service::read_object(name)
                                                               : service::write_object(name));
                 },
             .log = [this](const transform::TransformId& job,
                           std::string_view line) { log(job, line); }},
            [this](const transform::TransformId& id) { reconciler_.wake(id); }),
      reconciler_({.fleets = needs.fleets,
                   .runs = runs_,
                   .loop = *needs.base.reconcilers,
                   .changes = needs.base.changes}),
      jobs_([this](const transform::TransformId& id) { reconciler_.wake(id); }) {}

// As AWS writes such lines: "2026-01-01T00:00:00.000Z:[sagemaker logs]: ...".
void TransformEngine::log(const transform::TransformId& job, std::string_view line) {
  const auto stream = sagemaker::data_log_of(job);
  if (!stream) return;
  const Timestamp now = clock_.now();
  const std::string text =
      fmt::format("{}:[sagemaker logs]: {}", to_iso8601(now, Fraction::milliseconds), line);
  const std::lock_guard lock(log_mutex_);
  const std::array lines{
      logs::Line{.message = text, .cursor = log_book_.cursor(*stream) + text.size() + 1}};
  const auto kept = log_book_.append(*stream, now, lines);
  if (!kept && !log_refused_)
    log_warning("transform", "lines of jobs' logs are lost", {{"why", kept.error().message}});
  log_refused_ = !kept;
}

}  // namespace slipway::server
