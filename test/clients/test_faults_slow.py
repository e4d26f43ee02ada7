"""The disk fails under a real server, once at a time, at a call that chance picks; then it is killed.

What was acknowledged is there afterwards, once; what was refused is not; what is unknown, because the
server ended under the call, is one or the other, whole. SLIPWAY_FAULTS sets how often (200),
SLIPWAY_SEED the chance.
"""
import hashlib
import mmap
import os
import pathlib
import random
import shutil
import struct
import subprocess

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from conftest import REGISTRY, ROLE, Clients, Deployment
from make_model import tar_gz
from server import Server

FAULTS = int(os.environ.get("SLIPWAY_FAULTS", "200"))
SEED = int(os.environ.get("SLIPWAY_SEED", "20261130"))
UNKNOWN_COMMIT_EXIT = 74
STEPS_MAX = 60  # calls of the disk from the start of a round to its fault


@pytest.fixture(scope="module")
def failing_disk(tmp_path_factory):
    compiler = shutil.which("clang-19") or shutil.which("clang") or shutil.which("cc")
    library = tmp_path_factory.mktemp("failing_disk") / "failing_disk.so"
    source = pathlib.Path(__file__).with_name("failing_disk.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


class FailingServer(Server):
    """A server whose disk fails at the n-th change after fail_at(n)."""

    def __init__(self, folder, library):
        super().__init__(folder)
        self.control_file = self.folder / "control"
        self.control_file.write_bytes(struct.pack("i", 0))
        with open(self.control_file, "r+b") as file:
            self.control = mmap.mmap(file.fileno(), 4)
        self.library = library

    def start(self):
        settings = {"LD_PRELOAD": self.library, "FAILING_DISK_ROOT": self.data,
                    "FAILING_DISK_CONTROL": self.control_file}
        os.environ.update({name: str(value) for name, value in settings.items()})
        try:
            return super().start()
        finally:
            for name in settings:
                del os.environ[name]

    def fail_at(self, call):
        self.control[:] = struct.pack("i", call)

    def failed(self):
        return struct.unpack("i", self.control[:])[0] <= 0


class World:
    """What clients did, and what may be found after it."""

    def __init__(self, server, chance):
        self.server, self.chance = server, chance
        self.objects = {}   # key: the digests that may be found, None for no object
        self.sent = {}      # body of a message: whether it must be there
        self.made = {}      # (kind, name): whether it must be there
        self.steps = 0
        self.connect()

    def connect(self):
        self.aws = Clients(self.server)

    def attempt(self, call):
        """True: acknowledged; False: refused by a server that lives; None: unknown."""
        try:
            call()
            return True
        except ClientError:
            return False
        except BotoCoreError:
            return None

    def step(self):
        self.steps += 1
        return self.chance.choice([self.put, self.put, self.copy, self.remove, self.join, self.send,
                                   self.make_config, self.make_model])()

    def note_object(self, key, outcome, digest):
        may = self.objects.setdefault(key, {None})
        if outcome:
            self.objects[key] = {digest}
        elif outcome is None:
            may.add(digest)
        return outcome

    def put(self):
        key = f"k{self.chance.randrange(12)}"
        body = self.chance.randbytes(self.chance.choice([10, 5000, 60_000, 1_500_000]))
        outcome = self.attempt(lambda: self.aws.s3.put_object(Bucket="faults", Key=key, Body=body))
        return self.note_object(key, outcome, hashlib.md5(body).hexdigest())

    def copy(self):
        known = [key for key, may in self.objects.items() if len(may) == 1 and None not in may]
        if not known:
            return self.put()
        source, target = self.chance.choice(known), f"c{self.chance.randrange(6)}"
        outcome = self.attempt(lambda: self.aws.s3.copy_object(
            Bucket="faults", Key=target, CopySource={"Bucket": "faults", "Key": source}))
        return self.note_object(target, outcome, next(iter(self.objects[source])))

    def remove(self):
        if not self.objects:
            return self.put()
        key = self.chance.choice(sorted(self.objects))
        outcome = self.attempt(lambda: self.aws.s3.delete_object(Bucket="faults", Key=key))
        return self.note_object(key, outcome, None)

    def join(self):
        key, body = f"m{self.chance.randrange(4)}", self.chance.randbytes(70_000)

        def upload():
            name = {"Bucket": "faults", "Key": key}
            name["UploadId"] = self.aws.s3.create_multipart_upload(**name)["UploadId"]
            part = self.aws.s3.upload_part(**name, PartNumber=1, Body=body)
            self.aws.s3.complete_multipart_upload(
                **name, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
        return self.note_object(key, self.attempt(upload), hashlib.md5(body).hexdigest())

    def send(self):
        body = f"message {self.steps}"
        outcome = self.attempt(
            lambda: self.aws.sqs.send_message(QueueUrl=self.queue, MessageBody=body))
        self.sent[body] = outcome
        return outcome

    def make_config(self):
        name = f"config{self.steps}"
        outcome = self.attempt(lambda: self.aws.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[
                {"VariantName": "all", "ModelName": "first", "InstanceType": "ml.m5.large",
                 "InitialInstanceCount": 1}]))
        self.made["config", name] = outcome
        return outcome

    def make_model(self):
        name = f"model{self.steps}"
        outcome = self.attempt(lambda: create_model(self.aws, name))
        self.made["model", name] = outcome
        return outcome

    def check(self):
        for key, may in self.objects.items():
            found = self.digest_of(key)
            assert found in may, f"{key} has {found}, and may have {may}"
            self.objects[key] = {found}
        received = self.receive_all()
        assert len(received) == len(set(received)), "a message is there twice"
        for body, outcome in self.sent.items():
            if outcome is not None:
                assert (body in received) == outcome, f"{body}: {outcome}"
        self.sent = {}
        self.check_made()

    def digest_of(self, key):
        try:
            body = self.aws.s3.get_object(Bucket="faults", Key=key)["Body"].read()
            return hashlib.md5(body).hexdigest()
        except ClientError as error:
            assert error.response["Error"]["Code"] == "NoSuchKey", error
            return None

    def receive_all(self):
        received = []
        while messages := self.aws.sqs.receive_message(
                QueueUrl=self.queue, MaxNumberOfMessages=10, VisibilityTimeout=600).get("Messages"):
            received += [message["Body"] for message in messages]
            for message in messages:
                self.aws.sqs.delete_message(
                    QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return received

    def check_made(self):
        calls = {"model": lambda name: self.aws.sagemaker.describe_model(ModelName=name),
                 "config": lambda name: self.aws.sagemaker.describe_endpoint_config(
                     EndpointConfigName=name)}
        for (kind, name), outcome in self.made.items():
            if outcome is not None:
                there = self.attempt(lambda kind=kind, name=name: calls[kind](name))
                assert there == outcome, f"{kind} {name}: {outcome}, and there: {there}"
        self.made = {}


def create_model(aws, name):
    aws.sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": f"{REGISTRY}/slipway-inference:latest",
                          "ModelDataUrl": "s3://faults/model.tar.gz"})


