#include "engine/residency/resident_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>
#include <optional>
#include <utility>

#include "base/encoding.h"
#include "base/log.h"
#include "net/http_client.h"

namespace slipway::residency {

namespace json = boost::json;

namespace {

constexpr std::chrono::milliseconds connect_time_max{1'000};
constexpr std::chrono::milliseconds tick_period{100};
constexpr std::chrono::milliseconds unload_time_max{60'000};
constexpr std::chrono::milliseconds list_time_max{10'000};
constexpr std::chrono::milliseconds list_again{200};

ModelResidency::Options options_of(const ModelCollection& collection) {
  using Keeping = ModelResidency::Keeping;
  return {.loaded_max = collection.loaded_max,
          .keeping = collection.kept ? Keeping::until_needed : Keeping::while_used};
}

// What a page of the list of models says; nothing where it is no such page.
struct Page {
  std::vector<std::string> names;
  std::string next;
};
std::optional<Page> read_page(std::string_view body) {
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(body.data(), body.size()), error);
  const json::object* const object = error ? nullptr : value.if_object();
  if (object == nullptr) return std::nullopt;
  Page page;
  if (const json::value* models = object->if_contains("models"); models && models->is_array())
    for (const json::value& model : models->get_array())
      if (const json::object* entry = model.if_object())
        if (const json::value* name = entry->if_contains("modelName"); name && name->is_string())
          page.names.emplace_back(name->get_string());
  if (const json::value* next = object->if_contains("nextPageToken"); next && next->is_string())
    page.next = next->get_string();
  return page;
}

ModelLoad load_of(const Result<net::ClientResponse>& answer) {
  using End = ModelLoad::End;
  if (!answer) return {answer.error().code == ErrorCode::timeout ? End::too_late : End::lost, {}};
  const int status = answer->status();
  if ((status >= 200 && status < 300) || status == 409) return {End::loaded, {}};
  return {status == 507 ? End::no_memory : End::refused, {status, std::string(answer->body())}};
}

}  // namespace

// The connections to the instances. Loop thread only, but for its destructor, which may run once
// the loop has ended.
class ResidentModels::Wire final : public std::enable_shared_from_this<Wire> {
 public:
  Wire(const Needs& needs, std::weak_ptr<ResidentModels> owner)
      : loop_(needs.loop),
        artifacts_(needs.artifacts),
        folders_(needs.folders),
        owner_(std::move(owner)) {}

  void set_instances(std::vector<std::shared_ptr<const routing::InstanceRoute>> instances);
  void load(const ModelResidency::Load& load);
  void unload(const ModelResidency::Unload& unload);
  void list(HostId host) { list(host, "", {}, 1); }

 private:
  struct Instance {
    place::InstanceKey key;
    std::string models_path;
    std::unique_ptr<net::HttpClient> http;
  };

  // Where the instance finds the files of the model from now on.
  Result<std::filesystem::path> show(const Instance& instance, const ModelResidency::Load& load);
  void list(HostId host, const std::string& token, std::vector<std::string> names,
            std::size_t page);
  const Instance* find(HostId host) const;
  template <typename Tell>
  void tell(Tell&& tell) {
    if (const auto owner = owner_.lock()) owner->change(std::forward<Tell>(tell));
  }

  net::Loop& loop_;
  artifacts::Artifacts& artifacts_;
  ModelFolders& folders_;
  const std::weak_ptr<ResidentModels> owner_;
  std::unordered_map<HostId, Instance> instances_;
};

void ResidentModels::Wire::set_instances(
    std::vector<std::shared_ptr<const routing::InstanceRoute>> instances) {
  std::unordered_map<HostId, Instance> kept;
  for (const auto& instance : instances) {
    if (auto known = instances_.extract(instance->number)) {
      kept.insert(std::move(known));
      continue;
    }
    auto address = net::Address::parse(instance->addresses.http);
    if (!address) continue;
    auto http = std::make_unique<net::HttpClient>(
        loop_, std::move(*address),
        net::HttpClientLimits{.connect_time = connect_time_max,
                              .body_bytes_max = model_answer_bytes_max});
    kept.emplace(instance->number,
                 Instance{instance->key, instance->form.models_path, std::move(http)});
  }
  instances_.swap(kept);
}

const ResidentModels::Wire::Instance* ResidentModels::Wire::find(HostId host) const {
  const auto found = instances_.find(host);
  return found == instances_.end() ? nullptr : &found->second;
}

// An instance without a folder of its own was started by a server that gave it all artifacts, or
// it ended.
Result<std::filesystem::path> ResidentModels::Wire::show(const Instance& instance,
                                                         const ModelResidency::Load& load) {
  const auto artifact = artifacts_.find(load.artifact.content);
  if (!artifact) return fail(ErrorCode::not_found, "The artifact went meanwhile.");
  if (!folders_.has(instance.key)) return *artifact;
  return folders_.put(instance.key, load.name, *artifact);
}

void ResidentModels::Wire::load(const ModelResidency::Load& load) {
  const Instance* const instance = find(load.host);
  if (instance == nullptr) return;  // it is gone, and the residency was told
  const auto folder = show(*instance, load);
  if (!folder)
    return tell([&](ModelResidency& models) {
      if (folder.error().code == ErrorCode::not_found)
        models.vanished(load.host, load.name);
      else
        models.not_shown(load.host, load.name, folder.error());
    });
  net::ClientRequest request{.method = "POST", .target = instance->models_path};
  request.headers.add("Content-Type", "application/json");
  request.body =
      json::serialize(json::object{{"model_name", load.name}, {"url", folder->string()}});
  request.time_limit = model_load_time_max;
  instance->http->send(
      std::move(request), [weak = weak_from_this(), key = instance->key, host = load.host,
                           name = load.name](Result<net::ClientResponse> answer) {
        const auto self = weak.lock();
        if (!self) return;
        ModelLoad load = load_of(answer);
        // Not where it may have loaded all the same: lost, too late.
        if (load.end == ModelLoad::End::refused || load.end == ModelLoad::End::no_memory)
          self->folders_.take_away(key, name);
        self->tell([&](ModelResidency& models) { models.loaded(host, name, std::move(load)); });
      });
}

// Whatever the answer: what is still there is found by its 409 when it is wanted again.
void ResidentModels::Wire::unload(const ModelResidency::Unload& unload) {
  const Instance* const instance = find(unload.host);
  if (instance == nullptr) return;
  net::ClientRequest request{.method = "DELETE",
                             .target = fmt::format("{}/{}", instance->models_path, unload.name),
                             .time_limit = unload_time_max};
  instance->http->send(std::move(request), [weak = weak_from_this(), key = instance->key,
                                            host = unload.host, name = unload.name](
                                               Result<net::ClientResponse> answer) {
    const auto self = weak.lock();
    if (!self) return;
    const bool gone = answer && (answer->status() / 100 == 2 || answer->status() == 404);
    if (!gone)
      log_warning(
          "residency", "an instance did not let a model go",
          {{"model", name},
           {"why", answer ? fmt::format("status {}", answer->status()) : answer.error().message}});
    if (gone) self->folders_.take_away(key, name);
    self->tell([&](ModelResidency& models) { models.unloaded(host, name); });
  });
}

void ResidentModels::Wire::list(HostId host, const std::string& token,
                                std::vector<std::string> names, std::size_t page) {
  const Instance* const instance = find(host);
  if (instance == nullptr) return;
  net::ClientRequest request{.target = instance->models_path, .time_limit = list_time_max};
  if (!token.empty()) request.target += fmt::format("?next_page_token={}", percent_encode(token));
  instance->http->send(std::move(request), [weak = weak_from_this(), host, names = std::move(names),
                                            page](Result<net::ClientResponse> answer) mutable {
    const auto self = weak.lock();
    if (!self) return;
    if (!answer) {
      self->loop_.after(list_again, [weak, host] {
        if (const auto alive = weak.lock()) alive->list(host);
      });
      return;
    }
    // One that cannot say is taken at nothing: what it has it tells by 409.
    auto listed = answer->status() == 200 ? read_page(answer->body()) : std::nullopt;
    if (listed) std::ranges::move(listed->names, std::back_inserter(names));
    if (listed && !listed->next.empty() && page < model_pages_max &&
        names.size() < known_models_max)
      return self->list(host, listed->next, std::move(names), page + 1);
    self->tell([&](ModelResidency& models) { models.listed(host, names); });
  });
}

// ---- The object ----

ResidentModels::ResidentModels(Needs needs, ModelCollection collection)
    : needs_(std::move(needs)),
      collection_(std::move(collection)),
      residency_(options_of(collection_)) {
  residency_.set_collection(collection_.uri);
}

ResidentModels::~ResidentModels() {
  needs_.loop.post([wire = std::move(wire_)] {});
}

template <typename Change>
void ResidentModels::change(Change&& change) {
  std::unique_lock lock(mutex_);
  change(residency_);
  perform(std::move(lock));
}

routing::ModelHandle ResidentModels::find(std::string_view model) {
  std::unique_lock lock(mutex_);
  routing::LoadedModel* const loaded = residency_.pin(model);
  perform(std::move(lock));
  return loaded == nullptr ? routing::ModelHandle()
                           : routing::ModelHandle(shared_from_this(), *loaded);
}

void ResidentModels::release(routing::LoadedModel& model) {
  change([&](ModelResidency& residency) { residency.release(model); });
}

void ResidentModels::lose(routing::LoadedModel& model) {
  change([&](ModelResidency& residency) { residency.lose(model); });
}

void ResidentModels::await(std::string_view model, Instant now, Instant deadline, Done done) {
  std::unique_lock lock(mutex_);
  const ModelTicket ticket = next_ticket_++;
  waiting_.emplace(ticket, Waiting{std::string(model), std::move(done)});
  residency_.await(model, ticket, deadline, now);
  if (residency_.has_waiters() && !std::exchange(ticking_, true)) keep_ticking();
  perform(std::move(lock));
}

void ResidentModels::keep_ticking() {
  needs_.loop.post([weak = weak_from_this(), &loop = needs_.loop] {
    loop.after(tick_period, [weak, &loop] {
      const auto self = weak.lock();
      if (!self) return;
      std::unique_lock lock(self->mutex_);
      self->residency_.tick(loop.now());
      self->ticking_ = self->residency_.has_waiters();
      if (self->ticking_) self->keep_ticking();
      self->perform(std::move(lock));
    });
  });
}

void ResidentModels::set_instances(
    std::span<const std::shared_ptr<const routing::InstanceRoute>> instances) {
  std::vector<ModelResidency::Host> hosts;
  for (const auto& instance : instances) hosts.push_back({instance->number, instance->key.text});
  std::unique_lock lock(mutex_);
  if (!wire_) wire_ = std::make_shared<Wire>(needs_, weak_from_this());
  needs_.loop.post(
      [wire = wire_, list = std::vector(instances.begin(), instances.end())]() mutable {
        wire->set_instances(std::move(list));
      });
  residency_.set_hosts(hosts);
  perform(std::move(lock));
}

std::vector<std::string> ResidentModels::contents() const {
  const std::lock_guard lock(mutex_);
  return residency_.contents();
}

// ---- Doing what was decided ----

// What goes to one instance keeps its order: it is posted under the lock.
void ResidentModels::perform(std::unique_lock<std::mutex> lock) {
  auto effects = residency_.take_effects();
  if (effects.empty()) return;
  std::vector<ModelResidency::Effect> others;
  for (ModelResidency::Effect& effect : effects) {
    const auto post = [&](auto work) {
      needs_.loop.post([wire = wire_, work = std::move(work)] { work(*wire); });
    };
    if (auto* load = std::get_if<ModelResidency::Load>(&effect))
      post([load = std::move(*load)](Wire& wire) { wire.load(load); });
    else if (auto* unload = std::get_if<ModelResidency::Unload>(&effect))
      post([unload = std::move(*unload)](Wire& wire) { wire.unload(unload); });
    else if (auto* list = std::get_if<ModelResidency::List>(&effect))
      post([host = list->host](Wire& wire) { wire.list(host); });
    else
      others.push_back(std::move(effect));
  }
  lock.unlock();
  for (ModelResidency::Effect& effect : others) perform(std::move(effect));
}

void ResidentModels::perform(ModelResidency::Effect effect) {
  if (const auto* wanted = std::get_if<ModelResidency::Fetch>(&effect)) return fetch(*wanted);
  if (auto* woken = std::get_if<ModelResidency::Wake>(&effect)) return wake(std::move(*woken));
  if (auto* discard = std::get_if<ModelResidency::Discard>(&effect))
    if (needs_.discard) needs_.discard(std::move(discard->content));
}

std::string ResidentModels::uri_of(std::string_view model) const {
  while (model.starts_with('/')) model.remove_prefix(1);
  return fmt::format("{}{}{}", collection_.uri, collection_.uri.ends_with('/') ? "" : "/", model);
}

void ResidentModels::fetch(const ModelResidency::Fetch& wanted) {
  needs_.artifacts.fetch(
      {.uri = uri_of(wanted.model), .form = collection_.form, .reader = collection_.reader},
      [weak = weak_from_this(), name = wanted.name](artifacts::FetchOutcome outcome) mutable {
        if (const auto self = weak.lock())
          self->change([&](ModelResidency& models) { models.fetched(name, std::move(outcome)); });
      });
}

void ResidentModels::wake(ModelResidency::Wake wake) {
  routing::ModelOutcome outcome{
      .why = wake.why, .refusal = std::move(wake.refusal), .error = wake.error};
  if (wake.model != nullptr) outcome.model = routing::ModelHandle(shared_from_this(), *wake.model);
  Waiting waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting = std::move(waiting_.extract(wake.ticket).mapped());
  }
  outcome.uri = uri_of(waiting.model);
  waiting.done(std::move(outcome));
}

}  // namespace slipway::residency
