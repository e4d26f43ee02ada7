#include "place/docker/docker_place.h"

#include <fmt/format.h>

#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "place/docker/docker_impl.h"

namespace slipway::place {

namespace {

constexpr std::size_t owner_digits = 12;
constexpr std::string_view notes_folder = "notes";

// The name by which the engine knows this place, made once.
Result<std::string> owner_of(const std::filesystem::path& root) {
  std::error_code error;
  std::filesystem::create_directories(root / notes_folder, error);
  const std::filesystem::path path = root / "owner";
  std::string owner;
  std::ifstream(path) >> owner;
  if (owner.size() == owner_digits) return owner;
  SystemRandom random;
  owner = make_token(random, owner_digits, alphabet_hex);
  std::ofstream file(path);
  file << owner << '\n';
  file.close();
  if (!file)
    return fail(ErrorCode::unavailable, fmt::format("{} cannot be written.", path.string()));
  return owner;
}

// Also where no engine is there: a start says then what is to be installed.
const Capabilities able{.runs_images = true,
                        .survives_server = true,
                        .limits_memory = true,
                        .limits_cpu = true,
                        .maps_ports = true,
                        .sets_user = true,
                        .closes_files = true,
                        .closes_processes = true,
                        .hides_processes = true,
                        .closes_names = true,
                        .ends_everything = true};

}  // namespace

DockerPlace::Impl::Impl(DockerPlaceOptions options, std::string owner, ObservationSink sink)
    : options_(std::move(options)),
      names_{.owner = std::move(owner)},
      notes_(options_.root / notes_folder),
      sink_(std::move(sink)),
      needs_{.loop = thread_.loop(),
             .notes = notes_,
             .images = options_.images != nullptr ? *options_.images : pulled_,
             .log = options_.log,
             .names = names_,
             .sink = sink_,
             .over = [this](const InstanceKey& key, auto left) { over(key, left); },
             .printed = [this] { push_soon(); }} {}

// The engine's client ends on its loop's thread, or after it.
DockerPlace::Impl::~Impl() {
  thread_.run_and_wait([this]() noexcept {
    push_logs();
    lives_.clear();
    engine_.reset();
  });
  thread_.stop();
}

void DockerPlace::Impl::post(Task command) {
  thread_.loop().post([command = std::move(command)]() mutable noexcept { command(); });
}

void DockerPlace::Impl::with_engine(EngineReady then) {
  if (machine_) return then({});
  for_engine_.push_back(std::move(then));
  if (for_engine_.size() > 1) return;  // it is being looked for
  const auto socket = find_engine(options_.sockets);
  if (!socket)
    return post(
        [this] { engine_is(slipway::fail(ErrorCode::unavailable, no_engine(options_.sockets))); });
  engine_ = std::make_unique<EngineClient>(thread_.loop(), *socket);
  engine_->begin([this, socket = *socket](Result<EngineMachine> machine) {
    if (!machine)
      return engine_is(slipway::fail(ErrorCode::unavailable,
                                     fmt::format("The container engine at {} cannot be used: {}",
                                                 socket, machine.error().message)));
    machine_ = *std::move(machine);
    prepare_network();
  });
}

// One that is there already is told in several ways, so that it is asked for.
void DockerPlace::Impl::prepare_network() {
  EngineCall create{.method = "POST", .path = "/networks/create", .body = network_document(names_)};
  engine_->call({.path = "/networks/" + names_.network()}, [this, create = std::move(create)](
                                                               Result<EngineAnswer> known) mutable {
    if (known && known->is_good()) return engine_is({});
    engine_->call(std::move(create), [this](const Result<EngineAnswer>& made) {
      if (made && made->is_good()) return engine_is({});
      engine_is(slipway::fail(ErrorCode::unavailable,
                              fmt::format("The container engine made no network for instances: {}",
                                          made ? message_of(made->body) : made.error().message)));
    });
  });
}

// What is not there is looked for again the next time.
void DockerPlace::Impl::engine_is(Result<> outcome) {
  if (!outcome) {
    machine_.reset();
    post([engine = std::shared_ptr<EngineClient>(std::move(engine_))] {});  // we are in its answer
  }
  auto waiting = std::exchange(for_engine_, {});
  for (EngineReady& then : waiting) then(outcome);
}

ContainerLife* DockerPlace::Impl::find(const InstanceKey& key) {
  const auto found = lives_.find(key);
  return found == lives_.end() || found->second->is_over() ? nullptr : found->second.get();
}

ContainerLife& DockerPlace::Impl::add_life(ContainerNotes notes) {
  const InstanceKey key = notes.key;
  auto& life = lives_[key];
  life = std::make_unique<ContainerLife>(needs_, std::move(notes));
  return *life;
}

void DockerPlace::Impl::report_ended(const ContainerNotes& notes) {
  if (notes.failure)
    return sink_({.kind = Kind::start_failed, .key = notes.key, .reason = *notes.failure});
  ContainerLog log(nullptr, notes.key, notes.labels, notes.log);
  sink_({.kind = Kind::exited,
         .key = notes.key,
         .labels = notes.labels,
         .exit = notes.end.value_or(Exit()),
         .tail = log.tail()});
}

// A key that was noted and of which nothing more is known goes on: its container may be there, and
// has its name.
void DockerPlace::Impl::start(const InstanceKey& key, const InstanceSpec& spec) {
  if (ending_) return;
  if (const ContainerLife* const life = find(key)) return life->tell_again();
  if (const auto known = notes_.read(key); known && (known->failure || known->end))
    return report_ended(*known);
  const auto refuse = [&](std::string reason) {
    sink_({.kind = Kind::start_failed, .key = key, .reason = std::move(reason)});
  };
  if (auto reason = refusal(able, spec)) return refuse(*std::move(reason));
  ContainerNotes notes = notes_.read(key).value_or(ContainerNotes{.key = key});
  notes.labels = spec.labels;
  if (const auto written = notes_.write(notes); !written) return refuse(written.error().message);
  add_life(std::move(notes));
  with_engine([this, key, spec](const Result<>& outcome) {
    ContainerLife* const life = find(key);
    if (life == nullptr) return;
    if (!outcome) return life->fail(outcome.error().message);
    life->begin(*engine_, *machine_, spec);
  });
}

void DockerPlace::Impl::stop(const InstanceKey& key, std::chrono::milliseconds grace) {
  if (ContainerLife* const life = find(key)) life->stop(grace);
}

void DockerPlace::Impl::forget(const InstanceKey& key) {
  if (find(key) == nullptr) notes_.remove(key);
}

// Called from within the life, which goes after that.
void DockerPlace::Impl::over(const InstanceKey& key, ContainerNeeds::Left left) {
  if (left == ContainerNeeds::Left::container) remove_container(key);
  post([this, key] {
    const auto found = lives_.find(key);
    if (found != lives_.end() && found->second->is_over()) lives_.erase(found);
    finish_end();
  });
}

// What cannot be removed now is when a later server finds it.
void DockerPlace::Impl::remove_container(const InstanceKey& key) {
  ++removals_;
  engine_->call({.method = "DELETE",
                 .path = fmt::format("/containers/{}?force=1&v=1", names_.container(key))},
                [this](const Result<EngineAnswer>& answer) {
                  if (!answer) log_warning("place", answer.error().message);
                  --removals_;
                  finish_end();
                });
}

void DockerPlace::Impl::push_soon() {
  if (push_timer_ != 0) return;
  push_timer_ = thread_.loop().after(container_log_period, [this]() noexcept {
    push_timer_ = 0;
    push_logs();
  });
}

void DockerPlace::Impl::push_logs() {
  for (const auto& [key, life] : lives_) life->push();
}

std::future<void> DockerPlace::Impl::end(std::chrono::milliseconds grace) {
  ending_ = true;
  std::promise<void> ended;
  auto future = ended.get_future();
  post([this, grace, ended = std::move(ended)]() mutable {
    end_ = std::move(ended);
    for (const auto& [key, life] : lives_) life->stop(grace);
    thread_.loop().after(grace + containers_removed_within, [this]() noexcept {
      if (end_) end_->set_value();
      end_.reset();
    });
    finish_end();
  });
  return future;
}

// The network goes last; a server that was killed finds it again.
void DockerPlace::Impl::finish_end() {
  if (!end_ || !lives_.empty() || removals_ > 0) return;
  auto ended = std::make_shared<std::promise<void>>(*std::exchange(end_, std::nullopt));
  if (!machine_) return ended->set_value();
  engine_->call({.method = "DELETE", .path = "/networks/" + names_.network()},
                [ended](const Result<EngineAnswer>&) { ended->set_value(); });
}

Result<std::unique_ptr<DockerPlace>> DockerPlace::open(DockerPlaceOptions options,
                                                       ObservationSink sink) {
  TRY(std::string owner, owner_of(options.root));
  return std::unique_ptr<DockerPlace>(
      new DockerPlace(std::move(options), std::move(owner), std::move(sink)));
}

DockerPlace::DockerPlace(DockerPlaceOptions options, std::string owner, ObservationSink sink)
    : options_(std::move(options)), owner_(std::move(owner)), sink_(std::move(sink)) {}
DockerPlace::~DockerPlace() = default;

DockerPlace::Impl* DockerPlace::in_use() const {
  const std::lock_guard lock(mutex_);
  return impl_.get();
}

DockerPlace::Impl* DockerPlace::use() {
  const std::lock_guard lock(mutex_);
  if (!impl_ && !ended_) impl_ = std::make_unique<Impl>(options_, owner_, sink_);
  return impl_.get();
}

Capabilities DockerPlace::capabilities() const {
  if (!engine_seen_ && find_engine(options_.sockets)) engine_seen_ = true;
  Capabilities with_engine = able;
  with_engine.runs_images = engine_seen_;
  return with_engine;
}

void DockerPlace::start(const InstanceKey& key, const InstanceSpec& spec) {
  Impl* impl = nullptr;
  try {
    impl = use();
  } catch (const std::system_error& none_left) {
    return sink_({.kind = Observation::Kind::start_failed,
                  .key = key,
                  .reason = fmt::format("No thread could be had for containers: {}.",
                                        none_left.code().message())});
  }
  if (impl != nullptr) impl->post([impl, key, spec] { impl->start(key, spec); });
}

void DockerPlace::stop(const InstanceKey& key, std::chrono::milliseconds grace) {
  if (Impl* const impl = in_use()) impl->post([impl, key, grace] { impl->stop(key, grace); });
}

void DockerPlace::forget(const InstanceKey& key) {
  if (Impl* const impl = in_use()) impl->post([impl, key] { impl->forget(key); });
}

// A place that was never used asks no engine.
void DockerPlace::adopt() {
  if (NoteBook(options_.root / notes_folder).empty())
    return sink_({.kind = Observation::Kind::adoption_done, .key = {}});
  if (Impl* const impl = use()) impl->post([impl] { impl->adopt(); });
}

std::filesystem::path DockerPlace::directory_of(const InstanceKey&) const { return {}; }

void DockerPlace::push_logs(std::move_only_function<void()> done) {
  Impl* const impl = in_use();
  if (impl == nullptr) return done();
  impl->post([impl, done = std::move(done)]() mutable {
    impl->push_logs();
    done();
  });
}

std::future<void> DockerPlace::end(std::chrono::milliseconds grace) {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  if (Impl* const impl = in_use()) return impl->end(grace);
  std::promise<void> at_once;
  at_once.set_value();
  return at_once.get_future();
}

}  // namespace slipway::place
