"""Whoever has no policy may do nothing: every operation of every service, in AWS's words.

The table of `refusals.txt` says for each built operation the action and the resource that are
asked for; an operation that is built and not there fails the test.
"""
import pathlib

import pytest
from botocore.exceptions import ClientError
from policies import ACCOUNT, REFUSALS, REGION, People, filled

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = pathlib.Path(__file__).with_name("refusals.txt")
SERVICES = {"s3": "s3", "sqs": "sqs", "sns": "sns", "iam": "iam", "sts": "sts", "logs": "logs",
            "sagemaker": "sagemaker", "sagemaker_runtime": "sagemaker-runtime"}
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
# What stands for a member of that name, where "thing" would not do.
VALUES = {
    "Bucket": "{bucket}", "CopySource": "{bucket}/thing", "QueueUrl": "{url}/{account}/thing",
    "TopicArn": "arn:aws:sns:{region}:{account}:thing",
    "SourceArn": "arn:aws:sqs:{region}:{account}:thing",
    "SubscriptionArn": "arn:aws:sns:{region}:{account}:thing:00000000-0000-4000-8000-000000000000",
    "PlatformApplicationArn": "arn:aws:sns:{region}:{account}:app/GCM/thing",
    "EndpointArn": "arn:aws:sns:{region}:{account}:endpoint/GCM/thing/00000000-0000-4000-8000-000000000000",
    "SAMLProviderArn": "arn:aws:iam::{account}:saml-provider/thing",
    "OpenIDConnectProviderArn": "arn:aws:iam::{account}:oidc-provider/thing", "ThumbprintList": ["a" * 40],
    "Url": "https://thing", "PolicyArn": "arn:aws:iam::{account}:policy/thing",
    "PermissionsBoundary": "arn:aws:iam::{account}:policy/thing",
    "PolicySourceArn": "arn:aws:iam::{account}:user/thing",
    "ResourceArn": "arn:aws:sagemaker:{region}:{account}:model/thing",
    "RoleArn": "arn:aws:iam::{account}:role/thing",
    "ExecutionRoleArn": "arn:aws:iam::{account}:role/thing", "PolicyDocument": POLICY,
    "AssumeRolePolicyDocument": POLICY, "Policy": POLICY, "PolicyInputList": [POLICY],
    "S3Uri": "s3://thing/thing", "S3OutputPath": "s3://thing/thing", "InputLocation": "s3://b/k",
    "ModelDataUrl": "s3://thing/model.tar.gz", "Image": "{account}.dkr.ecr.{region}.amazonaws.com/x:1",
    "InstanceType": "ml.m5.large", "ActionNames": ["s3:GetObject"], "AccessKeyId": "AKIA0123456789ABCDEF",
    "VersionId": "v1", "TaskHandle": "e30=", "Status": "Active", "UploadId": "thing",
    "UserId": "thing", "Key": "thing", "Protocol": "sqs", "logGroupName": "thing",
    "resourceArn": "arn:aws:logs:{region}:{account}:log-group:thing",
    "DurationSeconds": 900, "AccountId": "{account}", "Id": "thing", "PartNumber": 1,
    "ReceiptHandle": "thing", "AuthenticationCode1": "123456", "AuthenticationCode2": "123456", "SerialNumber": "arn:aws:iam::{account}:mfa/thing",
}
# What an operation needs beside its required members, or instead of them.
MORE = {
    ("sns", "Publish"): {"TopicArn": "arn:aws:sns:{region}:{account}:thing"},
    ("sns", "TagResource"): {"ResourceArn": "arn:aws:sns:{region}:{account}:thing"},
    ("sns", "UntagResource"): {"ResourceArn": "arn:aws:sns:{region}:{account}:thing"},
    ("sns", "ListTagsForResource"): {"ResourceArn": "arn:aws:sns:{region}:{account}:thing"},
    ("iam", "GetUser"): {"UserName": "thing"}, ("iam", "ListAccessKeys"): {"UserName": "thing"},
    ("iam", "CreateAccessKey"): {"UserName": "thing"},
    ("iam", "UpdateAccessKey"): {"UserName": "thing"},
    ("iam", "DeleteAccessKey"): {"UserName": "thing"},
    **{("iam", operation): {"UserName": "thing"} for operation in (
        "ListMFADevices", "ListSSHPublicKeys", "ListSigningCertificates",
        "ListServiceSpecificCredentials", "CreateLoginProfile", "GetLoginProfile", "DeleteLoginProfile", "UploadSigningCertificate",
        "GetMFADevice", "DeactivateMFADevice", "UpdateServiceSpecificCredential",
        "ResetServiceSpecificCredential", "DeleteServiceSpecificCredential",
        "UpdateSigningCertificate", "DeleteSigningCertificate")},
    ("iam", "SetDefaultPolicyVersion"): {"VersionId": "v1"},
    ("logs", "DescribeLogStreams"): {"logGroupName": "thing"},
    ("logs", "FilterLogEvents"): {"logGroupName": "thing"},
    ("logs", "GetLogEvents"): {"logGroupName": "thing"},
    ("logs", "StartQuery"): {"logGroupName": "thing"},
    ("logs", "StartLiveTail"): {"logGroupIdentifiers": ["arn:aws:logs:{region}:{account}:log-group:thing"]},
    ("sagemaker", "CreateEndpointConfig"): {"ProductionVariants": [
        {"VariantName": "thing", "ModelName": "thing", "InstanceType": "ml.m5.large",
         "InitialInstanceCount": 1}]},
    ("sagemaker", "CreateInferenceComponent"): {"VariantName": "thing", "Specification": {
        "ModelName": "thing", "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 128}},
        "RuntimeConfig": {"CopyCount": 1}},
    ("sts", "AssumeRole"): {"RoleSessionName": "thing"},
    ("sts", "AssumeRoleWithWebIdentity"): {"RoleSessionName": "thing",
                                           "WebIdentityToken": "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJhIn0.c2ln"},
}


def built_operations():
    for folder, service in SERVICES.items():
        text = (ROOT / "src/service" / folder / "operations.txt").read_text()
        for line in text.splitlines():
            if line.strip() and not line.startswith("#"):
                yield service, line.split()[0]


def expected():
    """(service, operation) -> ("asked", action, resource) or (what else becomes of it,)."""
    table = {}
    for line in TABLE.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            service, operation, *rest = line.split(None, 3)
            table[service, operation] = rest
    return table


def sample(shape, name, words):
    """A value that the model takes: the required members alone."""
    if name in VALUES and not isinstance(VALUES[name], dict):
        value = filled(VALUES[name], words)
        if shape.type_name == "list" and not isinstance(value, list):
            value = [value]
        if shape.type_name in ("string", "integer", "list", "long"):
            return value
    kind = shape.type_name
    if kind == "structure":
        members = {key: sample(shape.members[key], key, words) for key in shape.required_members}
        if name == "Tagging":
            members = {"TagSet": []}
        return members
    if kind == "list":
        count = max(1, int(shape.metadata.get("min", 1)))
        return [sample(shape.member, name.removesuffix("s"), words) for _ in range(count)]
    if kind == "map":
        return {"VisibilityTimeout" if "ttribute" in name else "thing":
                "30" if "ttribute" in name else sample(shape.value, name, words)}
    if kind == "string":
        if shape.enum:
            return shape.enum[0]
        return "thing".ljust(int(shape.metadata.get("min", 0)), "x")
    return {"integer": int(shape.metadata.get("min", 1)), "long": int(shape.metadata.get("min", 1)),
            "boolean": False, "blob": b"thing", "float": 1.0, "double": 1.0,
            "timestamp": 1_700_000_000}[kind]


@pytest.fixture(scope="module")
def people(aws, server):
    return People(aws, server, "refused")


@pytest.fixture(scope="module")
def nobody(people):
    return people.user()


@pytest.fixture(scope="module")
def words(aws, server):
    aws.s3.create_bucket(Bucket="refusals-bucket")
    return {"bucket": "refusals-bucket", "account": ACCOUNT, "region": REGION, "url": server.url}


def ask(someone, service, operation, words):
    client = someone.client(service, inject_host_prefix=False)  # nothing answers at "stream-" of a host
    model = client.meta.service_model.operation_model(operation)
    values = {}
    if model.input_shape:
        values = {key: sample(model.input_shape.members[key], key, words)
                  for key in model.input_shape.required_members}
    values.update(filled(MORE.get((service, operation), {}), words))
    method = next(name for name, api in client.meta.method_to_api_mapping.items() if api == operation)
    return getattr(client, method)(**values)


@pytest.mark.parametrize("service,operation", list(built_operations()))
def test_nobody_may(service, operation, nobody, words):
    row = expected().get((service, operation))
    assert row, f"{service} {operation} is built and has no line in refusals.txt"
    if row[0] == "-":
        ask(nobody, service, operation, words)  # everyone who has a key may
        return
    action, resource = row[0], filled(row[1] if len(row) > 1 else "", {**words, "caller": nobody.name})
    if row[0] == "per-entry":
        [error] = ask(nobody, service, operation, words)["Errors"]
        assert error["Code"] == "AccessDenied"
        return
    with pytest.raises(ClientError) as caught:
        ask(nobody, service, operation, words)
    response = caught.value.response
    assert (response["Error"]["Code"],
            response["ResponseMetadata"]["HTTPStatusCode"]) == REFUSALS[service] or (
                operation in ("HeadObject", "HeadBucket") and response["Error"]["Code"] == "403")
    if operation in ("HeadObject", "HeadBucket"):
        return  # a HEAD has no words
    place = f" on resource: {resource}" if resource else ""
    wanted = f"User: {nobody.arn} is not authorized to perform: {action}{place}"
    if operation != "AssumeRole":
        wanted += f" because no identity-based policy allows the {action} action"
    if operation == "AssumeRoleWithWebIdentity":
        wanted = f"Not authorized to perform {action}"  # nobody signs, so that nobody is named
    assert response["Error"]["Message"] == wanted
