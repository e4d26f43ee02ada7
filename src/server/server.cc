#include "server/server.h"

#include <fmt/format.h>

#include <functional>
#include <future>
#include <vector>

#include "base/log.h"
#include "engine/changes.h"
#include "engine/events/deliverer.h"
#include "engine/events/http_courier.h"
#include "engine/events/queues.h"
#include "engine/events/sweeper.h"
#include "engine/events/topics.h"
#include "engine/fleet/fleet_reconciler.h"
#include "engine/identity/directory.h"
#include "engine/invocation_queue/queue.h"
#include "engine/invocation_queue/router_courier.h"
#include "engine/logs/log_book.h"
#include "engine/objects/objects.h"
#include "engine/routing/sessions.h"
#include "engine/time_keeper.h"
#include "gen/services.h"
#include "place/process/disk_watch.h"
#include "place/process/process_place.h"
#include "server/built_ins.h"
#include "server/captured_objects.h"
#include "server/credentials_address.h"
#include "server/data_directory.h"
#include "server/errands.h"
#include "server/fetched_artifacts.h"
#include "server/inside.h"
#include "server/instances.h"
#include "server/io_loop.h"
#include "server/job_engine.h"
#include "server/limits.h"
#include "server/pages.h"
#include "server/prepared_files.h"
#include "server/senders.h"
#include "server/transform_engine.h"
#include "service/access_log.h"
#include "service/front.h"
#include "service/iam/iam.h"
#include "service/instance_credentials.h"
#include "service/logs/logs.h"
#include "service/s3/cors.h"
#include "service/s3/post_form.h"
#include "service/s3/s3.h"
#include "service/sagemaker/log_stream.h"
#include "service/sagemaker/sagemaker.h"
#include "service/sagemaker_runtime/async_notice.h"
#include "service/sagemaker_runtime/runtime.h"
#include "service/sns/door.h"
#include "service/sns/envelope.h"
#include "service/sns/sns.h"
#include "service/sqs/sqs.h"
#include "service/sts/sts.h"

namespace slipway::server {
namespace {

constexpr std::size_t control_workers = 8;
constexpr std::size_t file_workers = 8;
constexpr std::size_t bulk_workers = 4;
constexpr std::size_t artifact_workers = 2;
constexpr std::chrono::milliseconds expire_period{100};
constexpr std::chrono::hours file_collect_period{1};

}  // namespace

// Members stand in the order in which they are made; they go in the reverse.
class Server::Parts {
 public:
  explicit Parts(const ServeOptions& options) : options_(options), changes_(clock_) {}

  // First every thread that reports to another part ends; then the parts may go. What a client left
  // behind without its answer still holds that client's loop: it is worked off before the loops go.
  ~Parts() {
    changes_.close();
    if (frame_) frame_->uploads->close();
    if (reconcilers_) reconcilers_->stop();
    if (transforms_) transforms_->stop();
    if (courier_) courier_->stop();
    bulk_workers_.stop();
    file_workers_.stop();
    workers_.stop();
    request_courier_.reset();
    if (sessions_) sessions_->close();
    finish_changes(store_.get());
    loops_.clear();
    if (captures_) captures_->stop();
    if (files_) files_->stop();
    artifact_workers_.stop();
    credentials_.reset();
    prober_loop_.stop();
    models_loop_.stop();
    finish_changes(store_.get());
    instances_.reset();
  }

  Result<> open_state();
  void begin_place();
  Result<> open_instances();
  Result<> open_engines();
  void open_request_queues();
  Result<> open_events();
  void collect_permissions();
  service::LaterErrands later() const { return {errands_.get(), clock_}; }
  Result<> install_doors();
  Result<> listen();
  Result<> begin();
  void stop();

  const std::string& endpoint() const { return endpoint_; }

 private:
  void observe(place::Observation observation);
  void keep_deadlines(net::Loop& loop);
  void collect_files(net::Loop& loop);
  void note_time();
  void keep_time(net::Loop& loop);
  std::vector<Traffic> traffic() const;
  void say_what_is_waited_for() const;
  unsigned io_threads() const;
  sagemaker::BuiltInImages built_in_images() const;

  const ServeOptions options_;
  const std::filesystem::path model_server_ = folder_of_this_program() / "slipway-modelserver";
  std::unique_ptr<DiskRoom> disk_;
  std::future<Result<place::ProcessPlace::Ground>> ground_;
  SystemClock clock_;
  SystemRandom random_;

