"""Models with images of their own, in a container engine: the one here, or one of the tests'."""
import io
import json
import pathlib
import tarfile
import time

import botocore.exceptions
import pytest

import container_engine
from conftest import Clients, Deployment
from server import Server

SOURCE = pathlib.Path(__file__).parent / "containers/served.c"
IMAGE = "slipway.test/served:1"


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    path, own = container_engine.running_engine(), None
    if path is None:
        if not container_engine.can_start_one():
            pytest.skip("no container engine runs here, and none can be started")
        own = container_engine.OwnEngine()
        if not own.is_ready():
            own.stop()
            pytest.skip("Docker's engine does not start here")
        path = own.socket
    engine = container_engine.Engine(path)
    program = container_engine.compile_static(SOURCE, tmp_path_factory.mktemp("image"))
    if program is None:
        pytest.skip("no C compiler is here to make an image with")
    engine.make_image(IMAGE, program)
    yield engine
    if own:
        own.stop()


@pytest.fixture
def containers(engine, tmp_path, monkeypatch):
    """A server of the test's own that uses this engine."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{engine.path}")
    server = Server(tmp_path / "server", "--instances-max", "60")
    server.start()
    server.owner = (server.data / "containers/owner").read_text().strip()
    yield server
    server.stop()
    assert engine.containers(server.owner) == []


def archive(text="weights"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("text")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def until(holds, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.2)
    return False


def failed(deployment, environment, image=IMAGE, **variant):
    """The reason of an endpoint that does not come up."""
    sagemaker = deployment.aws.sagemaker
    deployment.model(archive(), image, environment)
    sagemaker.create_endpoint_config(
        EndpointConfigName=deployment.name,
        ProductionVariants=[{"VariantName": "all", "ModelName": deployment.name,
                             "InstanceType": "ml.m5.large", "InitialInstanceCount": 1, **variant}])
    deployment.start()
    assert until(lambda: deployment.status()["EndpointStatus"] == "Failed", 150)
    return deployment.status()["FailureReason"]


def test_a_container_of_ones_own_answers_and_is_gone_when_its_endpoint_is(containers, engine, name):
    deployment = Deployment(Clients(containers), name).deploy(archive(), IMAGE)
    assert deployment.invoke(b"x") == b"serve weights read-only"
    [container] = engine.containers(containers.owner)
    assert not container["Ports"] or not any(each.get("PublicPort") for each in container["Ports"])
    limit = 8 << 30  # of an ml.m5.large
    inspected = json.loads(
        engine.ask("GET", f"/containers/{container['Id']}/json")[1])
    memory = json.loads(engine.ask("GET", "/info")[1])["MemTotal"]
    assert inspected["HostConfig"]["Memory"] == min(limit, memory)
    deployment.aws.sagemaker.delete_endpoint(EndpointName=name)
    assert until(lambda: engine.containers(containers.owner) == [])


def test_what_a_container_prints_is_in_its_endpoints_log(containers, name):
    deployment = Deployment(Clients(containers), name).deploy(archive(), IMAGE)
    logs = deployment.aws.logs
    group = f"/aws/sagemaker/Endpoints/{name}"

    def printed():
        streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
        return [event["message"] for stream in streams for event in logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"],
            startFromHead=True)["events"]]

    assert until(lambda: printed() == ["started with serve"], 15), printed()


def test_an_end_at_the_start_is_told_with_the_last_lines(containers, name):
    reason = failed(Deployment(Clients(containers), name), {"MODE": "exit"})
    assert "exited with status 3" in reason and "no such weights" in reason


def test_one_that_never_listens_is_told(containers, name):
    reason = failed(Deployment(Clients(containers), name), {"MODE": "deaf"},
                    ContainerStartupHealthCheckTimeoutInSeconds=60)
    assert "/ping" in reason and "started with serve" in reason


def test_an_image_that_nobody_has_is_told(containers, name):
    reason = failed(Deployment(Clients(containers), name), {}, "127.0.0.1:1/absent:1")
    assert "127.0.0.1:1/absent:1" in reason and "could not be pulled" in reason


def test_one_that_takes_too_much_memory_is_ended_and_followed_by_another(containers, engine, name):
    deployment = Deployment(Clients(containers), name)
    deployment.model(archive(), IMAGE, {"MODE": "hungry"})
    deployment.aws.sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[
            {"VariantName": "all", "ModelName": name,
             "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}])
    deployment.start()
    deployment.wait()
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        deployment.invoke(b"x")
    assert "memory" in str(refused.value)


def test_ten_containers_serve_on_after_a_kill(containers, engine, name):
    deployment = Deployment(Clients(containers), name).deploy(archive(), IMAGE, instances=10)
    before = {each["Id"] for each in engine.containers(containers.owner)}
    assert len(before) == 10
    containers.kill()
    containers.start()
    assert until(lambda: deployment.status()["EndpointStatus"] == "InService")
    for _ in range(40):
        assert deployment.invoke(b"x") == b"serve weights read-only"
    assert {each["Id"] for each in engine.containers(containers.owner)} == before
    deployment.aws.sagemaker.delete_endpoint(EndpointName=name)
    assert until(lambda: engine.containers(containers.owner) == [], 120)


def test_a_server_that_ends_while_fifty_start_leaves_none(containers, engine, name):
    deployment = Deployment(Clients(containers), name)
    model = deployment.model(archive(), IMAGE)
    deployment.config({"all": (model, 1.0, 50)})
    deployment.start()
    assert until(lambda: len(engine.containers(containers.owner)) >= 5)
    assert containers.stop() == 0
    assert engine.containers(containers.owner) == []
