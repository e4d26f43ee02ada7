#include <fmt/format.h>

#include "service/arn.h"
#include "service/logs/operations.h"

namespace slipway::logs_door {
namespace {

constexpr tags::Rules tag_rules{.reserved_prefix = "aws:"};

// The group that an ARN names, which for AWS has no ":*" behind it here, as DescribeLogGroups shows
// it in `logGroupArn`. ValidationException for what is no such ARN.
Result<logs::GroupName> group_of_arn(std::string_view text) {
  constexpr std::string_view kind = "log-group:";
  const auto arn = service::parse_arn(text);
  if (!arn || arn->service != "logs" || !arn->resource.starts_with(kind) || text.ends_with('*'))
    return refuse("ValidationException", "Invalid resourceArn");
  return logs::GroupName{fmt::format("{}/{}", arn->account, arn->region),
                         std::string(arn->resource.substr(kind.size()))};
}

// The group that an ARN names, of the caller's account and region.
Result<logs::GroupName> find_by_arn(const LogsDoor& door, const Call& call, std::string_view text) {
  TRY(logs::GroupName name, group_of_arn(text));
  if (name.space != space_of(call)) name.group.clear();  // there is none of that name
  TRY_DO(door.groups.find(call.tx(), name));
  return name;
}

}  // namespace

Result<> put_tags(Call& call, const logs::GroupName& group,
                  const wire::MapView<std::string_view>& given) {
  const tags::TagList list(given.begin(), given.end());
  if (const auto violation = tags::find_violation(list, tag_rules))
    return invalid(
        fmt::format("The tag {} is invalid: keys have 1 to {} characters and do not begin with "
                    "aws:, values have at most {}.",
                    violation->tag.first, tag_rules.key_length_max, tag_rules.value_length_max));
  return tags::put(call.tx(), logs::tagged(group), list, tag_rules);
}

Result<> tag_resource(const LogsDoor& door, Call& call, api::TagResourceRequest in) {
  TRY(const logs::GroupName group, find_by_arn(door, call, in.resourceArn()));
  TRY_DO(door.groups.keep(call.tx(), group));
  return put_tags(call, group, in.tags());
}

Result<> untag_resource(const LogsDoor& door, Call& call, api::UntagResourceRequest in) {
  TRY(const logs::GroupName group, find_by_arn(door, call, in.resourceArn()));
  const std::vector<std::string> keys(in.tagKeys().begin(), in.tagKeys().end());
  tags::erase(call.tx(), logs::tagged(group), keys, tag_rules);
  return {};
}

Result<api::ListTagsForResourceResponse> list_tags_for_resource(
    const LogsDoor& door, Call& call, api::ListTagsForResourceRequest in) {
  TRY(const logs::GroupName group, find_by_arn(door, call, in.resourceArn()));
  auto out = call.output<api::ListTagsForResourceResponse>();
  out.tags(wire::empty);
  for (const auto& [key, value] : tags::list(call.tx(), logs::tagged(group)))
    out.put_tags(key, value);
  return out;
}

}  // namespace slipway::logs_door
