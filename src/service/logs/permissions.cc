// Who may read which log group. Policies name a group with or without ":*" behind it; either
// spelling counts.
#include "service/permissions.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/logs/groups.h"
#include "gen/logs.h"
#include "service/logs/group_name.h"
#include "service/logs/logs.h"

namespace slipway::logs_door {
namespace {

using service::Guarded;
using service::Need;
using service::Question;
using Arity = service::KeyOfMember::Arity;

constexpr std::string_view streams = "{arn}:log-group:{group}:log-stream:";
constexpr std::string_view stream = "{arn}:log-group:{group}:log-stream:{logStreamName}";
constexpr std::string_view group = "{arn}:log-group:{group}";
// What the calls about tags ask for.
constexpr std::string_view tagged_group = "{resourceArn}";
constexpr std::string_view all_streams_of_it = "{resourceArn}:*";

constexpr Need needs[] = {
    Need{"CreateLogGroup", "logs:CreateLogGroup", streams}.also_as(group),
    Need{"CreateLogGroup", "logs:TagResource", group}
        .also_as("{arn}:log-group:{group}:*")
        .where("tags"),
    {"CreateLogStream", "logs:CreateLogStream", stream},
    Need{"DeleteLogGroup", "logs:DeleteLogGroup", streams}.also_as(group),
    {"DeleteLogStream", "logs:DeleteLogStream", stream},
    Need{"DeleteRetentionPolicy", "logs:DeleteRetentionPolicy", streams}.also_as(group),
    {"DescribeLogGroups", "logs:DescribeLogGroups", "{arn}:log-group::log-stream:"},
    Need{"DescribeLogStreams", "logs:DescribeLogStreams", streams}.also_as(group),
    Need{"FilterLogEvents", "logs:FilterLogEvents", streams}.also_as(group),
    {"GetLogEvents", "logs:GetLogEvents", stream},
    Need{"ListTagsForResource", "logs:ListTagsForResource", tagged_group}.also_as(
        all_streams_of_it),
    {"PutLogEvents", "logs:PutLogEvents", stream},
    Need{"PutRetentionPolicy", "logs:PutRetentionPolicy", streams}.also_as(group),
    Need{"TagResource", "logs:TagResource", tagged_group}.also_as(all_streams_of_it),
    Need{"UntagResource", "logs:UntagResource", tagged_group}.also_as(all_streams_of_it),
    {"TestMetricFilter", "logs:TestMetricFilter"},
    Need{"StartLiveTail", "logs:StartLiveTail", group}.also_as("{arn}:log-group:{group}:*"),
    Need{"StartQuery", "logs:StartQuery", streams}.also_as(group),
    {"GetQueryResults", "logs:GetQueryResults"},
    {"StopQuery", "logs:StopQuery"},
    {"DescribeQueries", "logs:DescribeQueries"},
};

constexpr service::KeyOfMember keys[] = {
    {"aws:RequestTag/", "tags"},
    {"aws:TagKeys", "tags", Arity::many},
    {"aws:TagKeys", "tagKeys", Arity::many},
};

std::optional<std::vector<std::string>> word(const Question& question, std::string_view word) {
  if (word != "group") return std::nullopt;
  for (const std::string_view member : {"logGroupName", "logGroupNames"})
    if (question.has(member)) return question.texts(member);
  std::vector<std::string> names;
  for (const std::string_view member : {"logGroupIdentifier", "logGroupIdentifiers"})
    if (question.has(member))
      for (const std::string& each : question.texts(member))
        names.emplace_back(name_of_identifier(each));
  return names;
}

// A group's tags count for what is done to it and to its streams.
Result<Guarded> guarded(const Question& question, std::string_view arn) {
  constexpr std::string_view marker = ":log-group:";
  std::string_view name = arn.substr(std::min(arn.find(marker), arn.size()));
  if (name.empty()) return Guarded{};
  name.remove_prefix(marker.size());
  name = name.substr(0, name.find(':'));
  const auto& caller = question.call().caller();
  return Guarded{.tagged = logs::tagged(
                     {fmt::format("{}/{}", caller.account(), caller.region), std::string(name)})};
}

}  // namespace

service::Permissions permissions() {
  return {
      .schema = aws::logs::schema(), .needs = needs, .keys = keys, .word = word, .find = guarded};
}

}  // namespace slipway::logs_door
