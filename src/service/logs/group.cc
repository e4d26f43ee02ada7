#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "service/logs/operations.h"
#include "service/logs/pages.h"

namespace slipway::logs_door {
namespace {

constexpr std::array retention_days_allowed = {1,    3,    5,    7,    14,   30,  60,  90,
                                               120,  150,  180,  365,  400,  545, 731, 1096,
                                               1827, 2192, 2557, 2922, 3288, 3653};
constexpr std::string_view standard_class = "STANDARD";

std::unexpected<Error> not_kept(std::string_view member) {
  return fail(ErrorCode::not_implemented,
              fmt::format("{} is not supported by this version of Slipway.", member));
}

// What would be promised and not done is refused.
Result<> check_settings(const api::CreateLogGroupRequest& in) {
  if (in.kmsKeyId()) return not_kept("kmsKeyId");
  if (in.deletionProtectionEnabled().value_or(false)) return not_kept("deletionProtectionEnabled");
  if (const std::string_view kind = in.logGroupClass().value_or(standard_class);
      kind != standard_class)
    return not_kept(fmt::format("logGroupClass {}", kind));
  return {};
}

// Those that are named one by one, by name.
std::vector<logs::LogGroup> find_each(const LogsDoor& door, const Call& call,
                                      const api::DescribeLogGroupsRequest& in) {
  std::vector<logs::LogGroup> out;
  for (const std::string_view identifier : in.logGroupIdentifiers())
    if (auto group = door.groups.find(call.tx(), group_identified(call, identifier)))
      out.push_back(*std::move(group));
  std::ranges::sort(out, {}, &logs::LogGroup::name);
  const auto twice = std::ranges::unique(out, {}, &logs::LogGroup::name);
  out.erase(twice.begin(), twice.end());
  return out;
}

Result<> check_query(const api::DescribeLogGroupsRequest& in) {
  if (in.logGroupNamePrefix() && in.logGroupNamePattern())
    return invalid(
        "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
  if (!in.logGroupIdentifiers().empty() && (in.logGroupNamePrefix() || in.logGroupNamePattern()))
    return invalid(
        "logGroupIdentifiers cannot be used with logGroupNamePrefix or logGroupNamePattern.");
  return {};
}

Result<std::vector<logs::LogGroup>> groups_behind(const LogsDoor& door, const Call& call,
                                                  const api::DescribeLogGroupsRequest& in,
                                                  const AskedPage& page) {
  TRY(std::string after, page.after());
  if (in.logGroupClass().value_or(standard_class) != standard_class) return {};
  if (!in.logGroupIdentifiers().empty()) {
    auto groups = find_each(door, call, in);
    std::erase_if(groups, [&](const logs::LogGroup& group) { return group.name <= after; });
    return groups;
  }
  return door.groups.list(call.tx(), space_of(call),
                          {.prefix = std::string(in.logGroupNamePrefix().value_or("")),
                           .contains = std::string(in.logGroupNamePattern().value_or("")),
                           .after = std::move(after),
                           .groups_max = page.items_max() + 1});
}

}  // namespace

Result<> create_log_group(const LogsDoor& door, Call& call, api::CreateLogGroupRequest in) {
  if (starts_with_ignoring_case(in.logGroupName(), "aws/"))
    return invalid("Log groups starting with AWS/ are reserved for AWS.");
  TRY_DO(check_settings(in));
  const logs::GroupName name = group_named(call, in.logGroupName());
  TRY_DO(door.groups.create(call.tx(), name, call.now()));
  return put_tags(call, name, in.tags());
}

Result<> delete_log_group(const LogsDoor& door, Call& call, api::DeleteLogGroupRequest in) {
  return door.groups.remove(call.tx(), group_named(call, in.logGroupName()));
}

Result<api::DescribeLogGroupsResponse> describe_log_groups(const LogsDoor& door, Call& call,
                                                           api::DescribeLogGroupsRequest in) {
  TRY_DO(check_query(in));
  const AskedPage page(call, in);
  TRY(auto groups, groups_behind(door, call, in, page));
  const auto next = page.cut(groups);
  auto out = call.output<api::DescribeLogGroupsResponse>();
  out.logGroups(wire::empty);
  for (const logs::LogGroup& group : groups) {
    const std::string arn = arn_of(call, group.name);
    out.add_logGroups()
        .logGroupName(group.name)
        .creationTime(to_milliseconds(group.created))
        .retentionInDays(group.retention_days)
        .metricFilterCount(0)
        .arn(arn + ":*")
        .logGroupArn(arn)
        .logGroupClass(standard_class)
        .storedBytes(static_cast<std::int64_t>(group.stored_bytes))
        .deletionProtectionEnabled(false);
  }
  if (next) out.nextToken(*next);
  return out;
}

Result<> put_retention_policy(const LogsDoor& door, Call& call, api::PutRetentionPolicyRequest in) {
  const int days = in.retentionInDays();
  if (std::ranges::find(retention_days_allowed, days) == retention_days_allowed.end())
    return invalid(
        fmt::format("1 validation error detected: Value '{}' at 'retentionInDays' failed to "
                    "satisfy constraint: Member must satisfy enum value set: [{}]",
                    days, fmt::join(retention_days_allowed, ", ")));
  return door.groups.set_retention(call.tx(), group_named(call, in.logGroupName()), days);
}

Result<> delete_retention_policy(const LogsDoor& door, Call& call,
                                 api::DeleteRetentionPolicyRequest in) {
  return door.groups.set_retention(call.tx(), group_named(call, in.logGroupName()), std::nullopt);
}

}  // namespace slipway::logs_door
