// What the operations of this door share: groups by name and ARN, and times as AWS counts them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "engine/logs/groups.h"
#include "engine/logs/log_book.h"
#include "engine/logs/queries.h"
#include "gen/logs.h"
#include "place/place.h"
#include "service/call.h"
#include "service/errors.h"
#include "store/store.h"

namespace slipway::logs_door {

namespace api = aws::logs;
using service::Call;
using service::refuse;

class LiveTails;  // live_tail.h

// Copied into every handler.
struct LogsDoor {
  logs::LogBook& book;
  logs::LogGroups& groups;
  place::Place& place;
  store::Store& store;
  logs::Queries& queries;
  std::shared_ptr<LiveTails> live_tails;

  // A group for who reads in it, without a transaction: with what was printed up to now.
  // not_found, kind "no_such_group".
  Result<logs::LogGroup> collect(const logs::GroupName& name) const;
  // The same without waiting for what is printed.
  Result<logs::LogGroup> find(const logs::GroupName& name) const;
};

inline std::unexpected<Error> invalid(std::string message) {
  return refuse("InvalidParameterException", std::move(message));
}

std::string space_of(const Call& call);
logs::GroupName group_named(const Call& call, std::string_view name);
// Of an identifier: a name, or an ARN ("arn:...:log-group:NAME[:*]"). There is no group of another
// account or region here: one that an ARN means has an empty name, which none has.
logs::GroupName group_identified(const Call& call, std::string_view identifier);
// The group that a request names, by name or by ARN ("arn:...:log-group:NAME[:*]").
template <typename Input>
Result<logs::GroupName> group_of(const Call& call, const Input& in) {
  if (in.logGroupName().has_value() == in.logGroupIdentifier().has_value())
    return invalid("Exactly one of logGroupName and logGroupIdentifier must be given.");
  if (in.logGroupName()) return group_named(call, *in.logGroupName());
  return group_identified(call, *in.logGroupIdentifier());
}

// "arn:aws:logs:us-east-1:000000000000:log-group:NAME"
std::string arn_of(const Call& call, std::string_view group);

// A message as JSON can take it: programs print any bytes, and what is no UTF-8 becomes U+FFFD.
std::string printable(const std::string& message);

std::int64_t to_milliseconds(Timestamp time);
std::optional<std::int64_t> to_milliseconds(std::optional<Timestamp> time);

}  // namespace slipway::logs_door
