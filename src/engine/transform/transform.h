// Transform jobs: every object under a prefix, or of a list, is cut into records, asked of a fleet
// of the job's own, and written back under another name.
//
// This is what a door calls, within transactions of its own; the work is done by the
// TransformReconciler, woken when the transaction is durable. A job is never removed: its name is
// taken for good.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "engine/fleet/plan.h"
#include "engine/transform/split.h"
#include "store/store.h"

namespace slipway::transform {

// Limits.
inline constexpr std::size_t transform_id_bytes_max = 200;
inline constexpr std::uint32_t payload_mb_max = 100;
inline constexpr std::uint32_t payload_mb_default = 6;
inline constexpr std::size_t transform_files_max = 100'000;
inline constexpr std::size_t manifest_bytes_max = 16UL << 20;

// Names a job; chosen by the door ("account/region/name"), opaque here.
struct TransformId {
  std::string text;
  auto operator<=>(const TransformId&) const = default;
};

// What the records are, as far as filters and joins must know.
enum class RecordFormat : std::uint8_t { opaque, csv, json, json_lines };

// Says what a transform job is asked to do. Stored by a door, worked off by the reconciler.
struct TransformPlan {
  fleet::FleetPlan fleet;  // its one variant has as many instances as the job; its request timeout
                           // is that of one request

  enum class Source : std::uint8_t { prefix, manifest };
  Source source = Source::prefix;
  std::string input_bucket;
  std::string input_key;  // the prefix, or the manifest's key
  std::string output_bucket;
  std::string output_prefix;  // empty, or with '/' at its end

  std::string content_type;  // as sent; empty: none
  std::string accept;
  RecordFormat input_format = RecordFormat::opaque;
  RecordFormat output_format = RecordFormat::opaque;

  enum class Compression : std::uint8_t { none, gzip };
  Compression compression = Compression::none;
  SplitType split = SplitType::none;
  enum class Assembly : std::uint8_t { as_it_is, lines };
  Assembly assembly = Assembly::as_it_is;

  // Absent: the container is asked, and then the default holds.
  std::optional<BatchStrategy> strategy;     // multi_record
  std::optional<std::uint32_t> payload_mb;   // payload_mb_default; 0: no limit
  std::optional<std::uint32_t> concurrency;  // requests under way for each instance: 1

  std::uint32_t retries_max = 3;
  std::string input_filter;  // RecordPath; empty: everything
  std::string output_filter;
  enum class Join : std::uint8_t { none, input };
  Join join = Join::none;
  // A record of JSON and its answer, joined: the member that the answer becomes, and beside it the
  // one that a record which is no object becomes.
  std::string joined_answer_name;
  std::string joined_record_name;

  // Whose job it is, in the door's own words, for TransformContext::may. Empty: nobody is asked.
  std::string owner;

  bool operator==(const TransformPlan&) const = default;
};

// What an instance tells of itself: how it wants to be asked. Absent: it says nothing of that.
struct InstanceSettings {
  std::optional<BatchStrategy> strategy = {};
  std::optional<std::uint32_t> payload_mb = {};
  std::optional<std::uint32_t> concurrency = {};
};

// How the requests of a job are made, once an instance was asked.
struct TransformTerms {
  BatchStrategy strategy = BatchStrategy::multi_record;
  std::uint32_t payload_mb = payload_mb_default;
  std::uint32_t concurrency = 1;  // for each instance
};

// What the instances of all jobs are written for beside their fleet's contract, and how a job's log
// speaks. The door says it, once for the server; called on the threads of runs.
struct TransformContract {
  // What is asked of an instance by GET before its first request, and how its answer is read.
  // Empty: no instance is asked.
  std::string settings_path = {};
  std::function<InstanceSettings(std::string_view answer)> read_settings = {};
  // The line of a job's log that tells how its instances are asked.
  std::function<std::string(const TransformTerms& terms)> log_line = {};
};

// The stored form: JSON. Reading refuses what it does not know: corrupted.
std::string to_text(const TransformPlan& plan);
Result<TransformPlan> transform_plan_from_text(std::string_view text);

// The kinds of what check() refuses.
namespace plan_faults {
inline constexpr std::string_view payload = "payload";
inline constexpr std::string_view concurrency = "concurrency";  // together with the payload
inline constexpr std::string_view strategy = "strategy";        // many records, and no way to split
inline constexpr std::string_view input_filter = "input_filter";  // what is wrong with its path
inline constexpr std::string_view output_filter = "output_filter";
inline constexpr std::string_view input_filter_format = "input_filter_format";  // of opaque records
inline constexpr std::string_view output_filter_format = "output_filter_format";
inline constexpr std::string_view joined_formats = "joined_formats";
inline constexpr std::string_view joined_framing = "joined_framing";
}  // namespace plan_faults

// Refuses, with a sentence: limits, paths that cannot be read or do not fit the format, a join of
// formats that cannot be joined, a fleet plan that is none. Error::kind says which (plan_faults),
// for a door that has names of its own; it is empty where the fleet's plan is refused.
Result<> check(const TransformPlan& plan);

// Says how far a job is; the last three are ends.
enum class TransformState : std::uint8_t {
  waiting,    // nothing was done yet
  starting,   // its instances come up
  running,    // its files are worked on
  completed,  // every file has its output
  failed,     // some file has none, or nothing could begin
  stopped,    // as asked; files that were done keep their output
};
bool has_ended(TransformState state);

// To whom a failure is to be laid.
enum class Fault : std::uint8_t {
  nobody,
  input,   // what was given: the objects, the records, where the output shall go
  model,   // the container
  server,  // this machine
};

// Says what is shown of a job.
struct TransformStatus {
  TransformState state = TransformState::waiting;
  enum class Stop : std::uint8_t { not_asked, asked } stop = Stop::not_asked;
  Fault fault = Fault::nobody;
  std::string reason;  // failed: why
  Timestamp created = {};
  std::optional<Timestamp> started;  // its instances were ready
  std::optional<Timestamp> ended;
  Timestamp changed = {};
};

// What doors hold. Thread-safe: it has no state but the hook.
class Transforms {
 public:
  // `changed` is called with the job's id once a change is durable: it wakes the reconciler.
  explicit Transforms(std::function<void(const TransformId&)> changed)
      : changed_(std::move(changed)) {}

  // Refuses: already_exists; invalid_argument (check()).
  Result<> create(store::Transaction& tx, const TransformId& id, const TransformPlan& plan,
                  Timestamp now);

  // Asks a job to end; its outputs so far stay. Refuses: not_found; conflict where it has ended.
  // Asking twice is fine.
  Result<> stop(store::Transaction& tx, const TransformId& id, Timestamp now);

  std::optional<TransformStatus> status(store::Transaction& tx, const TransformId& id) const;

 private:
  void tell(store::Transaction& tx, const TransformId& id);

  std::function<void(const TransformId&)> changed_;
};

// The topic of engine::Changes that is notified, after commit, whenever status() changed.
std::string topic_of(const TransformId& id);
// The fleet of a job.
routing::FleetId fleet_of(const TransformId& id);
TransformId job_of(const routing::FleetId& fleet);

// This room's tables.
std::span<const store::Migration> transform_migrations();

}  // namespace slipway::transform
