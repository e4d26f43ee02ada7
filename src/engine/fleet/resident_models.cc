#include "engine/fleet/resident_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>
#include <utility>

#include "base/encoding.h"
#include "base/log.h"
#include "net/http_client.h"

namespace slipway::fleet {

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

// What a page of GET /models says; nothing where it is no such page.
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
  Wire(net::Loop& loop, Artifacts& artifacts, std::weak_ptr<ResidentModels> owner)
      : loop_(loop), artifacts_(artifacts), owner_(std::move(owner)) {}

  void set_instances(std::vector<std::shared_ptr<const InstanceRoute>> instances);
  void load(const ModelResidency::Load& load);
  void unload(const ModelResidency::Unload& unload);
  void list(HostId host) { list(host, "", {}, 1); }

 private:
  void list(HostId host, const std::string& token, std::vector<std::string> names,
            std::size_t page);
  net::HttpClient* client(HostId host);
  template <typename Tell>
  void tell(Tell&& tell) {
    if (const auto owner = owner_.lock()) owner->change(std::forward<Tell>(tell));
  }

  net::Loop& loop_;
  Artifacts& artifacts_;
  const std::weak_ptr<ResidentModels> owner_;
  std::unordered_map<HostId, std::unique_ptr<net::HttpClient>> clients_;
};

void ResidentModels::Wire::set_instances(
    std::vector<std::shared_ptr<const InstanceRoute>> instances) {
  std::unordered_map<HostId, std::unique_ptr<net::HttpClient>> kept;
  for (const auto& instance : instances) {
    if (auto known = clients_.extract(instance->number)) {
      kept.insert(std::move(known));
      continue;
    }
    auto address = net::Address::parse(instance->addresses.http);
    if (!address) continue;
    kept.emplace(instance->number,
                 std::make_unique<net::HttpClient>(
                     loop_, std::move(*address),
                     net::HttpClientLimits{.connect_time = connect_time_max,
                                           .body_bytes_max = model_answer_bytes_max}));
  }
  clients_.swap(kept);
}

net::HttpClient* ResidentModels::Wire::client(HostId host) {
  const auto found = clients_.find(host);
  return found == clients_.end() ? nullptr : found->second.get();
}

void ResidentModels::Wire::load(const ModelResidency::Load& load) {
  net::HttpClient* const http = client(load.host);
  if (http == nullptr) return;  // it is gone, and the residency was told
  const auto folder = artifacts_.find(load.artifact.content);
  if (!folder) return tell([&](ModelResidency& models) { models.vanished(load.host, load.name); });
  net::ClientRequest request{.method = "POST", .target = "/models"};
  request.headers.add("Content-Type", "application/json");
  request.body =
      json::serialize(json::object{{"model_name", load.name}, {"url", folder->string()}});
  request.time_limit = model_load_time_max;
  http->send(std::move(request), [weak = weak_from_this(), host = load.host,
                                  name = load.name](Result<net::ClientResponse> answer) {
    const auto self = weak.lock();
    if (!self) return;
    self->tell([&](ModelResidency& models) { models.loaded(host, name, load_of(answer)); });
  });
}

// Whatever the answer: what is still there is found by its 409 when it is wanted again.
void ResidentModels::Wire::unload(const ModelResidency::Unload& unload) {
  net::HttpClient* const http = client(unload.host);
  if (http == nullptr) return;
  net::ClientRequest request{.method = "DELETE",
                             .target = fmt::format("/models/{}", unload.name),
                             .time_limit = unload_time_max};
  http->send(std::move(request), [weak = weak_from_this(), host = unload.host,
                                  name = unload.name](Result<net::ClientResponse> answer) {
    const auto self = weak.lock();
    if (!self) return;
    const bool gone = answer && (answer->status() / 100 == 2 || answer->status() == 404);
    if (!gone)
      log_warning(
          "fleet", "an instance did not let a model go",
          {{"model", name},
           {"why", answer ? fmt::format("status {}", answer->status()) : answer.error().message}});
    self->tell([&](ModelResidency& models) { models.unloaded(host, name); });
  });
}

void ResidentModels::Wire::list(HostId host, const std::string& token,
                                std::vector<std::string> names, std::size_t page) {
  net::HttpClient* const http = client(host);
  if (http == nullptr) return;
  net::ClientRequest request{
      .target = token.empty() ? "/models"
                              : fmt::format("/models?next_page_token={}", percent_encode(token)),
      .time_limit = list_time_max};
  http->send(std::move(request), [weak = weak_from_this(), host, names = std::move(names),
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

// ---- Use ----

ResidentModels::Use& ResidentModels::Use::operator=(Use&& other) noexcept {
  if (this == &other) return *this;
  reset();
  models_ = std::move(other.models_);
  copy_ = std::exchange(other.copy_, nullptr);
  return *this;
}

void ResidentModels::Use::lose() {
  models_->change([this](ModelResidency& residency) { residency.lose(copy_); });
}

void ResidentModels::Use::reset() {
  if (copy_ == nullptr) return;
  const auto models = std::move(models_);
  models->change([copy = std::exchange(copy_, nullptr)](ModelResidency& residency) {
    residency.release(copy);
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

ResidentModels::Use ResidentModels::find(std::string_view model) {
  std::unique_lock lock(mutex_);
  ModelResidency::Copy* const copy = residency_.pin(model);
  perform(std::move(lock));
  return copy == nullptr ? Use() : Use(shared_from_this(), copy);
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
    std::span<const std::shared_ptr<const InstanceRoute>> instances) {
  std::vector<ModelResidency::Host> hosts;
  for (const auto& instance : instances) hosts.push_back({instance->number, instance->key.text});
  std::unique_lock lock(mutex_);
  if (!wire_) wire_ = std::make_shared<Wire>(needs_.loop, needs_.artifacts, weak_from_this());
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
      {.uri = uri_of(wanted.model), .form = collection_.form},
      [weak = weak_from_this(), name = wanted.name](Result<FetchedArtifact> outcome) mutable {
        if (const auto self = weak.lock())
          self->change([&](ModelResidency& models) { models.fetched(name, std::move(outcome)); });
      });
}

void ResidentModels::wake(ModelResidency::Wake wake) {
  Outcome outcome{.why = wake.why, .refusal = std::move(wake.refusal), .error = wake.error};
  if (wake.copy != nullptr) outcome.use = Use(shared_from_this(), wake.copy);
  Waiting waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting = std::move(waiting_.extract(wake.ticket).mapped());
  }
  outcome.uri = uri_of(waiting.model);
  waiting.done(std::move(outcome));
}

}  // namespace slipway::fleet
