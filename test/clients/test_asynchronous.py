"""Asynchronous inference through boto3: what is accepted, what comes of it, and where it stands."""
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import botocore.exceptions
import numpy as np
import pytest
from conftest import REGISTRY, ROLE, Clients, Deployment
from make_model import tar_gz
from models import csv
from server import Server
from test_clients import sdk_program

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

    def failure(self, accepted, seconds=DONE_SECONDS_MAX):
        return self.fetch(accepted["FailureLocation"], seconds)["Body"].read().decode()


@pytest.fixture
def endpoint(aws, deployment):
    return Asynchronous(aws, deployment)


def numbers(body):
    return np.array(json.loads(body)["predictions"] if b"{" in body else
                    [[float(x) for x in line.split(",")] for line in body.decode().strip().splitlines()])


def test_an_inline_body_and_an_object_are_answered_as_objects(aws, endpoint, models):
    """Contract section 1, 2 and 10: 202, InferenceId, OutputLocation <S3OutputPath>/<uuid>.out."""
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


def test_what_is_queued_is_counted_apart_with_the_bytes_of_its_object(aws, server, endpoint, models):
    endpoint.deploy(endpoint.deployment.model(models.mlp_archive))
    body = csv(np.tile(models.records, (8, 1))).encode()
    assert len(body) > 16 * 1024  # a file of its own
    aws.s3.put_object(Bucket=endpoint.name, Key="in/1.csv", Body=body)
    endpoint.answer(endpoint.ask(InputLocation=f"s3://{endpoint.name}/in/1.csv", ContentType="text/csv"))
    counted = [row for row in server.traffic() if row["endpoint"].endswith(f"/{endpoint.name}")]
    assert {row["way"]: row["invocations"] for row in counted} == {"queued": 1}
    assert counted[0]["request_bytes"] == len(body) and counted[0]["answer_bytes"] > 0


def refusal(call, code="ValidationError"):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == code, caught.value
    return caught.value.response["Error"]["Message"]


# ---- What is accepted ----

@pytest.fixture(scope="module")
def whims(tmp_path_factory):
    """A server of this module's own whose image `whims` is the container of that name."""
    program = pathlib.Path(__file__).parent / "containers/whims.py"
    server = Server(tmp_path_factory.mktemp("whims"), "--program", f"whims={program}")
    server.start()
    yield Whims(server)
    assert server.stop() == 0, server.log_tail()


class Whims:
    def __init__(self, server):
        self.server, self.aws, self.made = server, Clients(server), {}

    def endpoint(self, name, **options):
        """One endpoint of that name for all tests that ask for it."""
        if name not in self.made:
            deployment = Deployment(self.aws, name)
            self.aws.sagemaker.create_model(
                ModelName=name, ExecutionRoleArn=ROLE,
                PrimaryContainer={"Image": f"{REGISTRY}/whims:latest"})
            self.made[name] = Asynchronous(self.aws, deployment).deploy(name, **options)
        return self.made[name]


@pytest.fixture
def plain(whims):
    return whims.endpoint("plain")


class Unchecked:
    """boto3 that leaves checking to the server."""

    def __init__(self, endpoint):
        self.client = endpoint.aws.client("sagemaker-runtime", parameter_validation=False)
        self.name = endpoint.name

    def ask(self, **more):
        return self.client.invoke_endpoint_async(EndpointName=self.name, **more)


@pytest.mark.parametrize("member, most, beyond", [
    ("Body", b"b" * 128_000, b"b" * 128_001),
    ("RequestTTLSeconds", 21_600, 21_601),
    ("RequestTTLSeconds", 60, 59),
    ("InvocationTimeoutSeconds", 3_600, 3_601),
    ("InvocationTimeoutSeconds", 1, 0),
    ("InferenceId", "i" * 64, "i" * 65),
    ("Filename", "f" * 32, "f" * 33),
    ("Filename", "one.dot", "two.dots.here"),
    ("S3OutputPathExtension", "e" * 512, "e" * 513),
    ("S3OutputPathExtension", "a/b", "s3:a"),
    ("CustomAttributes", "c" * 1024, "c" * 1025),
    ("ContentType", "t" * 1024, "t" * 1025),
    ("Accept", "a" * 1024, "a" * 1025),
])
def test_each_limit_holds_at_it_and_one_past(plain, member, most, beyond):
    """Contract section 2 and 4: the lengths, ranges and patterns of InvokeEndpointAsync."""
    unchecked = Unchecked(plain)
    asked = {"Body": b"x", "ContentType": "text/plain"}
    accepted = unchecked.ask(**{**asked, member: most})
    assert accepted["ResponseMetadata"]["HTTPStatusCode"] == 202
    message = refusal(lambda: unchecked.ask(**{**asked, member: beyond}))
    assert "1 validation error detected" in message


