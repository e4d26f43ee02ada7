"""SNS's answers to the member and the word, as AWS's were recorded."""
import json

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "000000000000"
RETRY = {"minDelayTarget": 20, "maxDelayTarget": 20, "numRetries": 3, "numMaxDelayRetries": 0,
         "numNoDelayRetries": 0, "numMinDelayRetries": 0, "backoffFunction": "linear"}
CONTENT = {"headerContentType": "text/plain; charset=UTF-8"}


def error_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


@pytest.fixture
def topic(aws, name):
    return aws.sns.create_topic(Name=name)["TopicArn"]


@pytest.fixture
def queue(aws, name):
    return aws.sqs.create_queue(QueueName=name)["QueueUrl"]


def arn_of(aws, queue):
    return aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def set_policy(aws, topic, policy):
    aws.sns.set_topic_attributes(TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue=json.dumps(policy))


def subscribe(aws, topic, queue, **attributes):
    return aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn_of(aws, queue), ReturnSubscriptionArn=True,
                             Attributes=attributes)["SubscriptionArn"]


def received(aws, queue, seconds=5):
    return aws.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=seconds, AttributeNames=["All"],
                                   MessageAttributeNames=["All"]).get("Messages", [])


def test_a_new_topic_shows_the_policies_of_aws(aws, topic):
    shown = aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert json.loads(shown["Policy"]) == {
        "Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [{
            "Sid": "__default_statement_ID", "Effect": "Allow", "Principal": {"AWS": "*"},
            "Action": [f"SNS:{each}" for each in (
                "GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic",
                "Subscribe", "ListSubscriptionsByTopic", "Publish")],
            "Resource": topic, "Condition": {"StringEquals": {"AWS:SourceOwner": ACCOUNT}}}]}
    assert json.loads(shown["EffectiveDeliveryPolicy"]) == {"http": {
        "defaultHealthyRetryPolicy": RETRY, "disableSubscriptionOverrides": False, "defaultRequestPolicy": CONTENT}}


