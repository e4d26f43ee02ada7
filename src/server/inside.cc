#include "server/inside.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>

#include "base/encoding.h"
#include "base/log.h"
#include "wire/rest_match.h"

namespace slipway::server {
namespace {

namespace json = boost::json;

// Fleets of one snapshot: none is held for long, however many fleets there are.
constexpr std::size_t fleets_per_snapshot = 50;

double seconds(std::chrono::microseconds time) {
  return std::chrono::duration<double>(time).count();
}

std::string time_text(Timestamp time) { return to_iso8601(time, Fraction::milliseconds); }

// A time of the server's own line, as people count now.
std::string time_text(const Moment& now, ServerTime time) {
  return time_text(now.civil - (now.server - time));
}

// Returns what the query gives under that name; nullopt where it gives nothing.
std::optional<std::string> asked_for(const net::RequestHead& head, std::string_view name) {
  bool found = false;
  const std::string_view value = wire::query_value(head.query, name, found);
  if (!found) return std::nullopt;
  return percent_decode(value);
}

// ---- fleets ----

json::object fleet_json(const fleet::FleetLook& look, const Moment& now) {
  json::array instances;
  for (const fleet::InstanceStatus& each : look.instances)
    instances.push_back({{"key", each.key},
                         {"variant", each.variant},
                         {"generation", each.generation},
                         {"phase", each.phase},
                         {"since", time_text(now, each.since)}});
  json::object shares;
  for (const auto& [generation, share] : look.status.shares)
    shares[std::to_string(generation)] = share;
  json::object out = {{"fleet", look.id.text},
                      {"state", fleet::name_of(look.status.state)},
                      {"shares", std::move(shares)},
                      {"changed", time_text(look.status.changed_at)},
                      {"wanted", look.status.wanted},
                      {"serving", look.status.serving()},
                      {"generations", json::value_from(look.generations)},
                      {"instances", std::move(instances)}};
  if (!look.status.reason.empty()) out["reason"] = look.status.reason;
  return out;
}

Result<std::string> fleets_text(const Inside& inside) {
  json::array all;
  const Moment now = inside.clock.moment();
  routing::FleetId last;
  for (;;) {
    TRY(const std::vector<fleet::FleetLook> looks,
        inside.store.read([&](store::Transaction& tx) -> Result<std::vector<fleet::FleetLook>> {
          return inside.fleets.look(tx, last, fleets_per_snapshot);
        }));
    for (const fleet::FleetLook& look : looks) all.push_back(fleet_json(look, now));
    if (looks.size() < fleets_per_snapshot) break;
    last = looks.back().id;
  }
  return json::serialize(json::object{{"fleets", std::move(all)}});
}

// ---- reconcilers ----

json::object reconciler_json(const engine::ReconcilerState& state, std::size_t known) {
  json::array failing;
  for (const engine::ReconcilerState::Failing& each : state.first_failing)
    failing.push_back({{"key", each.key},
                       {"cause", each.cause},
                       {"failures", each.failures},
                       {"failed", time_text(each.failed_at)},
                       {"again_in_seconds", seconds(each.again_in)}});
  json::object out = {{"reconciler", state.name},
                      {"known", known},
                      {"woken", state.woken},
                      {"timed", state.timed},
                      {"awaiting", state.awaiting},
                      {"failing", state.failing},
                      {"first_failing", std::move(failing)}};
  if (state.next_in) out["next_in_seconds"] = seconds(*state.next_in);
  return out;
}

Result<std::string> reconcilers_text(const Inside& inside) {
  json::array all;
  std::vector<std::size_t> known;
  for (engine::Reconciler* const each : inside.reconcilers.reconcilers()) {
    TRY(const std::size_t count,
        inside.store.read(
            [&](store::Transaction& tx) -> Result<std::size_t> { return each->keys(tx).size(); }));
    known.push_back(count);
  }
  const std::vector<engine::ReconcilerState> states = inside.reconcilers.states();
  for (std::size_t i = 0; i < states.size(); ++i)
    all.push_back(reconciler_json(states[i], known[i]));
  return json::serialize(json::object{{"reconcilers", std::move(all)}});
}

// ---- threads ----

std::string first_line(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

// The processor time in a thread's `stat`: fields 14 and 15 of proc(5), counted behind the name,
// which may hold anything.
std::uint64_t processor_ms(const std::string& stat) {
  const std::size_t name_end = stat.rfind(')');
  if (name_end == stat.npos) return 0;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  fields >> user >> system;
  return (user + system) * 1000 / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
}

// By the name of the threads that work the queue off.
std::map<std::string, std::size_t> queues_of(const Inside& inside) {
  std::map<std::string, std::size_t> waiting;
  for (const QueueLength& queue : inside.loops()) waiting[queue.name] = queue.waiting;
  for (const Inside::Pool& pool : inside.pools) waiting[pool.name] = pool.workers.waiting();
  waiting["store-writer"] = inside.store.waiting();
  for (const engine::ReconcilerState& state : inside.reconcilers.states())
    waiting["engine"] += state.woken;
  return waiting;
}

Result<std::string> threads_text(const Inside& inside) {
  const std::map<std::string, std::size_t> waiting = queues_of(inside);
  json::array all;
  std::error_code gone;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", gone)) {
    const std::string name = first_line(thread.path() / "comm");
    if (name.empty()) continue;  // it ended meanwhile
    json::object row = {{"thread", name},
                        {"id", thread.path().filename().string()},
                        {"processor_ms", processor_ms(first_line(thread.path() / "stat"))}};
    if (const auto queue = waiting.find(name); queue != waiting.end())
      row["waiting"] = queue->second;
    all.push_back(std::move(row));
  }
  return json::serialize(json::object{{"threads", std::move(all)}});
}

// ---- log levels ----

// Speaks in other processes alone.
constexpr std::string_view foreign_room = "modelserver";

Result<std::string> levels_text() {
  json::object levels;
  for (const std::string_view name : log_room_names)
    if (name != foreign_room) levels[name] = name_of(log_level(*LogRoom::find(name)));
  return json::serialize(json::object{{"levels", std::move(levels)}});
}

Result<std::string> set_levels(const net::RequestHead& head) {
  if (head.has_body())
    return fail(ErrorCode::invalid_argument, "The query says the level; a body is not read.");
  const auto wanted = asked_for(head, "level");
  const auto level = wanted ? log_level_of(*wanted) : std::nullopt;
  if (!level)
    return fail(ErrorCode::invalid_argument,
                "The query says the level: ?level=debug, info, warning or error; with &room=ROOM "
                "of one room alone.");
  const auto name = asked_for(head, "room");
  const auto room = name && *name != foreign_room ? LogRoom::find(*name) : std::nullopt;
  if (name && !room)
    return fail(ErrorCode::invalid_argument,
                fmt::format("There is no room '{}' in the log; GET shows all.", *name));
  if (room)
    set_log_level(*room, *level);
  else
    configure_log(*level);
  log_warning("server", "log levels were changed",
              {{"room", name.value_or("all")}, {"level", std::string(name_of(*level))}});
  return levels_text();
}

// ---- why ----

json::object why_json(const Inside& inside, const fleet::FleetLook& look,
                      const std::vector<fleet::Decision>& decisions) {
  json::array told;
  for (const fleet::Decision& each : decisions)
    told.push_back({{"time", time_text(each.at)}, {"text", each.text}});
  json::object out = fleet_json(look, inside.clock.moment());
  out["decisions"] = std::move(told);
  return out;
}

// One sentence for each variant that comes up.
json::array waits(const Inside& inside, store::Transaction& tx, const fleet::FleetLook& look) {
  using fleet::FleetState;
  json::array out;
  if (look.status.state != FleetState::creating && look.status.state != FleetState::updating)
    return out;
  for (const auto& [variant, sentence] : inside.fleets.coming_up(tx, look.id))
    out.push_back(json::string(fmt::format("Variant '{}': {}", variant, sentence)));
  return out;
}

Result<std::string> why_text(const Inside& inside, const net::RequestHead& head) {
  const auto name = asked_for(head, "name");
  const auto region = asked_for(head, "region");
  if (!name || name->empty() || !region || region->empty())
    return fail(ErrorCode::invalid_argument,
                "The query says whom it is about: ?name=ENDPOINT&region=REGION.");
  const routing::FleetId id{fmt::format("{}/{}/{}", inside.account, *region, *name)};
  std::map<routing::FleetId, std::vector<fleet::Decision>> decisions;
  for (fleet::DecisionBook::OfFleet& each : inside.decisions.below(id))
    decisions.emplace(each.id, std::move(each.decisions));
  json::array fleets;
  TRY_DO(inside.store.read([&](store::Transaction& tx) -> Result<> {
    for (const fleet::FleetLook& look : inside.fleets.look_below(tx, id)) {
      json::object told = why_json(inside, look, decisions[look.id]);
      told["waits"] = waits(inside, tx, look);
      fleets.push_back(std::move(told));
      decisions.erase(look.id);
    }
    return {};
  }));
  for (const auto& [gone, told] : decisions) fleets.push_back(why_json(inside, {.id = gone}, told));
  if (fleets.empty())
    return fail(
        ErrorCode::not_found,
        fmt::format("Nothing is known of '{}' in {}: there is no endpoint of that name, and "
                    "since this server started there was none that it remembers.",
                    *name, *region));
  return json::serialize(json::object{{"fleets", std::move(fleets)}});
}

// The root signs for the service whose endpoints most of it is about.
service::ServerPage root_page(std::string_view name, service::ServerPage::Lane lane,
                              service::ServerPage::Text text) {
  return {.path = fmt::format("/_slipway/{}", name),
          .content_type = "application/json",
          .text = std::move(text),
          .roots_scope = "sagemaker",
          .lane = lane};
}

}  // namespace

std::vector<service::ServerPage> inside_pages(const Inside& inside) {
  using Lane = service::ServerPage::Lane;
  using net::RequestHead;
  std::vector<service::ServerPage> pages;
  pages.push_back(root_page("fleets", Lane::worker,
                            [inside](const RequestHead&) { return fleets_text(inside); }));
  pages.push_back(root_page("reconcilers", Lane::worker,
                            [inside](const RequestHead&) { return reconcilers_text(inside); }));
  // Also while no worker is free.
  pages.push_back(root_page("threads", Lane::loop,
                            [inside](const RequestHead&) { return threads_text(inside); }));
  pages.push_back(
      root_page("log-level", Lane::loop, [](const RequestHead&) { return levels_text(); }));
  pages.back().put = set_levels;
  pages.push_back(root_page("why", Lane::worker,
                            [inside](const RequestHead& head) { return why_text(inside, head); }));
  return pages;
}

}  // namespace slipway::server