def test_exactly_one_of_body_and_input_location_is_taken(plain):
    """Contract section 4: exactly one of Body, InputLocation."""
    assert "exactly one" in refusal(lambda: plain.ask())
    assert "exactly one" in refusal(lambda: plain.ask(b"x", InputLocation="s3://plain/x"))
    refusal(lambda: plain.ask(InputLocation="s3://plain"))
    refusal(lambda: Unchecked(plain).ask(InputLocation="file:///etc/passwd"))
    for address in ("https://example.com/plain/key", "https://s3.amazonaws.com.example.com/plain/key"):
        assert "names no object" in refusal(lambda: plain.ask(InputLocation=address))
    assert plain.ask(InputLocation="https://plain.s3.us-east-1.amazonaws.com/key")["OutputLocation"]


def test_an_endpoint_is_asked_in_its_own_way_only(whims, plain):
    """Contract section 10: presence of AsyncInferenceConfig = async only."""
    runtime = whims.aws.runtime
    refusal(lambda: runtime.invoke_endpoint(EndpointName="plain", Body=b"x"))
    refusal(lambda: runtime.invoke_endpoint_async(EndpointName="none", Body=b"x"))
    deployment = Deployment(whims.aws, "real-time")
    deployment.config({"all": ("plain", 1.0, 1)})
    deployment.start()
    deployment.wait()
    refusal(lambda: runtime.invoke_endpoint_async(EndpointName="real-time", Body=b"x"))
    assert runtime.invoke_endpoint(EndpointName="real-time", Body=b"x")["Body"].read() == b"x"
    # Neither becomes the other by an update.
    refusal(lambda: whims.aws.sagemaker.update_endpoint(
        EndpointName="real-time", EndpointConfigName="plain"), "ValidationException")
    refusal(lambda: whims.aws.sagemaker.update_endpoint(
        EndpointName="plain", EndpointConfigName="real-time"), "ValidationException")


