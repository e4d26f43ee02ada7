"""Log groups as resources: made, shaped, tagged and removed, while instances print into them."""
import time

import pytest
from botocore.exceptions import ClientError
from conftest import Clients, Deployment
from make_model import tar_gz
from policies import ACCOUNT, REGION, People, allow, may_not

PRINTED_SECONDS_MAX = 20


def refusal(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Code"], refused.value.response["Error"]["Message"]


def group_of(aws, name):
    groups = aws.logs.describe_log_groups(logGroupIdentifiers=[name])["logGroups"]
    return groups[0] if groups else None


def messages(aws, group):
    try:
        pages = aws.logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]
    except aws.logs.exceptions.ResourceNotFoundException:
        return []


def wait_for(look):
    deadline = time.monotonic() + PRINTED_SECONDS_MAX
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_the_life_of_a_group(aws, name):
    aws.logs.create_log_group(logGroupName=name, tags={"team": "a"})
    assert refusal(aws.logs.create_log_group, logGroupName=name) == (
        "ResourceAlreadyExistsException", "The specified log group already exists")
    aws.logs.put_retention_policy(logGroupName=name, retentionInDays=14)
    group = group_of(aws, name)
    assert (group["retentionInDays"], group["storedBytes"], group["logGroupClass"]) == (14, 0, "STANDARD")
    assert abs(group["creationTime"] / 1000 - time.time()) < 60
    assert group["arn"] == group["logGroupArn"] + ":*"
    arn = group["logGroupArn"]
    assert aws.logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "a"}
    aws.logs.tag_resource(resourceArn=arn, tags={"stage": "b"})
    aws.logs.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert aws.logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"stage": "b"}
    aws.logs.delete_retention_policy(logGroupName=name)
    assert "retentionInDays" not in group_of(aws, name)
    aws.logs.delete_log_group(logGroupName=name)
    assert group_of(aws, name) is None
    absent = ("ResourceNotFoundException", "The specified log group does not exist.")
    assert refusal(aws.logs.delete_log_group, logGroupName=name) == absent
    assert refusal(aws.logs.list_tags_for_resource, resourceArn=arn) == absent
    assert refusal(aws.logs.put_retention_policy, logGroupName=name, retentionInDays=1) == absent


def test_what_makes_no_group(aws, name):
    create = aws.logs.create_log_group
    assert refusal(create, logGroupName="aws/" + name) == (
        "InvalidParameterException", "Log groups starting with AWS/ are reserved for AWS.")
    for wrong in ({"logGroupName": "a b"}, {"logGroupName": name, "kmsKeyId": "arn:aws:kms:::key/k"},
                  {"logGroupName": name, "logGroupClass": "INFREQUENT_ACCESS"},
                  {"logGroupName": name, "deletionProtectionEnabled": True},
                  {"logGroupName": name, "tags": {"aws:mine": "1"}}):
        assert refusal(create, **wrong)[0] == "InvalidParameterException"
    assert group_of(aws, name) is None
    assert refusal(aws.logs.put_retention_policy, logGroupName=name, retentionInDays=2)[0] == (
        "InvalidParameterException")


def test_groups_are_listed_in_pages(aws, name):
    made = sorted(f"{name}/{i}" for i in range(7))
    for group in reversed(made):
        aws.logs.create_log_group(logGroupName=group)
    pages = aws.logs.get_paginator("describe_log_groups").paginate(
        logGroupNamePrefix=name, PaginationConfig={"PageSize": 3})
    seen = [[group["logGroupName"] for group in page["logGroups"]] for page in pages]
    assert seen == [made[:3], made[3:6], made[6:]]
    token = aws.logs.describe_log_groups(logGroupNamePrefix=name, limit=3)["nextToken"]
    aws.logs.delete_log_group(logGroupName=made[2])  # where the token stands
    after = aws.logs.describe_log_groups(logGroupNamePrefix=name, limit=3, nextToken=token)
    assert [group["logGroupName"] for group in after["logGroups"]] == made[3:6]
    for wrong in ({"logGroupNamePrefix": name + "/", "nextToken": token}, {"nextToken": "x"}):
        assert refusal(aws.logs.describe_log_groups, **wrong)[0] == "InvalidParameterException"


TALKER = b"""
def model_fn(model_dir):
    print("loaded", flush=True)

def input_fn(body, content_type):
    return body.decode()

def predict_fn(data, model):
    print("asked", data, flush=True)
    return data

def output_fn(prediction, accept):
    return prediction, "text/plain"
"""


def test_a_group_that_an_endpoint_prints_into_is_removed_and_comes_anew(own_server, name):
    aws = Clients(own_server)
    group = f"/aws/sagemaker/Endpoints/{name}"
    deployment = Deployment(aws, name).deploy(tar_gz({"code/inference.py": TALKER}))
    deployment.invoke("one", "text/plain", "text/plain")
    wait_for(lambda: any("asked one" in line for line in messages(aws, group)))
    aws.logs.put_retention_policy(logGroupName=group, retentionInDays=1)
    aws.logs.tag_resource(resourceArn=group_of(aws, group)["logGroupArn"], tags={"team": "a"})
    assert any("asked one" in line for line in messages(aws, group))
    aws.logs.delete_log_group(logGroupName=group)
    own_server.kill()
    own_server.start()
    # What the instance had printed is not read again, and what was deleted does not come back.
    deployment.invoke("two", "text/plain", "text/plain")
    wait_for(lambda: any("asked two" in line for line in messages(aws, group)))
    printed = messages(aws, group)
    assert not any("asked one" in line for line in printed), printed
    assert "retentionInDays" not in group_of(aws, group)
    assert aws.logs.list_tags_for_resource(resourceArn=group_of(aws, group)["logGroupArn"])["tags"] == {}


def test_a_policy_may_know_groups_by_their_tags(aws, server, name):
    mine = {"StringEquals": {"aws:ResourceTag/team": "a"}}
    given = {"StringEquals": {"aws:RequestTag/team": "a"}}
    who = People(aws, server, name).user(
        allow("logs:CreateLogGroup"), allow("logs:TagResource", Condition=given),
        allow(["logs:DeleteLogGroup", "logs:FilterLogEvents", "logs:ListTagsForResource"], Condition=mine))
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}"
    may_not(who, lambda: who.logs.create_log_group(logGroupName=name, tags={"team": "b"}),
            "logs:TagResource", arn)
    who.logs.create_log_group(logGroupName=name, tags={"team": "a"})
    who.logs.filter_log_events(logGroupName=name)
    assert who.logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "a"}
    aws.logs.tag_resource(resourceArn=arn, tags={"team": "b"})
    may_not(who, lambda: who.logs.filter_log_events(logGroupName=name), "logs:FilterLogEvents",
            arn + ":log-stream:")
    may_not(who, lambda: who.logs.list_tags_for_resource(resourceArn=arn), "logs:ListTagsForResource", arn)
    may_not(who, lambda: who.logs.delete_log_group(logGroupName=name), "logs:DeleteLogGroup",
            arn + ":log-stream:")
