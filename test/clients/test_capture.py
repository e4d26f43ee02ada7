"""Data capture through boto3 (hosting contract, sections 2 and 12): what an endpoint is asked and
answers, as JSON lines in a bucket."""
import base64
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import numpy as np
import pytest
from botocore.exceptions import ClientError
from conftest import Clients, Deployment
from models import csv

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples/ways/data_capture.py"
CAPTURE_SECONDS_MAX = 30
TEXTS = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}


def capture(deployment, percent=100, modes=("Input", "Output"), header=TEXTS, enabled=True):
    config = {"EnableCapture": enabled, "InitialSamplingPercentage": percent,
              "DestinationS3Uri": f"s3://{deployment.name}/captured",
              "CaptureOptions": [{"CaptureMode": mode} for mode in modes]}
    if header:
        config["CaptureContentTypeHeader"] = header
    return config


def deploy(deployment, archive, **options):
    model = deployment.model(archive)
    deployment.config({"all": (model, 1.0, 1)}, DataCaptureConfig=capture(deployment, **options))
    deployment.start()
    return deployment.wait()


def captured(aws, deployment, records=1, seconds=CAPTURE_SECONDS_MAX):
    """Keys and documents of what was captured, once there are so many."""
    deadline = time.monotonic() + seconds
    while True:
        listed = aws.s3.list_objects_v2(Bucket=deployment.name, Prefix="captured/")
        keys = [each["Key"] for each in listed.get("Contents", [])]
        lines = [line for key in keys for line in
                 aws.s3.get_object(Bucket=deployment.name, Key=key)["Body"].read().splitlines()]
        if len(lines) >= records or time.monotonic() > deadline:
            return keys, [json.loads(line) for line in lines]
        time.sleep(0.2)


