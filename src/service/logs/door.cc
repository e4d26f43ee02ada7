#include "service/logs/door.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "engine/logs/collector.h"
#include "service/arn.h"
#include "service/logs/group_name.h"

namespace slipway::logs_door {

Result<logs::LogGroup> LogsDoor::collect(const logs::GroupName& name) const {
  logs::collect(place);
  return find(name);
}

Result<logs::LogGroup> LogsDoor::find(const logs::GroupName& name) const {
  return store.read([&](store::Transaction& tx) { return groups.find(tx, name); });
}

std::string space_of(const Call& call) {
  return fmt::format("{}/{}", call.account(), call.region());
}

logs::GroupName group_named(const Call& call, std::string_view name) {
  return {space_of(call), std::string(name)};
}

logs::GroupName group_identified(const Call& call, std::string_view identifier) {
  logs::GroupName name = group_named(call, name_of_identifier(identifier));
  const auto arn = service::parse_arn(identifier);
  if (arn && (arn->account != call.account() || arn->region != call.region())) name.group.clear();
  return name;
}

std::string arn_of(const Call& call, std::string_view group) {
  return call.arn("logs", fmt::format("log-group:{}", group));
}

std::string printable(const std::string& message) {
  if (is_utf8(message)) return message;
  std::string out;
  for (std::size_t at = 0; at < message.size();) {
    std::size_t length = 1;
    while (length <= 4 && !is_utf8(std::string_view(message).substr(at, length))) ++length;
    const bool good = length <= 4 && at + length <= message.size();
    out += good ? message.substr(at, length) : std::string("\xef\xbf\xbd");
    at += good ? length : 1;
  }
  return out;
}

std::int64_t to_milliseconds(Timestamp time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

std::optional<std::int64_t> to_milliseconds(std::optional<Timestamp> time) {
  if (!time) return std::nullopt;
  return to_milliseconds(*time);
}

}  // namespace slipway::logs_door
