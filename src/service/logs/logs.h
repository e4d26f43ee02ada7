// The door of Amazon CloudWatch Logs.
#pragma once

#include "engine/logs/log_book.h"
#include "place/place.h"
#include "service/permissions.h"
#include "service/registry.h"

namespace slipway::logs_door {

// Both outlive the registry. Before a group is read, what the place's instances printed since is
// collected into the book, so that an answer is never behind.
void install(service::Registry& registry, logs::LogBook& book, place::Place& place);

// Who may do what with it, for the frame.
service::Permissions permissions();

}  // namespace slipway::logs_door
