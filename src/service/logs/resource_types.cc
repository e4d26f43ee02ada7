#include "service/logs/resource_types.h"

#include "gen/logs.h"

namespace slipway::logs_door {
namespace {

namespace api = aws::logs;

using service::Property;
using service::PropertyPlace;
using service::ResourceType;
using Use = service::Property::Use;
namespace forms = service::forms;

constexpr std::string_view group_arn = "arn:aws:logs:{region}:{account}:log-group:{name}";

constexpr Property group_properties[] = {
    {"LogGroupName", Use::create_only},
    {"LogGroupClass", Use::create_only},
    {"RetentionInDays"},
    {"Tags", Use::settable, forms::tag_map},
    {"Arn", Use::attribute},
};
constexpr PropertyPlace group_given[] = {
    {"LogGroupName", "logGroupName"}, {"LogGroupClass", "logGroupClass"}, {"Tags", "tags"}};
constexpr PropertyPlace name_of_list[] = {
    {"LogGroupName", "logGroupIdentifiers", &forms::only_item}};
constexpr PropertyPlace group_shown[] = {
    {"LogGroupClass", "logGroups.logGroupClass", &forms::only_item},
    {"RetentionInDays", "logGroups.retentionInDays", &forms::only_item},
    {"Arn", "logGroups.arn", &forms::only_item},
};
constexpr PropertyPlace retention[] = {{"RetentionInDays", "retentionInDays"}};
constexpr PropertyPlace tags[] = {{"Tags", "tags"}};
constexpr PropertyPlace tag_keys[] = {{"Tags", "tagKeys"}};

// A list of groups that lacks one is no error: its tags tell whether it is there.
constexpr service::Reading group_readings[] = {
    {.step = {.operation = "ListTagsForResource", .id = "resourceArn", .id_text = group_arn}},
    {.step = {.operation = "DescribeLogGroups", .places = group_shown}, .asked_by = name_of_list}};
constexpr service::Update group_updates[] = {
    {.write = {.operation = "PutRetentionPolicy", .id = "logGroupName", .places = retention},
     .clear = {.operation = "DeleteRetentionPolicy", .id = "logGroupName"}}};

const ResourceType types[] = {
    {.name = "AWS::Logs::LogGroup",
     .schema = api::schema(),
     .properties = group_properties,
     .identifier = "LogGroupName",
     .named = "LogGroupName",
     .create = {.operation = "CreateLogGroup", .places = group_given},
     .readings = group_readings,
     .gone = {"ResourceNotFoundException"},
     .updates = group_updates,
     .tagging = {.add = {.operation = "TagResource",
                         .id = "resourceArn",
                         .id_text = group_arn,
                         .places = tags},
                 .remove = {.operation = "UntagResource",
                            .id = "resourceArn",
                            .id_text = group_arn,
                            .places = tag_keys},
                 .list = {.operation = "ListTagsForResource",
                          .id = "resourceArn",
                          .id_text = group_arn,
                          .places = tags}},
     .remove = {.operation = "DeleteLogGroup", .id = "logGroupName"},
     .list = {.operation = "DescribeLogGroups", .fixed = R"({"limit":50})"},
     .listed = "logGroups.logGroupName",
     .paging = {"nextToken", "nextToken"},
     .refused = "BearerTokenAuthenticationEnabled DataProtectionPolicy DeletionProtectionEnabled "
                "FieldIndexPolicies KmsKeyId ResourcePolicyDocument"},
};

}  // namespace

std::span<const ResourceType> resource_types() { return types; }

}  // namespace slipway::logs_door
