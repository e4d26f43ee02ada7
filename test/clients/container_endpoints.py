"""Endpoints whose containers are containers/faults.py, run by `slipway serve --program`."""
import os
import pathlib
import sys
import time

import pytest
from botocore.exceptions import ClientError
from conftest import ROLE, Clients, Deployment
from server import Server

PROGRAM = pathlib.Path(__file__).parent / "containers" / "faults.py"
IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/test-container:1"


def program_flags(folder):
    """Flags of a server that runs IMAGE as the program: with this Python, whatever its own."""
    launcher = pathlib.Path(folder) / "container"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{PROGRAM}" "$@"\n')
    launcher.chmod(0o755)
    # The launcher stands beside the data directory: what else it needs is named.
    reads = {sys.prefix, os.path.realpath(sys.base_prefix), str(PROGRAM.parent)} - {"/usr"}
    return ("--program", f"test-container={launcher}",
            *(word for folder in sorted(reads) for word in ("--instance-reads", folder)))


def container(name="", hostname=None, **environment):
    """One container definition; `name` stands behind what it answers."""
    definition = {"Image": IMAGE, "Environment": {"CONTAINER_NAME": name, **environment}}
    if hostname:
        definition["ContainerHostname"] = hostname
    return definition


class Endpoint(Deployment):
    """An endpoint of one variant, `all`, whose model has these containers."""

    def make_model(self, *containers, mode=None, suffix=""):
        more = {"InferenceExecutionConfig": {"Mode": mode}} if mode else {}
        self.aws.sagemaker.create_model(ModelName=self.name + suffix, ExecutionRoleArn=ROLE,
                                        Containers=list(containers), **more)
        return self.name + suffix

    def serve(self, *containers, mode=None, instances=1):
        self.config({"all": (self.make_model(*containers, mode=mode), 1.0, instances)})
        self.start()
        return self.wait()

    def ask(self, body, **more):
        """The answer's body as text, its head."""
        answer = self.aws.runtime.invoke_endpoint(
            EndpointName=self.name, Body=body, ContentType="text/plain", **more)
        return answer["Body"].read().decode(), answer


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """A server that has the test's program as an image."""
    folder = tmp_path_factory.mktemp("programs")
    server = Server(folder, *program_flags(folder)).start()
    yield server
    assert server.stop() == 0, f"the server did not end cleanly:\n{server.log_tail()}"


@pytest.fixture(scope="module")
def program_clients(programs):
    return Clients(programs)


@pytest.fixture
def endpoint(program_clients, name):
    made = Endpoint(program_clients, name)
    yield made
    try:
        program_clients.sagemaker.delete_endpoint(EndpointName=name)
    except ClientError:
        pass  # the test never came so far, or took it away itself


def error(call, *arguments, **more):
    """(code, status, message) of the error that the call must end in."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **more)
    response = caught.value.response
    return (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"],
            response["Error"]["Message"])


def answers_again(endpoint, body, seconds=20):
    """The first good answer within so long."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return endpoint.ask(body)[0]
        except ClientError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def eventually(look, wanted, seconds=10):
    deadline = time.monotonic() + seconds
    while (seen := look()) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    return seen
