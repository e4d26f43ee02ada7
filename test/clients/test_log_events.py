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


EVENTS = ['{"level": "INFO", "ms": 10, "user": {"id": "u1"}}', '{"level": "ERROR", "ms": 250, "user": {"id": "u2"}}',
          'ERROR 503 from "GET /ping"', "INFO 200 from /ping"]


def test_patterns_find_words_json_columns_and_expressions(aws, stream, name):
    put(aws, stream, *EVENTS)
    for pattern, wanted in {"ERROR -ms": [2], "?503 ?200": [2, 3], '"GET /ping"': [2], "%[25]0[03]%": [2, 3],
                            '{ $.level = "ERROR" }': [1], "{ $.ms > 5 && $.user.id = u* }": [0, 1],
                            "[level = ERROR, status = 5*, ...]": [2], "": [0, 1, 2, 3]}.items():
        assert found(aws, name, filterPattern=pattern) == [EVENTS[i] for i in wanted], pattern
    assert refusal(aws.logs.filter_log_events, logGroupName=name, filterPattern="{ $.a =") == (
        "InvalidParameterException", "Invalid filter pattern: a comparison lacks its value")
    tried = aws.logs.test_metric_filter(filterPattern="{ $.ms > 20 }", logEventMessages=EVENTS)["matches"]
    assert tried == [{"eventNumber": 2, "eventMessage": EVENTS[1], "extractedValues": {"$.ms": "250"}}]


def query(aws, text, **where):
    """The rows of a query, as dicts without their pointers."""
    now = int(time.time())
    started = aws.logs.start_query(startTime=now - 3600, endTime=now + 60, queryString=text, **where)["queryId"]
    while (answer := aws.logs.get_query_results(queryId=started))["status"] in ("Scheduled", "Running"):
        time.sleep(0.05)
    assert answer["status"] == "Complete"
    return [{cell["field"]: cell["value"] for cell in row if cell["field"] != "@ptr"} for row in answer["results"]]


def test_queries_filter_count_and_take_apart(aws, stream, name):
    put(aws, stream, *EVENTS)
    assert query(aws, "fields @message | sort @timestamp | limit 2", logGroupName=name) == [
        {"@message": EVENTS[0]}, {"@message": EVENTS[1]}]
    assert query(aws, "stats count(*) as n, max(ms) by level | filter ispresent(level) | sort level",
                 logGroupNames=[name]) == [
        {"level": "ERROR", "n": "1", "max(ms)": "250"}, {"level": "INFO", "n": "1", "max(ms)": "10"}]
    assert query(aws, 'parse @message "* 503 from *" as a, b | filter a = "ERROR" | display b',
                 logGroupIdentifiers=[name]) == [{"b": '"GET /ping"'}]
    listed = aws.logs.describe_queries(logGroupName=name)["queries"]
    assert [each["status"] for each in listed] == ["Complete"] * 3
    assert listed[0]["queryString"].startswith(f'SOURCE "{name}" START=')
    now = int(time.time())
    assert refusal(aws.logs.start_query, logGroupName=name, startTime=now, endTime=now, queryString="what")[0] == (
        "MalformedQueryException")
    code, message = refusal(aws.logs.start_query, logGroupName="absent", startTime=now, endTime=now,
                            queryString="fields @message")
    assert code == "ResourceNotFoundException" and message.startswith("Log group 'absent' does not exist for account ID")
    assert refusal(aws.logs.get_query_results, queryId="none")[0] == "ResourceNotFoundException"


def test_a_live_tail_tells_what_is_logged_from_now_on(aws, stream, name):
    put(aws, stream, "before")
    arn = aws.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]["logGroupArn"]
    # "stream-" before the name of the host leads nowhere here.
    client = aws.client("logs", inject_host_prefix=False)
    assert refusal(client.start_live_tail, logGroupIdentifiers=[name])[0] == "InvalidParameterException"
    assert refusal(client.start_live_tail, logGroupIdentifiers=[arn + "x"])[0] == "ResourceNotFoundException"
    events = iter(client.start_live_tail(logGroupIdentifiers=[arn], logEventFilterPattern="-skipped")["responseStream"])
    start = next(events)["sessionStart"]
    assert start["logGroupIdentifiers"] == [arn] and start["logEventFilterPattern"] == "-skipped"
    put(aws, stream, "one", "skipped", "two")
    heard = []
    while len(heard) < 2:
        update = next(events)["sessionUpdate"]
        assert update["sessionMetadata"] == {"sampled": False}
        heard += update["sessionResults"]
    assert [each["message"] for each in heard] == ["one", "two"]
    assert heard[0]["logStreamName"] == "s" and heard[0]["logGroupIdentifier"].endswith(":" + name)
