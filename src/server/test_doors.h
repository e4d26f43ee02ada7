// The doors that make resources, over one store and a simulated fleet engine, without HTTP: for
// tests of what calls them from inside.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/test_folder.h"
#include "base/worker_pool.h"
#include "engine/events/deliverer.h"
#include "engine/federation/issuer_keys.h"
#include "engine/fleet/simulation.h"
#include "engine/identity/directory.h"
#include "engine/identity/key_ring.h"
#include "engine/logs/groups.h"
#include "engine/routing/sessions.h"
#include "place/simulated/simulated_place.h"
#include "server/install_doors.h"
#include "server/tables.h"
#include "service/iam/iam.h"
#include "service/run_operation.h"

namespace slipway::server {

// Of messages that nobody receives.
class BareEnvelope final : public events::Envelope {
 public:
  std::string wrap(const events::PublishedNotification&, const events::Subscription&) override {
    return {};
  }
  events::Attribute trace(const std::string&) const override { return {}; }
  events::HttpDelivery http(const events::PublishedNotification&,
                            const events::Subscription&) override {
    return {};
  }
  events::HttpDelivery confirmation(const events::Subscription&, Timestamp) override { return {}; }
};

// Where no queued request is sent, and none is told of.
class BareQueueEnds final : public invocation_queue::RequestSender,
                            public invocation_queue::QueueDoor {
 public:
  std::size_t room(std::string_view, std::uint32_t) const override { return 0; }
  void deliver(invocation_queue::Delivery, invocation_queue::Arrived) override {}
  Result<> may_read(store::Transaction&, const invocation_queue::QueuedRequest&) const override {
    return {};
  }
  Result<> may_store(store::Transaction&, const invocation_queue::QueuedRequest&,
                     const objects::ObjectName&) const override {
    return {};
  }
  std::string failure_text(const invocation_queue::Settled&) const override { return {}; }
  void announce(store::Transaction&, const invocation_queue::Settled&) override {}
};

// Instances start, are probed and end only while world().run() runs; queued requests wait, and what
// is hot has no loop.
class TestDoors {
 public:
  TestDoors() {
    reconcilers_.add(lifecycle_);
    world_.machine().set_faults_for("FAULT=dies", {.never_healthy = 1, .dies_starting = 1});
    install_doors(registry_, needs());
    for (service::Permissions& each : door_permissions(*directory_, topics_, queues_))
      authorizer_.add(std::move(each));
  }
  ~TestDoors() { workers_.stop(); }

  service::Operations operations() {
    return {.registry = registry_,
            .context = {world_.clock(), random_},
            .checks = {.store = *store_, .authorizer = &authorizer_},
            .origin = origin_};
  }
  const service::Registry& registry() const { return registry_; }
  store::Store& store() { return *store_; }
  identity::Directory& directory() { return *directory_; }
  fleet::Simulation& world() { return world_; }
  // The queues and topics tell there of what they do. The fleets have world().changes().
  engine::Changes& changes() { return changes_; }

  static service::Caller root() { return {root_principal(), "", "us-east-1"}; }

 private:
  static identity::Principal root_principal() {
    return {identity::Principal::Kind::root, "000000000000", "arn:aws:iam::000000000000:root",
            "000000000000"};
  }
  DoorNeeds needs() {
    return {.store = *store_,
            .directory = *directory_,
            .keys = *keys_,
            .issuers = issuers_,
            .objects = *objects_,
            .notices = notices_,
            .lifecycle = lifecycle_,
            .lifecycle_texts = lifecycles_,
            .image_bodies = objects_->bodies(),
            .queues = queues_,
            .topics = topics_,
            .mobile = mobile_,
            .deliverer = deliverer_,
            .moves = moves_,
            .delivery_reach = net::Reach::anywhere,
            .queue_scheme = "http",
            .fleets = world_.fleets(),
            .routes = world_.routes(),
            .request_queues = request_queues_,
            .requests = requests_,
            .hot = {.router = {}, .sessions = *sessions_},
            .transforms = transforms_,
            .built_in = {"slipway-inference"},
            .log_book = *log_book_,
            .log_groups = *log_groups_,
            .log_queries = log_queries_,
            .place = log_place_,
            .changes = changes_,
            .workers = workers_,
            .clock = world_.clock()};
  }

  const std::string origin_ = "http://127.0.0.1:4566";
  TestFolder folder_;
  SeededRandom random_{1};
  std::unique_ptr<store::Store> store_ =
      store::Store::open(folder_ / "state.db", all_migrations()).value();
  fleet::Simulation world_{
      *store_,
      1,
      {.built_ins = {{"slipway-inference", {.argv = {"/bin/model"}, .environment = {}}}}}};
  std::unique_ptr<identity::Directory> directory_ =
      identity::Directory::open(*store_, iam::provided_policies()).value();
  std::unique_ptr<identity::KeyRing> keys_ =
      identity::KeyRing::open(folder_.path(), root_principal(), random_, directory_.get()).value();
  engine::Changes changes_{world_.clock()};
  federation::IssuerKeys issuers_{world_.clock(), changes_, net::Reach::public_only};
  WorkerPool workers_{1};
  std::unique_ptr<objects::Objects> objects_ =
      objects::Objects::open(*store_, folder_.path(), world_.clock(), random_).value();
  engine::ReconcilerLoop reconcilers_{*store_, world_.clock(), changes_};
  std::unique_ptr<logs::LogBook> log_book_ = logs::LogBook::open(folder_ / "logs").value();
  logs::Queries log_queries_{world_.clock()};
  std::unique_ptr<logs::LogGroups> log_groups_ =
      logs::LogGroups::open(*store_, {*log_book_, reconcilers_}).value();
  place::SimulatedMachine printers_{world_.clock(), random_};
  place::SimulatedPlace log_place_{printers_, [](const place::Observation&) {}};
  s3::LifecycleTexts lifecycles_;
  objects::Lifecycle lifecycle_{s3::lifecycle_needs(*objects_, lifecycles_, reconcilers_)};
  events::Queues queues_{random_, changes_};
  events::Topics topics_{random_};
  events::MobileDirectory mobile_;
  BareEnvelope envelope_;
  events::Deliverer deliverer_{{.store = *store_,
                                .queues = queues_,
                                .topics = topics_,
                                .envelope = envelope_,
                                .clock = world_.clock(),
                                .workers = workers_,
                                .wake_http = [](const std::string&) {}}};
  events::MessageMoves moves_{queues_, random_, reconcilers_};
  s3::Notices notices_{{.queues = queues_, .topics = topics_, .random = random_}};
  BareQueueEnds queue_ends_;
  invocation_queue::RequestQueues requests_{{.store = *store_,
                                             .objects = *objects_,
                                             .loop = reconcilers_,
                                             .sender = queue_ends_,
                                             .door = queue_ends_,
                                             .clock = world_.clock()}};
  invocation_queue::InvocationQueues request_queues_{[](invocation_queue::InvocationQueueId) {}};
  std::unique_ptr<routing::Sessions> sessions_ =
      routing::Sessions::open(*store_, world_.clock()).value();
  transform::Transforms transforms_{[](const transform::TransformId&) {}};
  service::Registry registry_;
  service::Authorizer authorizer_{*directory_};
};

}  // namespace slipway::server