  std::unique_ptr<store::Store> store_;
  std::unique_ptr<identity::Directory> directory_;
  std::unique_ptr<identity::KeyRing> keys_;
  std::unique_ptr<objects::Objects> objects_;
  std::unique_ptr<logs::LogBook> log_book_;
  engine::Changes changes_;
  federation::IssuerKeys issuer_keys_{clock_, changes_, options_.delivery_reach()};
  events::Queues queues_{random_, changes_};
  events::Topics topics_{random_, [this] { deliverer_->wake(); }};
  events::MobileDirectory mobile_;
  net::LoopThread models_loop_{"models"};  // routes hold what posts to it
  routing::RouteTable routes_;
  std::unique_ptr<routing::Sessions> sessions_;
  WorkerPool artifact_workers_{artifact_workers, WorkerPool::Priority::background, "artifact"};
  WorkerPool workers_{control_workers, WorkerPool::Priority::normal, "control"};
  WorkerPool file_workers_{file_workers, WorkerPool::Priority::background, "file"};
  WorkerPool bulk_workers_{bulk_workers, WorkerPool::Priority::background, "bulk"};
  net::LoopThread prober_loop_{"prober"};

  std::unique_ptr<Instances> instances_;

  std::unique_ptr<engine::ReconcilerLoop> reconcilers_;
  std::unique_ptr<FetchedArtifacts> artifacts_;
  std::unique_ptr<JobEngine> jobs_;
  std::unique_ptr<PreparedFiles> files_;
  std::unique_ptr<fleet::NetworkProber> prober_;
  events::Sweeper sweeper_{[this] { deliverer_->wake(); }};
  std::unique_ptr<CredentialsAddress> credentials_;
  std::unique_ptr<fleet::FleetReconciler> fleet_reconciler_;
  std::unique_ptr<fleet::Fleets> fleets_;
  std::unique_ptr<const service::Errands> errands_;  // null: nobody is asked
  std::unique_ptr<TransformEngine> transforms_;
  std::unique_ptr<CapturedObjects> captured_objects_;
  std::unique_ptr<routing::CaptureWriter> captures_;
  std::unique_ptr<sagemaker_runtime::AsyncNotices> async_notices_;
  std::unique_ptr<invocation_queue::RouterCourier> request_courier_;
  std::unique_ptr<invocation_queue::RequestQueues> request_queues_;
  invocation_queue::Queues job_queues_{
      [this](invocation_queue::QueueId id) { request_queues_->wake(id); }};
  std::unique_ptr<Senders> senders_;
  std::unique_ptr<sns::Signer> signer_;
  std::unique_ptr<sns::Envelope> envelope_;
  std::unique_ptr<events::HttpCourier> courier_;
  std::unique_ptr<events::HttpDeliveries> http_deliveries_;
  std::unique_ptr<events::Deliverer> deliverer_;
  std::unique_ptr<events::MessageMoves> moves_;
  std::unique_ptr<s3::Notices> notices_;
  s3::LifecycleTexts lifecycles_;
  std::unique_ptr<objects::Lifecycle> lifecycle_;

