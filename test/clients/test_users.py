"""Users, their keys and the sessions that they get, through boto3: who may sign, and who may assume
which role."""
import json

import boto3
import botocore.config
import pytest
from botocore.exceptions import ClientError

ACCOUNT = "000000000000"


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*"):
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def trust(principal, *actions, **condition):
    statement = {"Effect": "Allow", "Principal": principal, "Action": actions or ["sts:AssumeRole"]}
    return policy({**statement, **({"Condition": condition} if condition else {})})


def code(caught):
    return caught.value.response["Error"]["Code"]


def message(caught):
    return caught.value.response["Error"]["Message"]


class Person:
    """Somebody with keys, and the clients that sign with them."""

    def __init__(self, server, keys):
        self.server, self.keys = server, keys

    def client(self, service):
        return boto3.client(
            service, region_name="us-east-1", endpoint_url=self.server.url,
            aws_access_key_id=self.keys["AccessKeyId"],
            aws_secret_access_key=self.keys["SecretAccessKey"],
            aws_session_token=self.keys.get("SessionToken"),
            config=botocore.config.Config(retries={"max_attempts": 1, "mode": "standard"}))

    def __getattr__(self, service):
        made = self.client(service)
        setattr(self, service, made)
        return made

    def who(self):
        return self.sts.get_caller_identity()["Arn"]

    def assume(self, role, **given):
        answer = self.sts.assume_role(RoleArn=role, RoleSessionName="me", **given)
        return Person(self.server, answer["Credentials"])


@pytest.fixture
def ann(aws, server, name):
    user = f"ann-{name}"[:60]
    arn = aws.iam.create_user(UserName=user, Tags=[{"Key": "team", "Value": "blue"}])["User"]["Arn"]
    person = Person(server, aws.iam.create_access_key(UserName=user)["AccessKey"])
    person.name, person.arn = user, arn
    return person


@pytest.fixture
def make_role(aws, name):
    def make(document, suffix="", **more):
        return aws.iam.create_role(RoleName=f"{name[:50]}{suffix}", AssumeRolePolicyDocument=document,
                                   **more)["Role"]["Arn"]
    return make


def test_a_users_key_signs_until_it_is_switched_off(aws, ann):
    assert ann.who() == f"arn:aws:iam::{ACCOUNT}:user/{ann.name}"
    key = ann.keys["AccessKeyId"]
    aws.iam.update_access_key(UserName=ann.name, AccessKeyId=key, Status="Inactive")
    with pytest.raises(ClientError) as caught:
        ann.who()
    assert code(caught) == "InvalidClientTokenId"
    with pytest.raises(ClientError) as caught:
        ann.s3.list_buckets()
    assert code(caught) == "InvalidAccessKeyId"
    aws.iam.update_access_key(UserName=ann.name, AccessKeyId=key, Status="Active")
    assert ann.who()
    aws.iam.delete_access_key(UserName=ann.name, AccessKeyId=key)
    with pytest.raises(ClientError) as caught:
        ann.who()
    assert code(caught) == "InvalidClientTokenId"


def test_a_users_temporary_credentials_end_with_the_user(aws, ann, server):
    temporary = Person(server, ann.sts.get_session_token()["Credentials"])
    assert temporary.who() == ann.arn
    with pytest.raises(ClientError) as caught:
        temporary.sts.get_session_token()
    assert code(caught) == "AccessDenied"
    aws.iam.delete_access_key(UserName=ann.name, AccessKeyId=ann.keys["AccessKeyId"])
    aws.iam.delete_user(UserName=ann.name)
    with pytest.raises(ClientError) as caught:
        temporary.who()
    assert code(caught) == "InvalidClientTokenId"


def test_a_deleted_roles_sessions_end_and_its_name_brings_none_back(aws, make_role, server):
    document = trust({"AWS": ACCOUNT})
    role = make_role(document)
    root = Person(server, {"AccessKeyId": aws.environment["AWS_ACCESS_KEY_ID"],
                           "SecretAccessKey": aws.environment["AWS_SECRET_ACCESS_KEY"]})
    session = root.assume(role)
    assert ":assumed-role/" in session.who()
    aws.iam.delete_role(RoleName=role.rpartition("/")[2])
    for again in (False, True):
        if again:
            make_role(document)
        with pytest.raises(ClientError) as caught:
            session.who()
        assert code(caught) == "InvalidClientTokenId"
        with pytest.raises(ClientError) as caught:
            session.sagemaker.list_models()
        assert code(caught) == "UnrecognizedClientException"


