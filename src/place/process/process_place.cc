#include "place/process/process_place.h"

#include <csignal>
#include <set>

#include "place/process/isolation.h"
#include "place/process/process_impl.h"
#include "place/process/root_lock.h"

namespace slipway::place {

ProcessPlace::Impl::Impl(Ground ground, ObservationSink sink)
    : options_(std::move(ground.options)),
      layers_(ground.layers),
      root_lock_(std::move(ground.lock)),
      short_root_(options_.root),
      reports_(options_, short_root_, std::move(sink)),
      running_(thread_.loop(), layers_, [this](const InstanceKey& key) { on_exit(key); }),
      cells_(thread_.loop(), options_, layers_, short_root_.path(),
             [this](CellMaker::Outcome outcome) { finish_start(std::move(outcome)); }),
      logs_(options_.log),
      limits_(running_, reports_, options_.room),
      users_(layers_),
      groups_(divide_group(options_, layers_)) {
  post([this] { cells_.begin(); });
}

// What was posted before runs to its end.
ProcessPlace::Impl::~Impl() {
  thread_.stop();
  groups_.tend();
}

void ProcessPlace::Impl::post(Task command) {
  thread_.loop().post([command = std::move(command)]() mutable noexcept { command(); });
}

void ProcessPlace::Impl::tend_soon() {
  if (tend_timer_ == 0)
    tend_timer_ = thread_.loop().after(check_period, [this]() noexcept { tend(); });
}

// The period begins anew before the looks, which may take long.
void ProcessPlace::Impl::tend() {
  tend_timer_ = 0;
  if (running_.empty() && !groups_.has_more_to_remove()) return;
  tend_soon();
  groups_.tend();
  logs_.look();
  if (logs_.is_due(LogFeed::SteadyClock::now())) push_logs();
  limits_.look();
}

void ProcessPlace::Impl::push_logs() {
  for (const InstanceKey& key : logs_.push()) reports_.printed(key, running_.at(key).directory);
}

void ProcessPlace::Impl::stop(const InstanceKey& key, std::chrono::milliseconds grace) {
  if (!running_.stop(key, grace)) stop_unstarted(key, grace);
}

// All have been asked to end once the last that was on its way runs, and was asked.
std::future<void> ProcessPlace::Impl::end(std::chrono::milliseconds grace) {
  ending_ = true;
  std::promise<void> asked;
  auto done = asked.get_future();
  post([this, grace, asked = std::move(asked)]() mutable {
    line_.clear();
    cells_.stop_all(grace);
    running_.stop_all(grace);
    end_ = std::move(asked);
    thread_.loop().at_batch_end(*this);
  });
  return done;
}

void ProcessPlace::Impl::forget(const InstanceKey& key) {
  if (running_.contains(key) || cells_.contains(key)) return;
  const RunDirectory directory = directory_of(key);
  if (directory.key() != key) return;
  users_.give_back(directory.user());
  directory.remove();
}

void ProcessPlace::Impl::adopt() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(options_.root, error))
    if (entry.is_directory(error)) adopt_one(RunDirectory(entry.path()));
  std::set<std::string> groups;
  running_.for_each([&](const RunningInstance& each) {
    if (each.group) groups.insert(each.group->path());
  });
  groups_.remove_others(groups);
  tend_soon();
  reports_.adoption_done();
}

void ProcessPlace::Impl::adopt_one(const RunDirectory& directory) {
  const auto key = directory.key();
  if (!key || directory.path().filename() != key->file_name()) return directory.remove();
  users_.note(directory.user());
  if (running_.contains(*key) || cells_.contains(*key)) return;
  const auto ended = directory.ended();
  if (!ended && take_over(*key, directory))
    return reports_.running(*key, directory, Observation::Kind::adopted);
  logs_.finish(*key, directory, reports_.labels_of(*key, directory));
  if (ended) return reports_.exited(*key, directory, *ended);
  reports_.end_seen(*key, directory, {});
}

void ProcessPlace::Impl::on_exit(const InstanceKey& key) {
  RunningInstance& ending = running_.at(key);
  // The kernel may have been quicker than our look.
  const std::string excess =
      ending.forced ? "" : kept_excess_of(ending.group, ending.memory_bytes_max);
  if (!excess.empty()) limits_.end(ending, excess);
  const RunningInstance ended = running_.take(key);
  logs_.finish(key, ended.directory, reports_.labels_of(key, ended.directory));
  groups_.remove(ended.group);
  tend_soon();
  if (ended.holds_room || limits_.disk_is_full()) ended.directory.remove_own();
  Exit unseen;
  if (ended.forced) unseen.signal = SIGKILL;
  reports_.end_seen(key, ended.directory, unseen);
}

Result<std::unique_ptr<ProcessPlace>> ProcessPlace::open(ProcessPlaceOptions options,
                                                         ObservationSink sink) {
  TRY(Ground ground, prepare(std::move(options)));
  return open(std::move(ground), std::move(sink));
}

Result<ProcessPlace::Ground> ProcessPlace::prepare(ProcessPlaceOptions options) {
  TRY(Fd lock, lock_root(options.root));
  std::error_code error;
  auto root = std::filesystem::canonical(options.root, error);
  if (!error) options.root = std::move(root);
  if (options.cell.empty()) options.cell = cell_beside_this_program();
  TRY(const cell::Layers layers, find_layers(options));
  if (walks_host_paths(layers)) let_users_pass(options.root);
  return Ground{.options = std::move(options), .lock = std::move(lock), .layers = layers};
}

std::unique_ptr<ProcessPlace> ProcessPlace::open(Ground ground, ObservationSink sink) {
  return std::unique_ptr<ProcessPlace>(
      new ProcessPlace(std::make_unique<Impl>(std::move(ground), std::move(sink))));
}

ProcessPlace::ProcessPlace(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ProcessPlace::~ProcessPlace() = default;

Capabilities ProcessPlace::capabilities() const { return capabilities_with(impl_->layers()); }

void ProcessPlace::start(const InstanceKey& key, const InstanceSpec& spec) {
  impl_->post([this, key, spec] { impl_->start(key, spec); });
}

void ProcessPlace::stop(const InstanceKey& key, std::chrono::milliseconds grace) {
  impl_->post([this, key, grace] { impl_->stop(key, grace); });
}

std::future<void> ProcessPlace::end(std::chrono::milliseconds grace) { return impl_->end(grace); }

void ProcessPlace::forget(const InstanceKey& key) {
  impl_->post([this, key] { impl_->forget(key); });
}

void ProcessPlace::adopt() {
  impl_->post([this] { impl_->adopt(); });
}

void ProcessPlace::push_logs(std::move_only_function<void()> done) {
  impl_->post([this, done = std::move(done)]() mutable {
    impl_->push_logs();
    done();
  });
}

std::filesystem::path ProcessPlace::directory_of(const InstanceKey& key) const {
  return impl_->directory_of(key).own();
}

}  // namespace slipway::place
