"""The forms in which clients write what they ask of SQS and SNS, and what is refused as a whole."""
import json

import pytest
from botocore.exceptions import ClientError

FIFO_GIVEN = {"FifoQueue": "True", "ContentBasedDeduplication": "TRUE"}  # as str(True) writes it


def error_of(caught):
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


@pytest.fixture
def queue(aws, name):
    return aws.sqs.create_queue(QueueName=name)["QueueUrl"]


def test_switches_are_read_in_any_case(aws, name):
    queue = aws.sqs.create_queue(QueueName=f"{name}.fifo", Attributes=FIFO_GIVEN)["QueueUrl"]
    assert aws.sqs.create_queue(QueueName=f"{name}.fifo", Attributes=FIFO_GIVEN)["QueueUrl"] == queue
    shown = aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert (shown["FifoQueue"], shown["ContentBasedDeduplication"]) == ("true", "true")
    plain = aws.sqs.create_queue(QueueName=name, Attributes={"SqsManagedSseEnabled": "False"})["QueueUrl"]
    shown = aws.sqs.get_queue_attributes(QueueUrl=plain, AttributeNames=["All"])["Attributes"]
    assert shown["SqsManagedSseEnabled"] == "false"

    topic = aws.sns.create_topic(Name=f"{name}.fifo", Attributes={"FifoTopic": "True"})["TopicArn"]
    assert aws.sns.create_topic(Name=f"{name}.fifo", Attributes={"FifoTopic": "true"})["TopicArn"] == topic
    loose = aws.sns.create_topic(Name=name)["TopicArn"]
    assert aws.sns.create_topic(Name=name, Attributes={"FifoTopic": "false"})["TopicArn"] == loose
    arn = aws.sqs.get_queue_attributes(QueueUrl=plain, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    made = aws.sns.subscribe(TopicArn=loose, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True,
                             Attributes={"RawMessageDelivery": "True"})["SubscriptionArn"]
    shown = aws.sns.get_subscription_attributes(SubscriptionArn=made)["Attributes"]
    assert shown["RawMessageDelivery"] == "true"


def test_a_queue_is_named_by_its_name_alone(aws, queue, name):
    aws.sqs.send_message(QueueUrl=name, MessageBody="by name")
    assert aws.sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "by name"


@pytest.mark.parametrize("names", [["*"], ["All"], [".*"]])
def test_all_attributes_have_three_names(aws, queue, names):
    attributes = {"a": {"DataType": "String", "StringValue": "1"}, "b": {"DataType": "Number", "StringValue": "2"}}
    aws.sqs.send_message(QueueUrl=queue, MessageBody="m", MessageAttributes=attributes)
    message, = aws.sqs.receive_message(QueueUrl=queue, MessageAttributeNames=names)["Messages"]
    assert message["MessageAttributes"] == attributes


def test_the_header_of_a_trace_is_handed_on(aws, queue):
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    client = aws.client("sqs")
    client.meta.events.register("before-send.sqs.SendMessage",
                                lambda request, **_: request.headers.update({"X-Amzn-Trace-Id": trace}))
    client.send_message(QueueUrl=queue, MessageBody="traced")
    message, = client.receive_message(QueueUrl=queue, AttributeNames=["AWSTraceHeader"])["Messages"]
    assert message["Attributes"] == {"AWSTraceHeader": trace}


@pytest.mark.parametrize("attribute,value,message", [
    ("AWSTraceHeader", "a\x01", "The message system attribute 'AWSTraceHeader' contains invalid characters."),
    ("Other", "a", "Message system attribute name 'Other' is invalid.")])
def test_a_system_attribute_is_a_trace_that_is_text(aws, queue, attribute, value, message):
    with pytest.raises(ClientError) as caught:
        aws.sqs.send_message(QueueUrl=queue, MessageBody="m", MessageSystemAttributes={
            attribute: {"DataType": "String", "StringValue": value}})
    assert caught.value.response["Error"]["Message"] == message


@pytest.mark.parametrize("trace", [b"Root=\xff\xfe", b"x" * 2000])
def test_the_header_of_no_trace_spoils_no_message(aws, queue, name, trace):
    """What is no text would make the answer to the consumer unreadable, again and again."""
    topic = aws.sns.create_topic(Name=name)["TopicArn"]
    arn = aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    for service, operation in (("sqs", "SendMessage"), ("sns", "Publish")):
        client = aws.client(service)
        client.meta.events.register(f"before-send.{service}.{operation}",
                                    lambda request, **_: request.headers.update({"X-Amzn-Trace-Id": trace}))
        if service == "sqs":
            client.send_message(QueueUrl=queue, MessageBody="m")
        else:
            client.publish(TopicArn=topic, Message="m")
    seen = 0
    while seen < 2:
        for each in aws.sqs.receive_message(QueueUrl=queue, AttributeNames=["All"], WaitTimeSeconds=10)["Messages"]:
            assert "AWSTraceHeader" not in each["Attributes"]
            seen += 1


def test_a_batch_to_a_fifo_queue_without_groups_is_refused_as_a_whole(aws, name):
    queue = aws.sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    with pytest.raises(ClientError) as caught:
        aws.sqs.send_message_batch(QueueUrl=queue, Entries=[
            {"Id": "1", "MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "1"},
            {"Id": "2", "MessageBody": "b"}])
    assert error_of(caught) == ("InvalidParameterValue",
                                "The request must contain the parameter MessageGroupId.")
    with pytest.raises(ClientError) as caught:
        aws.sqs.send_message_batch(QueueUrl=queue, Entries=[
            {"Id": "1", "MessageBody": "a", "MessageGroupId": "g"}])
    assert error_of(caught)[0] == "InvalidParameterValue"
    assert "Messages" not in aws.sqs.receive_message(QueueUrl=queue)

    topic = aws.sns.create_topic(Name=f"{name}.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    with pytest.raises(ClientError) as caught:
        aws.sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[{"Id": "1", "Message": "a"}])
    assert error_of(caught) == (
        "InvalidParameter", "Invalid parameter: The MessageGroupId parameter is required for FIFO topics")


def test_visibility_is_changed_also_when_the_message_is_there_again(aws, queue):
    aws.sqs.send_message(QueueUrl=queue, MessageBody="m")
    receipt = aws.sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"][0]["ReceiptHandle"]
    aws.sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=receipt, VisibilityTimeout=30)
    assert "Messages" not in aws.sqs.receive_message(QueueUrl=queue)


def test_a_dotted_key_of_a_body_filter_is_a_step_into_the_body(aws, queue, name):
    topic = aws.sns.create_topic(Name=name)["TopicArn"]
    arn = aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={
        "RawMessageDelivery": "true", "FilterPolicyScope": "MessageBody",
        "FilterPolicy": json.dumps({"object.nested": ["v"]})})
    for value in ["other", "v"]:
        aws.sns.publish(TopicArn=topic, Message=json.dumps({"object": {"nested": value}}))
    message, = aws.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert json.loads(message["Body"]) == {"object": {"nested": "v"}}
