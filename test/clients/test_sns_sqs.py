"""Queues and topics through boto3, and through both of SQS's wire protocols."""
import base64
import hashlib
import http.server
import json
import pathlib
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from botocore.exceptions import ClientError
from conftest import Clients

ACCOUNT = "000000000000"


def error_of(caught):
    return caught.value.response["Error"]["Code"]


@pytest.fixture
def queue(aws, name):
    return aws.sqs.create_queue(QueueName=name)["QueueUrl"]


@pytest.fixture
def topic(aws, name):
    return aws.sns.create_topic(Name=name)["TopicArn"]


def arn_of(aws, queue):
    return aws.sqs.get_queue_attributes(
        QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def receive(aws, queue, seconds=5, **more):
    return aws.sqs.receive_message(
        QueueUrl=queue, WaitTimeSeconds=seconds, **more).get("Messages", [])


# ---- queues ----------------------------------------------------------------------------------------


def test_a_message_comes_with_its_attributes_and_is_gone_once_deleted(aws, queue):
    """boto3 itself compares the MD5 of the body and of the attributes."""
    attributes = {"text": {"DataType": "String", "StringValue": "Grüße"},
                  "count": {"DataType": "Number.int", "StringValue": "7"},
                  "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
    sent = aws.sqs.send_message(QueueUrl=queue, MessageBody="hello", MessageAttributes=attributes)
    message, = receive(aws, queue, AttributeNames=["All"], MessageAttributeNames=["All"])
    assert (message["Body"], message["MessageId"]) == ("hello", sent["MessageId"])
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    aws.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    aws.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    counts = aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == "0"
    assert counts["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_long_polling_answers_when_a_message_is_sent_and_not_before(aws, queue):
    threading.Timer(1.0, lambda: aws.sqs.send_message(QueueUrl=queue, MessageBody="late")).start()
    begun = time.monotonic()
    message, = receive(aws, queue, 10)
    assert message["Body"] == "late"
    assert 0.9 < time.monotonic() - begun < 3


def test_long_polling_sees_what_becomes_visible_again(aws, queue):
    aws.sqs.send_message(QueueUrl=queue, MessageBody="m")
    assert receive(aws, queue, VisibilityTimeout=1)
    begun = time.monotonic()
    assert receive(aws, queue, 10)[0]["Body"] == "m"
    assert time.monotonic() - begun < 4


def test_an_empty_queue_answers_after_the_waiting_time_with_nothing(aws, queue):
    begun = time.monotonic()
    assert receive(aws, queue, 1) == []
    assert 0.9 < time.monotonic() - begun < 3
    assert receive(aws, queue, 0) == []


def test_a_poller_that_went_away_takes_no_message(aws, server, queue):
    short = Clients(server).client("sqs", read_timeout=1)
    with pytest.raises(Exception, match="[Tt]imeout"):
        short.receive_message(QueueUrl=queue, WaitTimeSeconds=10)
    aws.sqs.send_message(QueueUrl=queue, MessageBody="for who is there")
    assert receive(aws, queue)[0]["Body"] == "for who is there"


def test_a_message_goes_to_the_dead_letters_after_maxReceiveCount(aws, name, queue):
    dead = aws.sqs.create_queue(QueueName=name + "-dead")["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": arn_of(aws, dead), "maxReceiveCount": 2})
    aws.sqs.set_queue_attributes(
        QueueUrl=queue, Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})
    aws.sqs.send_message(QueueUrl=queue, MessageBody="poison")
    assert len(receive(aws, queue)) == len(receive(aws, queue)) == 1
    assert receive(aws, queue, 0) == []
    message, = receive(aws, dead, AttributeNames=["All"])
    assert message["Body"] == "poison"
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == arn_of(aws, queue)
    assert aws.sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [queue]


@pytest.fixture
def dead(aws, name, queue):
    """A dead letter queue with one message of `queue`."""
    dead = aws.sqs.create_queue(QueueName=name + "-dead")["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": arn_of(aws, dead), "maxReceiveCount": 1})
    aws.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": policy})
    aws.sqs.send_message(QueueUrl=queue, MessageBody="poison")
    receive(aws, queue, VisibilityTimeout=0)
    assert receive(aws, queue, 0) == []
    return dead


