#include "server/tables.h"

#include "engine/events/queues.h"
#include "engine/fleet/fleet.h"
#include "engine/identity/tables.h"
#include "engine/images/repositories.h"
#include "engine/invocation_queue/queue.h"
#include "engine/jobs/jobs.h"
#include "engine/logs/groups.h"
#include "engine/objects/objects.h"
#include "engine/routing/sessions.h"
#include "engine/time_keeper.h"
#include "engine/transform/transform.h"
#include "service/instance_credentials.h"
#include "service/named_resources.h"
#include "service/s3/s3.h"
#include "service/sagemaker/sagemaker.h"

namespace slipway::server {

std::vector<store::Migration> all_migrations() {
  std::vector<store::Migration> all;
  for (const auto room :
       {engine::time_migrations(), identity::migrations(), objects::migrations(), s3::migrations(),
        fleet::migrations(), routing::session_migrations(),
        service::instance_credentials_migrations(), events::migrations(), images::migrations(),
        invocation_queue::queue_migrations(), jobs::migrations(), transform::transform_migrations(),
        logs::migrations(), service::named_resource_migrations(), sagemaker::migrations(),
        sagemaker::contract_migrations()})
    all.insert(all.end(), room.begin(), room.end());
  return all;
}

}  // namespace slipway::server
