"""Clients that are large, want a toolchain or another Python: ./dev test clients-all.

SLIPWAY_CLIENTS_ALL and SLIPWAY_CLIENTS_1_40 are environments with what test/requirements-clients_all.txt
and test/requirements-clients_1_40.txt pin.
"""
import concurrent.futures
import contextlib
import json
import pathlib
import re
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request

import pytest
from conftest import Clients, Deployment
from s3_clients import jobs
from test_clients import environment_or_skip, last_json, run
from test_s3_clients import DUMMY_KEYS, EVERY_JOB, assert_left_right, open_server  # noqa: F401  a fixture
from test_web_identity import federated, issuer  # noqa: F401  fixtures

pytestmark = [pytest.mark.clients_all, pytest.mark.timeout(900)]
FOLDER = pathlib.Path(__file__).parent
CLIENTS = {  # which environment has it, and the jobs for which its users have no call
    "boto3 1.44": ("SLIPWAY_CLIENTS_ALL", set()),
    "boto3 1.40": ("SLIPWAY_CLIENTS_1_40", set()),
    "pyarrow": ("SLIPWAY_CLIENTS_ALL", {"reads_by_url", "writes_by_url"}),
    "obstore": ("SLIPWAY_CLIENTS_ALL", set()),
    "s3fs": ("SLIPWAY_CLIENTS_1_40", {"writes_by_url"}),
    "mlflow": ("SLIPWAY_CLIENTS_ALL", {"reads_ranges", "copies", "reads_by_url", "writes_by_url"}),
}


@pytest.fixture(scope="module")
def full(aws):
    """A bucket with more than a page of keys."""
    aws.s3.create_bucket(Bucket="full-of-keys")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: aws.s3.put_object(Bucket="full-of-keys", Key=key), jobs.A_THOUSAND))
    return "full-of-keys"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_of_s3_does_its_users_jobs(server, aws, name, full, client):
    variable, left_out = CLIENTS[client]
    aws.s3.create_bucket(Bucket=name)
    python = environment_or_skip(variable) / "bin/python"
    done = last_json(run(server, [python, FOLDER / "s3_clients/jobs.py", client.split()[0], name, full]))
    assert set(done) == EVERY_JOB - left_out | {"lists_a_thousand"}
    assert_left_right(aws, name)


def test_the_sdk_for_go_stores_and_sends(server, name, full, tmp_path):
    if not shutil.which("go"):
        pytest.skip("go is not on the PATH; the AWS SDK for Go wants 1.24 or newer")
    version = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < (1, 24):
        pytest.skip(f"{version.strip()} is too old; the AWS SDK for Go wants 1.24 or newer")
    program = tmp_path / "go_sdk"
    subprocess.run(["go", "build", "-mod=readonly", "-o", program, "."], cwd=FOLDER / "go_sdk", check=True)
    assert last_json(run(server, [program, name, full])) == "done"


@pytest.fixture(scope="module")
def java(tmp_path_factory):
    """How a program in java_sdk is called."""
    if not shutil.which("mvn") or not shutil.which("java"):
        pytest.skip("mvn and java are not on the PATH; apt-get install maven default-jdk-headless")
    folder = tmp_path_factory.mktemp("java")
    subprocess.run(["mvn", "-q", "-B", "compile", "dependency:build-classpath", f"-Dtarget={folder}",
                    f"-Dmdep.outputFile={folder}/classpath"], cwd=FOLDER / "java_sdk", check=True)
    return ["java", "-cp", f"{folder}/classes:{(folder / 'classpath').read_text()}"]


def test_the_sdk_for_java_stores_and_sends(server, name, full, java):
    assert last_json(run(server, [*java, "Jobs", name, full])) == "done"


@pytest.mark.parametrize("program", ["Guards", "Messages"])
def test_the_sdk_for_java_knows_the_rest(server, name, java, program):
    assert last_json(run(server, [*java, program, name])) == "done"


def test_the_sdk_for_java_is_somebody(server, aws, name, java, issuer, federated, tmp_path):  # noqa: F811
    (tmp_path / "token").write_text(issuer.token())
    assert last_json(run(server, [*java, "Identities", f"java-{name}", federated["role"],
                                  tmp_path / "token"])) == "done"


# ---- A browser of emulators ------------------------------------------------------------------------