  std::unique_ptr<service::AccessLog> access_log_;
  service::Registry registry_;
  std::unique_ptr<service::Authorizer> authorizer_;
  std::unique_ptr<wire::Router> wire_router_;
  std::unique_ptr<service::Frame> frame_;
  std::vector<service::Page> pages_;
  LoopRouters loop_routers_;
  std::vector<std::unique_ptr<IoLoop>> loops_;
  std::atomic<bool> listening_ = false;  // loops_ is complete
  std::string endpoint_;
  std::string endpoint_from_here_;  // the same, for who runs beside the server
};

Result<> Server::Parts::open_state() {
  TRY_DO(make_directory(options_.data));
  disk_ = std::make_unique<DiskRoom>(options_.data);
  // Nobody could delete anything through a server that does not start: the reserve is for that too.
  place::make_room(options_.data / "instances", *disk_);
  disk_->release_file(std::chrono::milliseconds(0));
  begin_place();
  TRY(store_, open_store(options_));
  TRY_DO(engine::keep_time(*store_, clock_));
  const identity::Principal root{.kind = identity::Principal::Kind::root,
                                 .account = options_.account,
                                 .name = fmt::format("arn:aws:iam::{}:root", options_.account),
                                 .id = options_.account};
  TRY(directory_, identity::Directory::open(*store_, iam::provided_policies()));
  TRY(keys_, identity::KeyRing::open(options_.data, root, random_, directory_.get()));
  using OlderDatabase = objects::OpenOptions::OlderDatabase;
  TRY(objects_, objects::Objects::open(
                    *store_, options_.data, clock_, random_,
                    {.older_database = options_.accept_older_database ? OlderDatabase::accept
                                                                      : OlderDatabase::refuse}));
  TRY(sessions_, routing::Sessions::open(*store_, clock_));
  TRY(log_book_, logs::LogBook::open(options_.data / "logs"));
  objects_->use(*disk_);
  log_book_->use(*disk_);
  return {};
}

// Beside the store, whose disk is waited for: the processes that try what isolates instances take
// as long.
void Server::Parts::begin_place() {
  place::ProcessPlaceOptions place{.root = options_.data / "instances",
                                   .zygote = {model_server_.string(), "--zygote"},
                                   .isolation = options_.isolation_mode(),
                                   .kept_free = std::string(sagemaker::container_root),
                                   .room = disk_.get(),
                                   .labels_of_older = sagemaker::labels_of_older};
  ground_ = std::async(std::launch::async, place::ProcessPlace::prepare, std::move(place));
}

Result<> Server::Parts::open_instances() {
  TRY(auto ground, ground_.get());
  const Instances::Needs needs{*log_book_, clock_, std::bind_front(&Parts::observe, this)};
  instances_ = std::make_unique<Instances>(std::move(ground), needs);
  reconcilers_ = std::make_unique<engine::ReconcilerLoop>(*store_, clock_, changes_);
  artifacts_ = std::make_unique<FetchedArtifacts>(FetchedArtifacts::Needs{
      options_.data / "artifacts", *store_, *objects_, *disk_, artifact_workers_, later()});
  jobs_ = std::make_unique<JobEngine>(
      jobs::JobReconciler::Needs{instances_->place(), artifacts_->cache(), *reconcilers_, changes_},
      clock_);
  return {};
}

Result<> Server::Parts::open_engines() {
  errands_ = open_errands(options_, *directory_, topics_);
  TRY_DO(open_instances());
  files_ = std::make_unique<PreparedFiles>(PreparedFiles::Needs{.data = options_.data,
                                                                .store = *store_,
                                                                .artifacts = artifacts_->cache(),
                                                                .disk = *disk_,
                                                                .workers = artifact_workers_,
                                                                .loop = models_loop_.loop(),
                                                                .place = instances_->place(),
                                                                .jobs = *jobs_,
                                                                .changes = changes_,
                                                                .random = random_});
  prober_ = std::make_unique<fleet::NetworkProber>(
      prober_loop_.loop(),
      [this](fleet::HealthReport report) { fleet_reconciler_->observe(std::move(report)); });
  routes_.on_drained(
      [this](const place::InstanceKey& key) { fleet_reconciler_->observe_drained(key); });
  TRY(credentials_, CredentialsAddress::open({.loop = prober_loop_,
                                              .keys = *keys_,
                                              .store = *store_,
                                              .workers = workers_,
                                              .clock = clock_,
                                              .random = random_,
                                              .running = instances_->running()}));
  fleet::FleetOptions fleet = fleet_options(model_server_, options_);
  fleet.labels = sagemaker::labels_of;
  fleet.credentials = [this](const place::InstanceKey& key, std::string_view role) {
    return credentials_->environment(key, role, endpoint_from_here_);
  };
  fleet_reconciler_ = std::make_unique<fleet::FleetReconciler>(
      fleet::FleetNeeds{.place = instances_->place(),
                        .artifacts = artifacts_->cache(),
                        .prober = *prober_,
                        .routes = routes_,
                        .loop = *reconcilers_,
                        .changes = changes_,
                        .models = &files_->models(),
                        .environments = &files_->environments(),
                        .may_read = std::bind_front(&FetchedArtifacts::may_read, artifacts_.get())},
      std::move(fleet));
  captured_objects_ = std::make_unique<CapturedObjects>(*store_, *objects_, random_, later());
  captures_ = std::make_unique<routing::CaptureWriter>(
      clock_, [this](const routing::CaptureFile& file) { return captured_objects_->keep(file); });
  fleets_ = std::make_unique<fleet::Fleets>(
      [this](const auto& id) { fleet_reconciler_->wake(id); }, options_.instance_limit(),
      &files_->environments(), std::bind_front(&routing::RouteTable::routed, &routes_));
  transforms_ = std::make_unique<TransformEngine>(TransformEngine::Needs{.store = *store_,
                                                                         .objects = *objects_,
                                                                         .fleets = *fleets_,
                                                                         .routes = routes_,
                                                                         .loop = *reconcilers_,
                                                                         .changes = changes_,
                                                                         .log_book = *log_book_,
                                                                         .clock = clock_,
                                                                         .random = random_,
                                                                         .errands = later()});
  open_request_queues();
  return {};
}

void Server::Parts::open_request_queues() {
  request_courier_ =
      std::make_unique<invocation_queue::RouterCourier>(invocation_queue::RouterCourier::Needs{
          .routes = routes_, .objects = *objects_, .workers = file_workers_, .random = random_});
  async_notices_ = std::make_unique<sagemaker_runtime::AsyncNotices>(topics_, later());
  request_queues_ = std::make_unique<invocation_queue::RequestQueues>(
      invocation_queue::RequestQueues::Needs{.store = *store_,
                                             .objects = *objects_,
                                             .loop = *reconcilers_,
                                             .courier = *request_courier_,
                                             .door = *async_notices_,
                                             .clock = clock_});
  reconcilers_->add(*request_queues_);
  routes_.subscribe([this] { request_queues_->look_again(); });
}

Result<> Server::Parts::open_events() {
  TRY(signer_, sns::Signer::open(options_.data));
  envelope_ = std::make_unique<sns::Envelope>(*signer_, random_, endpoint_);
  courier_ = std::make_unique<events::HttpCourier>(
      [this](events::CourierReport report) { http_deliveries_->observe(std::move(report)); },
      options_.delivery_reach());
  senders_ = std::make_unique<Senders>(options_.enforces_policies() ? Senders::Policies::asked
                                                                    : Senders::Policies::off);
  const events::AskAdmission asked = std::bind_front(&Senders::from_topic, senders_.get());
  http_deliveries_ =
      std::make_unique<events::HttpDeliveries>(topics_, queues_, *courier_, *reconcilers_, asked);
  deliverer_ = std::make_unique<events::Deliverer>(events::Deliverer::Needs{
      .store = *store_,
      .queues = queues_,
      .topics = topics_,
      .envelope = *envelope_,
      .clock = clock_,
      .workers = workers_,
      .wake_http = [this](const std::string& id) { http_deliveries_->wake(id); },
      .admission = asked});
  moves_ = std::make_unique<events::MessageMoves>(queues_, random_, *reconcilers_);
  notices_ = std::make_unique<s3::Notices>(
      s3::Notices::Needs{.queues = queues_,
                         .topics = topics_,
                         .random = random_,
                         .queue_admission =
                             [this](const events::Queue& queue, const objects::Bucket& from) {
                               return senders_->from_bucket(queue, from);
                             },
                         .topic_admission =
                             [this](const events::Topic& topic, const objects::Bucket& from) {
                               return senders_->from_bucket(topic, from);
                             }});
  reconcilers_->add(sweeper_);
  reconcilers_->add(*http_deliveries_);
  lifecycle_ = std::make_unique<objects::Lifecycle>(
      s3::lifecycle_needs(*objects_, lifecycles_, *reconcilers_));
  reconcilers_->add(*moves_);
  reconcilers_->add(*lifecycle_);
  return {};
}

sagemaker::BuiltInImages Server::Parts::built_in_images() const {
  sagemaker::BuiltInImages names;
  for (const auto& [name, program] : fleet_options({}, options_).built_ins) names.insert(name);
  return names;
}

// Who may do what, as each door says it.
void Server::Parts::collect_permissions() {
  if (!options_.enforces_policies()) {
    log_warning("server", "policies are off: everyone who has a key may do everything",
                {{"option", "--authorize off"}});
    return;
  }
  authorizer_ = std::make_unique<service::Authorizer>(*directory_);
  authorizer_->add(sts::permissions());
  authorizer_->add(iam::permissions(*directory_));
  authorizer_->add(s3::permissions());
  authorizer_->add(sagemaker::permissions());
  authorizer_->add(sagemaker_runtime::permissions(sagemaker::add_tag_keys));
  authorizer_->add(logs_door::permissions());
  authorizer_->add(sns::permissions(topics_));
  authorizer_->add(sqs::permissions(queues_));
}

Result<> Server::Parts::install_doors() {
  const sagemaker::Reach reach(errands_.get());
  sts::install(registry_, *keys_, *directory_, *store_, issuer_keys_);
  iam::install(registry_, *directory_, *store_);
  s3::install(registry_, {*store_, *objects_, *notices_, *lifecycle_, lifecycles_});
  sagemaker::install(registry_, *fleets_, job_queues_, built_in_images(), reach);
  sagemaker::install_transform_jobs(registry_, transforms_->jobs(), built_in_images(), reach);
  sagemaker_runtime::install(registry_, {*request_queues_, *fleets_, routes_, errands_.get()},
                             {.router = std::bind_front(&LoopRouters::of, &loop_routers_),
                              .sessions = *sessions_,
                              .stream_time_limit = std::chrono::seconds(options_.stream_seconds)});
  logs_door::install(registry_, *log_book_, instances_->place());
  sns::install(registry_, topics_, mobile_, *deliverer_, options_.delivery_reach());
  sqs::install(registry_, queues_, *moves_, options_.tls_cert.empty() ? "http" : "https");
  for (const wire::Operation* operation : registry_.unanswered(aws::schemas()))
    return fail(
        ErrorCode::internal,
        fmt::format("{} stands in an operations.txt and no door answers it", operation->name));

  collect_permissions();
  wire_router_ = std::make_unique<wire::Router>(aws::schemas(),
                                                wire::Router::Options{.others = aws::others()});
  TRY(const net::Address bound, net::resolve(options_.listen, options_.port));
  const service::SiteCheck::Options sites{.bound = bound.host, .allowed = options_.allowed_hosts};
  frame_ = std::make_unique<service::Frame>(
      service::Frame{.registry = registry_,
                     .router = *wire_router_,
                     .schemas = aws::schemas(),
                     .store = *store_,
                     .lanes = {.control = workers_, .files = file_workers_, .bulk = bulk_workers_},
                     .changes = changes_,
                     .keys = *keys_,
                     .ground = {clock_, random_},
                     .auth = options_.auth_mode(),
                     .holding = options_.holding(),
                     .region = options_.region,
                     .authorizer = authorizer_.get(),
                     .sites = service::SiteCheck(sites),
                     .cross_origin = s3::cross_origin,
                     .forms = s3::form_door()});
  frame_->disk = disk_.get();
  frame_->uploads = std::make_unique<service::UploadSlots>(upload_memory());
  pages_ = own_pages({.traffic = [this] { return traffic(); },
                      .certificate = [this] { return signer_->certificate(); },
                      .inside = inside_pages({.store = *store_,
                                              .clock = clock_,
                                              .fleets = *fleets_,
                                              .decisions = fleet_reconciler_->decisions(),
                                              .reconcilers = *reconcilers_,
                                              .account = options_.account,
                                              .pools = {{"control", workers_},
                                                        {"file", file_workers_},
                                                        {"bulk", bulk_workers_},
                                                        {"artifact", artifact_workers_}},
                                              .loops = [this] {
                                                return listening_ ? queue_lengths(loops_)
                                                                  : std::vector<QueueLength>();
                                              }})});
  return {};
}

Result<> Server::Parts::listen() {
  if (!options_.access_log.empty()) {
    TRY(access_log_, service::AccessLog::open(options_.access_log, clock_));
  }
  std::shared_ptr<const net::TlsContext> tls;
  if (!options_.tls_cert.empty()) {
    TRY(tls, net::TlsContext::server(options_.tls_cert, options_.tls_key));
  }
  TRY(const net::Address wanted, net::resolve(options_.listen, options_.port));
  TRY(net::Fd listener, listen_for_clients(wanted));
  TRY(const net::Address address, net::local_address(listener));
  endpoint_ = fmt::format("{}://{}", tls ? "https" : "http", address.text());
  endpoint_from_here_ =
      fmt::format("{}://{}", tls ? "https" : "http", reached_from_here(address).text());
  const IoLoop::Shared shared{.frame = *frame_,
                              .pages = pages_,
                              .routes = routes_,
                              .routers = loop_routers_,
                              .captures = *captures_,
                              .random = random_,
                              .tls = tls,
                              .limits = http_limits(options_, io_threads()),
                              .access_log = access_log_.get()};
  for (unsigned i = 0; i < io_threads(); ++i) {
    if (i > 0) {
      TRY(listener, net::listen_tcp(address, net::PortSharing::joins));
    }
    loops_.push_back(std::make_unique<IoLoop>(shared, std::move(listener), i));
  }
  return {};
}

unsigned Server::Parts::io_threads() const {
  if (options_.io_threads > 0) return options_.io_threads;
  return std::clamp(std::thread::hardware_concurrency(), 1u, io_threads_max);
}

Result<> Server::Parts::begin() {
  listening_ = true;
  TRY_DO(reconcilers_->wake_all());
  instances_->place().adopt();
  reconcilers_->start();
  net::Loop& loop = loops_.front()->loop();
  loop.post([this, &loop] { keep_deadlines(loop); });
  loop.post([this, &loop] { collect_files(loop); });
  loop.post([this, &loop] { keep_time(loop); });
  if (const Result<> told = tell_clients(options_, endpoint_); !told)
    log_warning("server", "server.json cannot be written", {{"why", told.error().message}});
  return {};
}

void Server::Parts::keep_deadlines(net::Loop& loop) {
  changes_.expire();
  frame_->uploads->expire(clock_.monotonic());
  loop.after(expire_period, [this, &loop] { keep_deadlines(loop); });
}

void Server::Parts::note_time() {
  const Result<> noted = store_->write([this](store::Transaction& tx) -> Result<> {
    engine::put_note(tx, clock_.note());
    return {};
  });
  if (!noted) log_warning("server", "the time is not noted", {{"why", noted.error().message}});
}

void Server::Parts::keep_time(net::Loop& loop) {
  workers_.post([this] { note_time(); });
  loop.after(engine::time_note_period, [this, &loop] { keep_time(loop); });
}

void Server::Parts::collect_files(net::Loop& loop) {
  artifact_workers_.post([this] {
    disk_->keep_file();
    files_->collect();
  });
  loop.after(file_collect_period, [this, &loop] { collect_files(loop); });
}

void Server::Parts::observe(place::Observation observation) {
  files_->observe(observation);
  jobs_->reconciler().observe(observation);
  fleet_reconciler_->observe(std::move(observation));
}

// Each router counts for itself; whoever reads adds up.
std::vector<Traffic> Server::Parts::traffic() const {
  std::vector<Traffic> all;
  if (listening_)
    for (const auto& loop : loops_) all.push_back({"real_time", loop->counters()});
  if (request_courier_) all.push_back({"queued", request_courier_->counters()});
  all.push_back({"batch", transforms_->counters()});
  return all;
}

// A loop that drains has let go of the connections that wait for nothing.
void Server::Parts::say_what_is_waited_for() const {
  std::size_t left = 0;
  for (const auto& loop : loops_) left += loop->open_connections();
  if (left == 0) return;
  log_info("server", "ending: requests in flight are answered first",
           {{"requests", fmt::format("{}", left)}, {"seconds_max", "10"}});
}

void Server::Parts::stop() {
  changes_.close();
  frame_->uploads->close();
  std::vector<std::future<void>> drained;
  for (const auto& loop : loops_) drained.push_back(loop->drain());
  say_what_is_waited_for();
  for (const auto& done : drained) done.wait();
  reconcilers_->stop();
  transforms_->stop();  // before their instances end: a job goes on with the next start
  files_->stop();       // after those who would take that for a failure
  instances_->end();
  note_time();
  tell_clients_no_more(options_);
}

Result<std::unique_ptr<Server>> Server::start(const ServeOptions& options) {
  TRY_DO(check(options));
  if (options.isolation_mode() == place::Isolation::off)
    log_warning("server", "--isolation off: a model's code may do all that this server may");
  // Instances have other working directories, and some of them other file trees.
  ServeOptions settled = options;
  settled.data = std::filesystem::absolute(options.data).lexically_normal();
  auto parts = std::make_unique<Parts>(settled);
  TRY_DO(parts->open_state());
  TRY_DO(parts->open_engines());
  TRY_DO(parts->open_events());
  TRY_DO(parts->install_doors());
  TRY_DO(parts->listen());
  TRY_DO(parts->begin());
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() = default;

const std::string& Server::endpoint() const { return parts_->endpoint(); }

void Server::stop() { parts_->stop(); }

}  // namespace slipway::server
