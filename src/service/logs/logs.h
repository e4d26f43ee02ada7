// The door of Amazon CloudWatch Logs.
#pragma once

#include "base/worker_pool.h"
#include "engine/changes.h"
#include "engine/logs/groups.h"
#include "engine/logs/log_book.h"
#include "engine/logs/queries.h"
#include "place/place.h"
#include "service/permissions.h"
#include "service/registry.h"
#include "store/store.h"

namespace slipway::logs_door {

// All outlive the registry. Before a group's events are read, what the place's instances printed
// since is collected into the book, so that an answer is never behind.
struct Needs {
  logs::LogBook& book;
  logs::LogGroups& groups;
  place::Place& place;
  store::Store& store;
  logs::Queries& queries;
  engine::Changes& changes;  // closes when the server ends
  WorkerPool& workers;       // for what lasts longer than a call
  const Clock& clock;
};
void install(service::Registry& registry, const Needs& needs);

// Who may do what with it, for the frame.
service::Permissions permissions();

}  // namespace slipway::logs_door