def fail_once(world):
    """One fault; whether the server ended of it."""
    world.server.fail_at(world.chance.randint(1, STEPS_MAX))
    for _ in range(200):
        unknown = world.step() is None
        if unknown or world.server.failed():
            break
    for _ in range(world.chance.randrange(4)):
        unknown = unknown or world.step() is None
    world.server.fail_at(0)
    return unknown


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_nothing_acknowledged_is_lost_when_the_disk_fails(tmp_path, failing_disk):
    chance = random.Random(SEED)
    server = FailingServer(tmp_path / "server", failing_disk)
    server.start()
    world = World(server, chance)
    world.aws.s3.create_bucket(Bucket="faults")
    world.aws.s3.put_object(Bucket="faults", Key="model.tar.gz", Body=b"looked at when it is deployed")
    world.queue = world.aws.sqs.create_queue(QueueName="faults")["QueueUrl"]
    create_model(world.aws, "first")
    ended = killed = 0
    try:
        for fault in range(FAULTS):
            if fail_once(world):
                assert server.process.wait(20) == UNKNOWN_COMMIT_EXIT, server.log_tail()
                ended += 1
                server.start()
            elif chance.random() < 0.4:
                killed += 1
                server.kill()
                server.start()
            world.connect()
            world.check()
    except AssertionError:
        print(f"seed {SEED}, fault {fault}")
        raise
    finally:
        print(f"{FAULTS} faults: the server ended of {ended} and was killed after {killed}")
        server.stop()
    assert ended > 0


def credentials_of(server):
    environment = server.client_environment()
    return environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_keys_that_were_used_stay_when_the_disk_fails_under_the_first_start(tmp_path, failing_disk):
    refused = 0
    for call in range(1, 80):
        server = FailingServer(tmp_path / str(call), failing_disk)
        server.fail_at(call)
        try:
            server.start()
        except AssertionError:  # it says why, and the next start goes
            refused += 1
            last = server.log_tail().splitlines()[-1]
            assert str(server.data) in last or "check the disk" in last, last
            server.start()
        ended = server.failed()
        server.fail_at(0)
        used = credentials_of(server)
        Clients(server).s3.create_bucket(Bucket="kept")
        server.kill()
        server.start()
        assert credentials_of(server) == used
        assert [each["Name"] for each in Clients(server).s3.list_buckets()["Buckets"]] == ["kept"]
        server.stop()
        shutil.rmtree(server.folder)
        if not ended:
            break
    print(f"{call - 1} calls failed once, {refused} starts were refused")
    assert refused > 10


HANDLER = b"""
def model_fn(folder):
    print("loaded", flush=True)
    return open(folder + "/weights").read()
def transform_fn(model, data, content_type, accept):
    print("asked", flush=True)
    return model, "text/plain"
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_disk_that_fails_once_keeps_no_model_from_serving(tmp_path, failing_disk):
    """Neither while the artifact is kept, nor where the lines of its log are written."""
    chance = random.Random(SEED)
    server = FailingServer(tmp_path / "server", failing_disk)
    server.start()
    try:
        for round_ in range(10):
            name, weights = f"served{round_}", chance.randbytes(20_000).hex()
            deployment = Deployment(Clients(server), name)
            model = deployment.model(tar_gz({"weights": weights.encode(),
                                             "code/inference.py": HANDLER}))
            deployment.config({"all": (model, 1.0, 1)})
            deployment.start()
            server.fail_at(chance.randint(1, STEPS_MAX))
            ended = False
            try:
                deployment.wait()
                asked = deployment.invoke(b"", "text/plain", "text/plain").decode()
                assert asked == weights
            except BotoCoreError:  # a commit whose outcome nobody knows
                assert server.process.wait(20) == UNKNOWN_COMMIT_EXIT, server.log_tail()
                ended = True
            server.fail_at(0)
            if not ended:
                server.kill()
            server.start()
            deployment.aws = Clients(server)
            assert deployment.wait().invoke(b"", "text/plain", "text/plain").decode() == weights
            deployment.aws.sagemaker.delete_endpoint(EndpointName=name)
    finally:
        server.stop()
