"""Inference components through boto3 (hosting contract, sections 2 and 12): models that share the
instances of an endpoint, each asked by its name."""
import functools
import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np
import pytest
from botocore.exceptions import ClientError
from conftest import REGISTRY, ROLE, Clients
from make_model import tar_gz
from models import csv

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples/ways/inference_components.py"
IMAGE = f"{REGISTRY}/slipway-inference:latest"
SETTLE_SECONDS_MAX = 30


class Host:
    """An endpoint of ml.m5.xlarge (4 vCPUs, 16 GiB) without models, and its components."""

    def __init__(self, aws, name):
        self.aws, self.name, self.components = aws, name, []
        aws.s3.create_bucket(Bucket=name)

    def start(self, instances=1):
        self.aws.sagemaker.create_endpoint_config(
            EndpointConfigName=self.name, ExecutionRoleArn=ROLE,
            ProductionVariants=[{"VariantName": "all", "InstanceType": "ml.m5.xlarge",
                                 "InitialInstanceCount": instances}])
        self.aws.sagemaker.create_endpoint(EndpointName=self.name, EndpointConfigName=self.name)
        self.aws.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=self.name)
        return self

    def add(self, short_name, archive, cpus=1.0, copies=1, **needs):
        component = f"{short_name}-{self.name}"[:63]
        key = f"{short_name}.tar.gz"
        self.aws.s3.put_object(Bucket=self.name, Key=key, Body=archive)
        self.aws.sagemaker.create_inference_component(
            InferenceComponentName=component, EndpointName=self.name, VariantName="all",
            Specification={
                "Container": {"Image": IMAGE, "ArtifactUrl": f"s3://{self.name}/{key}"},
                "ComputeResourceRequirements": {"NumberOfCpuCoresRequired": cpus,
                                                "MinMemoryRequiredInMb": 1024, **needs}},
            RuntimeConfig={"CopyCount": copies})
        self.components.append(component)
        return component

    def describe(self, component):
        return self.aws.sagemaker.describe_inference_component(InferenceComponentName=component)

    def settled(self, component):
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        while time.monotonic() < deadline:
            described = self.describe(component)
            if described["InferenceComponentStatus"] in ("InService", "Failed"):
                return described
            time.sleep(0.05)
        raise AssertionError(f"{component} is still {described['InferenceComponentStatus']}")

    def in_service(self, component):
        described = self.settled(component)
        assert described["InferenceComponentStatus"] == "InService", described.get("FailureReason")
        return described

    def scale(self, component, copies):
        self.aws.sagemaker.update_inference_component_runtime_config(
            InferenceComponentName=component, DesiredRuntimeConfig={"CopyCount": copies})
        return self.settled(component)

    def ask(self, component, records, **more):
        answer = self.aws.runtime.invoke_endpoint(
            EndpointName=self.name, InferenceComponentName=component, ContentType="text/csv",
            Accept="application/json", Body=csv(records), **more)
        assert answer["InvokedProductionVariant"] == "all"
        return json.loads(answer["Body"].read())

    def remove(self):
        for component in self.components:
            try:
                self.settled(component)
                self.aws.sagemaker.delete_inference_component(InferenceComponentName=component)
            except ClientError:
                pass  # the test took it away itself
        self.aws.sagemaker.delete_endpoint(EndpointName=self.name)


@pytest.fixture
def host(aws, name):
    made = Host(aws, name)
    yield made
    made.remove()


def numbers(answer):
    [values] = answer.values() if isinstance(answer, dict) else [answer]
    return np.array(values, dtype=np.float32)


def test_two_components_of_one_endpoint_answer_as_their_own_models(host, models):
    """Section 2: X-Amzn-SageMaker-Inference-Component chooses what answers."""
    host.start()
    first = host.add("first", models.mlp_archive)
    second = host.add("second", models.other_mlp_archive)
    for component, seed in ((first, 7), (second, 8)):
        described = host.in_service(component)
        assert described["RuntimeConfig"] == {"DesiredCopyCount": 1, "CurrentCopyCount": 1}
        right = models.mlp_answer(models.records, seed)
        np.testing.assert_allclose(
            numbers(host.ask(component, models.records)).reshape(right.shape), right, rtol=1e-5)


def test_a_component_answers_a_streamed_call(host, models, aws):
    host.start()
    component = host.add("c", models.mlp_archive)
    host.in_service(component)
    answer = aws.runtime.invoke_endpoint_with_response_stream(
        EndpointName=host.name, InferenceComponentName=component, ContentType="text/csv",
        Accept="application/json", Body=csv(models.records))
    streamed = b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"])
    assert json.loads(streamed) == host.ask(component, models.records)


