"""Serverless endpoints (hosting contract, sections 3 and 4): to zero when nobody asks, from zero
for whoever does, within AWS's limits."""
import concurrent.futures
import json
import pathlib
import sys
import threading
import time

import numpy as np
import pytest
from botocore.exceptions import ClientError, EventStreamError
from conftest import ROLE, Clients, Deployment
from make_model import tar_gz
from server import Server
from test_clients import EXAMPLES, assert_right, environment_or_skip, run

PROGRAMS = pathlib.Path(__file__).parent / "sdk_programs"
IDLE_SECONDS = 2
MIB = 1 << 20
NEAR = {"rtol": 1e-4, "atol": 1e-5}

# Does what each request asks for; how it loads stands in a file.
HANDLER = b'''
import json, os, time

def model_fn(model_dir):
    with open(os.environ["CONTROL"]) as control:
        how = control.read().strip()
    if how == "dies":
        raise RuntimeError("this model does not load today")
    if how == "never":
        time.sleep(3600)
    return how

def input_fn(body, content_type):
    return body

def predict_fn(body, model):
    ask = json.loads(body) if body[:1] in (b"{", "{") else {}
    time.sleep(ask.get("sleep", 0))
    taken = b"x" * (ask.get("take_mib", 0) << 20)
    time.sleep(ask.get("then_sleep", 0))
    if ask.get("end"):
        os.kill(int(open("/proc/%d/stat" % os.getpid()).read().rsplit(")", 1)[1].split()[1]), 9)
        time.sleep(5)
    return "y" * ask["answer"] if "answer" in ask else "fine"

def output_fn(prediction, accept):
    return prediction, "text/plain"
'''


@pytest.fixture(scope="module")
def controls(tmp_path_factory):
    """Where every instance may read, whoever it runs as."""
    folder = tmp_path_factory.mktemp("controls")
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory, controls):
    """A server whose serverless endpoints are idle soon."""
    server = Server(tmp_path_factory.mktemp("serverless"), "--serverless-idle", str(IDLE_SECONDS),
                    "--instance-reads", str(controls))
    server.start()
    yield server
    assert server.stop() == 0, f"the server did not end cleanly:\n{server.log_tail()}"


@pytest.fixture(scope="module")
def aws(server):
    return Clients(server)


def serverless(model, concurrency=10, memory=1024, **more):
    return {"VariantName": "all", "ModelName": model, "ServerlessConfig": {
        "MemorySizeInMB": memory, "MaxConcurrency": concurrency, **more}}


def make_config(deployment, variant, suffix="", **more):
    deployment.aws.sagemaker.create_endpoint_config(
        EndpointConfigName=deployment.name + suffix, ProductionVariants=[variant], **more)
    return deployment.name + suffix


def deploy(deployment, archive, environment=None, **config):
    model = deployment.model(archive, environment=environment)
    make_config(deployment, serverless(model, **config))
    deployment.start()
    return deployment.wait()


@pytest.fixture
def control(controls, name):
    file = controls / name
    file.write_text("fine")
    file.chmod(0o644)
    return file


def deploy_handler(deployment, control, **config):
    archive = tar_gz({"code/inference.py": HANDLER})
    return deploy(deployment, archive, {"CONTROL": str(control)}, **config)


def variant_of(deployment):
    return deployment.status()["ProductionVariants"][0]


def wait_for_count(deployment, count, seconds=20):
    end = time.monotonic() + seconds
    while variant_of(deployment)["CurrentInstanceCount"] != count:
        assert time.monotonic() < end, variant_of(deployment)
        time.sleep(0.1)


def to_zero(deployment):
    time.sleep(0.5)  # what came up just now is written
    wait_for_count(deployment, 0)


def ask(deployment, **what):
    return deployment.invoke(json.dumps(what), "application/json", "text/plain")


def numbers(body):
    return np.array(json.loads(body)["predictions"])