def test_a_role_is_assumed_by_whom_it_trusts(aws, ann, make_role):
    role = make_role(trust({"Service": "sagemaker.amazonaws.com"}))
    name = role.rpartition("/")[2]

    def set_trust(document):
        aws.iam.update_assume_role_policy(RoleName=name, PolicyDocument=document)

    def refused(action="sts:AssumeRole", **given):
        with pytest.raises(ClientError) as caught:
            ann.assume(role, **given)
        assert code(caught) == "AccessDenied"
        assert message(caught) == (
            f"User: {ann.arn} is not authorized to perform: {action} on resource: {role}")

    refused()
    set_trust(trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
    refused()  # the account is trusted, and its own policies do not allow it
    aws.iam.put_user_policy(UserName=ann.name, PolicyName="p",
                            PolicyDocument=policy(allow("sts:AssumeRole", role)))
    assert ann.assume(role).who() == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/me"
    aws.iam.delete_user_policy(UserName=ann.name, PolicyName="p")
    refused()
    set_trust(trust({"AWS": ann.arn}))
    assert ann.assume(role)
    set_trust(trust({"AWS": ann.arn}, StringEquals={"sts:ExternalId": "secret"}))
    refused()
    refused(ExternalId="wrong")
    assert ann.assume(role, ExternalId="secret")
    set_trust(trust({"AWS": ann.arn}, StringEquals={"aws:PrincipalTag/team": "red"}))
    refused()
    aws.iam.tag_user(UserName=ann.name, Tags=[{"Key": "team", "Value": "red"}])
    assert ann.assume(role)
    set_trust(trust({"AWS": ann.arn}))
    refused("sts:TagSession", Tags=[{"Key": "a", "Value": "b"}])
    refused("sts:SetSourceIdentity", SourceIdentity="ann")
    aws.iam.put_user_policy(UserName=ann.name, PolicyName="p", PolicyDocument=policy(
        {"Effect": "Deny", "Action": "sts:*", "Resource": "*"}))
    refused()
    assert ann.who()  # who one is may always be asked


def test_a_chain_keeps_its_source_identity_and_its_hour(aws, ann, make_role):
    everyone = trust({"AWS": "*"}, "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
    first, second = make_role(everyone, "1"), make_role(everyone, "2", MaxSessionDuration=7200)
    session = ann.assume(first, SourceIdentity="ann", Tags=[{"Key": "team", "Value": "blue"}],
                         TransitiveTagKeys=["team"])
    answer = session.sts.assume_role(RoleArn=second, RoleSessionName="next")
    assert answer["SourceIdentity"] == "ann"
    assert answer["PackedPolicySize"] > 0
    for given, words in (
            ({"SourceIdentity": "bob"},
             "The source identity is already set for this assume role session"),
            ({"DurationSeconds": 7200},
             "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
             "role chaining.")):
        with pytest.raises(ClientError) as caught:
            session.assume(second, **given)
        assert (code(caught), message(caught)) == ("ValidationError", words)
    with pytest.raises(ClientError) as caught:
        session.assume(second, Tags=[{"Key": "Team", "Value": "red"}])
    assert code(caught) == "InvalidParameterValue"


def test_a_trusted_name_that_is_made_anew_is_somebody_else(aws, ann, make_role, server):
    role = make_role(trust({"AWS": ann.arn}))
    assert ann.assume(role)
    user_id = aws.iam.get_user(UserName=ann.name)["User"]["UserId"]
    aws.iam.delete_access_key(UserName=ann.name, AccessKeyId=ann.keys["AccessKeyId"])
    aws.iam.delete_user(UserName=ann.name)
    shown = aws.iam.get_role(RoleName=role.rpartition("/")[2])["Role"]["AssumeRolePolicyDocument"]
    assert shown["Statement"][0]["Principal"] == {"AWS": user_id}
    aws.iam.create_user(UserName=ann.name)
    other = Person(server, aws.iam.create_access_key(UserName=ann.name)["AccessKey"])
    with pytest.raises(ClientError) as caught:
        other.assume(role)
    assert code(caught) == "AccessDenied"
    with pytest.raises(ClientError) as caught:
        make_role(trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/nobody"}), "x")
    assert (code(caught), message(caught)) == (
        "MalformedPolicyDocument",
        f'Invalid principal in policy: "AWS":"arn:aws:iam::{ACCOUNT}:user/nobody"')


def test_groups_versions_and_boundaries_decide_together(aws, ann, name):
    iam, group = aws.iam, f"g-{name}"[:60]
    made = iam.create_policy(PolicyName=f"p-{name}"[:60],
                             PolicyDocument=policy(allow("s3:Get*")))["Policy"]["Arn"]
    iam.create_group(GroupName=group)
    iam.attach_group_policy(GroupName=group, PolicyArn=made)
    iam.add_user_to_group(GroupName=group, UserName=ann.name)
    assert [g["GroupName"] for g in iam.list_groups_for_user(UserName=ann.name)["Groups"]] == [group]
    assert [u["UserName"] for u in iam.get_group(GroupName=group)["Users"]] == [ann.name]

    def may(action):
        [result] = iam.simulate_principal_policy(
            PolicySourceArn=ann.arn, ActionNames=[action],
            ResourceArns=["arn:aws:s3:::b/k"])["EvaluationResults"]
        return result["EvalDecision"]

    assert (may("s3:GetObject"), may("s3:PutObject")) == ("allowed", "implicitDeny")
    version = iam.create_policy_version(PolicyArn=made, PolicyDocument=policy(allow("s3:Put*")))
    assert may("s3:PutObject") == "implicitDeny"
    iam.set_default_policy_version(PolicyArn=made, VersionId=version["PolicyVersion"]["VersionId"])
    assert (may("s3:GetObject"), may("s3:PutObject")) == ("implicitDeny", "allowed")
    iam.put_user_permissions_boundary(
        UserName=ann.name, PermissionsBoundary="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    assert may("s3:PutObject") == "implicitDeny"
    iam.delete_user_permissions_boundary(UserName=ann.name)
    assert may("s3:PutObject") == "allowed"
    entities = iam.list_entities_for_policy(PolicyArn=made)
    assert [g["GroupName"] for g in entities["PolicyGroups"]] == [group]
    assert iam.get_account_summary()["SummaryMap"]["Users"] >= 1


def test_documents_are_refused_in_amazons_words(aws, ann):
    for document, words in (
            ("{", "Syntax errors in policy."),
            (policy({"Effect": "Allow", "Action": "s3:*", "Resource": "b"}),
             'Resource b must be in ARN format or "*".'),
            (policy({"Effect": "Allow", "Action": "s3", "Resource": "*"}),
             "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")):
        with pytest.raises(ClientError) as caught:
            aws.iam.put_user_policy(UserName=ann.name, PolicyName="p", PolicyDocument=document)
        assert (code(caught), message(caught)) == ("MalformedPolicyDocument", words)
    long = policy(*[allow("s3:*", f"arn:aws:s3:::bucket-{i}/*") for i in range(40)])
    with pytest.raises(ClientError) as caught:
        aws.iam.put_user_policy(UserName=ann.name, PolicyName="p", PolicyDocument=long)
    assert (code(caught), message(caught)) == (
        "LimitExceeded", f"Maximum policy size of 2048 bytes exceeded for user {ann.name}")


def test_sqs_names_a_wrong_key_and_a_wrong_secret_as_its_older_protocol_did(server, aws):
    """SDKs know these codes from `x-amzn-query-error`; kombu and celery look for them."""
    good = server.client_environment()
    for key, secret, code in (("AKIAIOSFODNN7EXAMPLE", "x", "InvalidClientTokenId"),
                              (good["AWS_ACCESS_KEY_ID"], "wrong", "SignatureDoesNotMatch")):
        sqs = boto3.client("sqs", endpoint_url=server.url, region_name="us-east-1",
                           aws_access_key_id=key, aws_secret_access_key=secret)
        with pytest.raises(ClientError) as caught:
            sqs.list_queues()
        assert caught.value.response["Error"]["Code"] == code
