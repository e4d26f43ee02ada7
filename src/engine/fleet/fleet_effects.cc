#include "engine/fleet/fleet_effects.h"

#include <utility>
#include <variant>

#include "base/printable.h"
#include "base/text.h"
#include "engine/fleet/fleet.h"

namespace slipway::fleet {

// Log lines come from outside: what is no plain text must not get into an answer.
std::string quotable(std::string log) {
  log = printable(log);
  while (log.ends_with('\n')) log.pop_back();
  return std::string(last_part(log, quoted_bytes_max));
}

place::Labels instance_labels(const FleetOptions& options, const FleetId& id,
                              const InstanceRecord& instance) {
  if (!options.labels) return {};
  return options.labels({.fleet = id,
                         .generation = instance.generation,
                         .variant = instance.variant,
                         .number = std::to_string(instance.ordinal)});
}

place::Labels package_labels(const FleetOptions& options, const FleetId& id, Generation generation,
                             const std::string& variant) {
  if (!options.labels) return {};
  return options.labels({.fleet = id,
                         .generation = generation,
                         .variant = variant,
                         .kind = InstanceName::Kind::packages});
}

void FleetEffects::start(const place::InstanceKey& key, Start start) {
  effects_.add([&needs = needs_, &observed = observed_, starting = around_.starting, key,
                start = std::move(start)]() mutable {
    place::InstanceSpec& spec = start.spec;
    if (!start.models_path.empty()) {
      const auto folder = needs.models->make_folder(key);
      if (!folder) return;  // it is tried again with the next look
      spec.mounts.push_back(
          {.host_path = folder->string(), .inside = start.models_path, .kept_for_it = true});
    }
    starting(key, std::move(start.probe));
    needs.place.start(key, spec);
    observed.instances[key].start_asked = true;
  });
}

void FleetEffects::stop(const place::InstanceKey& key) {
  effects_.add([&needs = needs_, &observed = observed_, key, grace = around_.options.stop_grace] {
    needs.place.stop(key, grace);
    observed.instances[key].stop_asked = true;
  });
}

void FleetEffects::forget(const place::InstanceKey& key) {
  effects_.add([&needs = needs_, &observed = observed_, key, look_again = around_.look_again] {
    needs.place.forget(key);
    observed.instances.erase(key);
    if (observed.instances.empty()) look_again();  // nothing may be left of the fleet itself
  });
}

void FleetEffects::watch(const place::InstanceKey& key, ProbedAt probed, ServerTime now) {
  effects_.add([&needs = needs_, &observed = observed_, key, probed = std::move(probed), now] {
    needs.prober.watch(key, probed);
    ObservedInstance& seen = observed.instances[key];
    seen.watched = true;
    seen.watched_at = now;
  });
}

void FleetEffects::unwatch(const place::InstanceKey& key) {
  effects_.add([&needs = needs_, &observed = observed_, key] {
    if (const auto seen = observed.instances.find(key); seen != observed.instances.end())
      seen->second.watched = false;
    needs.prober.unwatch(key);
  });
}

void FleetEffects::fetch(const FetchId& id, const artifacts::Artifact& artifact,
                         const std::string& known, ServerTime now) {
  effects_.add([&needs = needs_, &observed = observed_, fetched = around_.fetched, id, artifact,
                known, now] {
    observed.fetches[id] = {.asked_at = now};
    auto done = [fetched, id](artifacts::FetchOutcome outcome) {
      fetched({id, std::move(outcome)});
    };
    if (known.empty())
      needs.artifacts.fetch(artifact, std::move(done));
    else
      needs.artifacts.fetch_again(artifact, known, std::move(done));
  });
}

void FleetEffects::prepare(const FetchId& id, environments::EnvironmentNeed need, ServerTime now) {
  effects_.add([&needs = needs_, &observed = observed_, fetched = around_.fetched, id,
                need = std::move(need), now]() mutable {
    const auto asker = std::make_shared<const int>();
    observed.fetches[id] = {.asked_at = now, .asker = asker};
    need.asker = asker;
    needs.environments->prepare(std::move(need), [fetched, id](artifacts::FetchOutcome outcome) {
      fetched({id, std::move(outcome)});
    });
  });
}

namespace {

// Makes what is asked of what was decided: those instances that are asked already stay the same.
void make_instances(routing::GenerationRoute& route, ObservedFleet& observed,
                    routing::RouteTable& routes) {
  for (routing::VariantRoute& variant : route.variants)
    for (auto& instance : variant.instances) {
      ObservedInstance& seen = observed.instances[instance->key];
      auto made = seen.route.lock();
      if (!made || !(*made == *instance))
        made = routes.make_instance(instance->key, instance->addresses, instance->form);
      seen.route = made;
      instance = std::move(made);
    }
}

// Null: the leg of that generation says something else now, or there was none.
std::shared_ptr<const routing::GenerationRoute> same_leg(const routing::FleetRoute* published,
                                                         const routing::GenerationRoute& fresh) {
  if (published == nullptr) return nullptr;
  for (const routing::FleetRoute::Leg& leg : published->legs)
    if (*leg.route == fresh) return leg.route;
  return nullptr;
}

}  // namespace

// What a fleet's status says follows the shares that are routed (Fleets::as_routed), and these may
// come after the commit that told of them: where an effect before this one failed, with the next.
void FleetEffects::publish(const FleetId& id, NewRoute fresh) {
  effects_.add([&needs = needs_, &observed = observed_, id, fresh = std::move(fresh)] {
    auto route = std::make_shared<routing::FleetRoute>();
    for (std::size_t i = 0; i < fresh.route.legs.size(); ++i) {
      const routing::FleetRoute::Leg& leg = fresh.route.legs[i];
      auto same = same_leg(observed.published.get(), *leg.route);
      if (!same) {
        auto made = std::make_shared<routing::GenerationRoute>(*leg.route);
        make_instances(*made, observed, needs.routes);
        for (const NewRoute::ManyModels& many : fresh.many_models) {
          if (many.leg != i) continue;
          routing::VariantRoute& to = made->variants[many.place];
          std::get<routing::MultiModelRoute>(to.serving).loader =
              needs.models->of({id, made->generation, many.variant}, many.collection, to.instances);
        }
        same = std::move(made);
      }
      route->legs.push_back({.share = leg.share, .route = std::move(same)});
    }
    observed.published = route;
    const auto before = needs.routes.routed(id);
    needs.routes.publish(id, std::move(route));
    if (needs.routes.routed(id) != before) needs.changes.notify(topic_of(id));
  });
}

void FleetEffects::withdraw(const FleetId& id) {
  effects_.add([&needs = needs_, &observed = observed_, id] {
    observed.published.reset();
    needs.routes.withdraw(id);
  });
}

void FleetEffects::aim(std::shared_ptr<routing::ConcurrencyLimiter> limiter,
                       std::uint32_t requests) {
  effects_.add([limiter = std::move(limiter), requests] { limiter->aim(requests); });
}

void FleetEffects::give_up(std::shared_ptr<routing::ConcurrencyLimiter> limiter,
                           const std::string& reason) {
  effects_.add([limiter = std::move(limiter), reason] { limiter->give_up(reason); });
}

void FleetEffects::note(const FleetId& id, Timestamp at, std::vector<std::string> decisions) {
  if (decisions.empty()) return;
  effects_.add([&book = around_.decisions, id, at, decisions = std::move(decisions)]() mutable {
    book.note(id, at, std::move(decisions));
  });
}

void FleetEffects::tell_changed(const FleetId& id) {
  effects_.add([&changes = needs_.changes, topic = topic_of(id)] { changes.notify(topic); });
}

}  // namespace slipway::fleet
