// Who may read which log group. Policies name a group with or without ":*" behind it; either
// spelling counts.
#include "service/permissions.h"

#include "gen/logs.h"
#include "service/logs/group_name.h"
#include "service/logs/logs.h"

namespace slipway::logs_door {
namespace {

using service::Need;
using service::Question;

constexpr std::string_view streams = "{arn}:log-group:{group}:log-stream:";
constexpr std::string_view group = "{arn}:log-group:{group}";

constexpr Need needs[] = {
    {"DescribeLogGroups", "logs:DescribeLogGroups", "{arn}:log-group::log-stream:"},
    Need{"DescribeLogStreams", "logs:DescribeLogStreams", streams}.also_as(group),
    Need{"FilterLogEvents", "logs:FilterLogEvents", streams}.also_as(group),
    {"GetLogEvents", "logs:GetLogEvents", "{arn}:log-group:{group}:log-stream:{logStreamName}"},
};

std::optional<std::vector<std::string>> word(const Question& question, std::string_view word) {
  if (word != "group") return std::nullopt;
  if (question.has("logGroupName")) return question.texts("logGroupName");
  return {{std::string(name_of_identifier(question.text("logGroupIdentifier")))}};
}

}  // namespace

service::Permissions permissions() {
  return {.schema = aws::logs::schema(), .needs = needs, .word = word};
}

}  // namespace slipway::logs_door
