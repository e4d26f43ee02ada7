#include "service/sqs/resource_types.h"

#include "gen/sqs.h"

namespace slipway::sqs {
namespace {

namespace api = aws::sqs;

using service::Property;
using service::PropertyPlace;
using service::ResourceType;
using Use = service::Property::Use;
namespace forms = service::forms;

constexpr service::Absence no_queue{"QueueDoesNotExist"};

// What a queue goes back to where a template takes a property away is what AWS begins it with.
constexpr Property queue_properties[] = {
    {"QueueName", Use::create_only, forms::name_of_arn},
    {"FifoQueue", Use::create_only, forms::scalar_text},
    {"ContentBasedDeduplication", Use::settable, forms::scalar_text, "false"},
    {"DeduplicationScope", Use::settable, forms::same, R"("queue")"},
    {"DelaySeconds", Use::settable, forms::scalar_text, "0"},
    {"FifoThroughputLimit", Use::settable, forms::same, R"("perQueue")"},
    {"KmsDataKeyReusePeriodSeconds", Use::settable, forms::scalar_text, "300"},
    {"KmsMasterKeyId", Use::settable, forms::same, R"("")"},
    {"MaximumMessageSize", Use::settable, forms::scalar_text, "1048576"},
    {"MessageRetentionPeriod", Use::settable, forms::scalar_text, "345600"},
    {"ReceiveMessageWaitTimeSeconds", Use::settable, forms::scalar_text, "0"},
    {"RedriveAllowPolicy", Use::settable, forms::document, R"("")"},
    {"RedrivePolicy", Use::settable, forms::document, R"("")"},
    {"SqsManagedSseEnabled", Use::settable, forms::scalar_text, "true"},
    {"VisibilityTimeout", Use::settable, forms::scalar_text, "30"},
    {"Tags", Use::settable, forms::tag_map},
    {"Arn", Use::attribute},
    {"QueueUrl", Use::attribute},
};
constexpr PropertyPlace attributes[] = {
    {"ContentBasedDeduplication", "Attributes.ContentBasedDeduplication"},
    {"DeduplicationScope", "Attributes.DeduplicationScope"},
    {"DelaySeconds", "Attributes.DelaySeconds"},
    {"FifoThroughputLimit", "Attributes.FifoThroughputLimit"},
    {"KmsDataKeyReusePeriodSeconds", "Attributes.KmsDataKeyReusePeriodSeconds"},
    {"KmsMasterKeyId", "Attributes.KmsMasterKeyId"},
    {"MaximumMessageSize", "Attributes.MaximumMessageSize"},
    {"MessageRetentionPeriod", "Attributes.MessageRetentionPeriod"},
    {"ReceiveMessageWaitTimeSeconds", "Attributes.ReceiveMessageWaitTimeSeconds"},
    {"RedriveAllowPolicy", "Attributes.RedriveAllowPolicy"},
    {"RedrivePolicy", "Attributes.RedrivePolicy"},
    {"SqsManagedSseEnabled", "Attributes.SqsManagedSseEnabled"},
    {"VisibilityTimeout", "Attributes.VisibilityTimeout"},
};
constexpr PropertyPlace only_at_first[] = {
    {"QueueName"}, {"FifoQueue", "Attributes.FifoQueue"}, {"Tags", "tags"}};
constexpr PropertyPlace only_shown[] = {{"QueueName", "Attributes.QueueArn"},
                                        {"FifoQueue", "Attributes.FifoQueue"},
                                        {"Arn", "Attributes.QueueArn"}};
constexpr auto given = join_places(attributes, only_at_first);
constexpr auto shown = join_places(attributes, only_shown);
constexpr PropertyPlace tags[] = {{"Tags"}};
constexpr PropertyPlace tag_keys[] = {{"TagKeys"}};

constexpr service::Reading queue_readings[] = {
    {.step = {.operation = "GetQueueAttributes",
              .id = "QueueUrl",
              .places = shown,
              .fixed = R"({"AttributeNames":["All"]})"}}};
constexpr service::Update queue_updates[] = {
    {.write = {.operation = "SetQueueAttributes", .id = "QueueUrl", .places = attributes}}};

constexpr Property policy_properties[] = {
    {"Queues"},
    {"PolicyDocument", Use::settable, forms::document},
    {"Id", Use::attribute},
};
constexpr PropertyPlace put_policy[] = {{"item", "QueueUrl"},
                                        {"PolicyDocument", "Attributes.Policy"}};
constexpr PropertyPlace queue_of_policy[] = {{"item", "QueueUrl"}};
constexpr PropertyPlace policy_shown[] = {{"PolicyDocument", "Attributes.Policy"}};
constexpr service::Items policy_items[] = {
    {.property = "Queues",
     .add = {.operation = "SetQueueAttributes", .places = put_policy},
     .remove = {.operation = "SetQueueAttributes",
                .places = queue_of_policy,
                .fixed = R"({"Attributes":{"Policy":""}})"},
     .get = {.operation = "GetQueueAttributes",
             .places = policy_shown,
             .fixed = R"({"AttributeNames":["Policy"]})"},
     .absent = no_queue}};

const ResourceType types[] = {
    {.name = "AWS::SQS::Queue",
     .schema = api::schema(),
     .properties = queue_properties,
     .identifier = "QueueUrl",
     .made = "QueueUrl",
     .named = "QueueName",
     .create = {.operation = "CreateQueue", .places = given},
     .probe = {.step = {.operation = "GetQueueUrl", .id = "QueueName"}, .id = "{name}"},
     .readings = queue_readings,
     .gone = no_queue,
     .updates = queue_updates,
     .tagging = {.add = {.operation = "TagQueue", .id = "QueueUrl", .places = tags},
                 .remove = {.operation = "UntagQueue", .id = "QueueUrl", .places = tag_keys},
                 .list = {.operation = "ListQueueTags", .id = "QueueUrl", .places = tags}},
     .remove = {.operation = "DeleteQueue", .id = "QueueUrl"},
     .list = {.operation = "ListQueues", .fixed = R"({"MaxResults":1000})"},
     .listed = "QueueUrls",
     .paging = {"NextToken", "NextToken"}},
    {.name = "AWS::SQS::QueuePolicy",
     .schema = api::schema(),
     .properties = policy_properties,
     .identifier = "Id",
     .named = "Id",
     .gone = no_queue,
     .items = policy_items},
};

}  // namespace

std::span<const ResourceType> resource_types() { return types; }

}  // namespace slipway::sqs
