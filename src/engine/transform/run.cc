#include "engine/transform/run.h"

#include <algorithm>
#include <future>

#include "base/log.h"
#include "base/thread_name.h"

namespace slipway::transform {

TransformTerms terms_of(const TransformPlan& plan, const InstanceSettings& said) {
  TransformTerms terms;
  terms.payload_mb = plan.payload_mb.value_or(said.payload_mb.value_or(payload_mb_default));
  terms.payload_mb = std::min(terms.payload_mb, payload_mb_max);
  terms.strategy = plan.strategy.value_or(said.strategy.value_or(terms.strategy));
  if (plan.split == SplitType::none) terms.strategy = BatchStrategy::multi_record;
  const std::uint32_t asked = plan.concurrency.value_or(0);
  terms.concurrency = asked > 0 ? asked : said.concurrency.value_or(1);
  const std::uint32_t most = payload_mb_max / std::max(terms.payload_mb, 1U);
  terms.concurrency = std::clamp(terms.concurrency, 1U, std::max(most, 1U));
  return terms;
}

TransformRun::TransformRun(const TransformContext& context, TransformId id, TransformPlan plan,
                           std::function<void()> ended)
    : context_(context),
      id_(std::move(id)),
      plan_(std::move(plan)),
      ended_(std::move(ended)),
      leader_([this] { lead(); }) {}

TransformRun::~TransformRun() { stop(); }

void TransformRun::stop() {
  const std::lock_guard lock(mutex_);
  stopping_.store(true, std::memory_order_release);
  if (window_) window_->stop();
}

std::optional<RunOutcome> TransformRun::outcome() const {
  const std::lock_guard lock(mutex_);
  return outcome_;
}

void TransformRun::lead() {
  name_this_thread("transform-lead");
  RunOutcome outcome;
  try {
    outcome = work();
  } catch (const std::exception& error) {
    outcome = fail(ErrorCode::internal, error.what());
  }
  if (!outcome && !stopping()) context_.log(id_, outcome.error().message);
  {
    const std::lock_guard lock(mutex_);
    outcome_ = std::move(outcome);
  }
  ended_();
}

InstanceSettings TransformRun::ask_settings() {
  const TransformContract& contract = context_.contract;
  if (contract.settings_path.empty()) return {};
  auto answered = std::make_shared<std::promise<Result<std::string>>>();
  auto answer = answered->get_future();
  context_.instances.ask_settings(
      fleet_of(id_), contract.settings_path,
      [answered](Result<std::string> text) { answered->set_value(std::move(text)); });
  const Result<std::string> text = answer.get();
  return text ? contract.read_settings(*text) : InstanceSettings();
}

RunOutcome TransformRun::work() {
  TRY(const auto row, context_.store.read([&](store::Transaction& tx) -> Result<TransformRow> {
    auto found = load_transform(tx, id_);
    if (!found) return fail(ErrorCode::not_found, "the job is gone");
    return *std::move(found);
  }));
  if (row.files == TransformRow::Files::unknown) {
    TRY(const auto files, list_input(context_, plan_));
    context_.step();
    TRY_DO(context_.store.write([&](store::Transaction& tx) -> Result<> {
      save_files(tx, id_, files);
      return {};
    }));
    context_.step();
  }
  FileCounts counts;
  TRY(auto queue,
      context_.store.read([&](store::Transaction& tx) -> Result<std::vector<TransformFile>> {
        counts = count_files(tx, id_);
        return waiting_files(tx, id_);
      }));
  std::ranges::reverse(queue);  // taken from the back
  const TransformTerms terms = terms_of(plan_, ask_settings());
  TRY(RecordRules rules, RecordRules::of(plan_, terms.strategy));
  const std::uint32_t instances = fleet::standing_instances(plan_.fleet.variants.front());
  auto window = std::make_shared<RequestWindow>(
      context_.instances, RequestWindow::Terms{.fleet = fleet_of(id_),
                                               .content_type = plan_.content_type,
                                               .accept = plan_.accept,
                                               .under_way_max = terms.concurrency * instances,
                                               .retries_max = plan_.retries_max});
  {
    const std::lock_guard lock(mutex_);
    window_ = window;
    if (stopping()) window->stop();
  }
  if (context_.contract.log_line) context_.log(id_, context_.contract.log_line(terms));
  TransformFiles files({.context = context_,
                        .id = id_,
                        .plan = plan_,
                        .terms = terms,
                        .rules = std::move(rules),
                        .window = window});
  files.progress.files_total = counts.total();
  files.progress.files_done = counts.done;
  files.progress.files_failed = counts.failed;
  std::mutex queue_mutex;
  std::exception_ptr broken;
  const std::size_t workers =
      std::min({queue.size(), file_workers_max, std::size_t{terms.concurrency} * instances});
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < workers; ++i)
      threads.emplace_back([&] {
        name_this_thread("transform-file");
        try {
          files.work(queue, queue_mutex);
        } catch (...) {
          const std::lock_guard lock(queue_mutex);
          broken = std::current_exception();
          window->stop();
        }
      });
  }
  if (broken) std::rethrow_exception(broken);
  context_.log(id_, files.progress.text());
  return {};
}

bool TransformRuns::start(const TransformId& id, const TransformPlan& plan) {
  const std::lock_guard lock(mutex_);
  if (runs_.contains(id)) return true;
  if (runs_.size() >= runs_max) return false;
  runs_.emplace(id, std::make_unique<TransformRun>(context_, id, plan, [this, id] { ended_(id); }));
  return true;
}

void TransformRuns::stop(const TransformId& id) {
  const std::lock_guard lock(mutex_);
  if (const auto run = runs_.find(id); run != runs_.end()) run->second->stop();
}

bool TransformRuns::runs(const TransformId& id) const {
  const std::lock_guard lock(mutex_);
  return runs_.contains(id);
}

std::optional<RunOutcome> TransformRuns::outcome(const TransformId& id) const {
  const std::lock_guard lock(mutex_);
  const auto run = runs_.find(id);
  return run == runs_.end() ? std::nullopt : run->second->outcome();
}

bool TransformRuns::forget(const TransformId& id) {
  std::unique_ptr<TransformRun> gone;
  const std::lock_guard lock(mutex_);
  const auto run = runs_.find(id);
  if (run == runs_.end()) return false;
  gone = std::move(run->second);
  runs_.erase(run);
  return true;
}

void TransformRuns::stop_all() {
  std::map<TransformId, std::unique_ptr<TransformRun>> all;
  {
    const std::lock_guard lock(mutex_);
    all.swap(runs_);
  }
  for (const auto& [id, run] : all) run->stop();
}

}  // namespace slipway::transform