def error_of(caught):
    return caught.value.response["Error"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_it_goes_to_zero_when_idle_and_a_request_brings_it_back_with_the_right_numbers(
        deployment, models):
    deploy(deployment, models.mlp_archive)
    assert variant_of(deployment)["CurrentInstanceCount"] == 0  # nobody asked yet
    record = models.records[0]
    body = ",".join(repr(float(x)) for x in record)
    for _ in range(2):
        to_zero(deployment)
        assert deployment.status()["EndpointStatus"] == "InService"
        np.testing.assert_allclose(
            numbers(deployment.invoke(body)), models.mlp_answer(record), **NEAR)


def test_fifty_requests_at_once_on_zero_instances_are_all_answered(deployment, models):
    deploy(deployment, models.mlp_archive, concurrency=50)
    to_zero(deployment)
    record = models.records[1]
    body = ",".join(repr(float(x)) for x in record)
    runtime = deployment.aws.client("sagemaker-runtime", max_pool_connections=50)
    together = threading.Barrier(50)

    def one(_):
        together.wait()
        answer = runtime.invoke_endpoint(EndpointName=deployment.name, Body=body,
                                         ContentType="text/csv", Accept="application/json")
        return numbers(answer["Body"].read())

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(one, range(50)))
    np.testing.assert_allclose(
        np.concatenate(answers), np.repeat(models.mlp_answer(record), 50, axis=0), **NEAR)


def test_describe_shows_the_serverless_configuration_and_an_update_changes_it(deployment, models):
    deploy(deployment, models.mlp_archive, concurrency=7, memory=3072)
    assert variant_of(deployment)["CurrentServerlessConfig"] == {
        "MemorySizeInMB": 3072, "MaxConcurrency": 7}
    deployment.aws.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=deployment.name, DesiredWeightsAndCapacities=[
            {"VariantName": "all",
             "ServerlessUpdateConfig": {"MaxConcurrency": 9, "ProvisionedConcurrency": 2}}])
    deployment.wait()
    for which in ("CurrentServerlessConfig", "DesiredServerlessConfig"):
        assert variant_of(deployment)[which] == {
            "MemorySizeInMB": 3072, "MaxConcurrency": 9, "ProvisionedConcurrency": 2}
    wait_for_count(deployment, 1)
    time.sleep(2 * IDLE_SECONDS)
    assert variant_of(deployment)["CurrentInstanceCount"] == 1  # provisioned: it stays


def test_an_update_to_a_new_model_answers_with_its_numbers(deployment, models):
    deploy(deployment, models.mlp_archive)
    to_zero(deployment)
    model = deployment.model(models.other_mlp_archive, suffix="-2")
    config = make_config(deployment, serverless(model, concurrency=3), "-2")
    deployment.aws.sagemaker.update_endpoint(
        EndpointName=deployment.name, EndpointConfigName=config)
    deployment.wait()
    record = models.records[2]
    body = ",".join(repr(float(x)) for x in record)
    np.testing.assert_allclose(
        numbers(deployment.invoke(body)), models.mlp_answer(record, seed=8), **NEAR)
    assert variant_of(deployment)["CurrentServerlessConfig"]["MaxConcurrency"] == 3


def test_what_is_asked_for_past_the_concurrency_waits_a_moment_and_is_throttled(
        deployment, control):
    """Section 3: ThrottlingException, 400. A request that finds a turn in time is answered."""
    deploy_handler(deployment, control, concurrency=1)
    assert ask(deployment) == b"fine"
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        slow = pool.submit(ask, deployment, sleep=6)
        time.sleep(0.3)
        begin = time.monotonic()
        with pytest.raises(ClientError) as caught:
            ask(deployment)
        assert 0.5 < time.monotonic() - begin < 5  # one second, on cores that others use
        error, status = error_of(caught)
        assert (error["Code"], status) == ("ThrottlingException", 400)
        assert slow.result() == b"fine"
        short = pool.submit(ask, deployment, sleep=0.5)
        time.sleep(0.1)
        assert ask(deployment) == b"fine"
        assert short.result() == b"fine"


