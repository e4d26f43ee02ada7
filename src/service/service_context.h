// What the doors of one server have in common: the table of operations, the store, the threads that
// handlers run on, who is known and what he may.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/disk_room.h"
#include "base/worker_pool.h"
#include "engine/changes.h"
#include "service/authenticator.h"
#include "service/authorize.h"
#include "service/call.h"
#include "service/cross_origin.h"
#include "service/form_upload.h"
#include "service/hold.h"
#include "service/registry.h"
#include "service/run_operation.h"
#include "service/upload_slots.h"
#include "store/store.h"
#include "wire/route.h"

namespace slipway::service {

// The threads that handlers run on, by what they may wait for. All may be one pool.
struct Lanes {
  WorkerPool& control;  // the store, a moment
  WorkerPool& puts;     // small bodies, which become rows and wait for no file
  WorkerPool& files;    // files, a block or a look at a time: uploads, reading an object
  WorkerPool& bulk;     // for as long as it takes: copying bytes, hashing passwords
};

// What all I/O loops and calls of a server share. Whoever assembles the server makes it, once; it,
// and all that it refers to, outlives the handlers.
struct ServiceContext {
  const Registry& registry;
  const wire::OperationRouter& router;
  std::span<const wire::Schema* const> schemas;
  store::Store& store;
  Lanes lanes;
  engine::Changes& changes;
  const identity::KeyRing& keys;
  CallContext call;
  AuthMode auth = AuthMode::strict;
  Holding holding = Holding::on;
  std::string region;
  // Null: everyone who is known may do everything (`--authorize off`).
  const Authorizer* authorizer = nullptr;
  // Whose pages may ask where nothing is signed: with `--auth none`, for unsigned operations, and
  // for this server's own pages (pages.h).
  SiteCheck sites = {};
  std::unique_ptr<KnownSenders> known_senders = std::make_unique<KnownSenders>();
  std::unique_ptr<identity::UseBook> uses = std::make_unique<identity::UseBook>(store);
  std::unique_ptr<UploadSlots> uploads = std::make_unique<UploadSlots>();
  // What is left of the disk that everything is written to; outlives the context. Null: not
  // watched.
  DiskRoom* disk = nullptr;
  // Empty: no page of another origin reads an answer.
  CrossOrigin cross_origin = {};
  // Empty: no forms are taken.
  FormDoor forms = {};

  Checks checks() const { return {store, authorizer, disk}; }
};

}  // namespace slipway::service