def moved(aws, source):
    """The latest move out of `source`, once it is over."""
    deadline = time.monotonic() + 20
    while (task := aws.sqs.list_message_move_tasks(SourceArn=source)["Results"][0])["Status"] == "RUNNING":
        assert time.monotonic() < deadline and task["TaskHandle"]
        time.sleep(0.02)
    return task


def test_dead_letters_are_moved_back_to_where_they_came_from(aws, queue, dead):
    source = arn_of(aws, dead)
    assert aws.sqs.list_message_move_tasks(SourceArn=source).get("Results", []) == []
    assert aws.sqs.start_message_move_task(SourceArn=source)["TaskHandle"]
    task = moved(aws, source)
    assert time.time() - 60 < task.pop("StartedTimestamp") / 1000 < time.time() + 1
    assert task == {"Status": "COMPLETED", "SourceArn": source, "ApproximateNumberOfMessagesMoved": 1,
                    "ApproximateNumberOfMessagesToMove": 1}
    message, = receive(aws, queue, AttributeNames=["All"])
    assert message["Body"] == "poison" and message["Attributes"]["ApproximateReceiveCount"] == "1"


def test_a_move_has_a_rate_is_cancelled_once_and_says_why_it_failed(aws, queue, dead):
    source = arn_of(aws, dead)
    for _ in range(3):
        aws.sqs.send_message(QueueUrl=dead, MessageBody="direct")
    task = aws.sqs.start_message_move_task(
        SourceArn=source, DestinationArn=arn_of(aws, queue), MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    running, = aws.sqs.list_message_move_tasks(SourceArn=source, MaxResults=10)["Results"]
    assert running["MaxNumberOfMessagesPerSecond"] == 1 and running["TaskHandle"] == task
    assert running["DestinationArn"] == arn_of(aws, queue)
    with pytest.raises(ClientError, match="already a task running") as caught:
        aws.sqs.start_message_move_task(SourceArn=source)
    assert error_of(caught) == "InvalidParameterValue"
    assert aws.sqs.cancel_message_move_task(TaskHandle=task)["ApproximateNumberOfMessagesMoved"] < 4
    assert moved(aws, source)["Status"] == "CANCELLED"
    with pytest.raises(ClientError, match="Task does not exist") as caught:
        aws.sqs.cancel_message_move_task(TaskHandle=task)
    assert error_of(caught) == "ResourceNotFoundException"
    aws.sqs.start_message_move_task(SourceArn=source)
    failed = moved(aws, source)
    assert (failed["Status"], failed["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")


@pytest.mark.parametrize("code, call", [
    ("ResourceNotFoundException",
     lambda sqs, live, dead: sqs.start_message_move_task(SourceArn=dead + "-not")),
    ("ResourceNotFoundException",
     lambda sqs, live, dead: sqs.start_message_move_task(SourceArn=dead, DestinationArn=dead + "-not")),
    ("ResourceNotFoundException",
     lambda sqs, live, dead: sqs.list_message_move_tasks(SourceArn=dead + "-not")),
    ("InvalidParameterValue", lambda sqs, live, dead: sqs.start_message_move_task(SourceArn="dead")),
    ("InvalidParameterValue", lambda sqs, live, dead: sqs.start_message_move_task(SourceArn=live)),
    ("InvalidParameterValue",
     lambda sqs, live, dead: sqs.start_message_move_task(SourceArn=dead, DestinationArn=dead)),
    ("InvalidParameterValue", lambda sqs, live, dead: sqs.start_message_move_task(
        SourceArn=dead, MaxNumberOfMessagesPerSecond=501)),
    ("InvalidParameterValue",
     lambda sqs, live, dead: sqs.list_message_move_tasks(SourceArn=dead, MaxResults=11)),
    ("InvalidParameterValue", lambda sqs, live, dead: sqs.cancel_message_move_task(TaskHandle="x")),
])
def test_a_move_that_cannot_be_is_refused_by_aws_names(aws, queue, dead, code, call):
    with pytest.raises(ClientError) as caught:
        call(aws.sqs, arn_of(aws, queue), arn_of(aws, dead))
    assert error_of(caught) == code


def test_the_name_of_a_deleted_queue_is_free_after_a_minute_only(aws, name, queue):
    aws.sqs.delete_queue(QueueUrl=queue)
    with pytest.raises(ClientError, match="You must wait 60 seconds") as caught:
        aws.sqs.create_queue(QueueName=name)
    assert error_of(caught) == "AWS.SimpleQueueService.QueueDeletedRecently"


def test_a_fifo_queue_keeps_the_order_of_each_group_and_drops_repeated_sends(aws, name):
    queue = aws.sqs.create_queue(QueueName=name + ".fifo", Attributes={
        "FifoQueue": "true", "ContentBasedDeduplication": "true"})["QueueUrl"]
    for body in ["1", "2", "2", "3"]:
        aws.sqs.send_message(QueueUrl=queue, MessageBody=body, MessageGroupId="g")
    got = []
    while messages := receive(aws, queue, 0, AttributeNames=["All"]):
        assert receive(aws, queue, 0) == [], "the group is blocked while one of it is in flight"
        got += messages
        aws.sqs.delete_message(QueueUrl=queue, ReceiptHandle=messages[0]["ReceiptHandle"])
    assert [each["Body"] for each in got] == ["1", "2", "3"]
    numbers = [int(each["Attributes"]["SequenceNumber"]) for each in got]
    assert numbers == sorted(numbers)


def test_batches_tell_of_each_entry(aws, queue):
    sent = aws.sqs.send_message_batch(QueueUrl=queue, Entries=[
        {"Id": "good", "MessageBody": "m"},
        {"Id": "bad", "MessageBody": "m", "DelaySeconds": 901}])
    assert [each["Id"] for each in sent["Successful"]] == ["good"]
    assert [(each["Id"], each["Code"], each["SenderFault"]) for each in sent["Failed"]] == [
        ("bad", "InvalidParameterValue", True)]
    handle = receive(aws, queue)[0]["ReceiptHandle"]
    changed = aws.sqs.change_message_visibility_batch(
        QueueUrl=queue, Entries=[{"Id": "a", "ReceiptHandle": handle, "VisibilityTimeout": 100}])
    assert changed["Successful"] == [{"Id": "a"}]
    gone = aws.sqs.delete_message_batch(QueueUrl=queue, Entries=[
        {"Id": "a", "ReceiptHandle": handle}, {"Id": "b", "ReceiptHandle": "no receipt"}])
    assert gone["Successful"] == [{"Id": "a"}]
    assert gone["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"


@pytest.mark.parametrize("code, call", [
    ("AWS.SimpleQueueService.NonExistentQueue",
     lambda sqs, queue: sqs.send_message(QueueUrl=queue + "-not", MessageBody="m")),
    ("InvalidAddress", lambda sqs, queue: sqs.send_message(QueueUrl="http://nowhere/queue", MessageBody="m")),
    ("InvalidParameterValue",
     lambda sqs, queue: sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=11)),
    ("InvalidParameterValue",
     lambda sqs, queue: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=21)),
    ("InvalidParameterValue",
     lambda sqs, queue: sqs.receive_message(QueueUrl=queue, ReceiveRequestAttemptId="a b")),
    ("InvalidParameterValue", lambda sqs, queue: sqs.create_queue(QueueName="x" * 81)),
    ("InvalidAttributeValue",
     lambda sqs, queue: sqs.set_queue_attributes(QueueUrl=queue, Attributes={"DelaySeconds": "901"})),
    ("InvalidAttributeName",
     lambda sqs, queue: sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Colour"])),
    ("QueueAlreadyExists",
     lambda sqs, queue: sqs.create_queue(QueueName=queue.rsplit("/", 1)[1],
                                         Attributes={"DelaySeconds": "7"})),
    ("InvalidMessageContents",
     lambda sqs, queue: sqs.send_message(QueueUrl=queue, MessageBody="\x00")),
    ("ReceiptHandleIsInvalid",
     lambda sqs, queue: sqs.delete_message(QueueUrl=queue, ReceiptHandle="x")),
    ("AWS.SimpleQueueService.EmptyBatchRequest",
     lambda sqs, queue: sqs.send_message_batch(QueueUrl=queue, Entries=[])),
    ("AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
     lambda sqs, queue: sqs.send_message_batch(
         QueueUrl=queue, Entries=[{"Id": str(i), "MessageBody": "m"} for i in range(11)])),
    ("AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
     lambda sqs, queue: sqs.send_message_batch(
         QueueUrl=queue, Entries=[{"Id": "a", "MessageBody": "m"}] * 2)),
])
def test_what_cannot_be_is_refused_by_aws_names(aws, queue, code, call):
    with pytest.raises(ClientError) as caught:
        call(aws.sqs, queue)
    assert error_of(caught) == code


def test_a_queue_that_is_not_there_is_said_so_in_awss_words(aws, queue):
    for call in (lambda: aws.sqs.get_queue_url(QueueName="no-such-queue"),
                 lambda: aws.sqs.receive_message(QueueUrl=queue + "-not")):
        with pytest.raises(ClientError, match=r"The specified queue does not exist\.$"):
            call()


def test_a_message_of_one_mebibyte_is_taken_and_one_byte_more_is_not(aws, queue):
    aws.sqs.send_message(QueueUrl=queue, MessageBody="x" * (1 << 20))
    with pytest.raises(ClientError, match="must be shorter than 1048576 bytes") as caught:
        aws.sqs.send_message(QueueUrl=queue, MessageBody="x" * ((1 << 20) + 1))
    assert error_of(caught) == "InvalidParameterValue"
    assert len(receive(aws, queue)[0]["Body"]) == 1 << 20


def query(aws, url, **parameters):
    """A signed call in the Query protocol, as older SDKs make it, to the queue's own path."""
    request = botocore.awsrequest.AWSRequest(
        "POST", url, data=urllib.parse.urlencode({"Version": "2012-11-05", **parameters}),
        headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
    keys = botocore.credentials.Credentials(
        aws.environment["AWS_ACCESS_KEY_ID"], aws.environment["AWS_SECRET_ACCESS_KEY"])
    botocore.auth.SigV4Auth(keys, "sqs", "us-east-1").add_auth(request)
    prepared = request.prepare()
    try:
        with urllib.request.urlopen(urllib.request.Request(
                prepared.url, prepared.body.encode(), dict(prepared.headers))) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_query_protocol_is_spoken_at_the_queues_own_path(aws, queue):
    status, sent = query(aws, queue, Action="SendMessage", MessageBody="by query", **{
        "MessageAttribute.1.Name": "n", "MessageAttribute.1.Value.DataType": "String",
        "MessageAttribute.1.Value.StringValue": "v"})
    assert status == 200 and hashlib.md5(b"by query").hexdigest() in sent
    status, got = query(aws, queue, Action="ReceiveMessage", **{
        "AttributeName.1": "All", "MessageAttributeName.1": "All"})
    assert status == 200
    assert "<Message><MessageId>" in got and "<Body>by query</Body>" in got
    assert "<Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>" in got
    assert "<MessageAttribute><Name>n</Name><Value><StringValue>v</StringValue>" in got
    status, refused = query(aws, queue + "-not", Action="SendMessage", MessageBody="m")
    assert status == 400
    assert "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in refused


# ---- topics ----------------------------------------------------------------------------------------


def subscribe(aws, topic, queue, **attributes):
    return aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn_of(aws, queue),
                             Attributes=attributes, ReturnSubscriptionArn=True)["SubscriptionArn"]


def test_a_notification_reaches_a_queue_in_awss_envelope(aws, topic, queue, tmp_path):
    subscription = subscribe(aws, topic, queue)
    published = aws.sns.publish(
        TopicArn=topic, Subject="news", Message="it \"happened\"",
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "order"}})
    envelope = json.loads(receive(aws, queue)[0]["Body"])
    assert envelope["Type"] == "Notification"
    assert envelope["MessageId"] == published["MessageId"]
    assert envelope["TopicArn"] == topic
    assert (envelope["Subject"], envelope["Message"]) == ("news", "it \"happened\"")
    assert envelope["MessageAttributes"] == {"kind": {"Type": "String", "Value": "order"}}
    assert envelope["UnsubscribeURL"].endswith(subscription)
    assert signature_holds(envelope, ["Message", "MessageId", "Subject", "Timestamp", "TopicArn",
                                      "Type"], tmp_path)