def test_bodies_have_at_most_4_mib_both_ways(deployment, control):
    """Section 4, serverless: body 4 MB both ways."""
    deploy_handler(deployment, control)
    assert deployment.invoke(b"a" * (4 * MIB), "text/plain", "text/plain") == b"fine"
    with pytest.raises(ClientError) as caught:
        deployment.invoke(b"a" * (4 * MIB + 1), "text/plain", "text/plain")
    error, status = error_of(caught)
    assert (error["Code"], status) == ("ValidationError", 413)
    request_id = caught.value.response["ResponseMetadata"]["RequestId"]
    assert error["Message"] == f"Request {request_id} has oversize body."  # AWS's own words
    assert len(ask(deployment, answer=4 * MIB)) == 4 * MIB
    with pytest.raises(ClientError) as caught:
        ask(deployment, answer=4 * MIB + 1)
    error, status = error_of(caught)
    assert (error["Code"], status) == ("ModelError", 424)
    assert str(4 * MIB) in error["Message"]


def test_a_stream_is_held_to_the_same_limits(deployment, control):
    """A choice: AWS does not say what becomes of a stream on a serverless endpoint."""
    deploy_handler(deployment, control)

    def stream(body):
        answer = deployment.aws.runtime.invoke_endpoint_with_response_stream(
            EndpointName=deployment.name, Body=body, ContentType="application/json")
        return sum(len(event["PayloadPart"]["Bytes"]) for event in answer["Body"])

    assert stream(json.dumps({"answer": 4 * MIB})) == 4 * MIB
    with pytest.raises(EventStreamError, match="at most 4194304 bytes"):
        stream(json.dumps({"answer": 4 * MIB + 1}))
    with pytest.raises(ClientError, match="has oversize body"):
        stream(b"a" * (4 * MIB + 1))
    assert stream(b"{}") == len(b"fine")


def test_a_cold_start_does_not_modify_the_endpoint(deployment, models):
    deploy(deployment, models.mlp_archive)
    to_zero(deployment)
    before = deployment.status()["LastModifiedTime"]
    deployment.invoke(",".join(str(x) for x in models.records[0]))
    wait_for_count(deployment, 1)
    assert deployment.status()["LastModifiedTime"] == before


def test_an_instance_that_takes_too_much_memory_is_ended_and_the_endpoint_recovers(
        deployment, control):
    deploy_handler(deployment, control)
    assert ask(deployment, take_mib=300) == b"fine"
    with pytest.raises(ClientError) as caught:
        ask(deployment, take_mib=1200, then_sleep=10)
    error, status = error_of(caught)
    assert (error["Code"], status) == ("ModelError", 424)
    assert "limit of 1024 MiB" in error["Message"]
    assert ask(deployment) == b"fine"


def test_an_instance_that_ends_before_it_is_ready_is_a_model_error_and_the_endpoint_recovers(
        deployment, control):
    deploy_handler(deployment, control)
    to_zero(deployment)
    control.write_text("dies")
    begin = time.monotonic()
    with pytest.raises(ClientError) as caught:
        ask(deployment)
    assert time.monotonic() - begin < 30
    error, status = error_of(caught)
    assert (error["Code"], status) == ("ModelError", 424)
    assert "this model does not load today" in error["Message"]
    assert deployment.status()["EndpointStatus"] == "InService"
    control.write_text("fine")
    assert ask(deployment) == b"fine"


