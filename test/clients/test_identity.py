"""Keys, roles and sessions: STS and IAM through boto3."""
import json

import boto3
import pytest
from botocore.exceptions import ClientError

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}]})


@pytest.fixture
def role(aws, name):
    made = aws.iam.create_role(RoleName=name[:60], AssumeRolePolicyDocument=TRUST,
                               Tags=[{"Key": "team", "Value": "blue"}])["Role"]
    return made


def test_the_caller_is_named(aws):
    caller = aws.sts.get_caller_identity()
    assert caller["Account"] == "000000000000"
    assert caller["Arn"].startswith("arn:aws:")


def test_an_assumed_role_may_work_with_its_own_keys_and_only_with_its_token(aws, role, server):
    session = aws.sts.assume_role(RoleArn=role["Arn"], RoleSessionName="me")
    keys = session["Credentials"]
    client = {"region_name": "us-east-1", "endpoint_url": server.url,
              "aws_access_key_id": keys["AccessKeyId"], "aws_secret_access_key": keys["SecretAccessKey"]}
    caller = boto3.client("sts", aws_session_token=keys["SessionToken"], **client).get_caller_identity()
    assert caller["Arn"].endswith(f":assumed-role/{role['RoleName']}/me")
    with pytest.raises(ClientError):
        boto3.client("sagemaker", **client).list_models()


def test_roles_policies_and_tags_come_back(aws, role):
    name = role["RoleName"]
    assert aws.iam.get_role(RoleName=name)["Role"]["Arn"] == role["Arn"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    aws.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
    assert aws.iam.get_role_policy(RoleName=name, PolicyName="p")["PolicyDocument"] == policy
    managed = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
    aws.iam.attach_role_policy(RoleName=name, PolicyArn=managed)
    [attached] = aws.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert attached["PolicyArn"] == managed
    assert aws.iam.list_role_tags(RoleName=name)["Tags"] == [{"Key": "team", "Value": "blue"}]
    with pytest.raises(ClientError) as caught:
        aws.iam.delete_role(RoleName=name)
    assert caught.value.response["Error"]["Code"] == "DeleteConflict"


def test_a_role_is_made_once_and_a_missing_one_is_said_so(aws, role):
    with pytest.raises(ClientError) as caught:
        aws.iam.create_role(RoleName=role["RoleName"], AssumeRolePolicyDocument=TRUST)
    assert caught.value.response["Error"]["Code"] == "EntityAlreadyExists"
    with pytest.raises(ClientError) as caught:
        aws.iam.get_role(RoleName="nobody-made-this")
    assert caught.value.response["Error"]["Code"] == "NoSuchEntity"


def test_a_simulated_policy_says_what_the_role_may(aws, role):
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:GetBucketPolicy", "Resource": "*"}]}
    aws.iam.put_role_policy(
        RoleName=role["RoleName"], PolicyName="p", PolicyDocument=json.dumps(policy))
    results = aws.iam.simulate_principal_policy(
        PolicySourceArn=role["Arn"],
        ActionNames=["s3:GetObject", "s3:GetBucketPolicy", "s3:PutObject"])["EvaluationResults"]
    assert {r["EvalActionName"]: r["EvalDecision"] for r in results} == {
        "s3:GetObject": "allowed", "s3:GetBucketPolicy": "explicitDeny", "s3:PutObject": "implicitDeny"}
