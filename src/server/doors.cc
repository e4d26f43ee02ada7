#include "server/doors.h"

#include <fmt/format.h>

#include <functional>

#include "base/log.h"
#include "gen/services.h"
#include "server/built_ins.h"
#include "server/limits.h"
#include "service/iam/iam.h"
#include "service/logs/logs.h"
#include "service/s3/cors.h"
#include "service/s3/post_form.h"
#include "service/s3/s3.h"
#include "service/sagemaker/sagemaker.h"
#include "service/sagemaker_runtime/runtime.h"
#include "service/sns/sns.h"
#include "service/sqs/sqs.h"
#include "service/sts/sts.h"

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
  store::Store& store = *needs_.base.store;
  ObjectEngine& objects = needs_.objects;
  FleetEngine& fleets = needs_.fleets;
  EventEngine& events = needs_.events;
  const sagemaker::ReachCheck reach(needs_.errands);
  sts::install(registry_, *needs_.identity.keys, *needs_.identity.directory, store,
               needs_.identity.issuers);
  iam::install(registry_, *needs_.identity.directory, store);
  s3::install(registry_, {store, *objects.objects, objects.notices, objects.lifecycle,
                          objects.lifecycle_texts});
  sagemaker::install(registry_, fleets.fleets(), needs_.queues.queues(), built_in_images(options),
                     reach);
  sagemaker::install_transform_jobs(registry_, needs_.transforms.jobs(), built_in_images(options),
                                    reach);
  sagemaker_runtime::install(
      registry_, {needs_.queues.requests(), fleets.fleets(), fleets.routes(), needs_.errands},
      {.router = std::bind_front(&LoopRouters::of, &needs_.routers),
       .sessions = fleets.sessions(),
       .stream_time_limit = std::chrono::seconds(options.stream_seconds)});
  logs_door::install(registry_, {needs_.places.log_book(), needs_.places.log_groups(),
                                 needs_.places.place(), store});
  sns::install(registry_, events.topics, events.mobile, events.deliverer, options.delivery_reach());
  sqs::install(registry_, events.queues, events.moves, options.tls_cert.empty() ? "http" : "https");
}

// Who may do what, as each door says it.
void Doors::collect_permissions() {
  if (!needs_.base.options.enforces_policies()) {
    log_warning("server", "policies are off: everyone who has a key may do everything",
                {{"option", "--authorize off"}});
    return;
  }
  const identity::Directory& directory = *needs_.identity.directory;
  authorizer_ = std::make_unique<service::Authorizer>(directory);
  authorizer_->add(sts::permissions());
  authorizer_->add(iam::permissions(directory));
  authorizer_->add(s3::permissions());
  authorizer_->add(sagemaker::permissions());
  authorizer_->add(sagemaker_runtime::permissions(sagemaker::add_tag_keys));
  authorizer_->add(logs_door::permissions());
  authorizer_->add(sns::permissions(needs_.events.topics));
  authorizer_->add(sqs::permissions(needs_.events.queues));
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
