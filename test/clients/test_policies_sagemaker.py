"""Published policies for SageMaker, its runtime and its logs: what each allows and refuses.

The policies are those of the SageMaker guide ("Identity-based policy examples", "SageMaker API
permissions", "Control root access", condition keys) and of the CloudWatch Logs guide ("Using
identity-based policies"), in names of our own.
"""
import pytest
from botocore.exceptions import ClientError
from conftest import REGISTRY
from policies import Example, People, Stage, allow, denied, deny, filled, ids, may, may_not

BASE = "arn:aws:sagemaker:{region}:{account}:"
MODEL, CONFIG, ENDPOINT = BASE + "model/{name}", BASE + "endpoint-config/{name}", BASE + "endpoint/{name}"
ROLE = "arn:aws:iam::{account}:role/{name}-role"
GROUP = "arn:aws:logs:{region}:{account}:log-group:/aws/sagemaker/Endpoints/{name}"


def create_model(name="{name}", role=ROLE, **more):
    return lambda s: s.who.sagemaker.create_model(
        ModelName=filled(name, s.words), ExecutionRoleArn=filled(role, s.words),
        PrimaryContainer={"Image": f"{REGISTRY}/slipway-inference:latest"}, **more)


def create_config(kind="ml.m5.large", name="{name}", **more):
    return lambda s: s.who.sagemaker.create_endpoint_config(
        EndpointConfigName=filled(name, s.words), ProductionVariants=[
            {"VariantName": "all", "ModelName": s.name, "InstanceType": kind,
             "InitialInstanceCount": 1}], **more)


def serverless(concurrency):
    return lambda s: s.who.sagemaker.create_endpoint_config(
        EndpointConfigName=s.name, ProductionVariants=[
            {"VariantName": "all", "ModelName": s.name, "ServerlessConfig": {
                "MemorySizeInMB": 2048, "MaxConcurrency": concurrency}}])


def create_endpoint(s):
    return s.who.sagemaker.create_endpoint(EndpointName=s.name, EndpointConfigName=s.name)


def invoke(name="{name}", **more):
    return lambda s: s.who.runtime.invoke_endpoint(
        EndpointName=filled(name, s.words), Body=b"1", ContentType="text/csv", **more)


def describe(kind, name="{name}"):
    return lambda s: getattr(s.who.sagemaker, f"describe_{kind}")(
        **{{"model": "ModelName", "endpoint": "EndpointName",
            "endpoint_config": "EndpointConfigName"}[kind]: filled(name, s.words)})


PASS = allow("iam:PassRole", ROLE)

SAGEMAKER = [
    Example("read everything", [allow(["sagemaker:Describe*", "sagemaker:List*"])], [
        ("may", lambda s: s.who.sagemaker.list_models()), ("may", describe("model")),
        ("may not", create_model(), "sagemaker:CreateModel", MODEL),
        ("may not", lambda s: s.who.sagemaker.delete_model(ModelName=s.name),
         "sagemaker:DeleteModel", MODEL)]),
    Example("deploy, with one role to pass", [
        allow(["sagemaker:CreateModel", "sagemaker:CreateEndpointConfig"]),
        allow("iam:PassRole", ROLE,
              Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}})], [
        ("may", create_model()), ("may", create_config()),
        ("may not", create_model(name="{name}-2", role="arn:aws:iam::{account}:role/admin"),
         "iam:PassRole", "arn:aws:iam::{account}:role/admin"),
        ("may not", create_endpoint, "sagemaker:CreateEndpoint", ENDPOINT)]),
    Example("a role is passed to other services only", [
        allow("sagemaker:*"),
        allow("iam:PassRole", ROLE,
              Condition={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}})], [
        ("may not", create_model(), "iam:PassRole", ROLE)]),
    Example("endpoints of one name, from any configuration", [
        allow("sagemaker:CreateEndpoint", [ENDPOINT, BASE + "endpoint-config/*"])], [
        ("may", create_endpoint),
        ("may not", lambda s: s.who.sagemaker.create_endpoint(
            EndpointName=f"{s.name}-2", EndpointConfigName=s.name),
         "sagemaker:CreateEndpoint", ENDPOINT + "-2")]),
    Example("an endpoint needs its configuration's word too", [
        allow("sagemaker:CreateEndpoint", BASE + "endpoint/*")], [
        ("may not", create_endpoint, "sagemaker:CreateEndpoint", CONFIG)]),
    Example("these types of instances alone", [
        allow("sagemaker:CreateEndpointConfig", "*", Condition={
            "ForAllValues:StringLike": {"sagemaker:InstanceTypes": ["ml.m5.*", "ml.t2.*"]}})], [
        ("may", create_config()),
        ("may not", create_config("ml.p3.2xlarge", "{name}-2"), "sagemaker:CreateEndpointConfig",
         CONFIG + "-2")]),
    Example("not many requests at once", [
        allow("sagemaker:CreateEndpointConfig", "*", Condition={
            "NumericLessThanEquals": {"sagemaker:ServerlessMaxConcurrency": "5"}})], [
        ("may", serverless(5)),
        ("may not", serverless(6), "sagemaker:CreateEndpointConfig", CONFIG)]),
    Example("nothing without a project's tag", [
        allow(["sagemaker:CreateModel", "sagemaker:AddTags"], "*", Condition={
            "StringEquals": {"aws:RequestTag/project": "blue"}}), PASS], [
        ("may", create_model(Tags=[{"Key": "project", "Value": "blue"}])),
        ("may not", create_model(name="{name}-2"), "sagemaker:CreateModel", MODEL + "-2"),
        ("may not", create_model(name="{name}-2", Tags=[{"Key": "project", "Value": "red"}]),
         "sagemaker:CreateModel", MODEL + "-2")]),
    Example("tags at the making take a right of their own", [allow("sagemaker:CreateModel"), PASS], [
        ("may not", create_model(Tags=[{"Key": "a", "Value": "b"}]), "sagemaker:AddTags", MODEL)]),
    Example("delete what one's own tag is on", [
        allow("sagemaker:DeleteModel", "*", Condition={
            "StringEquals": {"aws:ResourceTag/owner": "${aws:username}"}})], [
        ("may not", lambda s: s.who.sagemaker.delete_model(ModelName=f"{s.name}-red"),
         "sagemaker:DeleteModel", MODEL + "-red"),
        ("may", lambda s: s.who.sagemaker.delete_model(ModelName=f"{s.name}-own"))],
        lambda s: [s.aws.sagemaker.create_model(
            ModelName=f"{s.name}-{kind}", ExecutionRoleArn=filled(ROLE, s.words),
            PrimaryContainer={"Image": f"{REGISTRY}/slipway-inference:latest"},
            Tags=[{"Key": "owner", "Value": owner}])
            for kind, owner in (("red", "somebody"), ("own", s.user))]),
    Example("everything but the end of production", [
        allow("sagemaker:*"), deny("sagemaker:DeleteEndpoint", BASE + "endpoint/{name}*")], [
        ("may", describe("endpoint")),
        ("may not", lambda s: s.who.sagemaker.delete_endpoint(EndpointName=s.name),
         "sagemaker:DeleteEndpoint", ENDPOINT, denied())]),
    Example("isolated from networks or not at all", [
        allow("sagemaker:CreateModel", "*", Condition={"Bool": {"sagemaker:NetworkIsolation": "true"}}),
        PASS], [
        ("may", create_model(EnableNetworkIsolation=True)),
        ("may not", create_model(name="{name}-2"), "sagemaker:CreateModel", MODEL + "-2")]),
]

