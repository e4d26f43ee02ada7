// What is loaded where: the rules one by one, and random histories from seeds with hosts that die,
// forget, run out of memory or refuse, and a server that ends between any two effects.
// SLIPWAY_SEED=N plays one alone.
#include "engine/residency/model_residency.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>

#include "base/random.h"

namespace slipway::residency {
namespace {

using namespace std::chrono_literals;
using Keeping = ModelResidency::Keeping;
using Why = ModelResidency::Wake::Why;

constexpr Instant start{};

// ---- The rules ----

// Does nothing by itself: keeps what is to be done, by kind.
struct Driver {
  explicit Driver(ModelResidency::Options options, std::size_t hosts = 1) : residency(options) {
    residency.set_collection("s3://models/");
    std::vector<ModelResidency::Host> list;
    for (HostId id = 1; id <= hosts; ++id) list.push_back({id, fmt::format("host-{}", id)});
    residency.set_hosts(list);
    take();
    for (HostId id = 1; id <= hosts; ++id) residency.listed(id, {});
    take();
  }

  void take() {
    for (auto& effect : residency.take_effects()) {
      if (auto* fetch = std::get_if<ModelResidency::Fetch>(&effect)) fetches.push_back(*fetch);
      if (auto* load = std::get_if<ModelResidency::Load>(&effect)) loads.push_back(*load);
      if (auto* unload = std::get_if<ModelResidency::Unload>(&effect)) unloads.push_back(*unload);
      if (auto* discard = std::get_if<ModelResidency::Discard>(&effect))
        discards.push_back(*discard);
      if (auto* wake = std::get_if<ModelResidency::Wake>(&effect)) wakes.push_back(*wake);
    }
  }
  void await(const std::string& model, ModelTicket ticket, Instant now = start) {
    residency.await(model, ticket, now + 60s, now);
    take();
  }
  void fetch_all() {
    for (const auto& fetch : std::exchange(fetches, {}))
      residency.fetched(fetch.name, artifacts::FetchedArtifact{fetch.name + "-content", "/files"});
    take();
  }
  void load_all(ModelLoad::End end = ModelLoad::End::loaded) {
    for (const auto& load : std::exchange(loads, {}))
      residency.loaded(load.host, load.name, {end, {507, "no memory"}});
    take();
  }
  void unload_all() {
    for (const auto& unload : std::exchange(unloads, {}))
      residency.unloaded(unload.host, unload.name);
    take();
  }
  // Loads `model` and lets it rest.
  void have(const std::string& model) {
    await(model, 1000);
    fetch_all();
    load_all();
    ASSERT_FALSE(wakes.empty());
    residency.release(*wakes.back().model);
    take();
    wakes.clear();
  }

