// One reconcile of one fleet: reads what is stored and seen, decides the next steps, writes what it
// knows now, and adds what is to be done for it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "engine/fleet/fleet_effects.h"
#include "engine/fleet/fleet_needs.h"
#include "engine/fleet/observed_fleet.h"
#include "engine/fleet/record.h"

namespace slipway::fleet {

// An instance that answered for so long was fine: its end is no part of a series of failures.
inline constexpr std::chrono::seconds sound_life{60};
// An instance that was healthy before a restart and does not answer for so long since is not.
inline constexpr std::chrono::seconds silent_max{10};
// While something is under way, a look this often costs little and would mend what was missed.
inline constexpr std::chrono::seconds look_again{30};
inline constexpr std::size_t reason_bytes_max = quoted_bytes_max;

inline bool is_alive(Phase phase) { return phase == Phase::starting || phase == Phase::healthy; }

// Lives for the length of one Reconciler::reconcile(). Its steps, in the order of run(), each see
// what those before decided.
class FleetRun {
 public:
  struct Around {
    const FleetNeeds& needs;
    const FleetOptions& options;
    bool adoption_done;
    std::function<void()> look_again;  // wakes this fleet, from any thread
  };
  FleetRun(const Around& around, const FleetId& id, ObservedFleet& observed, FleetEffects& effects,
           store::Transaction& tx, const Moment& now);

  engine::Wake run();

 private:
  using microseconds = std::chrono::microseconds;

  // A fleet without a row: whatever still runs of it ends.
  engine::Wake run_without_row();
  void steps();
  void forget_fetches();

  // 1. What was seen moves instances from phase to phase.
  void take_note();
  void take_note_of(InstanceRecord& instance);
  void take_note_of_end(InstanceRecord& instance, const ObservedInstance& seen);
  void count_failure(const InstanceRecord& instance, std::string reason);
  // 2. The wanted generation comes up. It serves once all of it is healthy, or gets its share by
  // Fleets::set_shares().
  void bring_up();
  void fail_wanted(std::string reason);
  void note_came_up();
  // 3. Each generation that serves keeps its counts.
  void keep_serving();
  void keep(Generation generation, const FleetPlan& plan);
  void judge_scaling();
  void fail_scaling(const std::string& reason);
  // Of an elastic variant (fleet_run_elastic.cc): its instances follow the demand.
  void follow_demand();
  ObservedDemand& observed_demand(Generation generation, const Variant& variant);
  std::uint32_t wanted_count(Generation generation, const Variant& variant);
  std::uint32_t count_to_serve(Generation generation, const Variant& variant) const;
  bool stood_for_demand(const InstanceRecord& instance) const;
  void forget_demand_of(const InstanceRecord& instance);
  microseconds delay_after_failure(const InstanceRecord& instance, const std::string& reason,
                                   unsigned failures);
  std::shared_ptr<const routing::ElasticRoute> elastic_route(
      Generation generation, const Variant& variant, std::chrono::milliseconds request_timeout);

  // 4. All others end.
  void retire_others();
  // 5. Routes follow; what is drained is stopped.
  void publish();
  void stop_drained();
  // 6. The place and the prober are asked for what the phases say.
  void attend();
  void attend_to(const InstanceRecord& instance);
  void attend_to_living(const InstanceRecord& instance, const place::InstanceKey& key,
                        const ObservedInstance& seen);
  void end_orphans();
  void forget_ended();

  // Whether all that the instances of a variant are given is on the disk, and open to it where
  // instances are to be started on it; asks for what is not there. A failure of a fetch and a
  // refusal are handed to `failed`.
  using Failed = std::function<void(std::string)>;
  bool has_contents(Generation generation, const Variant& variant, const Failed& failed);
  bool has_content(const FetchId& id, const Variant& variant, const Failed& failed);
  Result<> may_read(const Variant& variant) const;
  ServerTime when_asked(const FetchId& id) const;
  // The outcome of what was asked for, once; nothing while it is under way, and `failed` hears that
  // it is `late` from the deadline on.
  std::optional<artifacts::FetchOutcome> take_outcome(const FetchId& id, ServerTime deadline,
                                                      const std::string& late,
                                                      const Failed& failed);
  // What has to be installed (fleet_run_environment.cc), once model and code are there.
  bool has_environment(Generation generation, const Variant& variant, const Failed& failed);
  bool is_given_environment(const Variant& variant) const;
  std::optional<environments::Need> environment_need(Generation generation, const Variant& variant);
  // False where its environment is not on the disk now.
  bool show_environment(const Variant& variant, const VariantRecord& known,
                        place::InstanceSpec& spec) const;
  void fill(Generation generation, const FleetPlan& plan);
  void fill(Generation generation, const Variant& variant);
  void shrink(Generation generation, const Variant& variant, std::size_t surplus);
  std::size_t living(Generation generation, const std::string& variant) const;
  std::size_t healthy(Generation generation, const std::string& variant) const;
  bool complete(Generation generation, const FleetPlan& plan) const;

  FleetEffects::NewRoute make_route();
  std::shared_ptr<routing::GenerationRoute> make_route(Generation generation,
                                                       const FleetPlan& plan);
  std::optional<place::InstanceSpec> spec_of(const InstanceRecord& instance);
  place::InstanceSpec program_spec(const Program& program) const;
  std::optional<place::InstanceSpec> spec_with_contents(const Variant& variant,
                                                        const VariantRecord& known) const;
  Result<> can_run(const Variant& variant) const;
  std::string names_of_built_ins() const;

  void enter(InstanceRecord& instance, Phase phase);
  void retire(InstanceRecord& instance);
  const Variant* variant_of(const InstanceRecord& instance) const;
  VariantRecord& variant_record(Generation generation, const std::string& variant);
  static std::string with_log(std::string text, const ObservedInstance& seen);
  void wake_at(ServerTime time);

  const bool adoption_done_;
  const FleetNeeds& needs_;
  const FleetOptions& options_;
  const std::function<void()>& look_again_;
  const FleetId& id_;
  ObservedFleet& observed_;
  FleetEffects& effects_;
  store::Transaction& tx_;
  const ServerTime now_;
  const Timestamp civil_now_;  // for what is shown

  FleetRow row_;
  FleetRecord& record_ = row_.record;
  Plans plans_;
  std::map<VariantId, std::string> failures_;  // of this run, by variant: what to tell
  std::vector<std::string> troubles_;          // of this run, beside those of instances
  engine::Wake wake_ = engine::Wake::never();
};

}  // namespace slipway::fleet