def test_a_new_model_that_does_not_load_tells_its_first_request_and_replaces_no_other(
        deployment, control):
    """A choice: creating starts nothing; what takes another's place loads once before it does."""
    control.write_text("dies")
    deploy_handler(deployment, control)
    with pytest.raises(ClientError) as caught:
        ask(deployment)
    error, status = error_of(caught)
    assert (error["Code"], status) == ("ModelError", 424)
    assert "this model does not load today" in error["Message"]
    control.write_text("fine")
    assert ask(deployment) == b"fine"

    broken = tar_gz({"code/inference.py": HANDLER.replace(b"return how", b"raise ValueError(how)")})
    model = deployment.model(broken, suffix="-broken", environment={"CONTROL": str(control)})
    deployment.aws.sagemaker.update_endpoint(
        EndpointName=deployment.name,
        EndpointConfigName=make_config(deployment, serverless(model), "-broken"))
    waiter = deployment.aws.sagemaker.get_waiter("endpoint_in_service")
    waiter.wait(EndpointName=deployment.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    status = deployment.status()
    assert status["EndpointConfigName"] == deployment.name
    assert "ValueError" in status["FailureReason"]
    assert ask(deployment) == b"fine"


def test_an_instance_that_dies_with_a_request_is_a_model_error_and_the_endpoint_recovers(
        deployment, control):
    deploy_handler(deployment, control)
    for _ in range(2):
        with pytest.raises(ClientError) as caught:
            ask(deployment, end=True)
        error, status = error_of(caught)
        assert (error["Code"], status) == ("ModelError", 424)
        assert ask(deployment) == b"fine"


@pytest.mark.slow
def test_an_instance_that_is_never_ready_is_waited_for_60_seconds(deployment, control):
    """Section 3: ModelNotReadyException, 429. Section 4: 60 s."""
    deploy_handler(deployment, control)
    to_zero(deployment)
    control.write_text("never")
    runtime = deployment.aws.client("sagemaker-runtime", read_timeout=90)
    begin = time.monotonic()
    with pytest.raises(ClientError) as caught:
        runtime.invoke_endpoint(EndpointName=deployment.name, Body=b"{}")
    assert 58 < time.monotonic() - begin < 70
    error, status = error_of(caught)
    assert (error["Code"], status) == ("ModelNotReadyException", 429)


def test_after_a_power_cut_an_endpoint_at_zero_answers(tmp_path, models, name):
    server = Server(tmp_path / "server", "--serverless-idle", "1")
    server.start()
    try:
        deployment = Deployment(Clients(server), name)
        deploy(deployment, models.mlp_archive)
        to_zero(deployment)
        server.kill()
        server.start()
        deployment.aws = Clients(server)
        record = models.records[3]
        body = ",".join(repr(float(x)) for x in record)
        np.testing.assert_allclose(
            numbers(deployment.invoke(body)), models.mlp_answer(record), **NEAR)
        to_zero(deployment)
    finally:
        server.stop()


def test_a_clean_restart_starts_what_is_provisioned_and_nothing_else(tmp_path, models, name):
    server = Server(tmp_path / "server")
    server.start()
    try:
        ready, idle = Deployment(Clients(server), name), Deployment(Clients(server), name + "-idle")
        deploy(ready, models.mlp_archive, ProvisionedConcurrency=1)
        deploy(idle, models.mlp_archive)
        body = ",".join(repr(float(x)) for x in models.records[3])
        for deployment in (ready, idle):
            deployment.invoke(body)
            wait_for_count(deployment, 1)
        assert server.stop() == 0
        server.start()
        ready.aws = idle.aws = Clients(server)
        wait_for_count(ready, 1)
        wait_for_count(idle, 0, seconds=5)  # less than one that had started would stay
        np.testing.assert_allclose(
            numbers(idle.invoke(body)), models.mlp_answer(models.records[3]), **NEAR)
    finally:
        server.stop()


@pytest.fixture(scope="module")
def model(aws, models):
    """A model that configurations can name."""
    aws.sagemaker.create_model(
        ModelName="a-model", ExecutionRoleArn=ROLE, PrimaryContainer={
            "Image": "000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest"})
    return "a-model"


@pytest.mark.parametrize("memory, concurrency, provisioned", [
    (1024, 1, None), (2048, 200, 200), (3072, 5, 5), (4096, 5, 1), (5120, 2, None), (6144, 200, 1)])
def test_sizes_up_to_the_limits_are_taken(aws, name, model, memory, concurrency, provisioned):
    """Section 4, serverless: size."""
    more = {} if provisioned is None else {"ProvisionedConcurrency": provisioned}
    aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
        serverless(model, concurrency, memory, **more)])
    described = aws.sagemaker.describe_endpoint_config(EndpointConfigName=name)
    assert described["ProductionVariants"][0]["ServerlessConfig"]["MemorySizeInMB"] == memory


@pytest.mark.parametrize("memory, concurrency, provisioned", [
    (1023, 1, None), (6145, 1, None), (1536, 1, None), (7168, 1, None), (1024, 0, None),
    (1024, 201, None), (1024, 5, 6), (1024, 5, 0)])
def test_sizes_past_the_limits_are_refused(aws, name, model, memory, concurrency, provisioned):
    """Section 4, serverless: size."""
    more = {} if provisioned is None else {"ProvisionedConcurrency": provisioned}
    unchecked = aws.client("sagemaker", parameter_validation=False)  # boto3 would refuse it itself
    with pytest.raises(ClientError) as caught:
        unchecked.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
            serverless(model, concurrency, memory, **more)])
    error, status = error_of(caught)
    assert (error["Code"], status) == ("ValidationException", 400)


