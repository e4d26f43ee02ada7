#include "engine/routing/sessions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>
#include <utility>

#include "base/log.h"

namespace slipway::routing {

namespace {

constexpr std::array<store::Migration, 1> steps{{{
    .room = "fleet_session",
    .version = 1,
    .sql = "CREATE TABLE fleet_session(name TEXT PRIMARY KEY, instance TEXT NOT NULL, "
           "expires_us INTEGER NOT NULL) WITHOUT ROWID;"
           "CREATE INDEX fleet_session_expires ON fleet_session(expires_us);",
}}};

// Neither part holds this character: a fleet's id is made of names, a session's id is checked.
constexpr char between = '\n';

std::string key_of(std::string_view fleet, std::string_view id) {
  return fmt::format("{}{}{}", fleet, between, id);
}

}  // namespace

Result<std::unique_ptr<Sessions>> Sessions::open(store::Store& store, const Clock& clock) {
  auto sessions = std::unique_ptr<Sessions>(new Sessions(store, clock));
  TRY_DO(sessions->load());
  return sessions;
}

Result<> Sessions::load() {
  const std::int64_t now = to_microseconds(clock_.server_time());
  return store_.write([&](store::Transaction& tx) -> Result<> {
    tx.run("DELETE FROM fleet_session WHERE expires_us <= ?1", now);
    auto rows = tx.query("SELECT name, instance, expires_us FROM fleet_session");
    while (rows.next())
      table_[std::string(rows.text(0))] = {.instance = std::string(rows.text(1)),
                                           .expires = server_time_from(rows.integer(2))};
    return {};
  });
}

// Room is made by those that expired; who lives is not put out for a new one.
Result<> Sessions::admit(const std::string& key) {
  if (closed_) return fail(ErrorCode::unavailable, "the server is stopping");
  if (table_.size() < sessions_max || table_.contains(key)) return {};
  const ServerTime now = clock_.server_time();
  std::erase_if(table_, [&](const auto& each) { return each.second.expires <= now; });
  if (table_.size() < sessions_max) return {};
  return fail(ErrorCode::limit_exceeded,
              fmt::format("{} sessions are open, which is the most there can be", sessions_max));
}

void Sessions::begin(std::string_view fleet, std::string_view id, std::string_view instance,
                     std::chrono::microseconds life, store::Done done) {
  if (id.empty() || id.find(between) != std::string_view::npos)
    return done(fail(ErrorCode::invalid_argument, "the container gave its session no name"));
  if (id.size() > session_id_bytes_max)
    return done(fail(ErrorCode::limit_exceeded,
                     fmt::format("a session's name has {} bytes at most", session_id_bytes_max)));
  const ServerTime now = clock_.server_time();
  std::string key = key_of(fleet, id);
  const Held held{.instance = std::string(instance),
                  .expires = now + std::min<std::chrono::microseconds>(life, session_life_max)};
  Result<> admitted;
  {
    const std::unique_lock lock(mutex_);
    admitted = admit(key);
    if (admitted) table_[key] = held;
  }
  if (!admitted) return done(std::move(admitted));
  store_.write_async(
      [key, held, now](store::Transaction& tx) -> Result<> {
        tx.run("DELETE FROM fleet_session WHERE expires_us <= ?1", to_microseconds(now));
        tx.run("INSERT OR REPLACE INTO fleet_session VALUES(?1, ?2, ?3)", key, held.instance,
               to_microseconds(held.expires));
        return {};
      },
      [this, key, done = std::move(done)](Result<> outcome) mutable {
        if (!outcome) drop(key);
        done(std::move(outcome));
      });
}

void Sessions::drop(const std::string& key) {
  const std::unique_lock lock(mutex_);
  table_.erase(key);
}

std::optional<std::string> Sessions::find(std::string_view fleet, std::string_view id) const {
  const std::string key = key_of(fleet, id);
  const std::shared_lock lock(mutex_);
  const auto held = table_.find(key);
  if (held == table_.end() || held->second.expires <= clock_.server_time()) return std::nullopt;
  return held->second.instance;
}

void Sessions::end(std::string_view fleet, std::string_view id) {
  std::string key = key_of(fleet, id);
  {
    const std::unique_lock lock(mutex_);
    if (table_.erase(key) == 0) return;
  }
  store_.write_async(
      [key = std::move(key)](store::Transaction& tx) -> Result<> {
        tx.run("DELETE FROM fleet_session WHERE name = ?1", key);
        return {};
      },
      [](const Result<>& outcome) {
        if (!outcome)
          log_warning("routing", "a closed session stays in the store until it expires",
                      {{"why", outcome.error().message}});
      });
}

void Sessions::close() {
  const std::unique_lock lock(mutex_);
  closed_ = true;
}

std::size_t Sessions::size() const {
  const std::shared_lock lock(mutex_);
  return table_.size();
}

std::span<const store::Migration> session_migrations() { return steps; }

}  // namespace slipway::routing
