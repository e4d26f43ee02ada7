#include "server/doors.h"

#include <fmt/format.h>

#include <functional>

#include "base/log.h"
#include "gen/services.h"
#include "server/built_ins.h"
#include "server/install_doors.h"
#include "server/limits.h"
#include "service/s3/cors.h"
#include "service/s3/post_form.h"

namespace slipway::server {
namespace {

sagemaker::BuiltInImages built_in_images(const ServeOptions& options) {
  sagemaker::BuiltInImages names;
  for (const auto& [name, program] : fleet_options({}, options).built_ins) names.insert(name);
  return names;
}

}  // namespace

Result<std::unique_ptr<Doors>> Doors::open(const Needs& needs) {
  std::unique_ptr<Doors> made(new Doors(needs));
  made->install();
  for (const wire::Operation* operation : made->registry_.unanswered(aws::schemas()))
    return fail(
        ErrorCode::internal,
        fmt::format("{} stands in an operations.txt and no door answers it", operation->name));
  made->collect_permissions();
  made->make_context();
  return made;
}

void Doors::install() {
  const ServeOptions& options = needs_.base.options;
  ObjectEngine& objects = needs_.objects;
  FleetEngine& fleets = needs_.fleets;
  EventEngine& events = needs_.events;
  install_doors(registry_,
                {.store = *needs_.base.store,
                 .directory = *needs_.identity.directory,
                 .keys = *needs_.identity.keys,
                 .issuers = needs_.identity.issuers,
                 .objects = *objects.objects,
                 .notices = objects.notices,
                 .lifecycle = objects.lifecycle,
                 .lifecycle_texts = objects.lifecycle_texts,
                 .image_bodies = needs_.images.bodies(),
                 .queues = events.queues,
                 .topics = events.topics,
                 .mobile = events.mobile,
                 .deliverer = events.deliverer,
                 .moves = events.moves,
                 .delivery_reach = options.delivery_reach(),
                 .queue_scheme = options.tls_cert.empty() ? "http" : "https",
                 .fleets = fleets.fleets(),
                 .routes = fleets.routes(),
                 .request_queues = needs_.queues.queues(),
                 .requests = needs_.queues.requests(),
                 .hot = {.router = std::bind_front(&LoopRouters::of, &needs_.routers),
                         .sessions = fleets.sessions(),
                         .stream_time_limit = std::chrono::seconds(options.stream_seconds)},
                 .transforms = needs_.transforms.jobs(),
                 .built_in = built_in_images(options),
                 .log_book = needs_.places.log_book(),
                 .log_groups = needs_.places.log_groups(),
                 .log_queries = needs_.places.log_queries(),
                 .place = needs_.places.place(),
                 .changes = needs_.base.changes,
                 .workers = needs_.base.files,
                 .clock = needs_.base.clock,
                 .errands = needs_.errands});
}

// Collects who may do what, as each door says it.
void Doors::collect_permissions() {
  if (!needs_.base.options.enforces_policies()) {
    log_warning("server", "policies are off: everyone who has a key may do everything",
                {{"option", "--authorize off"}});
    return;
  }
  const identity::Directory& directory = *needs_.identity.directory;
  authorizer_ = std::make_unique<service::Authorizer>(directory);
  for (service::Permissions& each :
       door_permissions(directory, needs_.events.topics, needs_.events.queues))
    authorizer_->add(std::move(each));
}

void Doors::make_context() {
  Foundation& base = needs_.base;
  router_ = std::make_unique<wire::OperationRouter>(
      aws::schemas(), wire::OperationRouter::Options{.others = aws::others()});
  const service::SiteCheck::Options sites{.bound = needs_.bound.host,
                                          .allowed = base.options.allowed_hosts};
  context_ = std::make_unique<service::ServiceContext>(service::ServiceContext{
      .registry = registry_,
      .router = *router_,
      .schemas = aws::schemas(),
      .store = *base.store,
      .lanes = {.control = base.control, .puts = base.puts, .files = base.files, .bulk = base.bulk},
      .changes = base.changes,
      .keys = *needs_.identity.keys,
      .call = {base.clock, base.random},
      .auth = base.options.auth_mode(),
      .holding = base.options.holding(),
      .region = base.options.region,
      .authorizer = authorizer_.get(),
      .sites = service::SiteCheck(sites),
      .cross_origin = s3::cross_origin,
      .forms = s3::form_door()});
  context_->disk = &base.disk;
  context_->uploads = std::make_unique<service::UploadSlots>(
      upload_memory(), base.deadlines.watch([&base, &uploads = context_->uploads] {
        return uploads->expire(base.clock.monotonic());
      }));
}

}  // namespace slipway::server
