"""SQS's answers to the member and the word, as AWS's were recorded."""
import json
import urllib.error
import urllib.parse
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from botocore.exceptions import ClientError

ACCOUNT = "000000000000"


def error_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"].split(".")[-1], caught.value.response["Error"]["Message"]


@pytest.fixture
def queue(aws, name):
    return aws.sqs.create_queue(QueueName=name)["QueueUrl"]


def shown(aws, queue, name):
    return aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])["Attributes"].get(name)


def test_permissions_are_written_as_aws_writes_them(aws, queue):
    arn, root = shown(aws, queue, "QueueArn"), "arn:aws:iam::{}:root".format
    aws.sqs.add_permission(QueueUrl=queue, Label="l1", AWSAccountIds=[ACCOUNT, "668614515564"],
                           Actions=["ReceiveMessage"])
    both = {"Sid": "l1", "Effect": "Allow", "Principal": {"AWS": [root(ACCOUNT), root("668614515564")]},
            "Action": "SQS:ReceiveMessage", "Resource": arn}
    assert json.loads(shown(aws, queue, "Policy")) == {
        "Version": "2008-10-17", "Id": f"{arn}/SQSDefaultPolicy", "Statement": [both]}
    more = {"QueueUrl": queue, "AWSAccountIds": [ACCOUNT], "Actions": ["SendMessage", "GetQueueUrl"]}
    assert error_of(aws.sqs.add_permission, **more, Label="l1") == (
        "InvalidParameterValue", "Value l1 for parameter Label is invalid. Reason: Already exists.")
    assert error_of(aws.sqs.add_permission, **{**more, "Actions": ["RemovePermission"]}, Label="l2") == (
        "InvalidParameterValue", "Value SQS:RemovePermission for parameter ActionName is invalid. Reason: Only the queue "
                                 "owner is allowed to invoke this action.")
    aws.sqs.add_permission(**more, Label="l2")
    assert json.loads(shown(aws, queue, "Policy"))["Statement"][1] == {
        "Sid": "l2", "Effect": "Allow", "Principal": {"AWS": root(ACCOUNT)},
        "Action": ["SQS:SendMessage", "SQS:GetQueueUrl"], "Resource": arn}
    for label in ("l1", "l2"):
        aws.sqs.remove_permission(QueueUrl=queue, Label=label)
    assert shown(aws, queue, "Policy") is None
    assert error_of(aws.sqs.remove_permission, QueueUrl=queue, Label="l2") == (
        "InvalidParameterValue", "Value l2 for parameter Label is invalid. Reason: can't find label.")


def test_too_many_actions_are_over_the_limit(aws, queue):
    with pytest.raises(ClientError) as caught:
        aws.sqs.add_permission(QueueUrl=queue, Label="l", AWSAccountIds=[ACCOUNT], Actions=["SendMessage"] * 8)
    assert caught.value.response["Error"]["Message"] == "8 Actions were found, maximum allowed is 7."
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_queue_that_is_not_there_is_named_in_the_header_of_query(aws, queue):
    with pytest.raises(ClientError) as caught:
        aws.sqs.send_message(QueueUrl=f"{queue}-not", MessageBody="m")
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert "x-amzn-errortype" not in headers, "the SDK for Java would take its whole value as the name"
    assert headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"


def test_tags_that_are_none_or_too_many_are_refused(aws, queue, name):
    assert error_of(aws.sqs.tag_queue, QueueUrl=queue, Tags={}) == (
        "MissingParameter", "The request must contain the parameter Tags.")
    assert error_of(aws.sqs.tag_queue, QueueUrl=queue, Tags={str(i): "v" for i in range(51)}) == (
        "InvalidParameterValue", f"Too many tags added for queue {name}.")
    assert error_of(aws.sqs.tag_queue, QueueUrl=queue, Tags={"aws:k": "v"}) == (
        "InvalidParameterValue", "aws: prefixed tag key names are not allowed for external use.")
    assert error_of(aws.sqs.untag_queue, QueueUrl=queue, TagKeys=[]) == (
        "InvalidParameterValue", "Tag keys must be between 1 and 128 characters in length.")