RUNTIME = [
    Example("invoke one endpoint", [allow("sagemaker:InvokeEndpoint", ENDPOINT)], [
        ("may", invoke()), ("may not", invoke("{name}-2"), "sagemaker:InvokeEndpoint", ENDPOINT + "-2"),
        ("may not", lambda s: s.who.runtime.invoke_endpoint_with_response_stream(
            EndpointName=s.name, Body=b"1"), "sagemaker:InvokeEndpointWithResponseStream", ENDPOINT),
        ("may not", lambda s: s.who.runtime.invoke_endpoint_async(
            EndpointName=s.name, InputLocation="s3://bucket/key"), "sagemaker:InvokeEndpointAsync",
         ENDPOINT)]),
    Example("names are written in lower case in policies", [
        allow("sagemaker:InvokeEndpoint", ENDPOINT + "-mixed")], [
        ("may", invoke("{name}-MIXED"))]),
    Example("a component takes a right of its own", [allow("sagemaker:InvokeEndpoint", ENDPOINT)], [
        ("may not", invoke(InferenceComponentName="part"), "sagemaker:InvokeEndpoint",
         BASE + "inference-component/part")]),
    Example("one model of many", [allow("sagemaker:InvokeEndpoint", "*", Condition={
        "StringLike": {"sagemaker:TargetModel": ["mine/*"]}})], [
        ("may", invoke(TargetModel="mine/model.tar.gz")),
        ("may not", invoke(TargetModel="yours/model.tar.gz"), "sagemaker:InvokeEndpoint", ENDPOINT),
        ("may not", invoke(), "sagemaker:InvokeEndpoint", ENDPOINT)]),
    Example("from this machine alone", [allow("sagemaker:InvokeEndpoint", "*", Condition={
        "IpAddress": {"aws:SourceIp": ["127.0.0.1/32", "::1/128"]}})], [("may", invoke())]),
    Example("from elsewhere alone", [allow("sagemaker:InvokeEndpoint", "*", Condition={
        "NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}})], [
        ("may not", invoke(), "sagemaker:InvokeEndpoint", ENDPOINT)]),
    Example("the control plane alone", [
        allow("sagemaker:*"), deny("sagemaker:InvokeEndpoint*")], [
        ("may", lambda s: s.who.sagemaker.list_endpoints()),
        ("may not", invoke(), "sagemaker:InvokeEndpoint", ENDPOINT, denied())]),
]

LOGS = [
    Example("read every log", [allow(["logs:Describe*", "logs:Get*", "logs:FilterLogEvents"])], [
        ("may", lambda s: s.who.logs.describe_log_groups()),
        ("may", lambda s: s.who.logs.filter_log_events(logGroupName=s.group)),
        ("may", lambda s: s.who.logs.get_log_events(logGroupName=s.group, logStreamName="x"))]),
    Example("one group, as it is shown", [allow("logs:*", GROUP + ":*")], [
        ("may", lambda s: s.who.logs.filter_log_events(logGroupName=s.group)),
        ("may", lambda s: s.who.logs.describe_log_streams(logGroupName=s.group)),
        ("may", lambda s: s.who.logs.get_log_events(logGroupName=s.group, logStreamName="x")),
        ("may not", lambda s: s.who.logs.filter_log_events(logGroupName=f"{s.group}-2"),
         "logs:FilterLogEvents", GROUP + "-2:log-stream:"),
        ("may not", lambda s: s.who.logs.describe_log_groups(), "logs:DescribeLogGroups",
         "arn:aws:logs:{region}:{account}:log-group::log-stream:")]),
    Example("one group, without what follows", [allow("logs:*", GROUP)], [
        ("may", lambda s: s.who.logs.filter_log_events(logGroupName=s.group)),
        ("may not", lambda s: s.who.logs.get_log_events(logGroupName=s.group, logStreamName="x"),
         "logs:GetLogEvents", GROUP + ":log-stream:x")]),
    Example("one stream", [allow("logs:GetLogEvents", GROUP + ":log-stream:mine/*")], [
        ("may", lambda s: s.who.logs.get_log_events(logGroupName=s.group, logStreamName="mine/1")),
        ("may not", lambda s: s.who.logs.get_log_events(logGroupName=s.group, logStreamName="yours/1"),
         "logs:GetLogEvents", GROUP + ":log-stream:yours/1")]),
    Example("list the groups alone", [allow("logs:DescribeLogGroups")], [
        ("may", lambda s: s.who.logs.describe_log_groups()),
        ("may not", lambda s: s.who.logs.describe_log_streams(logGroupName=s.group),
         "logs:DescribeLogStreams", GROUP + ":log-stream:")]),
    Example("list by the account's groups", [
        allow("logs:DescribeLogGroups", "arn:aws:logs:{region}:{account}:log-group:*")], [
        ("may", lambda s: s.who.logs.describe_log_groups())]),
    Example("groups of endpoints", [
        allow("logs:FilterLogEvents", "arn:aws:logs:*:*:log-group:/aws/sagemaker/*")], [
        ("may", lambda s: s.who.logs.filter_log_events(logGroupName=s.group)),
        ("may not", lambda s: s.who.logs.filter_log_events(logGroupName="/aws/lambda/x"),
         "logs:FilterLogEvents", "arn:aws:logs:{region}:{account}:log-group:/aws/lambda/x:log-stream:")]),
    Example("a denied group stays shut in both spellings", [
        allow("logs:*"), deny("logs:FilterLogEvents", GROUP)], [
        ("may not", lambda s: s.who.logs.filter_log_events(logGroupName=s.group),
         "logs:FilterLogEvents", GROUP + ":log-stream:", denied()),
        ("may", lambda s: s.who.logs.filter_log_events(logGroupName=f"{s.group}-2"))]),
    Example("another region's groups are not this one's", [
        allow("logs:*", "arn:aws:logs:eu-west-9:{account}:*")], [
        ("may not", lambda s: s.who.logs.filter_log_events(logGroupIdentifier=filled(
            GROUP.replace("{region}", "eu-west-9"), s.words)), "logs:FilterLogEvents",
         GROUP + ":log-stream:")]),
    Example("writing logs opens no reading", [
        allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])], [
        ("may not", lambda s: s.who.logs.get_log_events(logGroupName=s.group, logStreamName="x"),
         "logs:GetLogEvents", GROUP + ":log-stream:x")]),
]