CAPTURE = {"EnableCapture": True, "InitialSamplingPercentage": 100, "DestinationS3Uri": "s3://b/c",
           "CaptureOptions": [{"CaptureMode": "Input"}]}


@pytest.mark.parametrize("beside, around", [
    ({"InstanceType": "ml.m5.large"}, {}), ({"InitialInstanceCount": 1}, {}),
    ({"AcceleratorType": "ml.eia2.medium"}, {}), ({"VolumeSizeInGB": 5}, {}),
    ({}, {"DataCaptureConfig": CAPTURE}),
    ({}, {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://b/c"}}}),
    ({}, {"EnableNetworkIsolation": True}),
    ({}, {"VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}})],
    ids=["type", "count", "accelerator", "volume", "capture", "async", "isolation", "vpc"])
def test_what_serverless_excludes_is_refused(aws, name, model, beside, around):
    """Section 4: Serverless excludes GPU, VPC, isolation, data capture."""
    with pytest.raises(ClientError) as caught:
        aws.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[{**serverless(model), **beside}], **around)
    error, status = error_of(caught)
    assert (error["Code"], status) == ("ValidationException", 400)
    assert "erverless" in error["Message"]


def test_several_variants_and_models_of_another_kind_are_refused(aws, name, model):
    """Section 4: Serverless excludes MME, VPC, several variants."""
    image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest"
    aws.sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": image},
        VpcConfig={"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]})
    second = {**serverless(model), "VariantName": "second"}
    for variants in ([serverless(model), second], [serverless(name)]):
        with pytest.raises(ClientError) as caught:
            aws.sagemaker.create_endpoint_config(
                EndpointConfigName=name, ProductionVariants=variants)
        assert error_of(caught)[0]["Code"] == "ValidationException"


def test_instances_do_not_become_serverless_and_the_reverse_works(deployment, models):
    """Section 4: real-time cannot become serverless, the reverse can."""
    deploy(deployment, models.mlp_archive)
    sagemaker = deployment.aws.sagemaker
    deployment.config({"all": (deployment.name, 1.0, 1)}, "-instances")
    sagemaker.update_endpoint(EndpointName=deployment.name,
                              EndpointConfigName=deployment.name + "-instances")
    updating = deployment.status()
    if updating["EndpointStatus"] == "Updating":
        assert "DesiredServerlessConfig" not in updating["ProductionVariants"][0]
        [coming] = updating["PendingDeploymentSummary"]["ProductionVariants"]
        assert coming["VariantStatus"][0]["Status"] == "Creating"
    deployment.wait()
    assert "CurrentServerlessConfig" not in variant_of(deployment)
    assert variant_of(deployment)["CurrentInstanceCount"] == 1
    with pytest.raises(ClientError) as caught:
        sagemaker.update_endpoint(EndpointName=deployment.name, EndpointConfigName=deployment.name)
    assert error_of(caught)[0]["Code"] == "ValidationException"
    with pytest.raises(ClientError) as caught:
        sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=deployment.name, DesiredWeightsAndCapacities=[
                {"VariantName": "all", "ServerlessUpdateConfig": {"MaxConcurrency": 2}}])
    assert error_of(caught)[0]["Code"] == "ValidationException"


@pytest.fixture(scope="module")
def job(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    (folder / "model.tar.gz").write_bytes(models.mlp_archive)
    record = models.records[0]
    (folder / "record.csv").write_text(",".join(str(x) for x in record) + "\n")
    return [str(folder / "model.tar.gz"), str(folder / "record.csv")], models.mlp_answer(record)


def test_the_example(server, job):
    files, right = job
    assert_right(run(server, [sys.executable, EXAMPLES / "ways/serverless.py", *files]), right)


@pytest.mark.slow
def test_serverless_inference_config_of_the_sagemaker_sdk(server, job):
    python = environment_or_skip("SLIPWAY_SAGEMAKER2") / "bin/python"
    files, right = job
    assert_right(run(server, [python, PROGRAMS / "serverless_v2.py", *files]), right)