def test_any_receipt_of_a_message_deletes_it(aws, queue):
    aws.sqs.send_message(QueueUrl=queue, MessageBody="m")
    receipts = [aws.sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"][0]["ReceiptHandle"]
                for _ in range(2)]
    assert receipts[0] != receipts[1]
    aws.sqs.delete_message(QueueUrl=queue, ReceiptHandle=receipts[0])
    assert "Messages" not in aws.sqs.receive_message(QueueUrl=queue)
    aws.sqs.delete_message(QueueUrl=queue, ReceiptHandle=receipts[1])


def test_what_only_a_fifo_queue_has_is_refused_in_its_own_words(aws, name):
    create, fifo = aws.sqs.create_queue, {"FifoQueue": "true"}
    for attribute, value in (("FifoThroughputLimit", "perQueue"), ("DeduplicationScope", "queue")):
        assert error_of(create, QueueName=name, Attributes={attribute: value}) == (
            "InvalidAttributeName", f"You can specify the {attribute} only when FifoQueue is set to true.")
    high = {"FifoThroughputLimit": "perMessageGroupId"}
    refused = ("InvalidAttributeValue",
               "Invalid value for the parameter FifoThroughputLimit. Reason: To set FifoThroughputLimit to "
               "perMessageGroupId, the DeduplicationScope must be messageGroup.")
    assert error_of(create, QueueName=f"{name}.fifo", Attributes={**fifo, **high}) == refused
    queue = create(QueueName=f"{name}.fifo", Attributes={**fifo, **high, "DeduplicationScope": "messageGroup"})["QueueUrl"]
    change = aws.sqs.set_queue_attributes
    assert error_of(change, QueueUrl=queue, Attributes={"DeduplicationScope": "queue"}) == refused
    change(QueueUrl=queue, Attributes=fifo)
    assert error_of(change, QueueUrl=queue, Attributes={"FifoQueue": "false"}) == (
        "InvalidAttributeValue",
        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.")


def test_a_queue_is_encrypted_in_one_way(aws, queue):
    aws.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"KmsMasterKeyId": "key"})
    assert shown(aws, queue, "SqsManagedSseEnabled") == "false"
    assert error_of(aws.sqs.set_queue_attributes, QueueUrl=queue, Attributes={"SqsManagedSseEnabled": "true"}) == (
        "InvalidAttributeName", "You can use one type of server-side encryption (SSE) at one time. You can either enable "
                                "KMS SSE or SQS SSE.")
    for name, value in (("KmsMasterKeyId", "k" * 2049), ("KmsDataKeyReusePeriodSeconds", "59")):
        assert error_of(aws.sqs.set_queue_attributes, QueueUrl=queue, Attributes={name: value}) == (
            "InvalidAttributeValue", f"Invalid value for the parameter {name}.")


def test_a_queue_with_a_key_of_kms_takes_nothing(aws, queue, name):
    aws.s3.create_bucket(Bucket=name)
    arn = shown(aws, queue, "QueueArn")
    told = {"Bucket": name, "NotificationConfiguration": {"QueueConfigurations": [
        {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}}
    for key in ("alias/aws/sqs", "arn:aws:kms:us-east-1:000000000000:alias/aws/sqs"):
        aws.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"KmsMasterKeyId": key})
        aws.sqs.send_message(QueueUrl=queue, MessageBody="m")
        aws.s3.put_bucket_notification_configuration(**told)
    aws.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"KmsMasterKeyId": "a-key"})
    refused = ("KmsNotFound", "Slipway has no keys of KMS: 'a-key' is not found.")
    assert error_of(aws.sqs.send_message, QueueUrl=queue, MessageBody="m") == refused
    assert error_of(aws.sqs.send_message_batch, QueueUrl=queue, Entries=[{"Id": "1", "MessageBody": "m"}]) == refused
    assert error_of(aws.s3.put_bucket_notification_configuration, **told)[0] == "InvalidArgument"


