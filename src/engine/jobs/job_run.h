// One reconcile of one job.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/jobs/job_reconciler.h"
#include "engine/jobs/job_rows.h"

namespace slipway::jobs {

// An instance as it was observed last, and what was already asked for in this process. Nothing of
// it survives a crash: the place tells it again.
struct SeenAttempt {
  enum class State : std::uint8_t { unknown, preparing, running, ended } state = State::unknown;
  place::Exit exit = {};
  std::string no_start = {};    // why it never ran; empty: it did
  std::string over_limit = {};  // that it passed a limit
  std::string tail = {};
  bool start_asked = false;
  // Of the job's inputs, once they were asked for; nothing while one is being fetched.
  std::vector<std::optional<artifacts::FetchOutcome>> inputs = {};
};
using JobSight = std::map<place::InstanceKey, SeenAttempt>;

// One of an attempt's inputs is there, or cannot be.
struct InputReport {
  place::InstanceKey key;
  std::size_t input = 0;
  artifacts::FetchOutcome outcome;
};

// What other threads report; taken in at the start of a reconcile.
using JobReport = std::variant<place::Observation, InputReport>;
void take_in(JobSight& sight, JobReport&& report);

// Lives for the length of one Reconciler::reconcile().
class JobRun {
 public:
  struct Around {
    const JobReconciler::Needs& needs;
    bool adoption_done;                        // the place has told what a former server left
    std::function<void(InputReport)> fetched;  // from any thread
  };
  JobRun(const Around& around, const JobId& id, JobSight& sight, store::Transaction& tx,
         const Moment& now, engine::Effects& effects);

  engine::Wake run();

 private:
  void wait();
  void begin_attempt();
  void attend();
  void attend_to_start();
  void judge();
  void take_end(const SeenAttempt& seen);
  void take_failure(Outcome outcome);
  void take_interruption(const SeenAttempt& seen);
  void begin_again();
  void finish(Outcome outcome);
  void end_orphans();

  // With the inputs, which are all there.
  void start();
  // Whether all inputs are there; asks for them, and ends the attempt where one cannot be had.
  bool has_inputs();
  void fetch_inputs();
  void stop(const place::InstanceKey& key, std::chrono::milliseconds grace);
  void forget(const place::InstanceKey& key);
  const SeenAttempt& seen() const;

  const Around& around_;
  const JobId& id_;
  JobSight& sight_;
  store::Transaction& tx_;
  const Moment now_;
  engine::Effects& effects_;

  JobRow row_;
  place::InstanceKey key_;  // of the latest attempt; empty: there is none
  bool changed_ = false;    // row_ is to be saved
  engine::Wake wake_ = engine::Wake::never();
};

}  // namespace slipway::jobs
