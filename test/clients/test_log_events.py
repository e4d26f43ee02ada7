"""Events of CloudWatch Logs as clients put, read and look for them."""
import time

import pytest
from botocore.exceptions import ClientError
from conftest import Clients


def refusal(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Code"], refused.value.response["Error"]["Message"]


@pytest.fixture()
def stream(aws, name):
    """A group with one stream, both of this test alone."""
    aws.logs.create_log_group(logGroupName=name)
    aws.logs.create_log_stream(logGroupName=name, logStreamName="s")
    yield {"logGroupName": name, "logStreamName": "s"}
    aws.logs.delete_log_group(logGroupName=name)


def put(aws, stream, *messages, at=None):
    at = int(time.time() * 1000) if at is None else at
    return aws.logs.put_log_events(
        **stream, logEvents=[{"timestamp": at + i, "message": each} for i, each in enumerate(messages)])


def found(aws, name, **how):
    pages = aws.logs.get_paginator("filter_log_events").paginate(logGroupName=name, **how)
    return [event["message"] for page in pages for event in page["events"]]


def test_what_is_put_is_read_back(aws, stream, name):
    now = int(time.time() * 1000)
    answer = put(aws, stream, "one", "two", at=now)
    assert "rejectedLogEventsInfo" not in answer
    put(aws, stream, "zero", at=now - 5_000)
    events = aws.logs.get_log_events(**stream, startFromHead=True)
    assert [event["message"] for event in events["events"]] == ["zero", "one", "two"]
    assert events["events"][1]["timestamp"] == now
    assert abs(events["events"][0]["ingestionTime"] - now) < 60_000
    again = aws.logs.get_log_events(**stream, nextToken=events["nextForwardToken"])
    assert (again["events"], again["nextForwardToken"]) == ([], events["nextForwardToken"])
    back = aws.logs.get_log_events(**stream, nextToken=again["nextBackwardToken"])
    assert [event["message"] for event in back["events"]] == ["zero", "one"]
    described = aws.logs.describe_log_streams(logGroupName=name)["logStreams"]
    assert [(each["firstEventTimestamp"], each["lastEventTimestamp"]) for each in described] == [(now - 5_000, now + 1)]
    assert aws.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]["storedBytes"] > 0


def test_what_a_batch_may_not_be(aws, stream, name):
    now = int(time.time() * 1000)
    assert refusal(aws.logs.put_log_events, **stream, logEvents=[
        {"timestamp": now, "message": "a"}, {"timestamp": now - 1, "message": "b"}]) == (
            "InvalidParameterException",
            "Log events in a single PutLogEvents request must be in chronological order.")
    assert refusal(aws.logs.put_log_events, logGroupName=name, logStreamName="none",
                   logEvents=[{"timestamp": now, "message": "a"}]) == (
                       "ResourceNotFoundException", "The specified log stream does not exist.")
    assert refusal(aws.logs.create_log_stream, **stream) == (
        "ResourceAlreadyExistsException", "The specified log stream already exists")
    old = put(aws, stream, "old", at=now - 15 * 86_400_000)
    assert old["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    assert found(aws, name) == []


def test_what_was_acknowledged_is_there_after_a_kill(own_server):
    aws = Clients(own_server)
    aws.logs.create_log_group(logGroupName="g")
    aws.logs.create_log_stream(logGroupName="g", logStreamName="s")
    stream = {"logGroupName": "g", "logStreamName": "s"}
    put(aws, stream, *(f"line {i}" for i in range(100)))
    own_server.kill()
    own_server.start()
    assert len(found(aws, "g")) == 100
