"""Published policies for IAM and STS, boundaries and sessions: what each allows and refuses.

The policies are those of the IAM guide ("Example policies", IAM; "Permissions boundaries";
"Session policies"; "Temporary security credentials"), in names of our own.
"""
import json

import pytest
from botocore.exceptions import ClientError
from policies import (ACCOUNT, Example, People, Someone, Stage, allow, denied, deny, document, filled,
                      ids, may, may_not)

SELF = "arn:aws:iam::{account}:user/${aws:username}"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}}]})


def get_user(name=None):
    return lambda s: s.who.iam.get_user(**({"UserName": filled(name, s.words)} if name else {}))


def create_role(name, **more):
    return lambda s: s.who.iam.create_role(
        RoleName=filled(name, s.words), AssumeRolePolicyDocument=TRUST, **filled(more, s.words))


def assume(name):
    return lambda s: s.who.sts.assume_role(
        RoleArn=filled(f"arn:aws:iam::{{account}}:role/{name}", s.words), RoleSessionName="me")


def make_role(name, trust=None, **more):
    def setup(stage):
        stage.aws.iam.create_role(
            RoleName=filled(name, stage.words),
            AssumeRolePolicyDocument=document(filled(trust, stage.words)) if trust else TRUST, **more)
    return setup


IAM = [
    Example("look at users and roles", [allow(["iam:Get*", "iam:List*"])], [
        ("may", get_user()), ("may", lambda s: s.who.iam.list_roles()),
        ("may", lambda s: s.who.iam.list_policies()),
        ("may not", create_role("{name}-r"), "iam:CreateRole",
         "arn:aws:iam::{account}:role/{name}-r")]),
    Example("one's own access keys", [
        allow(["iam:CreateAccessKey", "iam:ListAccessKeys", "iam:DeleteAccessKey", "iam:GetUser"],
              SELF)], [
        ("may", get_user()), ("may", lambda s: s.who.iam.list_access_keys()),
        ("may", lambda s: s.who.iam.list_access_keys(UserName=s.user)),
        ("may not", lambda s: s.who.iam.list_access_keys(UserName="somebody"), "iam:ListAccessKeys",
         "user somebody"),
        ("may not", lambda s: s.who.iam.create_access_key(UserName="somebody"), "iam:CreateAccessKey",
         "user somebody")]),
    Example("roles below a path", [
        allow(["iam:CreateRole", "iam:GetRole"], "arn:aws:iam::{account}:role/teams/*")], [
        ("may", create_role("{name}-t", Path="/teams/")),
        ("may", lambda s: s.who.iam.get_role(RoleName=f"{s.name}-t")),
        ("may not", create_role("{name}-u"), "iam:CreateRole", "arn:aws:iam::{account}:role/{name}-u"),
        ("may not", lambda s: s.who.iam.get_role(RoleName=f"{s.name}-absent"), "iam:GetRole",
         "role {name}-absent")]),
    Example("attach these policies alone", [
        allow(["iam:AttachRolePolicy", "iam:DetachRolePolicy"], "*", Condition={
            "ArnLike": {"iam:PolicyARN": ["arn:aws:iam::aws:policy/AmazonSageMakerReadOnly"]}})], [
        ("may", lambda s: s.who.iam.attach_role_policy(
            RoleName=s.name, PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerReadOnly")),
        ("may not", lambda s: s.who.iam.attach_role_policy(
            RoleName=s.name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
         "iam:AttachRolePolicy", "role {name}")], make_role("{name}")),
    Example("no role without a boundary", [
        allow("iam:CreateRole", "*", Condition={"StringEquals": {
            "iam:PermissionsBoundary": "arn:aws:iam::aws:policy/AmazonSageMakerReadOnly"}})], [
        ("may", create_role(
            "{name}-b", PermissionsBoundary="arn:aws:iam::aws:policy/AmazonSageMakerReadOnly")),
        ("may not", create_role("{name}-c"), "iam:CreateRole",
         "arn:aws:iam::{account}:role/{name}-c")]),
    Example("tag with keys that are known", [
        allow("iam:TagRole", "*", Condition={
            "ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost"]}})], [
        ("may", lambda s: s.who.iam.tag_role(RoleName=s.name, Tags=[{"Key": "team", "Value": "x"}])),
        ("may not", lambda s: s.who.iam.tag_role(
            RoleName=s.name, Tags=[{"Key": "admin", "Value": "x"}]), "iam:TagRole", "role {name}")],
        make_role("{name}")),
    Example("roles that carry a tag", [
        allow("iam:*", "*", Condition={"StringEquals": {"iam:ResourceTag/team": "blue"}})], [
        ("may", lambda s: s.who.iam.get_role(RoleName=s.name)),
        ("may not", lambda s: s.who.iam.list_users(), "iam:ListUsers",
         "arn:aws:iam::{account}:user/")],
        make_role("{name}", Tags=[{"Key": "team", "Value": "blue"}])),
    Example("tags at the making take a right of their own", [allow("iam:CreateRole")], [
        ("may not", create_role("{name}-d", Tags=[{"Key": "a", "Value": "b"}]), "iam:TagRole",
         "arn:aws:iam::{account}:role/{name}-d")]),
    Example("nothing to do with administrators", [
        allow("iam:*"), deny("iam:*", "arn:aws:iam::{account}:role/{name}")], [
        ("may", lambda s: s.who.iam.list_roles()),
        ("may not", lambda s: s.who.iam.delete_role(RoleName=s.name), "iam:DeleteRole",
         "role {name}", denied()),
        ("may not", lambda s: s.who.iam.delete_role(RoleName=s.name.upper()), "iam:DeleteRole",
         "role {upper}", denied())],
        lambda s: (make_role("{name}")(s), s.words.update(upper=s.name.upper()))),
    Example("policies of a name", [
        allow(["iam:CreatePolicy", "iam:GetPolicy"], "arn:aws:iam::{account}:policy/{name}-*")], [
        ("may", lambda s: s.who.iam.create_policy(
            PolicyName=f"{s.name}-p", PolicyDocument=document(allow("s3:*")))),
        ("may not", lambda s: s.who.iam.create_policy(
            PolicyName="other", PolicyDocument=document(allow("s3:*"))), "iam:CreatePolicy",
         "policy other")]),
]

STS = [
    Example("take one role", [allow("sts:AssumeRole", "arn:aws:iam::{account}:role/{name}")], [
        ("may", assume("{name}"))], make_role("{name}")),
    Example("who one is may be asked under every denial", [deny("*")], [
        ("may", lambda s: s.who.sts.get_caller_identity())]),
    Example("credentials of one's own need no policy", [], [
        ("may", lambda s: s.who.sts.get_session_token())]),
    Example("nobody else's roles", [allow("sts:AssumeRole", "arn:aws:iam::{account}:role/other-*")], [
        ("refused", assume("{name}"))], make_role("{name}")),
    Example("the trust names the user", [], [("may", assume("{name}"))], None),
    Example("only with the agreed word", [allow("sts:AssumeRole")], [
        ("refused", assume("{name}")),
        ("may", lambda s: s.who.sts.assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{s.name}", RoleSessionName="me", ExternalId="agreed"))],
        make_role("{name}", {"Effect": "Allow", "Action": "sts:AssumeRole",
                             "Principal": {"AWS": ACCOUNT},
                             "Condition": {"StringEquals": {"sts:ExternalId": "agreed"}}})),
    Example("the trust refuses whom it does not name", [allow("sts:*")], [
        ("refused", assume("{name}"))],
        make_role("{name}", {"Effect": "Allow", "Action": "sts:AssumeRole",
                             "Principal": {"Service": "sagemaker.amazonaws.com"}})),
    Example("a denied role stays shut", [
        allow("sts:AssumeRole"), deny("sts:AssumeRole", "arn:aws:iam::{account}:role/{name}")], [
        ("refused", assume("{name}"))], make_role("{name}")),
    Example("a session's name is one's own", [allow("sts:AssumeRole")], [
        ("refused", assume("{name}")),
        ("may", lambda s: s.who.sts.assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{s.name}", RoleSessionName=s.user))],
        make_role("{name}", {"Effect": "Allow", "Action": "sts:AssumeRole",
                             "Principal": {"AWS": ACCOUNT},
                             "Condition": {"StringLike": {"sts:RoleSessionName": "${aws:username}"}}})),
    Example("tags of a session take a right of their own", [allow("sts:AssumeRole")], [
        ("refused", lambda s: s.who.sts.assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{s.name}", RoleSessionName="me",
            Tags=[{"Key": "a", "Value": "b"}]))], make_role("{name}")),
]


@pytest.fixture
def stage(aws, server, name):
    return Stage(aws, People(aws, server, name), name=name)


@pytest.mark.parametrize("example", IAM, ids=ids(IAM))
def test_a_published_policy_of_iam_means_what_it_says(example, stage):
    example.run(stage)


@pytest.mark.parametrize("example", STS, ids=ids(STS))
def test_a_published_policy_of_sts_means_what_it_says(example, stage):
    stage.words["user"] = stage.people.name()
    if example.setup:
        example.setup(stage)
    stage.who = stage.people.user(*filled(list(example.who), stage.words), name=stage.words["user"])
    if not example.setup and "trust" in example.title:
        make_role("{name}", {"Effect": "Allow", "Action": "sts:AssumeRole",
                             "Principal": {"AWS": stage.who.arn}})(stage)
    for verdict, call in example.checks:
        if verdict == "may":
            may(lambda: call(stage))
        else:
            with pytest.raises(ClientError) as caught:
                call(stage)
            error = caught.value.response["Error"]
            assert error["Code"] == "AccessDenied", error
            assert error["Message"].startswith(f"User: {stage.who.arn} is not authorized to perform: sts:")
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_boundary_limits_what_the_own_policy_allows(stage):
    boundary = stage.aws.iam.create_policy(
        PolicyName=stage.name, PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    who = stage.people.user(allow(["s3:ListAllMyBuckets", "sqs:ListQueues"]),
                            PermissionsBoundary=boundary)
    may(lambda: who.s3.list_buckets())
    may_not(who, lambda: who.sqs.list_queues(), "sqs:ListQueues",
            f"arn:aws:sqs:us-east-1:{ACCOUNT}:",
            "because no permissions boundary allows the sqs:listqueues action")


def test_a_session_policy_limits_the_session(stage):
    who = stage.people.session(
        allow(["s3:*", "sqs:*"]), assume={"Policy": document(allow("s3:ListAllMyBuckets"))})
    may(lambda: who.s3.list_buckets())
    may_not(who, lambda: who.sqs.list_queues(), "sqs:ListQueues",
            f"arn:aws:sqs:us-east-1:{ACCOUNT}:",
            "because no session policy allows the sqs:listqueues action")


def test_what_is_denied_later_is_denied_at_once_also_to_sessions(stage):
    role = stage.people.role(allow("s3:*"))
    made = stage.aws.sts.assume_role(RoleArn=role["Arn"], RoleSessionName="me")
    who = Someone(stage.people.server, made["AssumedRoleUser"]["Arn"], made["Credentials"])
    may(lambda: who.s3.list_buckets())
    stage.aws.iam.put_role_policy(RoleName=role["RoleName"], PolicyName="no",
                                  PolicyDocument=document(deny("s3:*")))
    may_not(who, lambda: who.s3.list_buckets(), "s3:ListAllMyBuckets", None, denied())


def test_a_group_gives_its_members_what_it_may(stage):
    who = stage.people.user()
    stage.aws.iam.create_group(GroupName=stage.name)
    stage.aws.iam.put_group_policy(GroupName=stage.name, PolicyName="p",
                                   PolicyDocument=document(allow("sqs:ListQueues")))
    may_not(who, lambda: who.sqs.list_queues(), "sqs:ListQueues",
            f"arn:aws:sqs:us-east-1:{ACCOUNT}:")
    stage.aws.iam.add_user_to_group(GroupName=stage.name, UserName=who.name)
    may(lambda: who.sqs.list_queues())


def test_simulating_says_what_the_check_says(stage):
    who = stage.people.user(allow("sqs:ListQueues"), deny("s3:*"))
    results = stage.aws.iam.simulate_principal_policy(
        PolicySourceArn=who.arn, ActionNames=["sqs:ListQueues", "s3:ListAllMyBuckets", "sns:ListTopics"])
    decisions = {each["EvalActionName"]: each["EvalDecision"] for each in results["EvaluationResults"]}
    assert decisions == {"sqs:ListQueues": "allowed", "s3:ListAllMyBuckets": "explicitDeny",
                         "sns:ListTopics": "implicitDeny"}
    may(lambda: who.sqs.list_queues())
    may_not(who, lambda: who.s3.list_buckets(), "s3:ListAllMyBuckets", None, denied())
    may_not(who, lambda: who.sns.list_topics(), "sns:ListTopics",
            f"arn:aws:sns:us-east-1:{ACCOUNT}:*")


def test_a_guest_may_what_his_host_and_his_policies_both_allow(stage, server, aws):
    people = stage.people
    host = people.user(allow(["s3:ListAllMyBuckets", "sqs:*", "sts:GetFederationToken"]))

    def guest(**more):
        given = host.sts.get_federation_token(Name="guest", **more)
        assert given["FederatedUser"] == {
            "FederatedUserId": f"{ACCOUNT}:guest", "Arn": f"arn:aws:sts::{ACCOUNT}:federated-user/guest"}
        return Someone(server, given["FederatedUser"]["Arn"], given["Credentials"])

    within = guest(Policy=document(allow(["s3:*", "iam:*"])), DurationSeconds=900)
    assert within.sts.get_caller_identity()["UserId"] == f"{ACCOUNT}:guest"
    may(within.s3.list_buckets)
    may_not(within, lambda: within.sqs.list_queues(), "sqs:listqueues", f"arn:aws:sqs:us-east-1:{ACCOUNT}:",
            reason="because no session policy allows the sqs:listqueues action")
    may_not(within, lambda: within.iam.list_users(), "iam:ListUsers",
            f"arn:aws:iam::{ACCOUNT}:user/", reason="because no session policy allows the iam:ListUsers action")
    # Passing a role is no call of IAM: that is asked by whoever gets the role.
    role = people.role()["Arn"]
    people.aws.iam.put_user_policy(UserName=host.name, PolicyName="pass", PolicyDocument=document(
        allow(["sns:SetSMSAttributes", "iam:PassRole"])))
    passing = guest(Policy=document(allow(["sns:*", "iam:*"])))
    may(lambda: passing.sns.set_sms_attributes(attributes={"DeliveryStatusIAMRole": role}))
    by_name = guest(PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}])
    may(by_name.s3.list_buckets)

    alone, bucket = guest(), people.name()
    with pytest.raises(ClientError):
        alone.s3.list_buckets()
    aws.s3.create_bucket(Bucket=bucket)
    aws.s3.put_bucket_policy(Bucket=bucket, Policy=document(
        {**allow("s3:ListBucket", f"arn:aws:s3:::{bucket}"), "Principal": {"AWS": alone.arn}}))
    assert may(lambda: alone.s3.list_objects_v2(Bucket=bucket))["KeyCount"] == 0

    tags = [{"Key": "team", "Value": "blue"}]
    may_not(host, lambda: guest(Tags=tags), "sts:TagSession", f"arn:aws:sts::{ACCOUNT}:federated-user/guest")
    people.aws.iam.put_user_policy(UserName=host.name, PolicyName="tag", PolicyDocument=document(
        allow("sts:TagSession", Condition={"StringEquals": {"aws:RequestTag/team": "blue"}})))
    guest(Tags=tags)
    may_not(host, lambda: guest(Tags=[{"Key": "team", "Value": "red"}]), "sts:TagSession",
            f"arn:aws:sts::{ACCOUNT}:federated-user/guest")
    people.aws.iam.delete_user_policy(UserName=host.name, PolicyName="p")
    with pytest.raises(ClientError):
        within.s3.list_buckets()


def test_who_is_let_in_by_root_may_what_his_policy_allows(server, aws):
    given = aws.sts.get_federation_token(Name="guest", Policy=document(allow("s3:ListAllMyBuckets")),
                                         Tags=[{"Key": "team", "Value": "blue"}])
    assert 0 < given["PackedPolicySize"] < 10
    guest = Someone(server, given["FederatedUser"]["Arn"], given["Credentials"])
    may(guest.s3.list_buckets)
    with pytest.raises(ClientError) as caught:
        guest.sts.get_federation_token(Name="other")
    assert caught.value.response["Error"]["Code"] == "AccessDenied"


def test_a_role_is_passed_to_the_service_that_gets_it(stage):
    """Published policies let roles be passed to one service: iam:PassedToService says to which."""
    people, iam = stage.people, stage.people.aws.iam
    role, name = people.role(), people.name()
    iam.create_instance_profile(InstanceProfileName=name)

    def passing(service, action):
        return people.user(allow(action), allow("iam:PassRole", role["Arn"], Condition={
            "StringEquals": {"iam:PassedToService": service}}))

    add = {"InstanceProfileName": name, "RoleName": role["RoleName"]}
    texts = {"attributes": {"DeliveryStatusIAMRole": role["Arn"]}}
    other = passing("sagemaker.amazonaws.com", ["iam:AddRoleToInstanceProfile", "sns:SetSMSAttributes"])
    may_not(other, lambda: other.iam.add_role_to_instance_profile(**add), "iam:PassRole", role["Arn"])
    with pytest.raises(ClientError, match="PassRole"):
        other.sns.set_sms_attributes(**texts)
    passing("ec2.amazonaws.com", "iam:AddRoleToInstanceProfile").iam.add_role_to_instance_profile(**add)
    passing("sns.amazonaws.com", "sns:SetSMSAttributes").sns.set_sms_attributes(**texts)


def test_a_denial_of_a_provider_holds_for_its_url_to_the_letter(stage):
    name = f"{stage.people.name()}.example.com/"
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{name}"
    who = stage.people.user(allow("iam:*"), deny("iam:CreateOpenIDConnectProvider", arn))
    may_not(who, lambda: who.iam.create_open_id_connect_provider(Url=f"https://{name}", ThumbprintList=["a" * 40]),
            "iam:CreateOpenIDConnectProvider", arn, denied())
