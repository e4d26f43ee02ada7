#include "engine/events/mobile.h"

#include <fmt/format.h>

#include "engine/events/rows.h"
#include "store/document.h"

namespace slipway::events {
namespace {

using Notes = std::map<std::string, std::string>;

constexpr std::string_view device_columns = "id, application, token, state, user_data";

Notes notes_of(std::string_view text) {
  return store::read_own_document<Notes>("notes of a door", text);
}

PushDevice device_of(const store::Rows& rows) {
  return {.id = std::string(rows.text(0)),
          .application = std::string(rows.text(1)),
          .token = std::string(rows.text(2)),
          .state = static_cast<PushDevice::State>(rows.integer(3)),
          .user_data = std::string(rows.text(4))};
}

}  // namespace

void MobileDirectory::put_application(store::Transaction& tx,
                                      const PushApplication& application) const {
  tx.run(
      "INSERT INTO events_application (id, notes) VALUES (?1, ?2) "
      "ON CONFLICT(id) DO UPDATE SET notes = ?2",
      application.id, store::write_document(application.notes));
}

Result<PushApplication> MobileDirectory::find_application(store::Transaction& tx,
                                                          std::string_view id) const {
  auto rows = tx.query("SELECT notes FROM events_application WHERE id = ?1", id);
  if (!rows.next())
    return fail(ErrorCode::not_found, "PlatformApplication does not exist", "no_application");
  return PushApplication{.id = std::string(id), .notes = notes_of(rows.text(0))};
}

void MobileDirectory::remove_application(store::Transaction& tx, std::string_view id) const {
  tx.run("DELETE FROM events_device WHERE application = ?1", id);
  tx.run("DELETE FROM events_application WHERE id = ?1", id);
}

std::vector<PushApplication> MobileDirectory::list_applications(store::Transaction& tx,
                                                                std::string_view prefix,
                                                                std::string_view after,
                                                                std::size_t most) const {
  auto rows = tx.query(
      "SELECT id, notes FROM events_application WHERE id > max(?1, ?2) AND id < ?3 "
      "ORDER BY id LIMIT ?4",
      prefix, after, end_of(prefix), most);
  std::vector<PushApplication> out;
  while (rows.next())
    out.push_back({.id = std::string(rows.text(0)), .notes = notes_of(rows.text(1))});
  return out;
}

void MobileDirectory::put_device(store::Transaction& tx, const PushDevice& device) const {
  tx.run(
      "INSERT INTO events_device (id, application, token, state, user_data) "
      "VALUES (?1, ?2, ?3, ?4, ?5) "
      "ON CONFLICT(id) DO UPDATE SET token = ?3, state = ?4, user_data = ?5",
      device.id, device.application, device.token, device.state, device.user_data);
}

Result<PushDevice> MobileDirectory::find_device(store::Transaction& tx, std::string_view id) const {
  auto rows =
      tx.query(fmt::format("SELECT {} FROM events_device WHERE id = ?1", device_columns), id);
  if (!rows.next()) return fail(ErrorCode::not_found, "Endpoint does not exist", "no_device");
  return device_of(rows);
}

std::optional<PushDevice> MobileDirectory::find_token(store::Transaction& tx,
                                                      std::string_view application,
                                                      std::string_view token) const {
  auto rows =
      tx.query(fmt::format("SELECT {} FROM events_device WHERE application = ?1 AND token = ?2",
                           device_columns),
               application, token);
  if (!rows.next()) return std::nullopt;
  return device_of(rows);
}

void MobileDirectory::remove_device(store::Transaction& tx, std::string_view id) const {
  tx.run("DELETE FROM events_device WHERE id = ?1", id);
}

std::vector<PushDevice> MobileDirectory::list_devices(store::Transaction& tx,
                                                      std::string_view application,
                                                      std::string_view after,
                                                      std::size_t most) const {
  auto rows =
      tx.query(fmt::format("SELECT {} FROM events_device WHERE application = ?1 AND id > ?2 "
                           "ORDER BY id LIMIT ?3",
                           device_columns),
               application, after, most);
  std::vector<PushDevice> out;
  while (rows.next()) out.push_back(device_of(rows));
  return out;
}

std::map<std::string, std::string> MobileDirectory::text_settings(store::Transaction& tx,
                                                                  std::string_view owner) const {
  auto rows = tx.query("SELECT notes FROM events_text_settings WHERE owner = ?1", owner);
  return rows.next() ? notes_of(rows.text(0)) : Notes{};
}

void MobileDirectory::set_text_settings(store::Transaction& tx, std::string_view owner,
                                        const std::map<std::string, std::string>& settings) const {
  tx.run(
      "INSERT INTO events_text_settings (owner, notes) VALUES (?1, ?2) "
      "ON CONFLICT(owner) DO UPDATE SET notes = ?2",
      owner, store::write_document(settings));
}

}  // namespace slipway::events