def test_a_url_that_is_a_host_alone_names_no_queue(aws):
    assert error_of(aws.sqs.get_queue_attributes, QueueUrl="http://whatever") == (
        "NonExistentQueue", "The specified queue does not exist.")
    assert error_of(aws.sqs.get_queue_attributes, QueueUrl="http://whatever/") == (
        "InvalidAddress", "The address http://whatever/ is not valid for this endpoint.")


def test_dead_letters_need_an_arn(aws, queue):
    policy = json.dumps({"deadLetterTargetArn": "dummy", "maxReceiveCount": 42})
    assert error_of(aws.sqs.set_queue_attributes, QueueUrl=queue, Attributes={"RedrivePolicy": policy}) == (
        "InvalidParameterValue",
        f"Value {policy} for parameter RedrivePolicy is invalid. Reason: Invalid value for deadLetterTargetArn.")


def test_a_dead_letter_counts_on(aws, name, queue):
    dead = aws.sqs.create_queue(QueueName=f"{name}-d")["QueueUrl"]
    aws.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "0", "RedrivePolicy": json.dumps(
        {"deadLetterTargetArn": shown(aws, dead, "QueueArn"), "maxReceiveCount": 1})})
    aws.sqs.send_message(QueueUrl=queue, MessageBody="m")
    counts = []
    for each in (queue, queue, dead):
        for message in aws.sqs.receive_message(QueueUrl=each, AttributeNames=["All"]).get("Messages", []):
            counts.append((each, message["Attributes"]["ApproximateReceiveCount"]))
    assert counts == [(queue, "1"), (dead, "2")]


@pytest.mark.parametrize("attribute,value,message", [
    ("a" * 257, {"DataType": "String", "StringValue": "v"},
     "Message (user) attribute names must be shorter than 256 Bytes"),
    ("öther", {"DataType": "String", "StringValue": "v"},
     "Message (user) attributes name can only contain upper and lower score characters, digits, periods, hyphens and "
     "underscores. "),
    ("a", {"DataType": "String", "StringValue": ""},
     "Message (user) attribute 'a' must contain a non-empty value of type 'String'."),
    ("a", {"DataType": "Number", "StringValue": "many"},
     "Can't cast the value of message (user) attribute 'a' to a number."),
    ("a", {"DataType": "Colour", "StringValue": "red"},
     "The type of message (user) attribute 'a' is invalid. You must use only the following supported type prefixes: "
     "Binary, Number, String.")])
def test_message_attributes_are_refused_in_the_words_of_aws(aws, queue, attribute, value, message):
    assert error_of(aws.sqs.send_message, QueueUrl=queue, MessageBody="m", MessageAttributes={attribute: value}) == (
        "InvalidParameterValue", message)


def test_by_query_a_queue_that_is_not_there_is_so_for_this_wsdl_version(aws, server):
    assert error_of(aws.sqs.get_queue_attributes, QueueUrl=f"{server.url}/{ACCOUNT}/none") == (
        "NonExistentQueue", "The specified queue does not exist.")
    body = urllib.parse.urlencode({"Action": "GetQueueAttributes", "Version": "2012-11-05"}).encode()
    request = botocore.awsrequest.AWSRequest(
        "POST", f"{server.url}/{ACCOUNT}/none", data=body,
        headers={"Content-Type": "application/x-www-form-urlencoded"})
    keys = aws.session.get_credentials().get_frozen_credentials()
    botocore.auth.SigV4Auth(keys, "sqs", "us-east-1").add_auth(request)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(
            request.url, data=body, headers=dict(request.headers.items()), method="POST"), timeout=30)
    assert b"The specified queue does not exist for this wsdl version." in caught.value.read()
