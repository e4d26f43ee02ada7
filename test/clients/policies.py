"""People with policies, and what they may do: for the tests of who may do what."""
import json
import time
import uuid

import boto3
import botocore.config
import pytest
from botocore.exceptions import ClientError

ACCOUNT = "000000000000"
REGION = "us-east-1"
# How each service calls a refusal, and with which status.
REFUSALS = {"s3": ("AccessDenied", 403), "sqs": ("AccessDenied", 403),
            "sns": ("AuthorizationError", 403), "iam": ("AccessDenied", 403),
            "sts": ("AccessDenied", 403), "logs": ("AccessDeniedException", 400),
            "sagemaker": ("AccessDeniedException", 400),
            "sagemaker-runtime": ("AccessDeniedException", 403)}
ALL_REFUSALS = {code for code, _ in REFUSALS.values()} | {"AccessDeniedException", "403"}


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action, resource="*", **more):
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Someone:
    """Boto3 clients that sign with one set of keys: someone.s3, someone.runtime, ..."""

    def __init__(self, server, arn, keys):
        self.url, self.arn = server.url, arn
        self.session = boto3.Session(
            aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"), region_name=REGION)

    def client(self, service, **options):
        config = botocore.config.Config(retries={"max_attempts": 1, "mode": "standard"}, **options)
        return self.session.client(service, endpoint_url=self.url, config=config)

    def __getattr__(self, name):
        made = self.client({"runtime": "sagemaker-runtime"}.get(name, name))
        setattr(self, name, made)
        return made


class People:
    """Makes users and roles, each with the policies that a test gives them."""

    def __init__(self, aws, server, prefix):
        # A module's fixtures may be made twice beside one server: names are new each time.
        self.aws, self.server, self.made = aws, server, 0
        self.prefix = f"{prefix}-{uuid.uuid4().hex[:6]}"

    def name(self):
        self.made += 1
        return f"{self.prefix}-{self.made}"

    def user(self, *statements, name=None, tags=None, **more):
        name = name or self.name()
        user = self.aws.iam.create_user(
            UserName=name, **more, **({"Tags": pairs(tags)} if tags else {}))["User"]
        if statements:
            self.aws.iam.put_user_policy(UserName=name, PolicyName="p",
                                         PolicyDocument=document(*statements))
        keys = self.aws.iam.create_access_key(UserName=name)["AccessKey"]
        someone = Someone(self.server, user["Arn"], keys)
        someone.name = name
        return someone

    def again(self, someone):
        """Somebody else under the name of a user who is no more."""
        iam = self.aws.iam
        for key in iam.list_access_keys(UserName=someone.name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=someone.name, AccessKeyId=key["AccessKeyId"])
        for policy in iam.list_user_policies(UserName=someone.name)["PolicyNames"]:
            iam.delete_user_policy(UserName=someone.name, PolicyName=policy)
        iam.delete_user(UserName=someone.name)
        return self.user(name=someone.name)

    def role(self, *statements, trust=None, tags=None, **more):
        name = self.name()
        trust = trust or {"Effect": "Allow", "Action": "sts:AssumeRole",
                          "Principal": {"AWS": ACCOUNT}}
        role = self.aws.iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=document(trust), **more,
            **({"Tags": pairs(tags)} if tags else {}))["Role"]
        if statements:
            self.aws.iam.put_role_policy(RoleName=name, PolicyName="p",
                                         PolicyDocument=document(*statements))
        return role

    def session(self, *statements, by=None, session="me", assume=None, **more):
        """Someone in a role of its own."""
        role = self.role(*statements, **more)
        made = (by or self.aws).sts.assume_role(RoleArn=role["Arn"], RoleSessionName=session,
                                                **(assume or {}))
        return Someone(self.server, made["AssumedRoleUser"]["Arn"], made["Credentials"])


def pairs(tags):
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def may(call):
    """The call is not refused for want of a right; what it answers, or the code of what else failed."""
    try:
        return call()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        assert code not in ALL_REFUSALS, error
        return code


def may_not(someone, call, action, resource=None, reason=None):
    """The call is refused in exactly AWS's words; the message."""
    with pytest.raises(ClientError) as caught:
        call()
    response = caught.value.response
    service = caught.value.operation_name
    spelled = action.lower() if action.startswith("sqs:") else action
    spelled = spelled.replace("sns:", "SNS:")
    place = f" on resource: {resource}" if resource else ""
    reason = reason or f"because no identity-based policy allows the {spelled} action"
    wanted = f"User: {someone.arn} is not authorized to perform: {spelled}{place} {reason}"
    assert response["Error"].get("Message") == wanted, (service, response["Error"])
    prefix = action.split(":")[0]
    expected = REFUSALS[prefix]
    if "runtime" in str(getattr(call, "service", "")):
        expected = REFUSALS["sagemaker-runtime"]
    if prefix not in ("iam", "sagemaker"):  # iam:PassRole is said by whoever is passed the role
        assert (response["Error"]["Code"],
                response["ResponseMetadata"]["HTTPStatusCode"]) == expected
    else:
        assert response["Error"]["Code"] in ALL_REFUSALS
    return wanted


def denied(kind="identity-based policy"):
    return f"with an explicit deny in {'an' if kind[0] == 'i' else 'a'} {kind}"


def eventually(check, seconds=10):
    """Whatever `check` returns once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
    return found


class Example:
    """A published policy, and calls that it allows and refuses.

    `who` are the statements of a user's policy; `setup(stage)` may prepare more and return words.
    A check is ("may", call) or ("may not", call, action, resource[, reason]); a call is a function
    of the stage. Texts in braces are the stage's words: {account}, {bucket}, {user}, ...
    """

    def __init__(self, title, who=(), checks=(), setup=None, tags=None):
        self.title, self.who, self.checks = title, who, checks
        self.setup, self.tags = setup, tags

    def run(self, stage):
        stage.words["user"] = stage.people.name()
        if self.setup:
            self.setup(stage)
        stage.who = stage.people.user(*filled(list(self.who), stage.words),
                                      name=stage.words["user"], tags=self.tags)
        for verdict, call, *said in self.checks:
            if verdict == "may":
                may(lambda: call(stage))
            else:
                may_not(stage.who, lambda: call(stage), *filled(said, stage.words))


class Stage:
    """What the checks of one example see: the root's clients, the people, the one who asks."""

    def __init__(self, aws, people, **words):
        self.aws, self.people, self.who = aws, people, None
        self.words = {"account": ACCOUNT, "region": REGION, **words}

    def __getattr__(self, name):
        try:
            return self.__dict__["words"][name]
        except KeyError:
            raise AttributeError(name) from None


def filled(value, words):
    """The value with {word} replaced, through lists and dicts; policy variables (${...}) stay."""
    if isinstance(value, str):
        for word, text in words.items():
            value = value.replace("$" + "{" + word, "\0").replace("{" + word + "}", text)
            value = value.replace("\0", "$" + "{" + word)
        return value
    if isinstance(value, (list, tuple)):
        return [filled(each, words) for each in value]
    if isinstance(value, dict):
        return {key: filled(each, words) for key, each in value.items()}
    return value


def ids(examples):
    return [each.title for each in examples]
