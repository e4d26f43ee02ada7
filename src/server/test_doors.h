// The doors that make resources, over one store and a simulated fleet engine, without HTTP: for
// tests of what calls them from inside.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/test_folder.h"
#include "base/worker_pool.h"
#include "engine/events/deliverer.h"
#include "engine/fleet/simulation.h"
#include "engine/identity/directory.h"
#include "engine/logs/groups.h"
#include "place/simulated/simulated_place.h"
#include "server/tables.h"
#include "service/iam/iam.h"
#include "service/logs/logs.h"
#include "service/run_operation.h"
#include "service/s3/notices.h"
#include "service/s3/s3.h"
#include "service/sagemaker/sagemaker.h"
#include "service/sns/sns.h"
#include "service/sqs/sqs.h"

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

// Instances start, are probed and end only while world().run() runs.
class TestDoors {
 public:
  TestDoors() {
    reconcilers_.add(lifecycle_);
    world_.machine().set_faults_for("FAULT=dies", {.never_healthy = 1, .dies_starting = 1});
    iam::install(registry_, *directory_, *store_);
    s3::install(registry_, {*store_, *objects_, notices_, lifecycle_, lifecycles_});
    logs_door::install(registry_, {*log_book_, *log_groups_, log_place_, *store_});
    sagemaker::install(registry_, world_.fleets(), request_queues_, {"slipway-inference"});
    sns::install(registry_, topics_, mobile_, deliverer_, net::Reach::anywhere);
    sqs::install(registry_, queues_, moves_, "http");
    authorizer_.add(iam::permissions(*directory_));
    authorizer_.add(logs_door::permissions());
    authorizer_.add(s3::permissions());
    authorizer_.add(sagemaker::permissions());
    authorizer_.add(sns::permissions(topics_));
    authorizer_.add(sqs::permissions(queues_));
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
  // Where the queues and topics tell of what they do. The fleets have world().changes().
  engine::Changes& changes() { return changes_; }

  static service::Caller root() {
    return {{identity::Principal::Kind::root, "000000000000", "arn:aws:iam::000000000000:root",
             "000000000000"},
            "",
            "us-east-1"};
  }

 private:
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
  engine::Changes changes_{world_.clock()};
  WorkerPool workers_{1};
  std::unique_ptr<objects::Objects> objects_ =
      objects::Objects::open(*store_, folder_.path(), world_.clock(), random_).value();
  engine::ReconcilerLoop reconcilers_{*store_, world_.clock(), changes_};
  std::unique_ptr<logs::LogBook> log_book_ = logs::LogBook::open(folder_ / "logs").value();
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
  invocation_queue::InvocationQueues request_queues_{[](invocation_queue::InvocationQueueId) {}};
  service::Registry registry_;
  service::Authorizer authorizer_{*directory_};
};

}  // namespace slipway::server
