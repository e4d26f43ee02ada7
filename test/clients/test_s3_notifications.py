"""A bucket tells queues and topics what happens to its objects."""
import json
import threading

import botocore.exceptions
import pytest
from conftest import Clients
from policies import People, allow
from test_s3_post import post


@pytest.fixture
def queue(aws, name):
    url = aws.sqs.create_queue(QueueName=name)["QueueUrl"]
    yield url
    aws.sqs.delete_queue(QueueUrl=url)


def arn_of(aws, queue):
    return aws.sqs.get_queue_attributes(
        QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def let_bucket_send(aws, queue, bucket, effect="Allow", **condition):
    condition = condition or {"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"},
                              "StringEquals": {"aws:SourceAccount": "000000000000"}}
    aws.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": effect, "Principal": {"Service": "s3.amazonaws.com"},
                       "Action": "sqs:SendMessage", "Resource": arn_of(aws, queue),
                       "Condition": condition}]})})


def configure(aws, bucket, queue_arn, *events, **options):
    aws.s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": queue_arn, "Events": list(events)}]}, **options)


def bodies(aws, queue, count):
    out = []
    for _ in range(20):
        for message in aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10,
                                               WaitTimeSeconds=1).get("Messages", []):
            aws.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            body = json.loads(message["Body"])
            if body.get("Event") != "s3:TestEvent":
                out.append(body)
        if len(out) >= count:
            return out
    raise AssertionError(f"{count} messages were expected: {out}")


def test_a_queue_that_lets_the_bucket_send_is_told(aws, name, queue):
    aws.s3.create_bucket(Bucket=name)
    let_bucket_send(aws, queue, name)
    configure(aws, name, arn_of(aws, queue), "s3:ObjectCreated:*", "s3:ObjectRemoved:*")
    aws.s3.put_object(Bucket=name, Key="a@b", Body=b"something")
    aws.s3.delete_object(Bucket=name, Key="a@b")
    put, removed = [body["Records"][0] for body in bodies(aws, queue, 2)]
    assert put["eventName"] == "ObjectCreated:Put"
    assert put["s3"]["object"].items() >= {
        "key": "a%40b", "size": 9, "eTag": "437b930db84b8079c2dd804a71936b5f"}.items()
    assert put["s3"]["bucket"]["arn"] == f"arn:aws:s3:::{name}"
    assert removed["eventName"] == "ObjectRemoved:Delete"
    assert set(removed["s3"]["object"]) == {"key", "sequencer"}


def test_a_form_is_told_as_one(aws, name, queue):
    aws.s3.create_bucket(Bucket=name)
    let_bucket_send(aws, queue, name)
    configure(aws, name, arn_of(aws, queue), "s3:ObjectCreated:Post")
    aws.s3.put_object(Bucket=name, Key="put", Body=b"x")
    assert post(aws, name, aws.s3.generate_presigned_post(name, "posted")["fields"])[0] == 204
    told, = [body["Records"][0] for body in bodies(aws, queue, 1)]
    assert (told["eventName"], told["s3"]["object"]["key"]) == ("ObjectCreated:Post", "posted")


def test_a_queue_whose_policy_says_no_is_refused_and_never_told(aws, name, queue):
    aws.s3.create_bucket(Bucket=name)
    let_bucket_send(aws, queue, "another-bucket")
    with pytest.raises(botocore.exceptions.ClientError) as refusal:
        configure(aws, name, arn_of(aws, queue), "s3:ObjectCreated:*")
    error = refusal.value.response["Error"]
    assert error["Code"] == "InvalidArgument"
    assert error["ArgumentName1"] == arn_of(aws, queue)
    assert error["ArgumentValue1"] == ("Permissions on the destination queue do not allow S3 to "
                                       "publish notifications from this bucket")
    # The policy is asked again with each message.
    configure(aws, name, arn_of(aws, queue), "s3:ObjectCreated:*", SkipDestinationValidation=True)
    aws.s3.put_object(Bucket=name, Key="lost", Body=b"")
    let_bucket_send(aws, queue, name)
    aws.s3.put_object(Bucket=name, Key="told", Body=b"")
    keys = [body["Records"][0]["s3"]["object"]["key"] for body in bodies(aws, queue, 1)]
    assert keys == ["told"]


