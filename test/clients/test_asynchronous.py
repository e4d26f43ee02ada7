"""Asynchronous inference through boto3: what is accepted, what comes of it, and where it stands."""
import json
import time

import botocore.exceptions
import numpy as np
import pytest
from conftest import REGISTRY, ROLE
from models import csv

DONE_SECONDS_MAX = 20


def location(uri):
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Key": key}


class Asynchronous:
    """One asynchronous endpoint and what its clients see."""

    def __init__(self, aws, deployment):
        self.aws, self.deployment, self.name = aws, deployment, deployment.name

    def deploy(self, model, instances=1, concurrency=None, notify=None, extra=None):
        output = {"S3OutputPath": f"s3://{self.name}/out", "S3FailurePath": f"s3://{self.name}/failed"}
        if notify:
            output["NotificationConfig"] = notify
        config = {"OutputConfig": output}
        if concurrency:
            config["ClientConfig"] = {"MaxConcurrentInvocationsPerInstance": concurrency}
        self.deployment.config({"all": (model, 1.0, instances)}, AsyncInferenceConfig=config, **(extra or {}))
        self.deployment.start()
        self.deployment.wait()
        return self

    def ask(self, body=None, **more):
        if body is not None:
            more["Body"] = body
        return self.aws.runtime.invoke_endpoint_async(EndpointName=self.name, **more)

    def fetch(self, uri, seconds=DONE_SECONDS_MAX):
        """The object there, once it is."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.aws.s3.get_object(**location(uri))
            except self.aws.s3.exceptions.NoSuchKey:
                assert time.monotonic() < deadline, f"nothing came to {uri}"
                time.sleep(0.02)

    def answer(self, accepted):
        return self.fetch(accepted["OutputLocation"])["Body"].read()

    def failure(self, accepted):
        return self.fetch(accepted["FailureLocation"])["Body"].read().decode()


@pytest.fixture
def endpoint(aws, deployment):
    return Asynchronous(aws, deployment)


def numbers(body):
    return np.array(json.loads(body)["predictions"] if b"{" in body else
                    [[float(x) for x in line.split(",")] for line in body.decode().strip().splitlines()])


def test_an_inline_body_and_an_object_are_answered_as_objects(aws, endpoint, models):
    """Contract 1, 2 and 10: 202, InferenceId, OutputLocation <S3OutputPath>/<uuid>.out."""
    endpoint.deploy(endpoint.deployment.model(models.mlp_archive))
    record = models.records[:2]
    accepted = endpoint.ask(csv(record), ContentType="text/csv", Accept="text/csv")
    assert accepted["ResponseMetadata"]["HTTPStatusCode"] == 202
    bucket, key = location(accepted["OutputLocation"]).values()
    assert bucket == endpoint.name and key == f"out/{accepted['InferenceId']}.out"
    assert accepted["FailureLocation"] == f"s3://{endpoint.name}/failed/{accepted['InferenceId']}-error.out"
    np.testing.assert_allclose(numbers(endpoint.answer(accepted)), models.mlp_answer(record), rtol=1e-4, atol=1e-5)

    aws.s3.put_object(Bucket=endpoint.name, Key="in/1.csv", Body=csv(record), ContentType="text/csv")
    accepted = endpoint.ask(InputLocation=f"s3://{endpoint.name}/in/1.csv", Accept="text/csv",
                            InferenceId="mine-1", S3OutputPathExtension="deep/er", Filename="named.csv")
    assert accepted["InferenceId"] == "mine-1"
    assert accepted["OutputLocation"] == f"s3://{endpoint.name}/out/deep/er/named.csv"
    done = endpoint.fetch(accepted["OutputLocation"])
    assert done["ContentType"].startswith("text/csv")
    np.testing.assert_allclose(numbers(done["Body"].read()), models.mlp_answer(record), rtol=1e-4, atol=1e-5)