  ModelResidency residency;
  std::vector<ModelResidency::Fetch> fetches;
  std::vector<ModelResidency::Load> loads;
  std::vector<ModelResidency::Unload> unloads;
  std::vector<ModelResidency::Discard> discards;
  std::vector<ModelResidency::Wake> wakes;
};

TEST(ModelResidency, RequestsThatComeTogetherShareOneFetchAndOneLoad) {
  Driver driver({});
  for (ModelTicket ticket = 1; ticket <= 5; ++ticket) driver.await("a", ticket);
  EXPECT_EQ(driver.fetches.size(), 1u);
  driver.fetch_all();
  EXPECT_EQ(driver.loads.size(), 1u);
  driver.load_all();
  EXPECT_EQ(driver.wakes.size(), 5u);
  for (const auto& wake : driver.wakes) EXPECT_EQ(wake.why, Why::ready);
}

TEST(ModelResidency, ALoadedModelIsPinnedWithoutWaiting) {
  Driver driver({});
  EXPECT_EQ(driver.residency.pin("a"), nullptr);
  driver.have("a");
  routing::LoadedModel* const copy = driver.residency.pin("a");
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(copy->instance, 1u);
  EXPECT_EQ(copy->name, KnownModels::name_for("s3://models/", "a"));
  driver.residency.release(*copy);
}

TEST(ModelResidency, TheLeastRecentlyUsedGoesWhenThereIsNoRoom) {
  Driver driver({.loaded_max = 2});
  driver.have("a");
  driver.have("b");
  driver.residency.release(*driver.residency.pin("a"));  // now b is the older one
  driver.await("c", 1);
  driver.fetch_all();
  EXPECT_TRUE(driver.loads.empty()) << "no load before the room is there";
  ASSERT_EQ(driver.unloads.size(), 1u);
  EXPECT_EQ(driver.unloads[0].name, KnownModels::name_for("s3://models/", "b"));
  driver.unload_all();
  EXPECT_EQ(driver.loads.size(), 1u);
}

TEST(ModelResidency, AModelInUseStaysAndTheBoundGivesWay) {
  Driver driver({.loaded_max = 1});
  driver.have("a");
  routing::LoadedModel* const a = driver.residency.pin("a");
  driver.await("b", 1);
  driver.fetch_all();
  EXPECT_TRUE(driver.unloads.empty());
  EXPECT_EQ(driver.loads.size(), 1u);
  driver.load_all();
  driver.residency.release(*a);
  driver.take();
  ASSERT_EQ(driver.unloads.size(), 1u) << "down to the bound as soon as one is not in use";
}

TEST(ModelResidency, NoMemoryAtTheHostLetsIdleModelsGoAndTriesAgain) {
  Driver driver({});
  driver.have("a");
  driver.have("b");
  driver.await("c", 1);
  driver.fetch_all();
  driver.load_all(ModelLoad::End::no_memory);
  EXPECT_EQ(driver.unloads.size(), 1u);
  driver.unload_all();
  ASSERT_EQ(driver.loads.size(), 1u);
  driver.load_all();
  ASSERT_EQ(driver.wakes.size(), 1u);
  EXPECT_EQ(driver.wakes[0].why, Why::ready);
}

TEST(ModelResidency, NoMemoryForEverEndsWithTheHostsAnswer) {
  Driver driver({});
  driver.have("a");
  driver.await("big", 1);
  driver.fetch_all();
  for (int i = 0; i < 10 && driver.wakes.empty(); ++i) {
    driver.load_all(ModelLoad::End::no_memory);
    driver.unload_all();
  }
  ASSERT_EQ(driver.wakes.size(), 1u);
  EXPECT_EQ(driver.wakes[0].why, Why::refused);
  EXPECT_EQ(driver.wakes[0].refusal.status, 507);
  driver.wakes.clear();
  driver.have("a");  // the host is of use again
}

TEST(ModelResidency, TwoLoadsThatBothFindNoMemoryEnd) {
  Driver driver({});
  driver.await("a", 1);
  driver.await("b", 2);
  driver.fetch_all();
  for (int i = 0; i < 10; ++i) driver.load_all(ModelLoad::End::no_memory);
  EXPECT_EQ(driver.wakes.size(), 2u);
}

TEST(ModelResidency, AfterItsDeadlineARequestIsToldAndTheLoadingGoesOn) {
  Driver driver({});
  driver.await("slow", 1);
  driver.fetch_all();
  driver.residency.tick(start + 60s);
  driver.take();
  ASSERT_EQ(driver.wakes.size(), 1u);
  EXPECT_EQ(driver.wakes[0].why, Why::not_ready);
  EXPECT_FALSE(driver.residency.has_waiters());
  driver.load_all();
  EXPECT_NE(driver.residency.pin("slow"), nullptr);
}

TEST(ModelResidency, AFetchThatTakesLongerThanTheLoadTimeIsNotLoaded) {
  Driver driver({});
  driver.await("slow", 1);
  driver.residency.tick(start + 361s);
  driver.take();
  driver.fetch_all();
  EXPECT_TRUE(driver.loads.empty());
}

TEST(ModelResidency, AModelThatItsHostCannotBeShownIsToldAndTriedAgainWhenAskedFor) {
  Driver driver({});
  driver.await("a", 1);
  driver.fetch_all();
  ASSERT_EQ(driver.loads.size(), 1u);
  const auto load = std::exchange(driver.loads, {}).front();
  driver.residency.not_shown(load.host, load.name, {ErrorCode::unavailable, "no more links"});
  driver.take();
  ASSERT_EQ(driver.wakes.size(), 1u);
  EXPECT_EQ(driver.wakes[0].why, Why::no_files);
  EXPECT_EQ(driver.wakes[0].error.message, "no more links");
  EXPECT_EQ(driver.residency.occupied(1), 0u);
  EXPECT_TRUE(driver.loads.empty()) << "not over and over";
  driver.await("a", 2);
  EXPECT_EQ(driver.loads.size(), 1u);
}

TEST(ModelResidency, WhatIsUsedOnceGoesRightAfterFromMemoryAndDisk) {
  Driver driver({.keeping = Keeping::while_used});
  driver.have("a");
  ASSERT_EQ(driver.unloads.size(), 1u);
  EXPECT_TRUE(driver.discards.empty()) << "the files stay until the model is let go";
  driver.unload_all();
  EXPECT_EQ(driver.discards.size(), 1u);
  driver.await("a", 2);
  EXPECT_EQ(driver.fetches.size(), 1u) << "fetched anew";
}

TEST(ModelResidency, AModelWantedWhileItIsLetGoIsLoadedAgainAfter) {
  Driver driver({.keeping = Keeping::while_used});
  driver.have("a");
  driver.await("a", 2);
  EXPECT_TRUE(driver.loads.empty());
  driver.unload_all();
  driver.load_all();
  ASSERT_EQ(driver.wakes.size(), 1u);
  EXPECT_EQ(driver.wakes[0].why, Why::ready);
}

TEST(ModelResidency, WhatAHostAlreadyHasIsNotLoadedAgain) {
  ModelResidency residency({});
  residency.set_collection("s3://models/");
  residency.set_hosts({{7, "host"}});
  residency.listed(7, {KnownModels::name_for("s3://models/", "a")});
  residency.take_effects();
  residency.await("a", 1, start + 60s, start);
  const auto effects = residency.take_effects();
  ASSERT_EQ(effects.size(), 1u);
  EXPECT_EQ(std::get<ModelResidency::Wake>(effects[0]).why, Why::ready);
}

TEST(ModelResidency, AModelStaysWithItsHostAndABusyOneSpreads) {
  Driver driver({}, 3);
  driver.have("a");
  std::vector<routing::LoadedModel*> pins;
  for (std::uint32_t i = 0; i <= spread_at; ++i) pins.push_back(driver.residency.pin("a"));
  driver.take();
  ASSERT_EQ(driver.loads.size(), 1u) << "a further copy";
  EXPECT_NE(driver.loads[0].host, pins[0]->instance);
  driver.load_all();
  routing::LoadedModel* const next = driver.residency.pin("a");
  EXPECT_NE(next->instance, pins[0]->instance);
}

TEST(ModelResidency, WhatADyingHostWasLoadingIsLoadedElsewhere) {
  Driver driver({}, 2);
  driver.await("a", 1);
  driver.fetch_all();
  ASSERT_EQ(driver.loads.size(), 1u);
  const HostId first = std::exchange(driver.loads, {})[0].host;
  driver.residency.set_hosts({{3 - first, fmt::format("host-{}", 3 - first)}});
  driver.take();
  ASSERT_EQ(driver.loads.size(), 1u);
  EXPECT_EQ(driver.loads[0].host, 3 - first);
}

TEST(ModelResidency, AModelThatTheHostForgotIsLoadedAnewOnceForAll) {
  Driver driver({});
  driver.have("a");
  routing::LoadedModel* const one = driver.residency.pin("a");
  routing::LoadedModel* const two = driver.residency.pin("a");
  driver.residency.lose(*one);
  driver.residency.release(*one);
  driver.await("a", 1);
  driver.residency.lose(*two);  // says the same; the new copy is not touched
  driver.residency.release(*two);
  driver.await("a", 2);
  EXPECT_EQ(driver.loads.size(), 1u);
  driver.load_all();
  EXPECT_EQ(driver.wakes.size(), 2u);
}

TEST(ModelResidency, MoreThanMayWaitAreRefused) {
  Driver driver({});
  for (ModelTicket ticket = 1; ticket <= model_waiters_max; ++ticket) driver.await("a", ticket);
  EXPECT_TRUE(driver.wakes.empty());
  driver.await("a", model_waiters_max + 1);
  ASSERT_EQ(driver.wakes.size(), 1u);
  EXPECT_EQ(driver.wakes[0].why, Why::crowded);
}

// ---- Random histories ----

class Broken : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};
void expect(bool holds, std::string what) {
  if (!holds) throw Broken(std::move(what));
}

class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed) {
    models_ = 3 + below(12);
    options_.loaded_max = below(3) == 0 ? 0 : 1 + below(4);
    if (below(4) == 0) options_.keeping = Keeping::while_used;
    const std::size_t hosts = 1 + below(3);
    for (std::size_t i = 0; i < hosts; ++i) add_host();
    restart();
  }

  void play() {
    for (int step = 0; step < 400; ++step) act();
    calm_ = true;
    for (int step = 0; step < 20'000 && !quiet(); ++step) advance();
    expect(requests_.empty(), fmt::format("{} requests never ended", requests_.size()));
    expect(quiet(), "it never came to rest");
    for (const auto& [id, host] : hosts_)
      expect(options_.loaded_max == 0 || residency_->occupied(id) <= options_.loaded_max,
             "more rests in a host's memory than is allowed");
    if (options_.keeping == Keeping::while_used)
      for (const auto& [id, host] : hosts_)
        expect(residency_->occupied(id) == 0, "a model stayed that nobody uses");
  }

 private:
  struct Host {
    std::string key;
    std::set<std::string> loaded;
    std::set<std::string> unsteady;  // may vanish by what a server before this one asked for
    std::size_t memory = 0;          // models that it takes
    int loading = 0;
  };
  // Something that takes time: done once `at` is reached, in the order of its becoming due.
  struct Pending {
    Instant at;
    std::uint64_t server;  // who asked; 0: the world's own
    std::function<void()> run;
  };
  struct Request {
    std::string model;
    routing::LoadedModel* copy = nullptr;
    bool lost = false;
  };

  std::size_t below(std::size_t bound) { return random_.next() % bound; }
  std::chrono::milliseconds some_time() {
    return std::chrono::milliseconds(1 + below(below(10) == 0 ? 90'000 : 500));
  }
  void later(std::function<void()> run) {
    const Instant at = now_ + some_time();
    pending_.push_back({at, server_, std::move(run)});
  }

  void add_host() {
    Host host;
    host.key = fmt::format("host-{}", next_host_);
    host.memory = 1 + below(6);
    hosts_.emplace(next_host_++, std::move(host));
  }
  void tell_hosts() {
    std::vector<ModelResidency::Host> list;
    for (const auto& [id, host] : hosts_) list.push_back({id, host.key});
    residency_->set_hosts(list);
    perform();
  }

  // The server ends: what it knew is gone, what the hosts are doing they go on doing.
  void restart() {
    ++server_;
    requests_.clear();
    for (auto& [id, host] : hosts_) {
      host.unsteady = host.loaded;
      for (const auto& [server, op] : host_ops_) host.unsteady.insert(op);
    }
    residency_.emplace(options_);
    residency_->set_collection("s3://models/");
    tell_hosts();
  }

  bool crash_now() { return !calm_ && below(400) == 0; }

  void perform() {
    for (auto effects = residency_->take_effects(); !effects.empty();
         effects = residency_->take_effects()) {
      for (auto& effect : effects) {
        if (crash_now()) return restart();
        std::visit([this](auto& doing) { perform(doing); }, effect);
      }
    }
  }
  void perform(ModelResidency::Fetch& fetch) {
    const bool exists = below(10) > 0;
    later([this, name = fetch.name, exists] {
      if (exists)
        residency_->fetched(name, artifacts::FetchedArtifact{name, "/files"});
      else
        residency_->fetched(name, fail(ErrorCode::not_found, "nothing stands there"));
      perform();
    });
  }
  void perform(ModelResidency::Load& load) {
    const auto found = hosts_.find(load.host);
    if (found == hosts_.end()) return;
    host_ops_.emplace(server_, load.name);
    // Hosts do what they were asked also after the server ended: only the report is lost.
    pending_.push_back(
        {now_ + some_time(), 0, [this, server = server_, load] { finish_load(server, load); }});
  }
  void finish_load(std::uint64_t server, const ModelResidency::Load& load) {
    host_ops_.erase(host_ops_.find({server, load.name}));
    const auto found = hosts_.find(load.host);
    if (found == hosts_.end()) return;
    Host& host = found->second;
    ModelLoad report;
    if (host.loaded.contains(load.name))
      report.end = ModelLoad::End::loaded;
    else if (!calm_ && below(20) == 0)
      report = {ModelLoad::End::refused, {500, "it does not like it"}};
    else if (!calm_ && below(20) == 0)
      report = {ModelLoad::End::lost, {}};
    else if (host.loaded.size() >= host.memory)
      report = {ModelLoad::End::no_memory, {507, "no memory"}};
    else
      host.loaded.insert(load.name);
    if (server != server_) return;
    residency_->loaded(load.host, load.name, report);
    perform();
  }
  void perform(ModelResidency::Unload& unload) {
    for (const auto& [ticket, request] : requests_)
      expect(request.copy == nullptr || request.copy->instance != unload.host ||
                 request.copy->name != unload.name || request.lost,
             "a model in use is let go");
    const auto found = hosts_.find(unload.host);
    if (found == hosts_.end()) return;
    host_ops_.emplace(server_, unload.name);
    pending_.push_back({now_ + some_time(), 0, [this, server = server_, unload] {
                          host_ops_.erase(host_ops_.find({server, unload.name}));
                          const auto host = hosts_.find(unload.host);
                          if (host == hosts_.end()) return;
                          host->second.loaded.erase(unload.name);
                          if (server != server_) return;
                          residency_->unloaded(unload.host, unload.name);
                          perform();
                        }});
  }
  void perform(ModelResidency::List& list) {
    later([this, id = list.host] {
      const auto host = hosts_.find(id);
      if (host == hosts_.end()) return;
      residency_->listed(id, {host->second.loaded.begin(), host->second.loaded.end()});
      perform();
    });
  }
  void perform(ModelResidency::Discard&) {}
  void perform(ModelResidency::Wake& wake) {
    const auto found = requests_.find(wake.ticket);
    expect(found != requests_.end(), "one is woken who does not wait");
    if (wake.why != Why::ready) {
      requests_.erase(found);
      return;
    }
    invoke(wake.ticket, wake.model);
  }

  void ask() {
    const ModelTicket ticket = next_ticket_++;
    const std::string model = fmt::format("model-{}", below(models_));
    Request& request = requests_[ticket];
    request.model = model;
    if (routing::LoadedModel* const copy = residency_->pin(model))
      invoke(ticket, copy);
    else
      residency_->await(model, ticket, now_ + 60s, now_);
    perform();
  }
  void invoke(ModelTicket ticket, routing::LoadedModel* copy) {
    Request& request = requests_.at(ticket);
    request.copy = copy;
    request.lost = false;
    const auto host = hosts_.find(copy->instance);
    const std::string& name = copy->name;
    if (host != hosts_.end() && !host->second.loaded.contains(name)) {
      expect(host->second.unsteady.contains(name), "a model is invoked that is not loaded");
      // Who else asks that copy asks what is not there.
      for (auto& [other, asking] : requests_) asking.lost |= asking.copy == copy;
      residency_->lose(*copy);
      residency_->release(*copy);
      request.copy = nullptr;
      residency_->await(request.model, ticket, now_ + 60s, now_);
      return;
    }
    later([this, ticket, copy] {
      requests_.erase(ticket);
      residency_->release(*copy);
      perform();
    });
  }

  void forget_one() {
    for (auto& [id, host] : hosts_) {
      if (host.loaded.empty()) continue;
      host.unsteady.insert(*host.loaded.begin());
      host.loaded.erase(host.loaded.begin());
      return;
    }
  }
  void kill_one() {
    hosts_.erase(std::next(hosts_.begin(), static_cast<long>(below(hosts_.size()))));
    add_host();
    tell_hosts();
  }

  void act() {
    const std::size_t what = below(100);
    if (what < 45) return ask();
    if (what < 47) return kill_one();
    if (what < 49) return forget_one();
    if (what < 50) return restart();
    advance();
  }
  void advance() {
    const auto next = std::ranges::min_element(pending_, {}, &Pending::at);
    now_ = next == pending_.end() ? now_ + 100ms : std::min(next->at, now_ + 1000ms);
    residency_->tick(now_);
    perform();
    const auto due =
        std::ranges::find_if(pending_, [this](const Pending& one) { return one.at <= now_; });
    if (due == pending_.end()) return;
    const Pending done = std::move(*due);
    pending_.erase(due);
    if (done.server == 0 || done.server == server_) done.run();
  }
  bool quiet() const { return requests_.empty() && pending_.empty(); }

  SeededRandom random_;
  Instant now_ = start;
  ModelResidency::Options options_;
  std::size_t models_ = 0;
  bool calm_ = false;
  std::uint64_t server_ = 0;
  std::optional<ModelResidency> residency_;
  std::map<HostId, Host> hosts_;
  HostId next_host_ = 1;
  std::multiset<std::pair<std::uint64_t, std::string>> host_ops_;
  std::map<ModelTicket, Request> requests_;
  ModelTicket next_ticket_ = 1;
  std::vector<Pending> pending_;
};

TEST(ModelResidencySimulation, EveryHistoryKeepsThePromisesAndEveryRequestEnds) {
  const char* const only = std::getenv("SLIPWAY_SEED");
  const char* const count = std::getenv("SLIPWAY_SEEDS");
  const std::uint64_t first = only ? std::stoull(only) : 1;
  const std::uint64_t last = only ? first : count ? std::stoull(count) : 1000;
  for (std::uint64_t seed = first; seed <= last && !HasFailure(); ++seed) {
    try {
      History(seed).play();
    } catch (const std::exception& broken) {
      ADD_FAILURE() << "SLIPWAY_SEED=" << seed << ": " << broken.what();
    }
  }
}

}  // namespace
}  // namespace slipway::residency
