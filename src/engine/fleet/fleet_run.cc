#include "engine/fleet/fleet_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "base/log.h"
#include "base/text.h"
#include "engine/fleet/plan_route.h"

namespace slipway::fleet {

namespace {

using State = ObservedInstance::State;
using Health = ObservedInstance::Health;

FleetStatus without_counts(FleetStatus status) {
  for (VariantStatus& variant : status.variants) {
    variant.instances_current = 0;
    for (VariantStatus::InGeneration& in : variant.generations) in.instances_current = 0;
  }
  return status;
}

// Whether more changed than how many instances serve: these come and go with demand and with
// their failures.
bool is_another(FleetStatus status, FleetStatus before) {
  return without_counts(std::move(status)) != without_counts(std::move(before));
}

// What is asked of the instances of a variant, which may be gone.
Probe probe_of(const Variant* variant) {
  return variant == nullptr ? Probe() : variant->program.contract.probe;
}

}  // namespace

FleetRun::FleetRun(const Around& around, const FleetId& id, ObservedFleet& observed,
                   FleetEffects& effects, store::Transaction& tx, const Moment& now)
    : adoption_done_(around.adoption_done),
      needs_(around.needs),
      options_(around.options),
      look_again_(around.look_again),
      id_(id),
      observed_(observed),
      effects_(effects),
      tx_(tx),
      now_(now.server),
      civil_now_(now.civil) {}

engine::Wake FleetRun::run() {
  auto row = load_row(tx_, id_);
  if (!row) return run_without_row();
  row_ = std::move(*row);
  plans_ = load_plans(tx_, id_, row_);
  const FleetRecord before = record_;
  const FleetStatus status_before = status_of(row_, plans_);
  steps();
  if (row_.removing && record_.instances.empty()) {
    erase_fleet(tx_, id_);
    effects_.note(id_, civil_now_, {"Nothing of it is left: it is removed."});
    effects_.tell_changed(id_);
    return wake_;
  }
  const FleetStatus status = status_of(row_, plans_);
  if (is_another(status, status_before)) record_.changed_at = civil_now_;
  save_record(tx_, id_, before, record_);
  std::vector<std::string> decisions = decisions_of(before, row_, failures_);
  decisions.insert(decisions.end(), troubles_.begin(), troubles_.end());
  effects_.note(id_, civil_now_, std::move(decisions));
  if (status != status_before || record_.changed_at != before.changed_at)
    effects_.tell_changed(id_);
  return wake_;
}

engine::Wake FleetRun::run_without_row() {
  if (observed_.published) effects_.withdraw(id_);
  observed_.fetches.clear();
  observed_.elastic.clear();
  end_orphans();
  return wake_;
}

void FleetRun::steps() {
  take_note();
  forget_fetches();
  if (!row_.removing) {
    bring_up();
    follow_demand();
    keep_serving();
  }
  retire_others();
  publish();
  stop_drained();
  forget_ended();
  attend();
  end_orphans();
  const bool settled = std::ranges::all_of(record_.instances, [](const InstanceRecord& instance) {
    return instance.phase == Phase::healthy || instance.phase == Phase::ended;
  });
  if (!settled || (!record_.serves_alone(row_.wanted) && record_.failed != row_.wanted))
    wake_ = wake_.sooner(engine::Wake::after(look_again));
}

// What is being prepared for a generation that nobody wants any more is not waited for.
void FleetRun::forget_fetches() {
  std::erase_if(observed_.fetches, [&](const auto& fetch) {
    const Generation generation = fetch.first.variant.first;
    const bool wanted = generation == row_.wanted && generation != record_.failed;
    return row_.removing || (!wanted && !record_.serves(generation));
  });
}

// ---- 1. What was seen ----

void FleetRun::take_note() {
  for (InstanceRecord& instance : record_.instances) take_note_of(instance);
}

void FleetRun::take_note_of(InstanceRecord& instance) {
  const place::InstanceKey key = key_of(id_, instance);
  const ObservedInstance& seen = observed_.of(key);
  if (seen.state == State::ended) return take_note_of_end(instance, seen);
  // A place that has reported everything, and was not asked in this process, knows nothing of it.
  const bool never_was = seen.state == State::unknown && adoption_done_ && !seen.start_asked;
  if (never_was && !is_alive(instance.phase)) return take_note_of_end(instance, seen);
  if (never_was && instance.phase == Phase::healthy) {
    if (stood_for_demand(instance)) return take_note_of_end(instance, {.end_asked = true});
    enter(instance, Phase::starting);
  }
  const Variant* variant = variant_of(instance);
  if (instance.phase == Phase::starting) {
    instance.since = observed_.coming_up_since(key, instance.since, now_);
    const auto patience = variant ? variant->program.startup_timeout : std::chrono::seconds(0);
    if (seen.health == Health::healthy) return enter(instance, Phase::healthy);
    if (now_ - instance.since < patience) return wake_at(instance.since + patience);
    count_failure(instance,
                  with_log(fmt::format("The instance of variant '{}' did not {} within {} s.",
                                       instance.variant, words_of(probe_of(variant)).demand,
                                       patience.count()),
                           seen));
    return enter(instance, Phase::stopping);
  }
  if (instance.phase != Phase::healthy || seen.health == Health::healthy) return;
  const bool silent =
      seen.health == Health::unknown && seen.watched && now_ - seen.watched_at >= silent_max;
  if (seen.health == Health::unhealthy || silent) {
    const std::string_view cause =
        seen.health_reason.empty() ? "it did not answer" : std::string_view(seen.health_reason);
    count_failure(instance,
                  with_log(fmt::format("The instance of variant '{}' stopped {}: {}.",
                                       instance.variant, words_of(probe_of(variant)).habit, cause),
                           seen));
    return enter(instance, Phase::stopping);
  }
  if (seen.watched) wake_at(seen.watched_at + silent_max);
}

void FleetRun::take_note_of_end(InstanceRecord& instance, const ObservedInstance& seen) {
  if (instance.phase == Phase::ended) return;
  const place::InstanceKey key = key_of(id_, instance);
  // What was stopped while it was wanted ended with a former server.
  if (is_alive(instance.phase) && !seen.end_asked)
    count_failure(
        instance,
        with_log(fmt::format("The instance of variant '{}' {}{}.", instance.variant, seen.end,
                             instance.phase == Phase::starting ? " before it was healthy" : ""),
                 seen));
  if (is_alive(instance.phase) && !seen.start_asked) forget_demand_of(instance);
  enter(instance, Phase::ended);
  if (seen.watched) effects_.unwatch(key);
}

// The first failure is mended at once, further ones later and later.
void FleetRun::count_failure(const InstanceRecord& instance, std::string reason) {
  VariantRecord& variant = variant_record(instance.generation, instance.variant);
  if (instance.phase == Phase::healthy && now_ - instance.since >= sound_life) variant.failures = 0;
  ++variant.failures;
  variant.not_before = now_ + delay_after_failure(instance, reason, variant.failures);
  log_warning("fleet", reason,
              {{"instance", key_of(id_, instance).text},
               {"failures", fmt::format("{}", variant.failures)}});
  failures_[{instance.generation, instance.variant}] = std::move(reason);
}

// ---- 2. The wanted generation ----

void FleetRun::bring_up() {
  const FleetPlan* const wanted = plans_.of(row_.wanted);
  if (wanted == nullptr || record_.serves(row_.wanted) || row_.wanted == record_.failed) return;
  if (!record_.generations.contains(row_.wanted)) record_.generations[row_.wanted].begun = now_;
  for (const Variant& variant : wanted->variants) {
    if (const auto able = can_run(variant); !able) return fail_wanted(able.error().message);
    const auto failure = failures_.find({row_.wanted, variant.name});
    if (failure == failures_.end()) continue;
    const unsigned failures = variant_record(row_.wanted, variant.name).failures;
    const bool too_slow = std::ranges::any_of(record_.instances, [&](const auto& instance) {
      return instance.generation == row_.wanted && instance.phase == Phase::stopping;
    });
    if (too_slow || failures >= options_.start_failures_max)
      return fail_wanted(std::string(failure->second));
  }
  std::optional<std::string> failure;
  bool all_there = true;
  for (const Variant& variant : wanted->variants)
    all_there &= has_contents(row_.wanted, variant,
                              [&](std::string reason) { failure = std::move(reason); });
  if (failure) return fail_wanted(std::move(*failure));
  fill(row_.wanted, *wanted);
  if (all_there && complete(row_.wanted, *wanted)) note_came_up();
}

void FleetRun::fail_wanted(std::string reason) {
  log_error("fleet", "a generation did not come up", {{"fleet", id_.text}, {"reason", reason}});
  record_.failed = row_.wanted;
  record_.reason = last_part(reason, reason_bytes_max);
  record_.applied_revision = row_.revision;
}

// All at once, unless somebody shifts its traffic in steps.
void FleetRun::note_came_up() {
  record_.generations[row_.wanted].came_up = true;
  if (record_.steered == row_.wanted) return;
  settle(row_);
  log_info("fleet", "a generation serves",
           {{"fleet", id_.text}, {"generation", fmt::format("{}", row_.wanted)}});
}

std::string FleetRun::names_of_built_ins() const {
  return fmt::format("{}", fmt::join(std::views::keys(options_.built_ins), ", "));
}

Result<> FleetRun::can_run(const Variant& variant) const {
  const Program& program = variant.program;
  if (variant.offers) return {};
  const place::Capabilities able = needs_.place.capabilities();
  if (!program.image.empty() && !able.runs_images)
    return fail(ErrorCode::not_implemented,
                fmt::format("Variant '{}' needs the container image '{}', and no container engine "
                            "is set up here. Built-in images run without one: {}.",
                            variant.name, program.image, names_of_built_ins()));
  if (!program.built_in.empty() && !options_.built_ins.contains(program.built_in))
    return fail(ErrorCode::not_found,
                fmt::format("Variant '{}' needs the built-in image '{}', "
                            "which this server does not have. It has {}.",
                            variant.name, program.built_in, names_of_built_ins()));
  if (program.models && !needs_.models)
    return fail(ErrorCode::not_implemented, "Nobody keeps a variant's many models here.");
  return {};
}

// Model and code are asked for at once.
bool FleetRun::has_contents(Generation generation, const Variant& variant, const Failed& failed) {
  const VariantId id{generation, variant.name};
  const bool serves = record_.serves(generation);
  if (!serves || living(generation, variant.name) < wanted_count(generation, variant))
    if (const auto open = may_read(variant); !open) {
      failed(open.error().message);
      return false;
    }
  const bool model = !variant.program.model || has_content({id, Part::model}, variant, failed);
  const bool code = !variant.program.code || has_content({id, Part::code}, variant, failed);
  return model && code && has_environment(generation, variant, failed);
}

Result<> FleetRun::may_read(const Variant& variant) const {
  if (!needs_.may_read) return {};
  if (variant.program.model) TRY_DO(needs_.may_read(tx_, *variant.program.model));
  if (variant.program.code) TRY_DO(needs_.may_read(tx_, variant.program.code->artifact));
  return {};
}

bool FleetRun::has_content(const FetchId& id, const Variant& variant, const Failed& failed) {
  const Generation generation = id.variant.first;
  const bool is_model = id.part == Part::model;
  const auto& artifact = is_model ? *variant.program.model : variant.program.code->artifact;
  const std::string_view what = is_model ? "model artifact" : "code";
  VariantRecord& record = variant_record(generation, variant.name);
  std::string& known = is_model ? record.content : record.code_content;
  if (!known.empty() && needs_.artifacts.find(known)) return true;
  const ServerTime asked_at = when_asked(id);
  if (!observed_.fetches.contains(id)) effects_.fetch(id, artifact, known, now_);
  // What was here before is looked at anew, however long ago its generation began.
  const ServerTime begun = known.empty() ? record_.generations[generation].begun : asked_at;
  const auto outcome = take_outcome(
      id, begun + variant.program.download_timeout,
      fmt::format("The {} {} of variant '{}' was not fetched within {} s.", what, artifact.uri,
                  variant.name, variant.program.download_timeout.count()),
      failed);
  if (!outcome) return false;
  if (!*outcome && outcome->error().code == ErrorCode::permission_denied) {
    failed(outcome->error().message);
    return false;
  }
  if (!*outcome) {
    failed(fmt::format("The {} {} of variant '{}' cannot be used: {}", what, artifact.uri,
                       variant.name, outcome->error().message));
    return false;
  }
  known = (*outcome)->content;
  return true;
}

// Now, where it is asked for by this run.
ServerTime FleetRun::when_asked(const FetchId& id) const {
  const auto fetch = observed_.fetches.find(id);
  return fetch == observed_.fetches.end() ? now_ : fetch->second.asked_at;
}

auto FleetRun::take_outcome(const FetchId& id, ServerTime deadline, const std::string& late,
                            const Failed& failed) -> std::optional<artifacts::FetchOutcome> {
  const auto fetch = observed_.fetches.find(id);
  if (fetch != observed_.fetches.end() && fetch->second.outcome) {
    auto outcome = std::move(fetch->second.outcome);
    observed_.fetches.erase(fetch);
    return outcome;
  }
  if (now_ >= deadline)
    failed(late);
  else
    wake_at(deadline);
  return std::nullopt;
}

// ---- 3. The generations that serve ----

void FleetRun::keep_serving() {
  for (const auto& [generation, share] : record_.shares)
    if (const FleetPlan* const plan = plans_.of(generation)) keep(generation, *plan);
  judge_scaling();
}

void FleetRun::keep(Generation generation, const FleetPlan& plan) {
  for (const Variant& variant : plan.variants)
    has_contents(generation, variant, [&](const std::string& reason) {
      log_error("fleet", reason, {{"fleet", id_.text}});
      troubles_.push_back(reason);
      if (variant.elastic) effects_.give_up(observed_demand(generation, variant).limiter, reason);
      if (record_.serves_alone(row_.wanted) && record_.applied_revision != row_.revision)
        fail_scaling(reason);
      VariantRecord& known = variant_record(generation, variant.name);
      known.not_before = std::max(known.not_before, now_ + options_.restart_delay_max);
      for (const Part part : {Part::model, Part::code, Part::environment})
        observed_.fetches.erase({{generation, variant.name}, part});
      wake_at(known.not_before);
    });
  fill(generation, plan);
}

// What a door changed in place is reached, or tried often enough.
void FleetRun::judge_scaling() {
  const FleetPlan* const plan = plans_.of(row_.wanted);
  if (!record_.serves_alone(row_.wanted) || plan == nullptr) return;
  if (complete(row_.wanted, *plan)) {
    record_.applied_revision = row_.revision;
    if (record_.scaling_failed) record_.reason.clear();
    record_.scaling_failed = false;
    return;
  }
  if (record_.applied_revision == row_.revision) return;
  for (const auto& [variant, reason] : failures_) {
    if (variant_record(variant.first, variant.second).failures < options_.start_failures_max)
      continue;
    fail_scaling(reason);
  }
}

void FleetRun::fail_scaling(const std::string& reason) {
  record_.applied_revision = row_.revision;
  record_.scaling_failed = true;
  record_.reason = last_part(reason, reason_bytes_max);
}

void FleetRun::fill(Generation generation, const FleetPlan& plan) {
  for (const Variant& variant : plan.variants) fill(generation, variant);
}

void FleetRun::fill(Generation generation, const Variant& variant) {
  std::size_t count = living(generation, variant.name);
  const std::size_t wanted = wanted_count(generation, variant);
  if (count > wanted) return shrink(generation, variant, count - wanted);
  const VariantRecord& known = variant_record(generation, variant.name);
  if (variant.program.model && known.content.empty()) return;
  if (variant.program.code && known.code_content.empty()) return;
  if (is_given_environment(variant) && known.environment.empty()) return;
  if (count < wanted && now_ < known.not_before) return wake_at(known.not_before);
  for (; count < wanted; ++count)
    record_.instances.push_back({.ordinal = record_.next_ordinal++,
                                 .generation = generation,
                                 .variant = variant.name,
                                 .since = now_});
}

// The youngest go first, those that are not healthy yet before all.
void FleetRun::shrink(Generation generation, const Variant& variant, std::size_t surplus) {
  for (const Phase phase : {Phase::starting, Phase::healthy})
    for (auto instance = record_.instances.rbegin();
         surplus > 0 && instance != record_.instances.rend(); ++instance)
      if (instance->generation == generation && instance->variant == variant.name &&
          instance->phase == phase) {
        retire(*instance);
        --surplus;
      }
}

std::size_t FleetRun::living(Generation generation, const std::string& variant) const {
  return static_cast<std::size_t>(std::ranges::count_if(record_.instances, [&](const auto& i) {
    return i.generation == generation && i.variant == variant && is_alive(i.phase);
  }));
}

std::size_t FleetRun::healthy(Generation generation, const std::string& variant) const {
  return static_cast<std::size_t>(std::ranges::count_if(record_.instances, [&](const auto& i) {
    return i.generation == generation && i.variant == variant && i.phase == Phase::healthy;
  }));
}

bool FleetRun::complete(Generation generation, const FleetPlan& plan) const {
  return std::ranges::all_of(plan.variants, [&](const Variant& variant) {
    const std::size_t there = healthy(generation, variant.name);
    const std::size_t wanted = count_to_serve(generation, variant);
    return variant.elastic ? there >= wanted : there == wanted;
  });
}

// ---- 4. The others ----

void FleetRun::retire_others() {
  const bool wanted_lives = !row_.removing && record_.failed != row_.wanted;
  for (InstanceRecord& instance : record_.instances) {
    const bool serves = !row_.removing && record_.serves(instance.generation);
    const bool comes_up = wanted_lives && instance.generation == row_.wanted;
    if (!serves && !comes_up) retire(instance);
  }
  std::erase_if(record_.generations, [&](const auto& entry) {
    const Generation generation = entry.first;
    return generation != row_.wanted && !record_.serves(generation) &&
           std::ranges::none_of(record_.instances, [&](const InstanceRecord& instance) {
             return instance.generation == generation;
           });
  });
  std::erase_if(observed_.fetches, [&](const auto& fetch) {
    const Generation generation = fetch.first.variant.first;
    return generation != row_.wanted && !record_.serves(generation);
  });
  std::erase_if(observed_.elastic, [&](const auto& elastic) {
    return row_.removing || !record_.serves(elastic.first.first);
  });
  keep_plans(tx_, id_, row_);
}

void FleetRun::retire(InstanceRecord& instance) {
  if (instance.phase == Phase::starting) enter(instance, Phase::stopping);
  if (instance.phase == Phase::healthy) enter(instance, Phase::draining);
}

// ---- 5. Routes ----

void FleetRun::publish() {
  if (row_.removing) {
    if (observed_.published) effects_.withdraw(id_);
    return;
  }
  if (!adoption_done_) return;  // what still runs is not known: requests are held until it is
  FleetEffects::NewRoute fresh = make_route();
  if (observed_.published && fresh.route == *observed_.published) return;
  effects_.publish(id_, std::move(fresh));
}

FleetEffects::NewRoute FleetRun::make_route() {
  FleetEffects::NewRoute fresh;
  for (const auto& [generation, share] : record_.shares) {
    const FleetPlan* const plan = plans_.of(generation);
    if (plan == nullptr) continue;
    fresh.route.legs.push_back({.share = share, .route = make_route(generation, *plan)});
    if (needs_.models == nullptr) continue;
    for (std::size_t i = 0; i < plan->variants.size(); ++i)
      if (const auto& models = plan->variants[i].program.models)
        fresh.many_models.push_back(
            {fresh.route.legs.size() - 1, i, plan->variants[i].name, *models});
  }
  return fresh;
}

std::shared_ptr<routing::GenerationRoute> FleetRun::make_route(Generation generation,
                                                               const FleetPlan& plan) {
  auto route = std::make_shared<routing::GenerationRoute>();
  route->generation = generation;
  take_settings(*route, plan);
  for (const Variant& variant : plan.variants) {
    routing::VariantRoute& to = add_route(*route, variant);
    if (variant.elastic) to.elastic = elastic_route(generation, variant, plan.request_timeout);
    for (const InstanceRecord& instance : record_.instances) {
      if (instance.generation != generation || instance.variant != variant.name ||
          instance.phase != Phase::healthy)
        continue;
      place::InstanceKey key = key_of(id_, instance);
      const ObservedInstance& seen = observed_.of(key);
      if (seen.state != State::running) continue;
      to.instances.push_back(std::make_shared<routing::InstanceRoute>(
          std::move(key), seen.addresses, variant.program.contract.request));
    }
    if (!to.instances.empty() && to.position == 0 && to.audience == routing::Audience::callers)
      route->weight_total += to.weight;
  }
  return route;
}

// The routes of before hold what began to drain in this run: they change after its commit.
void FleetRun::stop_drained() {
  for (InstanceRecord& instance : record_.instances) {
    if (instance.phase != Phase::draining) continue;
    const bool held = !observed_.of(key_of(id_, instance)).route.expired();
    if (!held || now_ - instance.since >= options_.drain_max)
      enter(instance, Phase::stopping);
    else
      wake_at(instance.since + options_.drain_max);
  }
}

// ---- Helpers ----

void FleetRun::enter(InstanceRecord& instance, Phase phase) {
  instance.phase = phase;
  instance.since = now_;
}

const Variant* FleetRun::variant_of(const InstanceRecord& instance) const {
  const FleetPlan* const plan = plans_.of(instance.generation);
  if (plan == nullptr) return nullptr;
  const auto found = std::ranges::find(plan->variants, instance.variant, &Variant::name);
  return found == plan->variants.end() ? nullptr : &*found;
}

VariantRecord& FleetRun::variant_record(Generation generation, const std::string& variant) {
  return record_.generations[generation].variants[variant];
}

std::string FleetRun::with_log(std::string text, const ObservedInstance& seen) {
  const std::string_view log =
      last_part(seen.tail, reason_bytes_max - std::min(reason_bytes_max, text.size() + 32));
  return log.empty() ? text : fmt::format("{} Its last log lines:\n{}", text, log);
}

void FleetRun::wake_at(ServerTime time) { wake_ = wake_.sooner(engine::Wake::after(time - now_)); }

}  // namespace slipway::fleet
