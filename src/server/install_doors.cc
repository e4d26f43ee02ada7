#include "server/install_doors.h"

#include "service/ecr/ecr.h"
#include "service/iam/iam.h"

namespace slipway::server {

void install_doors(service::Registry& registry, const DoorNeeds& needs) {
  const sagemaker::ReachCheck reach(needs.errands);
  sts::install(registry, needs.keys, needs.directory, needs.store, needs.issuers);
  iam::install(registry, needs.directory, needs.store);
  s3::install(registry,
              {needs.store, needs.objects, needs.notices, needs.lifecycle, needs.lifecycle_texts});
  sagemaker::install(registry, needs.fleets, needs.request_queues, needs.built_in, reach);
  sagemaker::install_transform_jobs(registry, needs.transforms, needs.built_in, reach);
  sagemaker_runtime::install(registry, {needs.requests, needs.fleets, needs.routes, needs.errands},
                             needs.hot);
  ecr::install(registry, {needs.keys, needs.image_bodies});
  logs_door::install(registry, {needs.log_book, needs.log_groups, needs.place, needs.store,
                                needs.log_queries, needs.changes, needs.workers, needs.clock});
  sns::install(registry, needs.topics, needs.mobile, needs.deliverer, needs.delivery_reach);
  sqs::install(registry, needs.queues, needs.moves, needs.queue_scheme);
}

std::vector<service::Permissions> door_permissions(const identity::Directory& directory,
                                                   const events::Topics& topics,
                                                   const events::Queues& queues) {
  return {sts::permissions(),
          iam::permissions(directory),
          s3::permissions(),
          sagemaker::permissions(),
          sagemaker_runtime::permissions(sagemaker::add_tag_keys),
          ecr::permissions(),
          logs_door::permissions(),
          sns::permissions(topics),
          sqs::permissions(queues)};
}

}  // namespace slipway::server