def test_an_endpoint_for_components_wants_the_component_s_name(host, models, aws):
    host.start()
    with pytest.raises(ClientError) as refused:
        aws.runtime.invoke_endpoint(EndpointName=host.name, Body=b"1", ContentType="text/csv")
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert "Inference Component Name header is required" in str(refused.value)
    with pytest.raises(ClientError, match="Inference Component none of endpoint .* not found"):
        host.ask("none", models.records)


def test_a_component_is_asked_through_its_own_endpoint_only(host, models, aws):
    host.start()
    component = host.add("c", models.mlp_archive)
    host.in_service(component)
    with pytest.raises(ClientError, match="Endpoint another of account 000000000000 not found"):
        aws.runtime.invoke_endpoint(EndpointName="another", InferenceComponentName=component,
                                    Body=b"1", ContentType="text/csv")
    # The way it is called below the doors is no endpoint's name.
    with pytest.raises(ClientError, match="failed to satisfy constraint"):
        aws.runtime.invoke_endpoint(EndpointName=f"{host.name}:c", Body=b"1",
                                    ContentType="text/csv")


def test_an_endpoint_with_models_takes_no_component_s_name(deployment, models, aws):
    deployment.deploy(models.mlp_archive)
    for ask in (aws.runtime.invoke_endpoint, aws.runtime.invoke_endpoint_with_response_stream):
        with pytest.raises(ClientError) as refused:
            ask(EndpointName=deployment.name, InferenceComponentName="any", Body=b"1")
        assert refused.value.response["Error"]["Code"] == "ValidationError"
        assert "Inference Component Name header is not allowed" in str(refused.value)


def test_copies_go_to_zero_and_a_request_then_finds_no_capacity(host, models):
    """Section 12: CopyCount >= 0; section 3: a ValidationError that says how to get capacity."""
    host.start()
    component = host.add("c", models.mlp_archive, copies=2)
    assert host.in_service(component)["RuntimeConfig"]["CurrentCopyCount"] == 2
    assert host.scale(component, 0)["RuntimeConfig"] == {
        "DesiredCopyCount": 0, "CurrentCopyCount": 0}
    started = time.monotonic()
    with pytest.raises(ClientError) as refused:
        host.ask(component, models.records)
    assert time.monotonic() - started < 2, "refused, not held"
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert "Inference Component has no capacity to process this request." in str(refused.value)
    assert host.scale(component, 1)["RuntimeConfig"]["CurrentCopyCount"] == 1
    assert host.ask(component, models.records)


def test_what_does_not_fit_fails_and_says_so_and_comes_up_when_there_is_room(host, models, aws):
    """Placement by CPU: 3 + 2 vCPUs do not fit on the 4 of one instance."""
    host.start()
    big = host.add("big", models.mlp_archive, cpus=3)
    host.in_service(big)
    more = host.add("more", models.other_mlp_archive, cpus=2)
    failed = host.settled(more)
    assert failed["InferenceComponentStatus"] == "Failed"
    assert "not enough hardware resources" in failed["FailureReason"]
    aws.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=host.name,
        DesiredWeightsAndCapacities=[{"VariantName": "all", "DesiredInstanceCount": 2}])
    host.in_service(more)
    assert host.ask(more, models.records)


@pytest.mark.parametrize("needs", [{"MinMemoryRequiredInMb": 16384 + 1},
                                   {"NumberOfAcceleratorDevicesRequired": 1},
                                   {"NumberOfCpuCoresRequired": 4.25}])
def test_one_past_what_an_instance_offers_never_fits(host, models, needs):
    host.start(instances=2)
    component = host.add("c", models.mlp_archive, **{"cpus": needs.pop("NumberOfCpuCoresRequired", 1),
                                                     **needs})
    assert host.settled(component)["InferenceComponentStatus"] == "Failed"


def test_exactly_an_instance_fits(host, models):
    host.start()
    component = host.add("c", models.mlp_archive, cpus=4, MinMemoryRequiredInMb=16384)
    host.in_service(component)