def signature_holds(message, names, folder):
    """By the certificate at SigningCertURL, as AWS documents it; OpenSSL is the judge."""
    text = "".join(f"{name}\n{message[name]}\n" for name in names)
    with urllib.request.urlopen(message["SigningCertURL"]) as answer:
        (folder / "certificate.pem").write_bytes(answer.read())
    (folder / "signature").write_bytes(base64.b64decode(message["Signature"]))
    key = subprocess.run(["openssl", "x509", "-in", folder / "certificate.pem", "-noout", "-pubkey"],
                         capture_output=True, check=True).stdout
    (folder / "key.pem").write_bytes(key)
    judged = subprocess.run(["openssl", "dgst", "-sha1", "-verify", folder / "key.pem", "-signature",
                             folder / "signature"], input=text.encode(), capture_output=True)
    return b"Verified OK" in judged.stdout


def test_the_key_is_made_when_something_is_signed_and_kept(own_server, tmp_path):
    """Making it takes up to half a second, which nobody waits for who has no topic."""
    key = own_server.data / "sns-signing.pem"
    aws = Clients(own_server)
    topic, queue = aws.sns.create_topic(Name="t")["TopicArn"], aws.sqs.create_queue(QueueName="q")["QueueUrl"]
    assert not key.exists()
    with pytest.raises(urllib.error.HTTPError) as nothing_yet:
        urllib.request.urlopen(f"{own_server.url}/_slipway/sns/SimpleNotificationService.pem")
    assert nothing_yet.value.code == 404
    subscribe(aws, topic, queue)
    aws.sns.publish(TopicArn=topic, Message="signed", Subject="s")
    message, = receive(aws, queue)
    assert key.stat().st_mode & 0o777 == 0o600
    own_server.stop()
    own_server.start()
    assert signature_holds(json.loads(message["Body"]), [
        "Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"], tmp_path)