def test_a_topic_hands_on_what_a_bucket_tells(aws, name, queue):
    aws.s3.create_bucket(Bucket=name)
    topic = aws.sns.create_topic(Name=name)["TopicArn"]
    aws.sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sns:Publish",
                       "Resource": topic,
                       "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:*:*:{name}"}}}]}))
    aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn_of(aws, queue))
    aws.s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={
            "TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectTagging:*"]}]})
    aws.s3.put_object(Bucket=name, Key="thing", Body=b"FooBarBlitz")
    aws.s3.put_object_tagging(Bucket=name, Key="thing",
                              Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    told = [body for body in bodies(aws, queue, 2) if "Records" in body["Message"]]
    assert told[0]["Subject"] == "Amazon S3 Notification"
    record = json.loads(told[0]["Message"])["Records"][0]
    assert record["eventName"] == "ObjectTagging:Put"
    assert record["eventVersion"] == "2.3"
    assert record["s3"]["object"] == {"key": "thing", "eTag": "f3e6da48d914f3f04f6bd9cb092c044d"}


def test_a_list_that_lets_in_others_is_told_and_one_that_changes_nothing_is_not(aws, name, queue):
    aws.s3.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    aws.s3.delete_public_access_block(Bucket=name)
    aws.s3.put_object(Bucket=name, Key="thing", Body=b"FooBarBlitz")
    configure(aws, name, arn_of(aws, queue), "s3:ObjectAcl:Put")
    for canned in "private", "public-read", "public-read":
        aws.s3.put_object_acl(Bucket=name, Key="thing", ACL=canned)
    aws.s3.put_object_acl(Bucket=name, Key="thing", ACL="private")
    told = [body["Records"][0] for body in bodies(aws, queue, 2)]
    assert [record["eventName"] for record in told] == ["ObjectAcl:Put"] * 2
    assert told[0]["eventVersion"] == "2.3"
    assert told[0]["s3"]["object"] == {"key": "thing", "eTag": "f3e6da48d914f3f04f6bd9cb092c044d"}


def test_nobody_leads_a_bucket_to_a_queue_where_he_may_not_send(aws, server, name, queue):
    """A queue without a policy takes what its account's buckets send: so the caller is asked."""
    aws.s3.create_bucket(Bucket=name)
    worker = People(aws, server, "notifier").user(allow("s3:*")).s3
    configuration = {"QueueConfigurations": [
        {"QueueArn": arn_of(aws, queue), "Events": ["s3:ObjectCreated:*"]}]}
    for skip in (False, True):
        with pytest.raises(botocore.exceptions.ClientError, match="Unable to validate"):
            worker.put_bucket_notification_configuration(
                Bucket=name, NotificationConfiguration=configuration,
                SkipDestinationValidation=skip)
    configure(aws, name, arn_of(aws, queue), "s3:ObjectCreated:*")  # the root may
    # What refuses now would take all once its policy is gone.
    let_bucket_send(aws, queue, "another-bucket")
    with pytest.raises(botocore.exceptions.ClientError, match="Unable to validate"):
        worker.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration=configuration, SkipDestinationValidation=True)


def test_a_kill_leaves_no_object_untold_and_no_message_of_none(own_server, name):
    """The message is of the same commit as the object: there are both or neither."""
    aws = Clients(own_server)
    aws.s3.create_bucket(Bucket=name)
    queue = aws.sqs.create_queue(QueueName=name)["QueueUrl"]
    configure(aws, name, arn_of(aws, queue), "s3:ObjectCreated:*", SkipDestinationValidation=True)

    acknowledged = threading.Semaphore(0)

    def put_until_killed(writer):
        s3 = Clients(own_server).s3
        for number in range(100_000):
            try:
                s3.put_object(Bucket=name, Key=f"{writer}/{number}", Body=b"x")
            except botocore.exceptions.BotoCoreError:
                return
            acknowledged.release()

    writers = [threading.Thread(target=put_until_killed, args=(i,)) for i in range(4)]
    for writer in writers:
        writer.start()
    for _ in range(40):
        assert acknowledged.acquire(timeout=30)
    own_server.kill()
    for writer in writers:
        writer.join()
    own_server.start()
    aws = Clients(own_server)
    there = [each["Key"] for page in aws.s3.get_paginator("list_objects_v2").paginate(Bucket=name)
             for each in page.get("Contents", [])]
    told = [body["Records"][0]["s3"]["object"]["key"] for body in bodies(aws, queue, len(there))]
    assert len(there) >= 40 and sorted(told) == sorted(there)


def test_a_flood_of_what_nobody_takes_is_a_line_in_the_log(aws, server, name, queue):
    aws.s3.create_bucket(Bucket=name)
    configure(aws, name, arn_of(aws, queue).replace(name, name + "-gone"), "s3:ObjectCreated:*",
              SkipDestinationValidation=True)
    for number in range(20):
        aws.s3.put_object(Bucket=name, Key=str(number), Body=b"")
    lines = [line for line in server.log.read_text().splitlines()
             if "notifications are lost" in line and name in line]
    assert len(lines) == 1
