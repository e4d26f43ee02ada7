"""What every client test stands on: a real server, real clients, models whose answers are known.

Environment, set by `./dev test`:
  SLIPWAY_BIN                             folder with slipway and slipway-modelserver
  SLIPWAY_SAGEMAKER2, SLIPWAY_SAGEMAKER3  virtual environments with the two SageMaker SDKs
  SLIPWAY_NODE_MODULES                    node_modules with the AWS SDK for JavaScript
"""
import os
import pathlib
import sys

import boto3
import botocore.config
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(pathlib.Path(__file__).parent), str(ROOT / "examples"), str(ROOT / "test")]

from models import Models  # noqa: E402
from server import Server  # noqa: E402

ROLE = "arn:aws:iam::000000000000:role/tests"
REGISTRY = "000000000000.dkr.ecr.us-east-1.amazonaws.com"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One server for all tests; each takes names of its own. It must end cleanly on SIGTERM."""
    server = Server(tmp_path_factory.mktemp("server"), "--deliver-to-private", "on")
    server.start()
    yield server
    assert server.stop() == 0, f"the server did not end cleanly:\n{server.log_tail()}"


@pytest.fixture
def own_server(tmp_path):
    """A server of the test's own, for tests that stop or kill it."""
    server = Server(tmp_path / "server")
    server.start()
    yield server
    server.stop()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the last lines of its server's log."""
    report = (yield).get_result()
    server = item.funcargs.get("own_server") or item.funcargs.get("server")
    if report.failed and server:
        report.sections.append(("server log, last lines", server.log_tail()))


class Clients:
    """boto3 clients of one server."""

    def __init__(self, server):
        self.take(server.client_environment())

    @classmethod
    def of(cls, environment):
        """From what another client has as its environment: for a process of its own."""
        made = cls.__new__(cls)
        made.take(environment)
        return made

    def take(self, environment):
        self.environment = environment
        self.session = boto3.Session(
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1")

    def client(self, service, **options):
        config = botocore.config.Config(retries={"max_attempts": 1, "mode": "standard"}, **options)
        return self.session.client(
            service, endpoint_url=self.environment["AWS_ENDPOINT_URL"], config=config)

    def __getattr__(self, name):
        """clients.s3, clients.sagemaker, clients.runtime, clients.sts, clients.iam."""
        made = self.client({"runtime": "sagemaker-runtime"}.get(name, name))
        setattr(self, name, made)
        return made


@pytest.fixture(scope="session")
def aws(server):
    return Clients(server)


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    return Models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def name(request):
    """A name that is valid for a bucket, a model and an endpoint, and that no other test has."""
    text = "".join(c if c.isalnum() else "-" for c in request.node.name.removeprefix("test_")).lower()
    return f"{text[:40].strip('-')}-{os.urandom(3).hex()}"


class Deployment:
    """Model, EndpointConfig and Endpoint of one name, through boto3."""

    def __init__(self, aws, name):
        self.aws, self.name = aws, name
        aws.s3.create_bucket(Bucket=name)

    def upload(self, archive, key="model.tar.gz"):
        self.aws.s3.put_object(Bucket=self.name, Key=key, Body=archive)
        return f"s3://{self.name}/{key}"

    def model(self, archive, image="slipway-inference:latest", environment=None, suffix=""):
        container = {"Image": image if "/" in image else f"{REGISTRY}/{image}",
                     "ModelDataUrl": self.upload(archive, f"model{suffix}.tar.gz")}
        if environment:
            container["Environment"] = environment
        self.aws.sagemaker.create_model(
            ModelName=self.name + suffix, ExecutionRoleArn=ROLE, PrimaryContainer=container)
        return self.name + suffix

    def config(self, variants, suffix="", **more):
        """`variants`: {variant name: (model name, weight, instances)}."""
        self.aws.sagemaker.create_endpoint_config(
            EndpointConfigName=self.name + suffix,
            ProductionVariants=[
                {"VariantName": variant, "ModelName": model, "InstanceType": "ml.m5.large",
                 "InitialInstanceCount": count, "InitialVariantWeight": weight}
                for variant, (model, weight, count) in variants.items()],
            **more)
        return self.name + suffix

    def start(self, config=None):
        self.aws.sagemaker.create_endpoint(
            EndpointName=self.name, EndpointConfigName=config or self.name)

    def wait(self):
        self.aws.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=self.name)
        return self

    def deploy(self, archive, image="slipway-inference:latest", environment=None, instances=1):
        model = self.model(archive, image, environment)
        self.config({"all": (model, 1.0, instances)})
        self.start()
        return self.wait()

    def status(self):
        return self.aws.sagemaker.describe_endpoint(EndpointName=self.name)

    def invoke(self, body, content_type="text/csv", accept="application/json", **more):
        answer = self.aws.runtime.invoke_endpoint(
            EndpointName=self.name, Body=body, ContentType=content_type, Accept=accept, **more)
        return answer["Body"].read()


@pytest.fixture
def deployment(aws, name):
    made = Deployment(aws, name)
    yield made
    try:
        aws.sagemaker.delete_endpoint(EndpointName=name)
    except aws.sagemaker.exceptions.ClientError:
        pass  # the test never came so far, or took it away itself