def test_raw_delivery_gives_the_message_alone_with_its_attributes(aws, topic, queue):
    subscribe(aws, topic, queue, RawMessageDelivery="true")
    attributes = {"kind": {"DataType": "String", "StringValue": "order"}}
    aws.sns.publish(TopicArn=topic, Message="bare", MessageAttributes=attributes)
    message, = receive(aws, queue, MessageAttributeNames=["All"])
    assert (message["Body"], message["MessageAttributes"]) == ("bare", attributes)


def test_a_filter_policy_lets_through_what_it_says(aws, topic, queue):
    subscription = subscribe(aws, topic, queue, RawMessageDelivery="true",
                             FilterPolicy=json.dumps({"kind": [{"prefix": "or"}]}))
    for kind in ["refund", "order"]:
        aws.sns.publish(TopicArn=topic, Message=kind, MessageAttributes={
            "kind": {"DataType": "String", "StringValue": kind}})
    assert [each["Body"] for each in receive(aws, queue)] == ["order"]
    aws.sns.set_subscription_attributes(SubscriptionArn=subscription,
                                        AttributeName="FilterPolicyScope",
                                        AttributeValue="MessageBody")
    aws.sns.set_subscription_attributes(
        SubscriptionArn=subscription, AttributeName="FilterPolicy",
        AttributeValue=json.dumps({"job": {"state": ["Failed"]}}))
    for state in ["Done", "Failed"]:
        aws.sns.publish(TopicArn=topic, Message=json.dumps({"job": {"state": state}}))
    assert [json.loads(each["Body"])["job"]["state"] for each in receive(aws, queue)] == ["Failed"]
    with pytest.raises(ClientError) as caught:
        aws.sns.set_subscription_attributes(SubscriptionArn=subscription,
                                            AttributeName="FilterPolicy",
                                            AttributeValue='{"a": "no array"}')
    assert error_of(caught) == "InvalidParameter"


