#include "server/server.h"

#include <filesystem>

#include "base/log.h"
#include "server/address.h"
#include "server/built_ins.h"
#include "server/data_directory.h"
#include "server/doors.h"
#include "server/errands.h"
#include "server/event_engine.h"
#include "server/fetched_artifacts.h"
#include "server/fleet_engine.h"
#include "server/foundation.h"
#include "server/identity_engine.h"
#include "server/image_engine.h"
#include "server/job_engine.h"
#include "server/lifecycle.h"
#include "server/listeners.h"
#include "server/object_engine.h"
#include "server/place_engine.h"
#include "server/queue_engine.h"
#include "server/transform_engine.h"

namespace slipway::server {

// The assemblies stand in the order in which they are made: each stands on those above it, and they
// go in the reverse once everything that runs has ended (lifecycle.h).
class Server::Parts {
 public:
  ~Parts() { life_.end(); }

  Result<> open(const ServeOptions& options);
  Result<> begin();
  void end() { life_.end(); }

  const std::string& endpoint() const { return address_.url; }

 private:
  Result<> open_engines(const ServeOptions& options, PlaceEngine::Ground place);
  Result<> open_doors();
  service::LaterErrands later() const { return {errands_.get(), base_->clock}; }

  const std::filesystem::path model_server_ = folder_of_this_program() / "slipway-modelserver";
  std::unique_ptr<Foundation> base_;
  ServerAddress address_;
  std::unique_ptr<IdentityEngine> identity_;
  std::unique_ptr<EventEngine> events_;
  std::unique_ptr<ObjectEngine> objects_;
  std::unique_ptr<ImageEngine> images_;
  std::unique_ptr<const service::Errands> errands_;  // null: nobody is asked
  std::unique_ptr<PlaceEngine> places_;
  std::unique_ptr<FetchedArtifacts> artifacts_;
  std::unique_ptr<JobEngine> jobs_;
  std::unique_ptr<FleetEngine> fleets_;
  std::unique_ptr<QueueEngine> queues_;
  std::unique_ptr<TransformEngine> transforms_;
  LoopRouters routers_;
  std::unique_ptr<Doors> doors_;
  std::unique_ptr<Listeners> listeners_;
  ServerLifecycle life_;
};

Result<> Server::Parts::open(const ServeOptions& options) {
  TRY(base_, Foundation::open(options));
  PlaceEngine::Ground place = PlaceEngine::prepare(*base_, model_server_);
  TRY_DO(base_->open_store(life_));
  TRY_DO(open_engines(options, std::move(place)));
  return open_doors();
}

Result<> Server::Parts::open_engines(const ServeOptions& options, PlaceEngine::Ground place) {
  TRY(identity_, IdentityEngine::open(*base_));
  TRY(places_, PlaceEngine::open(*base_, std::move(place)));
  TRY(address_, ServerAddress::bind(options));
  TRY(events_, EventEngine::open(*base_, address_.url, life_));
  TRY(objects_, ObjectEngine::open(*base_, *events_));
  images_ = std::make_unique<ImageEngine>(*base_, *objects_);
  errands_ = open_errands(options, *identity_->directory, events_->topics);
  artifacts_ = std::make_unique<FetchedArtifacts>(
      FetchedArtifacts::Needs{.folder = options.data / "artifacts",
                              .store = *base_->store,
                              .objects = *objects_->objects,
                              .disk = base_->disk,
                              .workers = base_->artifacts,
                              .errands = later()});
  jobs_ = std::make_unique<JobEngine>(*base_, *places_, artifacts_->cache());
  TRY(fleets_, FleetEngine::open({.base = *base_,
                                  .places = *places_,
                                  .keys = *identity_->keys,
                                  .artifacts = *artifacts_,
                                  .jobs = *jobs_,
                                  .objects = *objects_->objects,
                                  .errands = later(),
                                  .model_server = model_server_,
                                  .url_from_here = address_.url_from_here},
                                 life_));
  queues_ = std::make_unique<QueueEngine>(QueueEngine::Needs{.base = *base_,
                                                             .routes = fleets_->routes(),
                                                             .objects = *objects_->objects,
                                                             .topics = events_->topics,
                                                             .errands = later()},
                                          life_);
  transforms_ =
      std::make_unique<TransformEngine>(TransformEngine::Needs{.base = *base_,
                                                               .objects = *objects_->objects,
                                                               .fleets = fleets_->fleets(),
                                                               .routes = fleets_->routes(),
                                                               .log_book = places_->log_book(),
                                                               .errands = later()});
  return {};
}

Result<> Server::Parts::open_doors() {
  TRY(doors_, Doors::open({.base = *base_,
                           .identity = *identity_,
                           .objects = *objects_,
                           .images = *images_,
                           .events = *events_,
                           .places = *places_,
                           .fleets = *fleets_,
                           .queues = *queues_,
                           .transforms = *transforms_,
                           .errands = errands_.get(),
                           .routers = routers_,
                           .bound = address_.bound}));
  TRY(listeners_, Listeners::open({.base = *base_,
                                   .fleets = *fleets_,
                                   .events = *events_,
                                   .queues = *queues_,
                                   .transforms = *transforms_,
                                   .context = doors_->service_context(),
                                   .registry = images_->door(),
                                   .routers = routers_}));
  return {};
}

// When it ends, in this order backwards: clients are answered, nothing is decided any more, jobs
// stop (they go on with the next start), what is being fetched is given up, instances end.
Result<> Server::Parts::begin() {
  TRY_DO(base_->reconcilers->wake_all());
  life_.began([this] { tell_clients_no_more(base_->options); });
  places_->begin(life_);
  fleets_->begin(life_);
  life_.began([this] { transforms_->stop(); });
  life_.began([this] { base_->reconcilers->stop(); });
  base_->reconcilers->start();
  base_->begin();
  TRY_DO(listeners_->begin(address_, life_));
  if (const Result<> told = tell_clients(base_->options, address_.url); !told)
    log_warning("server", "server.json cannot be written", {{"why", told.error().message}});
  return {};
}

Result<std::unique_ptr<Server>> Server::start(const ServeOptions& options) {
  TRY_DO(check(options));
  if (options.isolation_mode() == place::Isolation::off)
    log_warning("server", "--isolation off: a model's code may do all that this server may");
  // Instances have other working directories, and some of them other file trees.
  ServeOptions settled = options;
  settled.data = std::filesystem::absolute(options.data).lexically_normal();
  auto parts = std::make_unique<Parts>();
  TRY_DO(parts->open(settled));
  TRY_DO(parts->begin());
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() = default;

const std::string& Server::endpoint() const { return parts_->endpoint(); }

void Server::stop() { parts_->end(); }

}  // namespace slipway::server
