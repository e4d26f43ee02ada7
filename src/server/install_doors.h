// The list of all doors: what each stands on, and who may do what with it. The server goes by it,
// and so do tests that stand for one.
#pragma once

#include <string>
#include <vector>

#include "service/authorize.h"
#include "service/logs/logs.h"
#include "service/registry.h"
#include "service/s3/s3.h"
#include "service/sagemaker/sagemaker.h"
#include "service/sagemaker_runtime/runtime.h"
#include "service/sns/sns.h"
#include "service/sqs/sqs.h"
#include "service/sts/sts.h"

namespace slipway::server {

// The doors stand on these, by engine. All of it outlives the registry.
struct DoorNeeds {
  store::Store& store;
  // identity
  identity::Directory& directory;
  const identity::KeyRing& keys;
  federation::IssuerKeys& issuers;
  // objects
  objects::Objects& objects;
  s3::Notices& notices;
  objects::Lifecycle& lifecycle;
  s3::LifecycleTexts& lifecycle_texts;
  // images
  objects::Bodies& image_bodies;
  // events
  const events::Queues& queues;
  const events::Topics& topics;
  const events::MobileDirectory& mobile;
  const events::Deliverer& deliverer;
  events::MessageMoves& moves;
  net::Reach delivery_reach;  // which HTTP endpoints may subscribe
  std::string queue_scheme;   // "http": how URLs of queues begin
  // fleets, and what waits before them
  fleet::Fleets& fleets;
  routing::RouteTable& routes;
  const invocation_queue::InvocationQueues& request_queues;
  invocation_queue::RequestQueues& requests;
  sagemaker_runtime::HotNeeds hot;
  transform::Transforms& transforms;
  sagemaker::BuiltInImages built_in;
  // logs
  logs::LogBook& log_book;
  logs::LogGroups& log_groups;
  logs::Queries& log_queries;
  place::Place& place;
  engine::Changes& changes;
  WorkerPool& workers;  // read files of logs
  const Clock& clock;
  // Whether what is done later may be done; null: nobody is asked.
  const service::Errands* errands = nullptr;
};

// Adds every operation and every type of resource that this server has.
void install_doors(service::Registry& registry, const DoorNeeds& needs);

// Returns who may do what, as each door says it. All that is borrowed outlives what is returned.
std::vector<service::Permissions> door_permissions(const identity::Directory& directory,
                                                   const events::Topics& topics,
                                                   const events::Queues& queues);

}  // namespace slipway::server
