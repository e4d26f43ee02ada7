"""Published policies for SQS and SNS, identity's and resources' own: what each allows and refuses.

The policies are those of the SQS guide ("Basic examples of IAM policies", "Basic examples of
Amazon SQS policies", "custom policies with the access policy language") and of the SNS guide
("Using identity-based policies", "Example cases for access control"), in names of our own.
"""
import json
import time

import botocore
import pytest
from botocore.exceptions import ClientError
from policies import (ACCOUNT, Example, People, Stage, allow, denied, deny, document, eventually, filled, ids,
                      may_not)

QUEUE, OTHER = "arn:aws:sqs:{region}:{account}:{name}", "arn:aws:sqs:{region}:{account}:{name}-other"
TOPIC, OTHER_TOPIC = QUEUE.replace("sqs", "sns"), OTHER.replace("sqs", "sns")


def send(body="x", queue="url"):
    return lambda s: s.who.sqs.send_message(QueueUrl=getattr(s, queue), MessageBody=body)


def receive(s):
    return s.who.sqs.receive_message(QueueUrl=s.url)


def publish(s):
    return s.who.sns.publish(TopicArn=s.topic, Message="x")


def queue_policy(*statements):
    return lambda s: s.aws.sqs.set_queue_attributes(QueueUrl=s.url, Attributes={
        "Policy": document(*filled(list(statements), s.words))})


def topic_policy(*statements):
    return lambda s: s.aws.sns.set_topic_attributes(
        TopicArn=s.topic, AttributeName="Policy",
        AttributeValue=document(*filled(list(statements), s.words)))


def subscribe(protocol, endpoint):
    return lambda s: s.who.sns.subscribe(TopicArn=s.topic, Protocol=protocol,
                                         Endpoint=filled(endpoint, s.words))