def test_a_permission_stands_beside_the_default_statement(aws, topic):
    default, = json.loads(aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])["Statement"]
    one = {"TopicArn": topic, "Label": "one", "AWSAccountId": ["999999999999"], "ActionName": ["Publish"]}
    aws.sns.add_permission(**one)
    shown = json.loads(aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    assert shown["Statement"] == [default, {
        "Sid": "one", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
        "Action": "SNS:Publish", "Resource": topic}]
    assert error_of(aws.sns.add_permission, **one) == ("InvalidParameter",
                                                       "Invalid parameter: Statement already exists")
    assert error_of(aws.sns.add_permission, **{**one, "Label": "two", "ActionName": ["NotExists"]}) == (
        "InvalidParameter", "Invalid parameter: Policy statement action out of service scope!")
    aws.sns.remove_permission(TopicArn=topic, Label="one")
    shown = json.loads(aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    assert shown["Statement"] == [default]


def test_the_subscription_of_a_web_server_shows_its_policy(aws, topic):
    made = aws.sns.subscribe(TopicArn=topic, Protocol="https", Endpoint="https://example.com/", ReturnSubscriptionArn=True,
                             Attributes={"DeliveryPolicy": json.dumps({"requestPolicy": {"headerContentType": "text/csv"}})})
    shown = aws.sns.get_subscription_attributes(SubscriptionArn=made["SubscriptionArn"])["Attributes"]
    assert json.loads(shown["EffectiveDeliveryPolicy"]) == {
        "healthyRetryPolicy": RETRY, "sicklyRetryPolicy": None, "throttlePolicy": None,
        "requestPolicy": {"headerContentType": "text/csv"}, "guaranteed": False}
    assert json.loads(shown["DeliveryPolicy"]) == {
        "healthyRetryPolicy": None, "sicklyRetryPolicy": None, "throttlePolicy": None,
        "requestPolicy": {"headerContentType": "text/csv"}, "guaranteed": False}
    # What it does not say is its topic's to say, and all where that allows no word of its own.
    http = {"defaultHealthyRetryPolicy": {**RETRY, "numRetries": 7}, "disableSubscriptionOverrides": False,
            "defaultThrottlePolicy": {"maxReceivesPerSecond": 9}, "defaultRequestPolicy": {"headerContentType": "text/xml"}}
    set_policy(aws, topic, {"http": http})
    attributes = aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert json.loads(attributes["EffectiveDeliveryPolicy"]) == {"http": http} == json.loads(attributes["DeliveryPolicy"])
    for disabled, kind in ((False, "text/csv"), (True, "text/xml")):
        set_policy(aws, topic, {"http": {**http, "disableSubscriptionOverrides": disabled}})
        shown = aws.sns.get_subscription_attributes(SubscriptionArn=made["SubscriptionArn"])["Attributes"]
        assert json.loads(shown["EffectiveDeliveryPolicy"]) == {
            "healthyRetryPolicy": {**RETRY, "numRetries": 7}, "sicklyRetryPolicy": None,
            "throttlePolicy": {"maxReceivesPerSecond": 9}, "requestPolicy": {"headerContentType": kind}, "guaranteed": False}


def test_a_topic_shows_of_its_policy_what_was_said(aws, name):
    retry = {"minDelayTarget": 5, "maxDelayTarget": 6, "numRetries": 1}
    create = {"Name": name, "Attributes": {"DeliveryPolicy": json.dumps({"http": {"defaultHealthyRetryPolicy": retry}})}}
    topic = aws.sns.create_topic(**create)["TopicArn"]
    assert aws.sns.create_topic(**create)["TopicArn"] == topic
    shown = aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert json.loads(shown["DeliveryPolicy"]) == {
        "http": {"defaultHealthyRetryPolicy": retry, "disableSubscriptionOverrides": False}}
    set_policy(aws, topic, {"http": {"defaultHealthyRetryPolicy": None}})
    shown = aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert json.loads(shown["DeliveryPolicy"]) == {"http": {"disableSubscriptionOverrides": False}}
    aws.sns.set_topic_attributes(TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue="")
    assert "DeliveryPolicy" not in aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert error_of(aws.sns.create_topic, **create)[0] == "InvalidParameter"


def test_a_redrive_policy_has_one_member(aws, topic, queue):
    policy = {"deadLetterTargetArn": arn_of(aws, queue), "maxReceiveCount": 5}
    assert error_of(aws.sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=arn_of(aws, queue),
                    Attributes={"RedrivePolicy": json.dumps(policy)}) == (
        "InvalidParameter",
        "Invalid parameter: Attributes Reason: RedrivePolicy: invalid JSON. Attribute maxReceiveCount is unknown.")


@pytest.mark.parametrize("policy, code", [
    ({"http": {"defaultHealthyRetryPolicy": {"numRetries": 101}}}, "InvalidParameter"),
    ({"http": {"defaultThrottlePolicy": {"maxReceivesPerSecond": 0}}}, "InvalidParameter"),
    ({"http": {"disableSubscriptionOverrides": "yes"}}, "InvalidParameter"),
    ({"http": {"sicklyRetryPolicy": {"numRetries": 1}}}, "NotImplemented"),
    ({"https": {}}, "NotImplemented")])
def test_a_policy_says_nothing_that_would_not_act(aws, topic, policy, code):
    with pytest.raises(ClientError) as caught:
        set_policy(aws, topic, policy)
    assert caught.value.response["Error"]["Code"] == code


def test_what_would_do_nothing_is_refused_by_name(aws, topic):
    trace = {"TopicArn": topic, "AttributeName": "TracingConfig"}
    aws.sns.set_topic_attributes(**trace, AttributeValue="PassThrough")
    assert error_of(aws.sns.set_topic_attributes, **trace, AttributeValue="Active")[0] == "NotImplemented"
    assert error_of(aws.sns.subscribe, TopicArn=topic, Protocol="https", Endpoint="https://example.com/",
                    Attributes={"SubscriptionRoleArn": "arn:aws:iam::000000000000:role/r"})[0] == "NotImplemented"


def test_a_topic_with_a_key_of_kms_publishes_nothing(aws, topic):
    for key, outcome in (("alias/aws/sns", None), ("a-key", "KMSNotFound")):
        aws.sns.set_topic_attributes(TopicArn=topic, AttributeName="KmsMasterKeyId", AttributeValue=key)
        if outcome:
            assert error_of(aws.sns.publish, TopicArn=topic, Message="x")[0] == outcome
        else:
            aws.sns.publish(TopicArn=topic, Message="x")


def test_tags_have_one_value_each(aws, name, topic):
    tags = [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]
    duplicated = ("InvalidParameter", "Invalid parameter: Duplicated keys are not allowed.")
    assert error_of(aws.sns.tag_resource, ResourceArn=topic, Tags=tags) == duplicated
    assert error_of(aws.sns.create_topic, Name=name + "2", Tags=tags) == duplicated
    reserved = ("InvalidParameter", "Invalid parameter: Tags Reason: "
                "aws: prefixed tag key names are not allowed for external use.")
    assert error_of(aws.sns.tag_resource, ResourceArn=topic, Tags=[{"Key": "aws:k", "Value": "1"}]) == reserved
    aws.sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    assert aws.sns.create_topic(Name=name, Tags=[{"Key": "b", "Value": "2"}])["TopicArn"] == topic
    assert error_of(aws.sns.create_topic, Name=name, Tags=[{"Key": "c", "Value": "3"}]) == (
        "InvalidParameter", "Invalid parameter: Tags Reason: Topic already exists with different tags")
    assert error_of(aws.sns.tag_resource, ResourceArn=topic + "x", Tags=tags[:1]) == (
        "ResourceNotFound", "Resource does not exist")


def test_a_topic_of_another_region_is_no_topic(aws, topic):
    there = aws.client("sns", region_name="eu-west-1")
    refused = ("InvalidParameter", "Invalid parameter: TopicArn")
    assert error_of(there.publish, TopicArn=topic, Message="m") == refused
    assert error_of(there.get_topic_attributes, TopicArn=topic) == refused
    assert error_of(there.delete_topic, TopicArn=topic) == refused
    assert error_of(there.list_subscriptions_by_topic, TopicArn=topic) == refused
    assert aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]["TopicArn"] == topic


@pytest.mark.parametrize("arn,message", [
    ("randomstring", "SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"),
    ("arn:aws:sns:us-east-1:random", "SubscriptionArn Reason: An ARN must have at least 6 elements, not 5"),
    ("arn:aws:sns:us-east-1:000000000000:topic", "SubscriptionId"),
    ("", "SubscriptionArn Reason: no value for required parameter")])
def test_what_is_no_subscription_is_refused_in_the_words_of_aws(aws, arn, message):
    assert error_of(aws.sns.unsubscribe, SubscriptionArn=arn) == ("InvalidParameter", f"Invalid parameter: {message}")


def test_attributes_of_a_subscription_are_refused_where_they_stand(aws, topic, queue):
    refused = "RawMessageDelivery: Invalid value [wrong]. Must be true or false."
    assert error_of(aws.sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=arn_of(aws, queue),
                    Attributes={"RawMessageDelivery": "wrong"}) == (
        "InvalidParameter", f"Invalid parameter: Attributes Reason: {refused}")
    made = subscribe(aws, topic, queue, RawMessageDelivery="TrUe", FilterPolicyScope="MessageBody", FilterPolicy="")
    shown = aws.sns.get_subscription_attributes(SubscriptionArn=made)["Attributes"]
    assert "FilterPolicyScope" not in shown and shown["SubscriptionPrincipal"].startswith("arn:aws:iam::")
    set_it = {"SubscriptionArn": made, "AttributeName": "RawMessageDelivery"}
    assert error_of(aws.sns.set_subscription_attributes, **set_it, AttributeValue="wrong") == (
        "InvalidParameter", f"Invalid parameter: {refused}")
    assert subscribe(aws, topic, queue, RawMessageDelivery="true") == made
    assert error_of(aws.sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=arn_of(aws, queue),
                    Attributes={"RawMessageDelivery": "false"}) == (
        "InvalidParameter",
        "Invalid parameter: Attributes Reason: Subscription already exists with different attributes")


def test_what_a_topic_keeps_has_a_limit(aws, topic):
    for name, length in (("DisplayName", 100), ("KmsMasterKeyId", 2048)):
        keep = {"TopicArn": topic, "AttributeName": name}
        aws.sns.set_topic_attributes(**keep, AttributeValue="x" * length)
        assert error_of(aws.sns.set_topic_attributes, **keep, AttributeValue="x" * (length + 1)) == (
            "InvalidParameter", f"Invalid parameter: {name}")


def test_filter_policies_are_refused_in_the_words_of_aws(aws, topic, queue):
    def refusal(policy):
        return error_of(aws.sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=arn_of(aws, queue),
                        Attributes={"FilterPolicy": json.dumps(policy)})

    assert refusal({"a": [{"numeric": [">", 20, "<", 1]}]}) == (
        "InvalidParameter", "Invalid parameter: Attributes Reason: FilterPolicy: Bottom must be less than top")
    assert refusal({"a": {"b": ["c"]}}) == (
        "InvalidParameter", "Invalid parameter: Attributes Reason: Filter policy scope MessageAttributes does not "
                            "support nested filter policy")


def test_a_confirmation_is_refused_in_the_words_of_aws(aws, topic):
    assert error_of(aws.sns.confirm_subscription, TopicArn=topic, Token="randomtoken") == (
        "InvalidParameter", "Invalid token")
    assert error_of(aws.sns.confirm_subscription, TopicArn=topic + "i", Token="51b2ff") == (
        "InvalidParameter", "Invalid parameter: Token")


@pytest.mark.parametrize("attribute,value,message", [
    ("a" * 257, {"DataType": "String", "StringValue": "v"},
     "Length of message attribute name must be less than 256 bytes."),
    ("^invalid", {"DataType": "String", "StringValue": "v"},
     "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric "
     "characters, hyphens, underscores, or dots."),
    (".a", {"DataType": "String", "StringValue": "v"},
     "Invalid message attribute name starting with character '.' was found."),
    ("a.", {"DataType": "String", "StringValue": "v"},
     "Invalid message attribute name ending with character '.' was found."),
    ("a..b", {"DataType": "String", "StringValue": "v"},
     "Message attribute name can not have successive '.' character."),
    ("a", {"DataType": "String", "StringValue": ""},
     "The message attribute 'a' must contain non-empty message attribute value for message attribute type 'String'."),
    ("a", {"DataType": "Number", "BinaryValue": b"1"},
     "The message attribute 'a' with type 'Number' must use field 'String'."),
    ("a", {"DataType": "Binary", "StringValue": "1"},
     "The message attribute 'a' with type 'Binary' must use field 'Binary'.")])
def test_message_attributes_are_refused_also_in_a_batch_as_a_whole(aws, topic, attribute, value, message):
    refused = ("ParameterValueInvalid", message)
    assert error_of(aws.sns.publish, TopicArn=topic, Message="m", MessageAttributes={attribute: value}) == refused
    assert error_of(aws.sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=[
        {"Id": "1", "Message": "m"}, {"Id": "2", "Message": "m", "MessageAttributes": {attribute: value}}]) == refused


def test_attributes_count_towards_the_size_of_a_message(aws, topic):
    attributes = {"attr1": {"DataType": "Number", "StringValue": "1"}}
    room = 262_144 - len("attr1Number1")
    aws.sns.publish(TopicArn=topic, Message="a" * room, MessageAttributes=attributes)
    assert error_of(aws.sns.publish, TopicArn=topic, Message="a" * (room + 1), MessageAttributes=attributes) == (
        "InvalidParameter", "Invalid parameter: Message too long")
    entries = [{"Id": "1", "Message": "a" * room, "MessageAttributes": attributes}, {"Id": "2", "Message": "b"}]
    assert error_of(aws.sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries) == (
        "BatchRequestTooLong", "The length of all the messages put together is more than the limit.")


def test_a_message_of_a_topic_has_a_sender_and_a_trace(aws, topic, queue):
    trace = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"
    sns = aws.client("sns")
    sns.meta.events.register("before-send.sns.Publish",
                             lambda request, **_: request.headers.update({"X-Amzn-Trace-Id": trace}))
    subscribe(aws, topic, queue)
    sns.publish(TopicArn=topic, Message="m")
    message, = received(aws, queue)
    assert message["Attributes"]["SenderId"].startswith("AIDA")
    assert message["Attributes"]["AWSTraceHeader"] == trace
    assert set(json.loads(message["Body"])) == {
        "Type", "MessageId", "TopicArn", "Message", "Timestamp", "SignatureVersion", "Signature", "SigningCertURL",
        "UnsubscribeURL"}
    assert "/?Action=Unsubscribe&SubscriptionArn=arn:" in json.loads(message["Body"])["UnsubscribeURL"]


def test_a_fifo_topic_signs_nothing_and_orders_no_standard_queue(aws, name, queue):
    topic = aws.sns.create_topic(Name=f"{name}.fifo", Attributes={
        "FifoTopic": "true", "ContentBasedDeduplication": "true"})["TopicArn"]
    subscribe(aws, topic, queue)
    aws.sns.publish(TopicArn=topic, Message="m", MessageGroupId="g")
    message, = received(aws, queue)
    assert "MessageGroupId" not in message["Attributes"]
    assert set(json.loads(message["Body"])) == {
        "Type", "MessageId", "SequenceNumber", "TopicArn", "Message", "Timestamp", "UnsubscribeURL"}
    fifo = aws.sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    assert error_of(aws.sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=arn_of(aws, fifo), Attributes={
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn_of(aws, queue)})}) == (
        "InvalidParameter", "Invalid parameter: Attributes Reason: RedrivePolicy: must use a FIFO queue as DLQ for a "
                            "FIFO Subscription to a FIFO Topic.")


def test_raw_delivery_discards_what_has_more_than_ten_attributes(aws, topic, queue):
    subscribe(aws, topic, queue, RawMessageDelivery="true")
    for count in (11, 10):
        aws.sns.publish(TopicArn=topic, Message=str(count), MessageAttributes={
            f"a{i}": {"DataType": "String", "StringValue": "v"} for i in range(count)})
    message, = received(aws, queue)
    assert message["Body"] == "10"