def test_requests_and_answers_are_captured_in_the_format_of_aws(deployment, models, aws):
    deploy(deployment, models.mlp_archive)
    body = csv(models.records[0])
    answer = deployment.invoke(body, InferenceId="my-id", CustomAttributes="trace=7")
    keys, [record] = captured(aws, deployment)
    assert re.fullmatch(
        rf"captured/{deployment.name}/all/\d{{4}}/\d\d/\d\d/\d\d/\d\d-\d\d-\d\d\d-[0-9a-f-]{{36}}\.jsonl",
        keys[0])
    data = record["captureData"]
    assert data["endpointInput"] == {"observedContentType": "text/csv", "mode": "INPUT",
                                     "data": body, "encoding": "CSV"}
    assert data["endpointOutput"]["data"] == answer.decode()
    assert (data["endpointOutput"]["mode"], data["endpointOutput"]["encoding"]) == ("OUTPUT", "JSON")
    metadata = record["eventMetadata"]
    assert metadata["inferenceId"] == "my-id" and metadata["customAttributes"] == ["trace=7"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", metadata["inferenceTime"])
    assert metadata["eventId"] and record["eventVersion"] == "0"


def test_without_named_content_types_everything_is_base64(deployment, models, aws):
    deploy(deployment, models.mlp_archive, header=None, modes=("InputAndOutput",))
    body = csv(models.records[0])
    deployment.invoke(body)
    _, [record] = captured(aws, deployment)
    data = record["captureData"]["endpointInput"]
    assert data["encoding"] == "BASE64" and base64.b64decode(data["data"]) == body.encode()


def test_one_mode_captures_one_side(deployment, models, aws):
    deploy(deployment, models.mlp_archive, modes=("Output",))
    deployment.invoke(csv(models.records[0]))
    _, [record] = captured(aws, deployment)
    assert list(record["captureData"]) == ["endpointOutput"]


@pytest.mark.parametrize("percent, least, most", [(0, 0, 0), (50, 60, 140), (100, 200, 200)])
def test_a_share_of_the_requests_is_sampled(deployment, models, aws, percent, least, most):
    """Section 12: sampling 0-100 %."""
    deploy(deployment, models.mlp_archive, percent=percent)
    for _ in range(200):
        deployment.invoke(csv(models.records[0]))
    _, records = captured(aws, deployment, records=200, seconds=12 if percent < 100 else 30)
    assert least <= len(records) <= most


def test_101_percent_is_one_too_many(deployment, models, aws):
    """Section 12: at the limit and one past it."""
    model = deployment.model(models.mlp_archive)
    with pytest.raises(ClientError, match="less than or equal to 100"):
        deployment.config({"all": (model, 1.0, 1)},
                          DataCaptureConfig=capture(deployment, percent=101))


def test_failed_answers_are_not_captured(deployment, models, aws):
    deploy(deployment, models.mlp_archive)
    with pytest.raises(ClientError):
        deployment.invoke("no,numbers\n")
    deployment.invoke(csv(models.records[0]))
    _, records = captured(aws, deployment)
    assert len(records) == 1


def test_describe_tells_what_is_captured_and_an_update_ends_it(deployment, models, aws):
    deploy(deployment, models.mlp_archive, percent=30)
    assert deployment.status()["DataCaptureConfig"] == {
        "EnableCapture": True, "CaptureStatus": "Started", "CurrentSamplingPercentage": 30,
        "DestinationS3Uri": f"s3://{deployment.name}/captured", "KmsKeyId": ""}
    off = deployment.config({"all": (deployment.name, 1.0, 1)}, suffix="-off",
                            DataCaptureConfig=capture(deployment, enabled=False))
    update = {"EndpointName": deployment.name, "EndpointConfigName": off,
              "RetainAllVariantProperties": True}
    aws.sagemaker.update_endpoint(**update)  # retained: captured as before
    deployment.wait()
    assert deployment.status()["DataCaptureConfig"]["CaptureStatus"] == "Started"
    aws.sagemaker.update_endpoint(**update, ExcludeRetainedVariantProperties=[
        {"VariantPropertyType": "DataCaptureConfig"}])
    deployment.wait()
    assert deployment.status()["DataCaptureConfig"]["CaptureStatus"] == "Stopped"
    deployment.invoke(csv(models.records[0]))
    assert captured(aws, deployment, seconds=8)[1] == []


def test_a_bucket_that_went_costs_captures_and_no_request(deployment, models, aws):
    model = deployment.model(models.mlp_archive)
    config = capture(deployment)
    config["DestinationS3Uri"] = f"s3://{deployment.name}-none/captured"
    deployment.config({"all": (model, 1.0, 1)}, DataCaptureConfig=config)
    deployment.start()
    deployment.wait()
    for _ in range(3):
        right = models.mlp_answer(models.records[0])
        answer = json.loads(deployment.invoke(csv(models.records[0])))
        [values] = answer.values() if isinstance(answer, dict) else [answer]
        np.testing.assert_allclose(np.array(values, dtype=np.float32).ravel(), right.ravel(), 1e-4)
        time.sleep(0.1)


def test_a_clean_end_writes_what_was_captured(own_server, models, name):
    aws = Clients(own_server)
    deployment = deploy(Deployment(aws, name), models.mlp_archive)
    deployment.invoke(csv(models.records[0]))
    own_server.stop()
    own_server.start()
    assert len(captured(aws, deployment)[1]) == 1


def test_the_example_runs(server, models, tmp_path):
    (tmp_path / "model.tar.gz").write_bytes(models.mlp_archive)
    (tmp_path / "record.csv").write_text(csv(models.records[0]))
    ran = subprocess.run(
        [sys.executable, EXAMPLE, "model.tar.gz", "record.csv"], cwd=tmp_path, timeout=120,
        env={**os.environ, **server.process_environment()}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    key, line = ran.stdout.splitlines()
    assert "/all/" in key and json.loads(line)["eventMetadata"]["inferenceId"] == "example-1"