class Subscriber(http.server.BaseHTTPRequestHandler):
    """Notes what it is sent, and confirms."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        kind = self.headers["x-amz-sns-message-type"]
        status = self.server.statuses.pop(0) if kind == "Notification" and self.server.statuses else 200
        self.server.requests.append((kind, dict(self.headers), body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if kind == "SubscriptionConfirmation" and self.server.confirms:
            urllib.request.urlopen(json.loads(body)["SubscribeURL"]).read()
        self.server.told.set()

    def log_message(self, *_):
        pass


@pytest.fixture
def subscriber():
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Subscriber)
    web.requests, web.statuses, web.told, web.confirms = [], [], threading.Event(), True
    web.url = f"http://127.0.0.1:{web.server_port}/inbox"
    threading.Thread(target=web.serve_forever, daemon=True).start()
    yield web
    web.shutdown()
    web.server_close()


def wait_until(holds, seconds=15):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def confirmed(aws, topic):
    attributes = aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    return attributes["SubscriptionsConfirmed"] == "1"


def test_who_reads_a_queue_once_publish_is_answered_finds_the_message(aws, topic, queue):
    aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn_of(aws, queue))
    for i in range(20):
        published = aws.sns.publish(TopicArn=topic, Message=f"number {i}")
        message, = receive(aws, queue, seconds=0)
        assert json.loads(message["Body"])["MessageId"] == published["MessageId"]
        aws.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    aws.sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[
        {"Id": str(i), "Message": f"number {i}"} for i in range(10)])
    found = receive(aws, queue, seconds=0, MaxNumberOfMessages=10)
    assert [json.loads(each["Body"])["Message"] for each in found] == [f"number {i}" for i in range(10)]


def test_an_http_subscriber_confirms_and_is_sent_to_again_when_it_failed(
        aws, topic, subscriber, tmp_path):
    policy = {"healthyRetryPolicy": {"numRetries": 3, "minDelayTarget": 1, "maxDelayTarget": 1},
              "requestPolicy": {"headerContentType": "application/json"}}
    answer = aws.sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url,
                               Attributes={"DeliveryPolicy": json.dumps(policy)})
    assert answer["SubscriptionArn"] == "pending confirmation"
    wait_until(lambda: confirmed(aws, topic))
    kind, headers, body = subscriber.requests[0]
    assert kind == "SubscriptionConfirmation" and headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert signature_holds(json.loads(body), ["Message", "MessageId", "SubscribeURL", "Timestamp",
                                              "Token", "TopicArn", "Type"], tmp_path)
    subscriber.statuses[:] = [500, 503]
    published = aws.sns.publish(TopicArn=topic, Message="hello")
    wait_until(lambda: len(subscriber.requests) == 4)
    kind, headers, body = subscriber.requests[-1]
    assert json.loads(body)["Message"] == "hello"
    assert headers["x-amz-sns-message-id"] == published["MessageId"]
    assert headers["x-amz-sns-topic-arn"] == topic and headers["Content-Type"] == "application/json"
    time.sleep(1.5)
    assert len(subscriber.requests) == 4, "what was taken is not sent again"


def without_signature(action, **parameters):
    query = urllib.parse.urlencode({"Action": action, "Version": "2010-03-31", **parameters})

    def ask(aws):
        try:
            url = aws.environment["AWS_ENDPOINT_URL"]
            with urllib.request.urlopen(f"{url}/?{query}") as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
    return ask


def pending(aws, topic, web):
    """An HTTP subscription that waits for its confirmation, and the token for it."""
    web.confirms = False
    arn = aws.sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=web.url,
                            ReturnSubscriptionArn=True)["SubscriptionArn"]
    wait_until(lambda: web.requests)
    return arn, json.loads(web.requests[0][2])["Token"]


def authenticated(aws, subscription):
    attributes = aws.sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    return attributes["ConfirmationWasAuthenticated"]


def test_a_link_confirms_and_ends_what_was_confirmed_by_a_link(aws, topic, subscriber):
    arn, token = pending(aws, topic, subscriber)
    assert without_signature("Unsubscribe", SubscriptionArn=arn)(aws)[0] == 403, "not yet confirmed"
    assert without_signature("ConfirmSubscription", TopicArn=topic, Token=token)(aws)[0] == 200
    assert authenticated(aws, arn) == "false"
    again = aws.sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url,
                              Attributes={"RawMessageDelivery": "false"})
    assert again["SubscriptionArn"] == arn, "the confirmation is no attribute that differs"
    assert without_signature("Unsubscribe", SubscriptionArn=arn)(aws)[0] == 200
    with pytest.raises(aws.sns.exceptions.NotFoundException):
        authenticated(aws, arn)


def test_what_was_confirmed_with_authentication_ends_by_a_signature_alone(aws, topic, subscriber):
    arn, token = pending(aws, topic, subscriber)
    wish = dict(TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true")
    status, answer = without_signature("ConfirmSubscription", **wish)(aws)
    assert status == 403 and "<Code>AuthorizationError</Code>" in answer
    assert aws.sns.confirm_subscription(**wish)["SubscriptionArn"] == arn
    assert authenticated(aws, arn) == "true"
    # Who has the token may say it again, and takes nothing away by it.
    assert without_signature("ConfirmSubscription", TopicArn=topic, Token=token)(aws)[0] == 200
    status, answer = without_signature("Unsubscribe", SubscriptionArn=arn)(aws)
    assert status == 403 and "<Code>AuthorizationError</Code>" in answer
    assert authenticated(aws, arn) == "true"
    aws.sns.unsubscribe(SubscriptionArn=arn)


def test_a_queues_subscription_ends_by_a_signature_alone(aws, topic, queue):
    arn = subscribe(aws, topic, queue)
    status, answer = without_signature("Unsubscribe", SubscriptionArn=arn)(aws)
    assert status == 403 and "SNS:Unsubscribe" in answer
    assert authenticated(aws, arn) == "true"
    aws.sns.unsubscribe(SubscriptionArn=arn)


def test_what_an_http_subscriber_refuses_goes_to_the_dead_letters(aws, topic, queue, subscriber):
    policy = json.dumps({"deadLetterTargetArn": arn_of(aws, queue)})
    aws.sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url, Attributes={
        "RedrivePolicy": policy, "RawMessageDelivery": "true"})
    wait_until(lambda: confirmed(aws, topic))
    subscriber.statuses[:] = [403]
    aws.sns.publish(TopicArn=topic, Message="refused")
    assert receive(aws, queue, 10)[0]["Body"] == "refused"


def test_a_fifo_topic_keeps_the_order_into_a_fifo_queue(aws, name):
    topic = aws.sns.create_topic(Name=name + ".fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    queue = aws.sqs.create_queue(
        QueueName=name + ".fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    subscribe(aws, topic, queue, RawMessageDelivery="true")
    for number in ["1", "2", "2", "3"]:
        aws.sns.publish(TopicArn=topic, Message=number, MessageGroupId="g",
                        MessageDeduplicationId=number)
    got = []
    while len(got) < 3 and (messages := receive(aws, queue, MaxNumberOfMessages=10)):
        got += [each["Body"] for each in messages]
        for each in messages:
            aws.sqs.delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
    assert got == ["1", "2", "3"]


@pytest.mark.parametrize("code, call", [
    ("NotFound", lambda sns, topic: sns.publish(TopicArn=topic + "-not", Message="m")),
    ("InvalidParameter", lambda sns, topic: sns.publish(TopicArn=topic, Message="")),
    ("InvalidParameter", lambda sns, topic: sns.publish(TopicArn=topic, Message="x" * 262145)),
    ("InvalidParameter",
     lambda sns, topic: sns.publish(TopicArn=topic, Message="m", Subject="x" * 101)),
    ("InvalidParameter",
     lambda sns, topic: sns.publish(TopicArn=topic, Message="{}", MessageStructure="json")),
    ("InvalidParameter",
     lambda sns, topic: sns.subscribe(TopicArn=topic, Protocol="http", Endpoint="ftp://x")),
    ("NotImplemented",
     lambda sns, topic: sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint="arn:aws:lambda:::f")),
    ("InvalidParameter",
     lambda sns, topic: sns.confirm_subscription(TopicArn=topic, Token="wrong")),
    ("InvalidParameter", lambda sns, topic: sns.create_topic(Name="no spaces")),
])
def test_what_a_topic_cannot_do_is_refused_by_aws_names(aws, topic, code, call):
    with pytest.raises(ClientError) as caught:
        call(aws.sns, topic)
    assert error_of(caught) == code


def test_a_message_of_256_kib_is_published(aws, topic):
    assert aws.sns.publish(TopicArn=topic, Message="x" * 262144)["MessageId"]


def test_the_example_hears_of_the_job_that_failed(server):
    script = pathlib.Path(__file__).resolve().parents[2] / "examples/boto3/notifications.py"
    done = subprocess.run([sys.executable, script], env=server.process_environment(), timeout=60,
                          capture_output=True, text=True, check=True)
    assert done.stdout == 'heard of {"job": 1, "state": "Failed"}\n'


# ---- crash -----------------------------------------------------------------------------------------


def test_nothing_that_was_acknowledged_is_lost_when_the_server_is_killed(own_server):
    aws = Clients(own_server)
    queue = aws.sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    topic = aws.sns.create_topic(Name="t")["TopicArn"]
    subscribe(aws, topic, queue, RawMessageDelivery="true")
    acknowledged, stop = set(), threading.Event()

    def work(number):
        step = 0
        while not stop.is_set():
            text = f"{number}-{step}"
            try:
                if step % 2:
                    aws.sns.publish(TopicArn=topic, Message=text)
                else:
                    aws.sqs.send_message(QueueUrl=queue, MessageBody=text)
            except Exception:
                return  # the server died under this call: it may or may not have happened
            acknowledged.add(text)
            step += 1

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for each in threads:
        each.start()
    time.sleep(1)
    own_server.kill()
    stop.set()
    for each in threads:
        each.join()
    own_server.start()
    aws = Clients(own_server)
    got = []
    while messages := receive(aws, queue, 2, MaxNumberOfMessages=10, VisibilityTimeout=60):
        got += [each["Body"] for each in messages]
    assert acknowledged <= set(got), f"lost: {sorted(acknowledged - set(got))[:5]}"
    assert len(got) == len(set(got)), "a message came twice within its visibility"
