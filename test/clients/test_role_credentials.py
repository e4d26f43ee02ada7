"""A model's code speaks as the execution role of its model, and as nobody else."""
import json
import textwrap

import pytest
from conftest import REGISTRY, Clients, Deployment
from models import tar_gz

HANDLER = textwrap.dedent('''
    import json, os, urllib.error, urllib.request
    import boto3

    def model_fn(model_dir):
        return None

    def fetch(uri, headers):
        try:
            with urllib.request.urlopen(urllib.request.Request(uri, headers=headers)) as answer:
                return {"status": answer.status, "body": json.load(answer)}
        except urllib.error.HTTPError as error:
            return {"status": error.code, "body": error.read().decode()}

    def transform_fn(model, body, content_type, accept):
        asked = json.loads(body)
        do = {
            "identity": lambda: boto3.client("sts").get_caller_identity()["Arn"],
            "read": lambda: boto3.client("s3").get_object(
                Bucket=asked["bucket"], Key=asked["key"])["Body"].read().decode(),
            "environment": lambda: dict(os.environ),
            "fetch": lambda: fetch(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
                                   asked["headers"]),
        }[asked["do"]]
        try:
            return json.dumps(do()), "application/json"
        except Exception as error:
            return json.dumps({"error": type(error).__name__, "message": str(error)}), "application/json"
''')

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"},
    "Action": "sts:AssumeRole"}]})


def make_role(aws, name, bucket, trust=TRUST):
    role = aws.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    aws.iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}]}))
    return role["Arn"]


class Speaker(Deployment):
    """An endpoint whose code does what it is asked."""

    def deploy_as(self, role):
        self.aws.sagemaker.create_model(
            ModelName=self.name, ExecutionRoleArn=role, PrimaryContainer={
                "Image": f"{REGISTRY}/slipway-inference:latest",
                "ModelDataUrl": self.upload(tar_gz({"code/inference.py": HANDLER.encode()}))})
        self.config({"all": (self.name, 1.0, 1)})
        self.start()
        return self.wait()

    def ask(self, do, **more):
        return json.loads(self.invoke(json.dumps({"do": do, **more}), "application/json"))


@pytest.fixture
def speaker(aws, name):
    made = []

    def make(role=None, suffix=""):
        speaking = Speaker(aws, name + suffix)
        made.append(speaking)
        role = role or make_role(aws, name + suffix, name + suffix)
        return speaking.deploy_as(role)
    yield make
    for each in made:
        try:
            aws.sagemaker.delete_endpoint(EndpointName=each.name)
        except aws.sagemaker.exceptions.ClientError:
            pass  # the test took it away itself


def test_boto3_without_any_configuration_speaks_as_the_role(aws, speaker, name):
    endpoint = speaker()
    assert endpoint.ask("identity") == f"arn:aws:sts::000000000000:assumed-role/{name}/SageMaker"
    aws.s3.put_object(Bucket=name, Key="note", Body=b"for the model")
    assert endpoint.ask("read", bucket=name, key="note") == "for the model"


def test_a_token_opens_its_own_roles_credentials_and_nothing_opens_without_one(speaker):
    one, other = speaker(suffix="-1"), speaker(suffix="-2")
    theirs = one.ask("environment")
    token = theirs["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    assert other.ask("environment")["AWS_CONTAINER_AUTHORIZATION_TOKEN"] != token
    own = one.ask("fetch", headers={"Authorization": token})
    assert own["status"] == 200 and {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"} <= set(own["body"])
    assert one.ask("fetch", headers={})["status"] == 401
    claim, mac = token.split(".")
    for forged in [claim + "." + mac[::-1], claim, "." + mac, "x", token + "0"]:
        assert one.ask("fetch", headers={"Authorization": forged})["status"] == 403
    # A page in a browser, whatever it got hold of.
    assert one.ask("fetch", headers={"Authorization": token, "Origin": "http://evil"})["status"] == 404


def test_a_token_ends_with_its_instance(aws, speaker, name):
    gone, stays = speaker(suffix="-1"), speaker(suffix="-2")
    token = gone.ask("environment")["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    aws.sagemaker.delete_endpoint(EndpointName=gone.name)
    aws.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=gone.name)
    assert stays.ask("fetch", headers={"Authorization": token})["status"] == 403


def test_the_servers_own_keys_are_nowhere_in_the_environment(aws, speaker):
    environment = speaker().ask("environment")
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} & set(environment)
    for secret in [aws.environment["AWS_ACCESS_KEY_ID"], aws.environment["AWS_SECRET_ACCESS_KEY"]]:
        assert not any(secret in value for value in environment.values())
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "us-east-1"


def test_a_role_that_does_not_exist_is_said_to_and_comes_when_it_is_made(aws, speaker, name):
    endpoint = speaker(role=f"arn:aws:iam::000000000000:role/{name}")
    token = endpoint.ask("environment")["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    missing = endpoint.ask("fetch", headers={"Authorization": token})
    assert missing["status"] == 404 and f"role/{name} does not exist" in missing["body"]
    make_role(aws, name, name)
    assert endpoint.ask("identity").endswith(f"assumed-role/{name}/SageMaker")


def test_a_role_that_does_not_trust_sagemaker_is_not_given_away(aws, speaker, name):
    endpoint = speaker(role=make_role(aws, name, name))
    elsewhere = TRUST.replace("sagemaker.amazonaws.com", "lambda.amazonaws.com")
    aws.iam.update_assume_role_policy(RoleName=name, PolicyDocument=elsewhere)
    token = endpoint.ask("environment")["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    refused = endpoint.ask("fetch", headers={"Authorization": token})
    assert refused["status"] == 403 and "Please ensure that the role exists" in refused["body"]


def test_an_instance_that_outlives_its_server_keeps_its_credentials(own_server, name):
    clients = Clients(own_server)
    role = make_role(clients, name, name)
    endpoint = Speaker(clients, name).deploy_as(role)
    arn = f"arn:aws:sts::000000000000:assumed-role/{name}/SageMaker"
    process = endpoint.ask("environment")
    own_server.kill()
    own_server.start()
    endpoint.wait()
    assert endpoint.ask("environment") == process, "it is the same instance"
    assert endpoint.ask("identity") == arn


def test_a_transform_job_speaks_as_its_models_role(aws, name):
    bucket = Speaker(aws, name)
    role = make_role(aws, name, name)
    aws.iam.put_role_policy(RoleName=name, PolicyName="batch", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{name}"},
            {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/*"}]}))
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={
        "Image": f"{REGISTRY}/slipway-inference:latest",
        "ModelDataUrl": bucket.upload(tar_gz({"code/inference.py": HANDLER.encode()}))})
    aws.s3.put_object(Bucket=name, Key="in/asked", Body=json.dumps({"do": "identity"}).encode())
    aws.sagemaker.create_transform_job(
        TransformJobName=name, ModelName=name,
        TransformInput={"ContentType": "application/json", "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{name}/in/"}}},
        TransformOutput={"S3OutputPath": f"s3://{name}/out/"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1})
    aws.sagemaker.get_waiter("transform_job_completed_or_stopped").wait(
        TransformJobName=name, WaiterConfig={"Delay": 1})
    answer = aws.s3.get_object(Bucket=name, Key="out/asked.out")["Body"].read()
    assert json.loads(answer).endswith(f"assumed-role/{name}/SageMaker")