class Page:
    """What stackport's pages ask its own server."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}/api"

    def ask(self, path, data=None, method="GET"):
        request = urllib.request.Request(f"{self.url}{path}", method=method, headers={
            "Content-Type": "application/json"}, data=None if data is None else json.dumps(data).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def wait(self):
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                return self.ask("/health")
            assert time.monotonic() < deadline, "stackport did not start"
            time.sleep(0.1)


@contextlib.contextmanager
def stackport(environment, folder):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = environment_or_skip("SLIPWAY_CLIENTS_ALL") / "bin/stackport"
    with open(folder / "log", "wb") as log, subprocess.Popen(
            [program, "serve", "--port", str(port)], stdout=log, stderr=log,
            env={**environment, "HOME": str(folder)}) as process:
        try:
            page = Page(port)
            page.wait()
            yield page
        finally:
            process.terminate()


def made_to_be_shown(aws, name):
    aws.s3.create_bucket(Bucket=name)
    aws.s3.put_object(Bucket=name, Key="folder/hello.txt", Body=b"hello", ContentType="text/plain")
    aws.s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    queue = aws.sqs.create_queue(QueueName=name)["QueueUrl"]
    aws.sqs.send_message(QueueUrl=queue, MessageBody="hello")
    topic = aws.sns.create_topic(Name=name)["TopicArn"]
    aws.iam.create_user(UserName=name)
    return topic


def assert_shown(page, name, topic):
    shown = page.ask(f"/s3/buckets/{name}/objects?prefix=folder/")["files"]
    assert [(file["key"], file["size"]) for file in shown] == [("folder/hello.txt", 5)]
    assert page.ask(f"/s3/buckets/{name}/objects/folder/hello.txt")["content_type"] == "text/plain"
    assert page.ask(f"/s3/buckets/{name}/tags")["tags"] == {"a": "b"}
    for of in ("versioning", "lifecycle", "notifications", "cors"):
        assert page.ask(f"/s3/buckets/{name}/{of}")["bucket"] == name
    assert any(bucket["name"] == name for bucket in page.ask("/s3/buckets")["buckets"])
    assert any(queue["name"] == name for queue in page.ask("/sqs/queues")["queues"])
    assert page.ask(f"/sqs/queues/{name}")["approximateNumberOfMessages"] == 1
    assert [message["body"] for message in page.ask(f"/sqs/queues/{name}/messages")["messages"]] == ["hello"]
    assert any(one["arn"] == topic for one in page.ask("/sns/topics")["topics"])
    assert page.ask(f"/sns/topics/{urllib.parse.quote(topic)}")["name"] == name
    assert page.ask(f"/iam/users/{name}")["user"]["UserName"] == name
    for of in ("roles", "groups", "policies"):
        assert isinstance(page.ask(f"/iam/{of}")[of], list)
    services = page.ask("/stats")["services"]
    assert services["s3"]["resources"]["buckets"] >= 1 and services["sqs"]["resources"]["queues"] >= 1


def test_stackport_shows_what_is_there(server, aws, models, name, tmp_path):
    topic = made_to_be_shown(aws, name)
    endpoint = Deployment(aws, f"{name[:50]}-m").deploy(models.mlp_archive)
    with stackport(server.process_environment(), tmp_path) as page:
        assert_shown(page, name, topic)
        group = f"/aws/sagemaker/Endpoints/{endpoint.name}"
        assert group in [one["name"] for one in page.ask("/logs/groups")["log_groups"]]
        stream, *_ = page.ask(f"/logs/groups/{group}/streams")["log_streams"]
        assert page.ask(f"/logs/groups/{group}/streams/{stream['name']}/events")["events"]
        page.ask(f"/sns/topics/{urllib.parse.quote(topic)}/publish", {"message": "from a page"}, "POST")
        page.ask(f"/s3/buckets/{name}/versioning", {"status": "Enabled"}, "PUT")
    assert aws.s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    aws.sagemaker.delete_endpoint(EndpointName=endpoint.name)


def test_stackport_with_dummy_keys(open_server, name, tmp_path):  # noqa: F811
    topic = made_to_be_shown(Clients(open_server), name)
    environment = {**open_server.process_environment(), **DUMMY_KEYS}
    with stackport(environment, tmp_path) as page:
        assert_shown(page, name, topic)