def test_an_update_changes_the_model_without_a_failed_request(host, models, aws):
    host.start()
    component = host.add("c", models.mlp_archive)
    host.in_service(component)
    aws.s3.put_object(Bucket=host.name, Key="next.tar.gz", Body=models.other_mlp_archive)
    aws.sagemaker.update_inference_component(
        InferenceComponentName=component,
        Specification={"Container": {"Image": IMAGE, "ArtifactUrl": f"s3://{host.name}/next.tar.gz"}})
    record, next_answer = models.records[0], models.mlp_answer(models.records[0], seed=8)
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    while not np.allclose(numbers(host.ask(component, record)).ravel(), next_answer.ravel(), 1e-4):
        assert time.monotonic() < deadline, "the old model answers still"
    host.in_service(component)


GREEDY = b"""
import time

def model_fn(model_dir):
    return None

def input_fn(body, content_type):
    return int(body)

def predict_fn(mib, model):
    taken = bytearray(mib << 20)
    for at in range(0, len(taken), 4096):
        taken[at] = 1
    time.sleep(10 if mib > 300 else 0)
    return "fine"

def output_fn(prediction, accept):
    return prediction
"""


def test_the_memory_of_a_copy_is_limited(host):
    """MaxMemoryRequiredInMb is the limit of the copy, with all that it starts."""
    host.start()
    component = host.add("c", tar_gz({"code/inference.py": GREEDY}), MinMemoryRequiredInMb=128,
                         MaxMemoryRequiredInMb=800)
    host.in_service(component)
    ask = functools.partial(host.aws.runtime.invoke_endpoint, EndpointName=host.name,
                            InferenceComponentName=component, ContentType="text/plain")
    assert ask(Body=b"100")["Body"].read() == b"fine"
    with pytest.raises(ClientError) as caught:
        ask(Body=b"1000")
    assert caught.value.response["Error"]["Code"] == "ModelError"
    assert "limit of 800 MiB" in caught.value.response["Error"]["Message"]


def test_components_are_listed_tagged_and_deleted_before_their_endpoint(host, models, aws):
    host.start()
    component = host.add("c", models.mlp_archive)
    described = host.in_service(component)
    arn = described["InferenceComponentArn"]
    assert arn.endswith(f":inference-component/{component}")
    aws.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "blue"}])
    assert aws.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "blue"}]
    pages = aws.sagemaker.get_paginator("list_inference_components").paginate(
        EndpointNameEquals=host.name, StatusEquals="InService")
    [listed] = [each for page in pages for each in page["InferenceComponents"]]
    assert (listed["InferenceComponentName"], listed["VariantName"]) == (component, "all")
    with pytest.raises(ClientError, match="Delete them first"):
        aws.sagemaker.delete_endpoint(EndpointName=host.name)
    aws.sagemaker.delete_inference_component(InferenceComponentName=component)
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    with pytest.raises(ClientError, match="Could not find inference component"):
        while time.monotonic() < deadline:
            assert host.describe(component)["InferenceComponentStatus"] == "Deleting"


def test_what_a_copy_prints_stands_in_the_component_s_log_group(host, models, aws):
    host.start()
    component = host.add("c", models.mlp_archive)
    host.in_service(component)
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    streams = []
    while not streams and time.monotonic() < deadline:
        groups = aws.logs.describe_log_groups(
            logGroupNamePrefix=f"/aws/sagemaker/InferenceComponents/{component}")["logGroups"]
        streams = groups and aws.logs.describe_log_streams(
            logGroupName=groups[0]["logGroupName"])["logStreams"]
        time.sleep(0.1)
    assert streams[0]["logStreamName"].startswith("all/")


def test_components_serve_on_after_a_kill(own_server, models, name):
    aws = Clients(own_server)
    host = Host(aws, name).start()
    component = host.add("c", models.mlp_archive, copies=2)
    host.in_service(component)
    before = host.ask(component, models.records)
    own_server.kill()
    own_server.start()
    assert host.ask(component, models.records) == before
    described = host.in_service(component)
    assert described["RuntimeConfig"] == {"DesiredCopyCount": 2, "CurrentCopyCount": 2}


def test_the_example_runs(server, models, tmp_path):
    (tmp_path / "model.tar.gz").write_bytes(models.mlp_archive)
    (tmp_path / "record.csv").write_text(csv(models.records[0]))
    ran = subprocess.run(
        [sys.executable, EXAMPLE, "model.tar.gz", "record.csv"], cwd=tmp_path, timeout=120,
        env={**os.environ, **server.process_environment()}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    answer, copies = ran.stdout.splitlines()
    np.testing.assert_allclose(numbers(json.loads(answer)).ravel(),
                               models.mlp_answer(models.records[0]).ravel(), rtol=1e-5)
    assert copies.startswith("2 copies")