@pytest.fixture
def stage(aws, server, name):
    return Stage(aws, People(aws, server, name), name=name, group=f"/aws/sagemaker/Endpoints/{name}")


@pytest.mark.parametrize("example", SAGEMAKER, ids=ids(SAGEMAKER))
def test_a_published_policy_of_the_control_plane_means_what_it_says(example, stage):
    example.run(stage)


@pytest.mark.parametrize("example", RUNTIME, ids=ids(RUNTIME))
def test_a_published_policy_of_the_runtime_means_what_it_says(example, stage):
    example.run(stage)


@pytest.mark.parametrize("example", LOGS, ids=ids(LOGS))
def test_a_published_policy_of_logs_means_what_it_says(example, stage):
    example.run(stage)


def test_a_decision_that_was_remembered_ends_with_the_policy(stage):
    stage.who = stage.people.user(allow("sagemaker:InvokeEndpoint"))
    for _ in range(20):
        may(lambda: invoke()(stage))
    stage.aws.iam.delete_user_policy(UserName=stage.who.name, PolicyName="p")
    for _ in range(20):
        may_not(stage.who, lambda: invoke()(stage), "sagemaker:InvokeEndpoint",
                filled(ENDPOINT, stage.words))


def test_a_refused_invocation_is_a_403(stage):
    stage.who = stage.people.user()
    with pytest.raises(ClientError) as caught:
        invoke()(stage)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
