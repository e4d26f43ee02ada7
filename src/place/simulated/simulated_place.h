// A place without a machine: instances are entries in a table, driven by a clock that stands still
// until told and by chance from a seed. Good enough that a test of a whole rollout is ten lines.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "place/place.h"

namespace slipway::place {

// How instances behave, drawn for each of them when it starts. All chances are in [0, 1].
struct SimulatedFaults {
  double start_fails = 0;    // never runs
  double never_healthy = 0;  // runs and does not answer
  double dies_starting = 0;  // ends before it is healthy
  double dies_later = 0;     // ends at some time after it was healthy
  double hangs_later = 0;    // runs on and stops answering at some time after it was healthy
  double ignores_stop = 0;   // ends only when forced
  double prepares = 0;       // something is fetched for a while before it runs
  double succeeds = 0;       // ends with status 0 at some time after it was started
  double ends_unseen = 0;    // of those that end by themselves: nobody knows how
};

// The machine that survives a crash of the server: what runs on it, when things happen to it. One
// thread. A SimulatedPlace is one server process's view of it; after a "crash" the test destroys
// the view and makes another.
class SimulatedMachine {
 public:
  // `clock` and `random` outlive this object.
  SimulatedMachine(const Clock& clock, Random& random);

  // Returns what its place can do: at first everything(), which is all that needs no machine.
  static Capabilities everything();
  void set_capabilities(const Capabilities& capabilities) { capabilities_ = capabilities; }
  void set_faults(SimulatedFaults faults) { faults_ = faults; }
  // Overrides chance for instances whose spec has this environment entry "NAME=VALUE".
  void set_faults_for(std::string environment_entry, SimulatedFaults faults);
  // Called within each start(), which takes as long as that does.
  void when_starting(std::function<void()> starting) { starting_ = std::move(starting); }

  struct Instance {
    enum class Phase : std::uint8_t { starting, running, ended, failed } phase = Phase::starting;
    bool prepares = false;  // and says so while it is starting
    InstanceSpec spec;
    Instant started_at = {};
    std::optional<Instant> healthy_at;  // nothing: never
    std::optional<Instant> hangs_at;
    std::optional<Instant> ends_at;
    Exit exit;
    bool fails = false;  // will not start
    std::string why = "The simulated machine could not start it.";
    bool ignores_stop = false;
    std::string log;
    std::size_t observed = 0;  // of the log, as `printed`
  };
  const std::map<InstanceKey, Instance>& instances() const { return instances_; }
  bool healthy(const InstanceKey& key) const;
  std::size_t running() const;

  // Has the instance print `text`, as whole lines; does nothing where it does not run.
  void print(const InstanceKey& key, std::string_view text);
  // Ends an instance as if it had crashed.
  void kill(const InstanceKey& key, Exit exit);
  // Ends an instance that passed a limit; `reason` says which.
  void end_over_limit(const InstanceKey& key, std::string reason);

  // Runs what is due by now; next_due() says when more is.
  void advance();
  std::optional<Instant> next_due() const;

  // How many times each key was really started: an invariant is that none passes 1.
  const std::map<InstanceKey, unsigned>& starts() const { return starts_; }

 private:
  friend class SimulatedPlace;

  void start(const InstanceKey& key, const InstanceSpec& spec);
  void stop(const InstanceKey& key, std::chrono::milliseconds grace);
  void end(Instance& instance, const InstanceKey& key, Exit exit);
  void report(Observation observation);
  void report_state(const InstanceKey& key, const Instance& instance);
  void push_log(const InstanceKey& key, Instance& instance);
  static std::string tail_of(const Instance& instance);
  static Addresses addresses_of(const InstanceKey& key, const InstanceSpec& spec);
  const SimulatedFaults& faults_of(const InstanceSpec& spec) const;
  bool happens(double chance);
  std::chrono::milliseconds between(int least_ms, int most_ms);

  const Clock& clock_;
  Random& random_;
  Capabilities capabilities_ = everything();
  SimulatedFaults faults_;
  std::map<std::string, SimulatedFaults> faults_for_;
  std::function<void()> starting_;
  std::map<InstanceKey, Instance> instances_;
  std::map<InstanceKey, unsigned> starts_;
  std::vector<InstanceKey> repeated_;  // started again: what they are is reported again
  ObservationSink sink_;               // of the one view that lives
  LogSink* log_ = nullptr;             // its, or null
};

// Observations are delivered from SimulatedMachine::advance(), never from within a call.
class SimulatedPlace final : public Place {
 public:
  // `machine` and `log` outlive this object; one view at a time. Null: nobody takes what is
  // printed.
  SimulatedPlace(SimulatedMachine& machine, ObservationSink sink, LogSink* log = nullptr);
  ~SimulatedPlace() override;

  Capabilities capabilities() const override;
  void start(const InstanceKey& key, const InstanceSpec& spec) override;
  void stop(const InstanceKey& key, std::chrono::milliseconds grace) override;
  void forget(const InstanceKey& key) override;
  void adopt() override;
  std::filesystem::path directory_of(const InstanceKey& key) const override;
  void push_logs(std::move_only_function<void()> done) override;

 private:
  SimulatedMachine& machine_;
};

}  // namespace slipway::place
