// What is known of telephones: the applications whose messages go to mobile devices, the devices
// that registered with them, and how an account wants its text messages sent. Kept only: nothing
// here reaches a device (unsent.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/store.h"

namespace slipway::events {

// One that has messages to mobile devices, with one maker's service.
struct PushApplication {
  std::string id;  // "account/region/..."; unique
  // What the door keeps with it, without meaning here.
  std::map<std::string, std::string> notes;
};

// A device as one application knows it.
struct PushDevice {
  std::string id;           // "account/region/..."; unique
  std::string application;  // its id
  std::string token;        // by which its maker's service reaches it; unique in the application
  enum class State : std::uint8_t { enabled, disabled } state = State::enabled;
  std::string user_data = {};  // what the application says of it; empty: nothing

  bool operator==(const PushDevice&) const = default;
};

// Stateless: every function works in the caller's transaction. No list reads more rows than it
// gives.
class MobileDirectory {
 public:
  // An application that is there is replaced; its devices stay.
  void put_application(store::Transaction& tx, const PushApplication& application) const;
  // not_found, kind "no_application".
  Result<PushApplication> find_application(store::Transaction& tx, std::string_view id) const;
  // With its devices. Removing what is not there is fine.
  void remove_application(store::Transaction& tx, std::string_view id) const;
  // Those whose id begins with `prefix`, which ends in '/', after the id `after`.
  std::vector<PushApplication> list_applications(store::Transaction& tx, std::string_view prefix,
                                                 std::string_view after, std::size_t most) const;

  // One with its id is replaced. The token is no other device's of that application.
  void put_device(store::Transaction& tx, const PushDevice& device) const;
  // not_found, kind "no_device".
  Result<PushDevice> find_device(store::Transaction& tx, std::string_view id) const;
  std::optional<PushDevice> find_token(store::Transaction& tx, std::string_view application,
                                       std::string_view token) const;
  void remove_device(store::Transaction& tx, std::string_view id) const;
  std::vector<PushDevice> list_devices(store::Transaction& tx, std::string_view application,
                                       std::string_view after, std::size_t most) const;

  // How `owner`, an "account/region", wants its text messages sent.
  std::map<std::string, std::string> text_settings(store::Transaction& tx,
                                                   std::string_view owner) const;
  void set_text_settings(store::Transaction& tx, std::string_view owner,
                         const std::map<std::string, std::string>& settings) const;
};

}  // namespace slipway::events