SQS = [
    Example("make queues", [allow("sqs:CreateQueue", "arn:aws:sqs:*:{account}:*-made")], [
        ("may", lambda s: s.who.sqs.create_queue(QueueName=f"{s.name}-made")),
        ("may not", lambda s: s.who.sqs.create_queue(QueueName=f"{s.name}-x"), "sqs:CreateQueue",
         QUEUE + "-x"),
        ("may not", lambda s: s.who.sqs.create_queue(QueueName=f"{s.name}2-made", tags={"a": "b"}),
         "sqs:TagQueue", QUEUE + "2-made")]),
    Example("write to queues whose names begin alike", [
        allow(["sqs:SendMessage", "sqs:GetQueueUrl"], "arn:aws:sqs:*:{account}:{name}*")], [
        ("may", send()), ("may", send(queue="other_url")),
        ("may", lambda s: s.who.sqs.get_queue_url(QueueName=s.name)),
        ("may", lambda s: s.who.sqs.send_message_batch(
            QueueUrl=s.url, Entries=[{"Id": "1", "MessageBody": "x"}])),
        ("may not", receive, "sqs:ReceiveMessage", QUEUE),
        ("may not", lambda s: s.who.sqs.purge_queue(QueueUrl=s.url), "sqs:PurgeQueue", QUEUE)]),
    Example("every action on one queue", [allow("sqs:*", QUEUE)], [
        ("may", send()), ("may", receive),
        ("may", lambda s: s.who.sqs.get_queue_attributes(QueueUrl=s.url, AttributeNames=["All"])),
        ("may not", send(queue="other_url"), "sqs:SendMessage", OTHER),
        ("may not", lambda s: s.who.sqs.list_queues(), "sqs:ListQueues",
         "arn:aws:sqs:{region}:{account}:")]),
    Example("consume", [
        allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"], QUEUE)], [
        ("may", receive),
        ("may", lambda s: s.who.sqs.delete_message_batch(
            QueueUrl=s.url, Entries=[{"Id": "1", "ReceiptHandle": "x"}])),
        ("may not", send(), "sqs:SendMessage", QUEUE)]),
    Example("list and nothing more", [allow("sqs:ListQueues")], [
        ("may", lambda s: s.who.sqs.list_queues()),
        ("may not", lambda s: s.who.sqs.get_queue_attributes(QueueUrl=s.url), "sqs:GetQueueAttributes",
         QUEUE)]),
    Example("only requests over TLS", [allow("sqs:*")], [
        ("may not", send(), "sqs:SendMessage", QUEUE, denied("resource-based policy"))],
        queue_policy({"Principal": "*", **deny(
            "sqs:*", QUEUE, Condition={"Bool": {"aws:SecureTransport": "false"}})})),
    Example("from this range of addresses alone", [], [
        ("may", send()),
        ("may not", receive, "sqs:ReceiveMessage", QUEUE)],
        queue_policy({"Principal": "*", **allow(
            "sqs:SendMessage", QUEUE, Condition={"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}})},
            {"Principal": "*", **allow(
                "sqs:ReceiveMessage", QUEUE,
                Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}})})),
    Example("everyone of the account, by its number", [allow("sqs:ReceiveMessage")], [
        ("may", receive), ("may not", send(), "sqs:SendMessage", QUEUE)],
        queue_policy({"Principal": {"AWS": "{account}"}, **allow("sqs:*", QUEUE)})),
    Example("until a date that is over", [allow("sqs:SendMessage", QUEUE, Condition={
        "DateLessThan": {"aws:CurrentTime": "2009-06-30T12:00Z"}})], [
        ("may not", send(), "sqs:SendMessage", QUEUE)]),
    Example("queues with a tag", [allow("sqs:SendMessage", "*", Condition={
        "StringEquals": {"aws:ResourceTag/environment": "test"}})], [
        ("may", send()), ("may not", send(queue="other_url"), "sqs:SendMessage", OTHER)],
        lambda s: s.aws.sqs.tag_queue(QueueUrl=s.url, Tags={"environment": "test"})),
    Example("move dead letters back", [
        allow(["sqs:StartMessageMoveTask", "sqs:ReceiveMessage", "sqs:DeleteMessage"], QUEUE)], [
        ("may not", lambda s: s.who.sqs.start_message_move_task(
            SourceArn=filled(QUEUE, s.words), DestinationArn=filled(OTHER, s.words)),
         "sqs:SendMessage", OTHER)]),
]

SNS = [
    Example("make and list topics", [
        allow(["sns:CreateTopic", "sns:ListTopics", "sns:SetTopicAttributes", "sns:DeleteTopic"])], [
        ("may", lambda s: s.who.sns.list_topics()),
        ("may", lambda s: s.who.sns.create_topic(Name=f"{s.name}-made")),
        ("may not", publish, "sns:Publish", TOPIC)]),
    Example("topics of a kind of name", [allow("sns:*", "arn:aws:sns:*:{account}:{name}-o*")], [
        ("may", lambda s: s.who.sns.get_topic_attributes(TopicArn=filled(OTHER_TOPIC, s.words))),
        ("may not", publish, "sns:Publish", TOPIC),
        ("may not", lambda s: s.who.sns.list_topics(), "sns:ListTopics",
         "arn:aws:sns:{region}:{account}:*")]),
    Example("publish to two topics", [allow("sns:Publish", [TOPIC, OTHER_TOPIC])], [
        ("may", publish),
        ("may", lambda s: s.who.sns.publish_batch(
            TopicArn=s.topic, PublishBatchRequestEntries=[{"Id": "1", "Message": "x"}])),
        ("may not", lambda s: s.who.sns.get_topic_attributes(TopicArn=s.topic),
         "sns:GetTopicAttributes", TOPIC)]),
    Example("subscribe queues alone", [allow("sns:Subscribe", TOPIC, Condition={
        "StringEquals": {"sns:Protocol": "sqs"}}), allow("sqs:SendMessage", QUEUE)], [
        ("may", subscribe("sqs", QUEUE)),
        ("may not", subscribe("https", "https://subscriber.example.com/"), "sns:Subscribe", TOPIC)]),
    Example("subscribe one queue", [allow("sns:Subscribe", TOPIC, Condition={
        "StringLike": {"sns:Endpoint": QUEUE}}), allow("sqs:SendMessage", QUEUE)], [
        ("may", subscribe("sqs", QUEUE)),
        ("may not", subscribe("sqs", OTHER), "sns:Subscribe", TOPIC)]),
    Example("never stop publishing", [allow("sns:*"), deny("sns:DeleteTopic", TOPIC)], [
        ("may", publish),
        ("may not", lambda s: s.who.sns.delete_topic(TopicArn=s.topic), "sns:DeleteTopic", TOPIC,
         denied())]),
    Example("text messages and no topics", [deny("sns:Publish", "arn:aws:sns:*:*:*"),
                                            allow("sns:Publish")], [
        ("may not", publish, "sns:Publish", TOPIC, denied())]),
    Example("everybody may publish, by the topic's word", [], [
        ("may", publish),
        ("may not", lambda s: s.who.sns.delete_topic(TopicArn=s.topic), "sns:DeleteTopic", TOPIC)],
        topic_policy({"Principal": {"AWS": "*"}, **allow("SNS:Publish", TOPIC)})),
    Example("only over TLS", [allow("sns:*")], [
        ("may", lambda s: s.who.sns.get_topic_attributes(TopicArn=s.topic)),
        ("may not", publish, "sns:Publish", TOPIC, denied("resource-based policy"))],
        topic_policy({"Principal": "*", **deny(
            "SNS:Publish", TOPIC, Condition={"Bool": {"aws:SecureTransport": "false"}})})),
    Example("subscriptions are their topic's", [allow("sns:*", TOPIC)], [
        ("may", lambda s: s.who.sns.get_subscription_attributes(SubscriptionArn=s.subscription)),
        ("may", lambda s: s.who.sns.unsubscribe(SubscriptionArn=s.subscription)),
        ("may not", lambda s: s.who.sns.unsubscribe(SubscriptionArn=s.other_subscription),
         "sns:Unsubscribe", OTHER_TOPIC),
        ("may not", lambda s: s.who.sns.list_subscriptions(), "sns:ListSubscriptions",
         "arn:aws:sns:{region}:{account}:*")],
        lambda s: s.words.update(
            subscription=s.aws.sns.subscribe(TopicArn=s.topic, Protocol="sqs", Endpoint=filled(
                QUEUE, s.words))["SubscriptionArn"],
            other_subscription=s.aws.sns.subscribe(
                TopicArn=filled(OTHER_TOPIC, s.words), Protocol="sqs",
                Endpoint=filled(QUEUE, s.words))["SubscriptionArn"])),
    Example("tags say which topics", [allow("sns:Publish", "*", Condition={
        "StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}})], [
        ("may", publish),
        ("may not", lambda s: s.who.sns.publish(TopicArn=filled(OTHER_TOPIC, s.words), Message="x"),
         "sns:Publish", OTHER_TOPIC)],
        lambda s: s.aws.sns.tag_resource(ResourceArn=s.topic, Tags=[{"Key": "team", "Value": "blue"}]),
        tags={"team": "blue"}),
]


@pytest.fixture
def stage(aws, server, name):
    url = aws.sqs.create_queue(QueueName=name)["QueueUrl"]
    other = aws.sqs.create_queue(QueueName=f"{name}-other")["QueueUrl"]
    topic = aws.sns.create_topic(Name=name)["TopicArn"]
    aws.sns.create_topic(Name=f"{name}-other")
    return Stage(aws, People(aws, server, name), name=name, url=url, other_url=other, topic=topic)


@pytest.mark.parametrize("example", SQS, ids=ids(SQS))
def test_a_published_policy_of_queues_means_what_it_says(example, stage):
    example.run(stage)


@pytest.mark.parametrize("example", SNS, ids=ids(SNS))
def test_a_published_policy_of_topics_means_what_it_says(example, stage):
    example.run(stage)


def test_a_refusal_has_the_form_of_sqs_and_tells_nothing_of_what_is_there(stage, server):
    who = stage.people.user()
    for url in (stage.url, f"{server.url}/000000000000/never-made"):
        with pytest.raises(ClientError) as caught:
            who.sqs.send_message(QueueUrl=url, MessageBody="x")
        response = caught.value.response
        assert response["Error"]["Code"] == "AccessDenied"
        headers = response["ResponseMetadata"]["HTTPHeaders"]
        assert headers["x-amzn-query-error"] == "AccessDenied;Sender"
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_strangers_send_to_a_queue_that_lets_everyone_in(stage):
    stranger = stage.aws.client("sqs", signature_version=botocore.UNSIGNED)
    with pytest.raises(ClientError) as refused:
        stranger.send_message(QueueUrl=stage.url, MessageBody="from outside")
    assert refused.value.response["Error"]["Code"] == "MissingAuthenticationToken"
    queue_policy({"Principal": "*", **allow("sqs:SendMessage", QUEUE)})(stage)
    assert stranger.send_message(QueueUrl=stage.url, MessageBody="from outside")["MessageId"]
    with pytest.raises(ClientError) as refused:
        stranger.receive_message(QueueUrl=stage.url)
    assert refused.value.response["Error"]["Code"] == "MissingAuthenticationToken"
    assert messages(stage) == ["from outside"]


def messages(stage):
    return [each["Body"] for each in stage.aws.sqs.receive_message(
        QueueUrl=stage.url, MaxNumberOfMessages=10).get("Messages", [])]


def test_a_queue_with_a_policy_takes_from_those_topics_alone_that_it_names(stage):
    other = filled(OTHER_TOPIC, stage.words)
    for topic in (stage.topic, other):
        stage.aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=filled(QUEUE, stage.words),
                                Attributes={"RawMessageDelivery": "true"})
    stage.aws.sns.publish(TopicArn=other, Message="without a policy all may")
    assert eventually(lambda: messages(stage)) == ["without a policy all may"]
    queue_policy({"Principal": {"Service": "sns.amazonaws.com"}, **allow(
        "sqs:SendMessage", QUEUE, Condition={"ArnEquals": {"aws:SourceArn": TOPIC}})})(stage)
    stage.aws.sns.publish(TopicArn=other, Message="not named")
    stage.aws.sns.publish(TopicArn=stage.topic, Message="named")
    assert eventually(lambda: messages(stage)) == ["named"]


def test_dead_letters_go_into_queues_alone_whose_policy_lets_the_topic_in(stage):
    # As the guide has it: sns.amazonaws.com may send, where aws:SourceArn is the topic.
    def let_in(queue, url, topic):
        stage.aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(*filled(
            [{"Principal": {"Service": "sns.amazonaws.com"}, **allow(
                "sqs:SendMessage", queue, Condition={"ArnEquals": {"aws:SourceArn": topic}})}],
            stage.words))})

    def dead():
        return [each["Body"] for each in stage.aws.sqs.receive_message(
            QueueUrl=stage.other_url, MaxNumberOfMessages=10).get("Messages", [])]

    stage.aws.sns.subscribe(
        TopicArn=stage.topic, Protocol="sqs", Endpoint=filled(QUEUE, stage.words), Attributes={
            "RawMessageDelivery": "true",
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": filled(OTHER, stage.words)})})
    let_in(QUEUE, stage.url, OTHER_TOPIC)
    let_in(OTHER, stage.other_url, OTHER_TOPIC)
    stage.aws.sns.publish(TopicArn=stage.topic, Message="nowhere")
    eventually(lambda: "a dead letter was dropped" in stage.people.server.log.read_text())
    let_in(OTHER, stage.other_url, TOPIC)
    stage.aws.sns.publish(TopicArn=stage.topic, Message="dead")
    assert eventually(dead) == ["dead"]
    assert not messages(stage)


def test_a_right_to_topics_alone_puts_nothing_into_queues(stage):
    who = stage.who = stage.people.user(allow("sns:*"))
    queue, other = filled(QUEUE, stage.words), filled(OTHER, stage.words)
    with pytest.raises(ClientError) as caught:
        subscribe("sqs", QUEUE)(stage)
    assert caught.value.response["Error"]["Code"] == "AuthorizationError"
    assert caught.value.response["Error"]["Message"] == (
        f"User: {who.arn} is not authorized to perform: SQS:SendMessage on resource: {queue} "
        "because no identity-based policy allows the SQS:SendMessage action")
    # A queue's policy that lets the topic in is enough; it says nothing of the dead letters' queue.
    queue_policy({"Principal": {"Service": "sns.amazonaws.com"}, **allow(
        "sqs:SendMessage", QUEUE, Condition={"ArnEquals": {"aws:SourceArn": TOPIC}})})(stage)
    redrive = json.dumps({"deadLetterTargetArn": other})
    with pytest.raises(ClientError) as caught:
        who.sns.subscribe(TopicArn=stage.topic, Protocol="sqs", Endpoint=queue,
                          Attributes={"RedrivePolicy": redrive})
    assert caught.value.response["Error"]["Code"] == "AuthorizationError"
    subscription = subscribe("sqs", QUEUE)(stage)["SubscriptionArn"]
    redrives = lambda: who.sns.set_subscription_attributes(
        SubscriptionArn=subscription, AttributeName="RedrivePolicy", AttributeValue=redrive)
    with pytest.raises(ClientError) as caught:
        redrives()
    assert caught.value.response["Error"]["Code"] == "AuthorizationError"
    stage.aws.iam.put_user_policy(UserName=who.name, PolicyName="more", PolicyDocument=document(
        allow("sqs:SendMessage", other)))
    redrives()
    assert subscribe("sqs", OTHER)(stage)["SubscriptionArn"]


def test_queues_and_topics_know_a_user_that_is_made_anew_for_somebody_else(stage):
    first = stage.who = stage.people.user()
    named = {"Principal": {"AWS": first.arn}}
    queue_policy({**named, **allow("sqs:SendMessage", QUEUE)})(stage)
    topic_policy({**named, **allow("sns:Publish", TOPIC)})(stage)
    made = document(*filled([{**named, **allow("*", QUEUE + "-made")}], stage.words))
    made_url = stage.aws.sqs.create_queue(
        QueueName=f"{stage.name}-made", Attributes={"Policy": made})["QueueUrl"]
    stage.words["made_url"] = made_url
    send()(stage), publish(stage), send(queue="made_url")(stage)
    second = stage.who = stage.people.again(first)
    # A permission that is added leaves it as it was said who the others are.
    stage.aws.sqs.add_permission(QueueUrl=stage.url, Label="x", AWSAccountIds=["111111111111"],
                                 Actions=["ReceiveMessage"])
    stage.aws.sns.add_permission(TopicArn=stage.topic, Label="x", AWSAccountId=["111111111111"],
                                 ActionName=["Publish"])
    queue, topic = filled(QUEUE, stage.words), filled(TOPIC, stage.words)
    may_not(second, lambda: send()(stage), "sqs:SendMessage", queue)
    may_not(second, lambda: send(queue="made_url")(stage), "sqs:SendMessage", f"{queue}-made")
    may_not(second, lambda: publish(stage), "sns:Publish", topic)
    attributes = [
        stage.aws.sqs.get_queue_attributes(QueueUrl=stage.url, AttributeNames=["All"])["Attributes"],
        stage.aws.sns.get_topic_attributes(TopicArn=stage.topic)["Attributes"]]
    for each in attributes:
        assert first.arn not in each["Policy"] and '"AIDA' in each["Policy"]
        assert "PolicyPrincipals" not in each
    queue_policy({**named, **allow("sqs:SendMessage", QUEUE)})(stage)
    topic_policy({**named, **allow("sns:Publish", TOPIC)})(stage)
    send()(stage), publish(stage)


def test_queues_and_topics_take_no_policy_of_somebody_who_is_not_there(stage):
    nobody = {"Principal": {"AWS": "arn:aws:iam::{account}:user/nobody"}}
    with pytest.raises(ClientError) as caught:
        queue_policy({**nobody, **allow("sqs:SendMessage", QUEUE)})(stage)
    assert caught.value.response["Error"]["Message"] == "Invalid value for the parameter Policy."
    with pytest.raises(ClientError) as caught:
        topic_policy({**nobody, **allow("sns:Publish", TOPIC)})(stage)
    assert (caught.value.response["Error"]["Message"]
            == "Invalid parameter: Policy Error: PrincipalNotFound")


@pytest.mark.parametrize("policy", [
    {"Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}]},
    {"Statement": [{"Effect": "Perhaps", "Principal": "*", "Action": "sqs:SendMessage"}]},
    {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}]},
], ids=["of nobody", "no effect", "of another service"])
def test_a_queue_takes_no_policy_that_is_none(policy, stage):
    with pytest.raises(ClientError) as caught:
        stage.aws.sqs.set_queue_attributes(QueueUrl=stage.url, Attributes={"Policy": json.dumps(policy)})
    assert caught.value.response["Error"]["Message"] == "Invalid value for the parameter Policy."


@pytest.mark.parametrize("action,message", [
    ("SNS:*", "Invalid parameter: Policy statement action out of service scope!"),
    ("SNS:CreateTopic", "Invalid parameter: Policy statement action out of service scope!"),
    (None, "Invalid parameter: Policy Error: null")])
def test_a_topic_takes_no_policy_that_is_none(action, message, stage):
    statement = {"Effect": "Allow", "Principal": "*", "Resource": "*"}
    if action:
        statement["Action"] = action
    with pytest.raises(ClientError) as caught:
        stage.aws.sns.set_topic_attributes(TopicArn=stage.topic, AttributeName="Policy",
                                           AttributeValue=document(statement))
    assert caught.value.response["Error"]["Message"] == message


def test_permissions_that_are_added_count(stage):
    stage.who = stage.people.user()
    stage.aws.sqs.add_permission(QueueUrl=stage.url, Label="all", AWSAccountIds=["000000000000"],
                                 Actions=["*"])
    may_not(stage.who, lambda: send()(stage), "sqs:SendMessage", filled(QUEUE, stage.words))


def test_who_may_not_publish_makes_no_work_for_the_topics_subscribers(stage):
    """Filters look at a message before its change: of who may not publish, none does."""
    costly = json.dumps({"a": [{"cidr": f"2001:db8:{number}::/48"} for number in range(150)]})
    for number in range(12):
        queue = stage.aws.sqs.create_queue(QueueName=f"{stage.name}-{number}")["QueueUrl"]
        stage.aws.sns.subscribe(
            TopicArn=stage.topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue.rpartition('/')[2]}",
            Attributes={"FilterPolicy": costly, "FilterPolicyScope": "MessageBody"})
    who, message = stage.people.user(allow("sns:ListTopics")), json.dumps({"a": ["2001:db8:ffff::1"] * 13_000})

    def seconds(call):
        began = time.monotonic()
        call()
        return time.monotonic() - began

    def refused():
        may_not(who, lambda: who.sns.publish(TopicArn=stage.topic, Message=message), "sns:Publish", stage.topic)

    seconds(refused)
    at_work = seconds(lambda: stage.aws.sns.publish(TopicArn=stage.topic, Message=message))
    assert min(seconds(refused) for _ in range(2)) < at_work / 2