def test_the_configuration_is_checked_and_shown(whims, plain):
    sagemaker = whims.aws.sagemaker
    shown = sagemaker.describe_endpoint(EndpointName="plain")["AsyncInferenceConfig"]
    assert shown["OutputConfig"]["S3OutputPath"] == "s3://plain/out"
    assert shown == sagemaker.describe_endpoint_config(EndpointConfigName="plain")["AsyncInferenceConfig"]
    variant = {"VariantName": "v", "ModelName": "plain", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    good = {"OutputConfig": {"S3OutputPath": "s3://plain/out"}}

    def configure(config, **more):
        sagemaker.create_endpoint_config(
            EndpointConfigName="refused", AsyncInferenceConfig=config,
            ProductionVariants=more.pop("variants", [variant]), **more)

    refusal(lambda: configure({"OutputConfig": {}}), "ValidationException")
    refusal(lambda: configure({**good, "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 1001}}),
            "ValidationException")
    serverless = {"VariantName": "v", "ModelName": "plain",
                  "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}
    assert "not supported for serverless endpoints" in refusal(
        lambda: configure(good, variants=[serverless]), "ValidationException")


# ---- What comes of it ----

def test_what_a_container_refuses_stands_as_the_failure_object(plain):
    """Contract section 10: <S3FailurePath>/<uuid>-error.out; the container is not asked again."""
    accepted = plain.ask(b"x", CustomAttributes="status=503")
    assert plain.failure(accepted) == "as you wished"
    with pytest.raises(plain.aws.s3.exceptions.NoSuchKey):
        plain.aws.s3.get_object(**location(accepted["OutputLocation"]))


def test_an_input_that_is_not_there_fails_the_request(plain):
    accepted = plain.ask(InputLocation="s3://plain/not/there")
    assert "s3://plain/not/there" in plain.failure(accepted)


def test_a_late_answer_fails_after_the_invocation_timeout(plain):
    """Contract section 4: answer time, InvocationTimeoutSeconds."""
    begin = time.monotonic()
    accepted = plain.ask(b"x", CustomAttributes="sleep=20", InvocationTimeoutSeconds=1)
    assert "timed out" in plain.failure(accepted)
    assert 1 <= time.monotonic() - begin < 10


def test_a_container_that_hangs_up_fails_the_request_after_three_tries(plain):
    accepted = plain.ask(b"x", CustomAttributes="hangup")
    assert "Received server error (0)" in plain.failure(accepted)
    assert plain.answer(plain.ask(b"y")) == b"y"


def test_a_container_that_dies_costs_only_the_request_that_kills_it(whims):
    """The endpoint recovers and what stood in the queue behind is answered."""
    endpoint = whims.endpoint("mortal", concurrency=1)
    dying = endpoint.ask(b"x", CustomAttributes="die")
    behind = [endpoint.ask(str(i).encode()) for i in range(5)]
    for i, accepted in enumerate(behind):
        assert endpoint.fetch(accepted["OutputLocation"], 60)["Body"].read() == str(i).encode()
    assert "Received server error (0)" in endpoint.fetch(dying["FailureLocation"], 60)["Body"].read().decode()


def test_an_instance_gets_no_more_at_once_than_the_configuration_says(whims):
    """Contract section 4: MaxConcurrentInvocationsPerInstance."""
    endpoint = whims.endpoint("narrow", concurrency=3)
    for accepted in [endpoint.ask(b"x", CustomAttributes="sleep=0.05") for _ in range(30)]:
        endpoint.answer(accepted)
    assert endpoint.answer(endpoint.ask(b"x", CustomAttributes="peak")) == b"3"


GIGABYTE = 1 << 30


@pytest.fixture(scope="module")
def gigabytes(whims):
    """s3://gigabytes/at, of the most bytes that a request may have, and /past, of one more."""
    s3, piece = whims.aws.s3, 128 << 20
    s3.create_bucket(Bucket="gigabytes")
    s3.put_object(Bucket="gigabytes", Key="piece", Body=os.urandom(1 << 20) * (piece >> 20))
    s3.put_object(Bucket="gigabytes", Key="byte", Body=b"x")
    for key, sources in (("at", ["piece"] * 8), ("past", ["piece"] * 8 + ["byte"])):
        upload = s3.create_multipart_upload(Bucket="gigabytes", Key=key, ContentType="a/b")["UploadId"]
        parts = [{"PartNumber": i, "ETag": s3.upload_part_copy(
            Bucket="gigabytes", Key=key, UploadId=upload, PartNumber=i,
            CopySource={"Bucket": "gigabytes", "Key": source})["CopyPartResult"]["ETag"]}
            for i, source in enumerate(sources, 1)]
        s3.complete_multipart_upload(Bucket="gigabytes", Key=key, UploadId=upload,
                                     MultipartUpload={"Parts": parts})
    return GIGABYTE


@pytest.mark.slow
def test_a_gigabyte_streams_from_object_to_container_to_object(whims, plain, gigabytes):
    """Contract section 4: 1 GB via S3; what the server needs in memory does not grow with the body."""
    before = resident_mb(whims.server)
    accepted = plain.ask(InputLocation="s3://gigabytes/at", CustomAttributes="count")
    assert plain.fetch(accepted["OutputLocation"], 120)["Body"].read() == str(GIGABYTE).encode()
    accepted = plain.ask(b"0123456789abcdef" * 1024, CustomAttributes=f"repeat={GIGABYTE >> 14}",
                         ContentType="a/b")
    done = plain.fetch(accepted["OutputLocation"], 120)
    assert (done["ContentLength"], done["ContentType"]) == (GIGABYTE, "a/b")
    assert done["Body"].read(16) == b"0123456789abcdef"
    assert resident_mb(whims.server, "VmHWM") - before < 100


@pytest.mark.slow
def test_one_byte_more_than_a_gigabyte_is_refused(whims, plain, gigabytes):
    """Contract section 4: 1 GB, of the input and of the answer."""
    accepted = plain.ask(InputLocation="s3://gigabytes/past", CustomAttributes="count")
    assert "1073741824" in plain.failure(accepted)
    accepted = plain.ask(b"0123456789abcde" * 1024, ContentType="a/b",
                         CustomAttributes=f"repeat={GIGABYTE // (15 << 10) + 1}")
    assert "larger than is allowed" in plain.failure(accepted, 120)


def resident_mb(server, which="VmRSS"):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(which)).split()[1]) // 1024


def test_deleting_the_endpoint_fails_what_waits(whims):
    endpoint = whims.endpoint("short-lived", concurrency=1)
    endpoint.ask(b"x", CustomAttributes="sleep=1")
    waiting = endpoint.ask(b"y", CustomAttributes="sleep=1")
    whims.aws.sagemaker.delete_endpoint(EndpointName="short-lived")
    with pytest.raises(botocore.exceptions.ClientError, match="Endpoint short-lived .* not found"):
        endpoint.ask(b"z")
    assert "deleted" in endpoint.failure(waiting)


def test_an_update_loses_nothing(whims):
    endpoint = whims.endpoint("updated", concurrency=2)
    accepted = [endpoint.ask(str(i).encode(), CustomAttributes="sleep=0.02") for i in range(60)]
    whims.aws.sagemaker.update_endpoint(EndpointName="updated", EndpointConfigName="updated")
    accepted += [endpoint.ask(str(i).encode(), CustomAttributes="sleep=0.02") for i in range(60, 100)]
    for i, each in enumerate(accepted):
        assert endpoint.fetch(each["OutputLocation"], 60)["Body"].read() == str(i).encode()


def test_an_update_that_fails_leaves_results_where_they_went(aws, endpoint, models):
    """The configuration that serves says where results go, also while another comes up."""
    endpoint.deploy(endpoint.deployment.model(models.mlp_archive))
    broken = endpoint.deployment.model(tar_gz({"model.onnx": b"none"}), suffix="-broken")
    elsewhere = {"OutputConfig": {"S3OutputPath": f"s3://{endpoint.name}/elsewhere"}}
    config = endpoint.deployment.config(
        {"all": (broken, 1.0, 1)}, suffix="-broken", AsyncInferenceConfig=elsewhere)
    aws.sagemaker.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=config)
    beside = endpoint.ask(csv(models.records), ContentType="text/csv")
    endpoint.deployment.wait()
    seen = endpoint.deployment.status()
    assert "FailureReason" in seen
    accepted = endpoint.ask(csv(models.records), ContentType="text/csv")
    where = seen["AsyncInferenceConfig"]["OutputConfig"]["S3OutputPath"]
    for each in (beside, accepted):
        assert each["OutputLocation"].startswith(where)


def test_nothing_acknowledged_is_lost_or_doubled_when_the_server_is_killed(tmp_path):
    """kill -9 under load, several times: every acknowledged id has exactly one result."""
    program = pathlib.Path(__file__).parent / "containers/whims.py"
    server = Server(tmp_path / "server", "--program", f"whims={program}")
    server.start()
    try:
        endpoint = Whims(server).endpoint("crashed", concurrency=4)
        endpoint.aws.s3.put_bucket_versioning(
            Bucket="crashed", VersioningConfiguration={"Status": "Enabled"})
        accepted = []
        for round_ in range(4):
            stop = threading.Event()
            drivers = [threading.Thread(target=drive, args=(Clients(server), accepted, stop, f"{round_}-{d}"))
                       for d in range(3)]
            for driver in drivers:
                driver.start()
            time.sleep(0.3 + 0.2 * round_)
            server.kill()
            stop.set()
            for driver in drivers:
                driver.join(20)
            server.start()
        endpoint = Asynchronous(Clients(server), endpoint.deployment)
        assert len(accepted) > 20
        for body, uri in accepted:
            assert endpoint.fetch(uri, 60)["Body"].read() == body
        versions = endpoint.aws.s3.get_paginator("list_object_versions").paginate(Bucket="crashed")
        keys = [v["Key"] for page in versions for v in page.get("Versions", [])]
        assert len(keys) == len(set(keys)), "a result was written twice"
        assert not [key for key in keys if key.startswith("failed/")]
    finally:
        server.stop()


def drive(aws, accepted, stop, label):
    number = 0
    while not stop.is_set():
        body = f"{label}-{number}".encode()
        try:
            answer = aws.runtime.invoke_endpoint_async(EndpointName="crashed", Body=body)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
            return  # the server died under this call: it may or may not have been accepted
        accepted.append((body, answer["OutputLocation"]))
        number += 1


# ---- Other clients ----

def test_the_example_runs(server, models, tmp_path):
    files = [tmp_path / "model.tar.gz", tmp_path / "record.csv"]
    files[0].write_bytes(models.mlp_archive)
    files[1].write_text(csv(models.records[0]))
    program = pathlib.Path(__file__).parents[2] / "examples/ways/asynchronous.py"
    done = subprocess.run([sys.executable, program, *files], env=server.process_environment(),
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(numbers(done.stdout.encode()), models.mlp_answer(models.records[:1]),
                               rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_the_sagemaker_sdk_2_waits_for_its_answer(server, models, tmp_path):
    """AsyncInferenceConfig, AsyncPredictor.predict and predict_async, and a failure as its error."""
    (tmp_path / "model.tar.gz").write_bytes(models.mlp_archive)
    (tmp_path / "rows.json").write_text(json.dumps(models.records[:2].tolist()))
    answer = sdk_program(server, "SLIPWAY_SAGEMAKER2", "async_v2.py", tmp_path)
    right = models.mlp_answer(models.records[:2])
    np.testing.assert_allclose(answer["waited"], right, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(answer["later"], right, rtol=1e-4, atol=1e-5)
    assert answer["failed"] == "AsyncInferenceModelError"
