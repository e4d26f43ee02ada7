#include "engine/transform/reconciler.h"

#include <fmt/format.h>

namespace slipway::transform {
namespace {

constexpr std::size_t reason_bytes_max = 1000;

// Moves when a run went and another may begin in its place.
constexpr std::string_view room_topic = "transform-runs";

}  // namespace

struct TransformReconciler::Look {
  const TransformId id;
  TransformRow row;
  store::Transaction& tx;
  const Timestamp now;
  engine::Effects& effects;
};

TransformReconciler::TransformReconciler(Needs needs) : needs_(needs) { needs_.loop.add(*this); }

void TransformReconciler::wake(const TransformId& id) {
  needs_.changes.notify(topic_of(id));
  needs_.loop.wake(*this, id.text);
}

engine::Wake TransformReconciler::reconcile(std::string_view key, store::Transaction& tx,
                                            const Moment& now, engine::Effects& effects) {
  const TransformId id{std::string(key)};
  auto row = load_transform(tx, id);
  if (!row || has_ended(row->status.state)) return engine::Wake::never();
  Look look{id, *std::move(row), tx, now.civil, effects};
  if (look.row.status.stop == TransformStatus::Stop::asked) return end_as_asked(look);
  switch (look.row.status.state) {
    case TransformState::waiting: return begin(look);
    case TransformState::starting: return await_instances(look);
    case TransformState::running: return work(look);
    default: return engine::Wake::never();
  }
}

void TransformReconciler::save(Look& look) {
  look.row.status.changed = look.now;
  save_status(look.tx, look.id, look.row.status);
  look.effects.add([this, id = look.id] { needs_.changes.notify(topic_of(id)); });
}

void TransformReconciler::forget_run(Look& look) {
  look.effects.add([this, id = look.id] {
    if (needs_.runs.forget(id)) needs_.changes.notify(room_topic);
  });
}

engine::Wake TransformReconciler::begin(Look& look) {
  const auto put = needs_.fleets.put_plan(look.tx, fleet_of(look.id), look.row.plan.fleet);
  if (!put) return fail(look, Fault::server, put.error().message);
  look.row.status.state = TransformState::starting;
  save(look);
  return await_instances(look);
}

engine::Wake TransformReconciler::await_instances(Look& look) {
  const routing::FleetId fleet = fleet_of(look.id);
  const fleet::FleetStatus status = needs_.fleets.status(look.tx, fleet);
  if (status.state == fleet::FleetState::failed) return fail(look, Fault::model, status.reason);
  if (status.state == fleet::FleetState::ready) {
    look.row.status.state = TransformState::running;
    look.row.status.started = look.now;
    save(look);
    return work(look);
  }
  return engine::Wake::on(fleet::topic_of(fleet));
}

// A run wakes its job when it ends. One that may not begin, since too many run, has its turn when
// one of those went.
engine::Wake TransformReconciler::work(Look& look) {
  const auto outcome = needs_.runs.outcome(look.id);
  if (!outcome) {
    if (needs_.runs.runs(look.id)) return engine::Wake::never();
    look.effects.add([this, id = look.id, plan = look.row.plan] { needs_.runs.start(id, plan); });
    return engine::Wake::on(std::string(room_topic));
  }
  if (!*outcome) {
    const Error& error = outcome->error();
    if (error.code == ErrorCode::internal || error.code == ErrorCode::unavailable) {
      forget_run(look);  // not the job's fault: once more
      return engine::Wake::after(transform_retry_delay);
    }
    return fail(look, Fault::input, error.message);
  }
  const FileCounts counts = count_files(look.tx, look.id);
  if (counts.waiting > 0) {  // what came of some could not be written
    forget_run(look);
    return engine::Wake::after(transform_retry_delay);
  }
  if (counts.failed == 0) return end(look, TransformState::completed);
  const std::string all = counts.total() == 1
                              ? ""
                              : fmt::format(" ({} of {} files failed; see the job's logs)",
                                            counts.failed, counts.total());
  return fail(look, counts.first_fault,
              counts.first_failure.substr(0, reason_bytes_max - all.size()) + all);
}

engine::Wake TransformReconciler::end_as_asked(Look& look) {
  const bool runs = needs_.runs.runs(look.id) && !needs_.runs.outcome(look.id);
  if (!runs) return end(look, TransformState::stopped);
  look.effects.add([this, id = look.id] { needs_.runs.stop(id); });
  return engine::Wake::never();
}

engine::Wake TransformReconciler::fail(Look& look, Fault fault, std::string_view reason) {
  look.row.status.fault = fault;
  look.row.status.reason = reason.substr(0, reason_bytes_max);
  return end(look, TransformState::failed);
}

engine::Wake TransformReconciler::end(Look& look, TransformState state) {
  if (auto removed = needs_.fleets.remove(look.tx, fleet_of(look.id)); !removed)
    throw std::runtime_error(removed.error().message);
  look.row.status.state = state;
  look.row.status.ended = look.now;
  forget_files(look.tx, look.id);
  save(look);
  forget_run(look);
  return engine::Wake::never();
}

}  // namespace slipway::transform
