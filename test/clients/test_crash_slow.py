"""The server is killed at random instants while clients create, upload and invoke.

Afterwards everything that was acknowledged is there, nothing half-made is visible, and every endpoint
serves again. SLIPWAY_CRASHES sets how often (50), SLIPWAY_SEED the chance.
"""
import hashlib
import os
import random
import signal
import threading
import time

import numpy as np
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from conftest import REGISTRY, ROLE, Clients
from models import csv

CRASHES = int(os.environ.get("SLIPWAY_CRASHES", "50"))
SEED = int(os.environ.get("SLIPWAY_SEED", "20240501"))
SERVES_AGAIN_SECONDS_MAX = 30
RECORD = csv(np.linspace(-1, 1, 128, dtype=np.float32))


class Driver(threading.Thread):
    """Uploads, copies, joins parts, takes away, sends, makes models and invokes until told to stop;
    notes what was acknowledged."""

    def __init__(self, aws, bucket, queue, number, crash):
        super().__init__(daemon=True)
        self.aws, self.bucket, self.prefix = aws, bucket, f"c{crash}-t{number}"
        self.queue, self.sent = queue, set()
        self.chance = random.Random(f"{SEED}-{self.prefix}")
        self.objects, self.models, self.tried, self.removed = {}, set(), {}, set()
        self.answers = set()
        self.done = threading.Event()

    def run(self):
        step = 0
        while not self.done.is_set():
            try:
                self.step(step)
            except (BotoCoreError, ClientError):
                return  # the server died under this call: it may or may not have happened
            step += 1

    def step(self, step):
        key, body = f"{self.prefix}/{step}", self.chance.randbytes(self.chance.choice([10, 5000, 300_000]))
        self.tried[key] = hashlib.md5(body).hexdigest()
        self.aws.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        self.objects[key] = self.tried[key]
        self.copy(key)
        self.put_in_parts(f"{self.prefix}/{step}-joined")
        self.aws.sqs.send_message(QueueUrl=self.queue, MessageBody=key)
        self.sent.add(key)
        name = f"{self.prefix}-{step}"
        self.aws.sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=ROLE,
            PrimaryContainer={"Image": f"{REGISTRY}/slipway-inference:latest",
                              "ModelDataUrl": f"s3://{self.bucket}/model.tar.gz"})
        self.models.add(name)
        self.answers.add(self.aws.runtime.invoke_endpoint(
            EndpointName="crash", ContentType="text/csv", Accept="text/csv", Body=RECORD)["Body"].read())
        if step % 3 == 2:
            self.objects.pop(key)  # whether it is there is open until this is acknowledged
            self.aws.s3.delete_object(Bucket=self.bucket, Key=key)
            self.removed.add(key)

    def copy(self, key):
        self.tried[key + "-copy"] = self.tried[key]
        self.aws.s3.copy_object(Bucket=self.bucket, Key=key + "-copy",
                                CopySource={"Bucket": self.bucket, "Key": key})
        self.objects[key + "-copy"] = self.tried[key]

    def put_in_parts(self, key):
        """One part, so that the digest of the whole is known before."""
        part = self.chance.randbytes(40_000)
        self.tried[key] = hashlib.md5(part).hexdigest()
        name = {"Bucket": self.bucket, "Key": key}
        name["UploadId"] = self.aws.s3.create_multipart_upload(**name)["UploadId"]
        etag = self.aws.s3.upload_part(**name, PartNumber=1, Body=part)["ETag"]
        self.aws.s3.complete_multipart_upload(
            **name, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        self.objects[key] = etag_of_parts(part)


def etag_of_parts(part):
    return hashlib.md5(hashlib.md5(part).digest()).hexdigest() + "-1"


def kill_an_instance(server, chance):
    instances = sorted(process for process in server.left_running() if process != server.process.pid)
    if instances:
        os.kill(chance.choice(instances), signal.SIGKILL)


def crash_once(server, aws, bucket, queue, crash, chance):
    drivers = [Driver(aws, bucket, queue, number, crash) for number in range(3)]
    for driver in drivers:
        driver.start()
    time.sleep(chance.uniform(0.005, 0.4))
    if crash % 16 == 15:  # now and then: what dies again and again is started later and later
        kill_an_instance(server, chance)
    server.kill()
    for driver in drivers:
        driver.done.set()
        driver.join(10)
    server.start()
    return drivers


def check_acknowledged(aws, bucket, drivers):
    pages = aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    etags = {o["Key"]: o["ETag"].strip('"') for page in pages for o in page.get("Contents", [])}
    for driver in drivers:
        for key, digest in driver.objects.items():
            assert etags.get(key) == digest, f"{key} was acknowledged and is gone or changed"
        for key in driver.tried.keys() & etags.keys():
            body = aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            assert hashlib.md5(body).hexdigest() == driver.tried[key], f"{key} is half-made"
        assert not driver.removed & etags.keys(), "what was acknowledged as removed is there again"
        assert len(driver.answers) <= 1, "one record, several answers"
        for name in driver.models:
            aws.sagemaker.describe_model(ModelName=name)


def check_messages(aws, queue, drivers):
    received = []
    while messages := aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        received += [message["Body"] for message in messages]
        for message in messages:
            aws.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert len(received) == len(set(received)), "a message came twice"
    for driver in drivers:
        assert driver.sent <= set(received), "a message was acknowledged and is gone"


def check_serves(aws, name, record, right):
    deadline = time.monotonic() + SERVES_AGAIN_SECONDS_MAX
    while True:
        try:
            answer = aws.runtime.invoke_endpoint(
                EndpointName=name, ContentType="text/csv", Accept="text/csv", Body=csv(record))
            break
        except ClientError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    got = np.array(answer["Body"].read().decode().strip().split(","), dtype=float)
    np.testing.assert_allclose(got, right.ravel(), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_acknowledged_is_lost_when_the_server_is_killed(own_server, models):
    aws = Clients(own_server)
    chance, bucket, record = random.Random(SEED), "crash", models.records[0]
    aws.s3.create_bucket(Bucket=bucket)
    queue = aws.sqs.create_queue(QueueName="crash")["QueueUrl"]
    aws.s3.put_object(Bucket=bucket, Key="model.tar.gz", Body=models.mlp_archive)
    aws.sagemaker.create_model(
        ModelName="crash", ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": f"{REGISTRY}/slipway-inference:latest",
                          "ModelDataUrl": f"s3://{bucket}/model.tar.gz"})
    aws.sagemaker.create_endpoint_config(
        EndpointConfigName="crash", ProductionVariants=[
            {"VariantName": "all", "ModelName": "crash", "InstanceType": "ml.m5.large",
             "InitialInstanceCount": 2}])
    aws.sagemaker.create_endpoint(EndpointName="crash", EndpointConfigName="crash")
    aws.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="crash")
    right = models.mlp_answer(record)
    for crash in range(CRASHES):
        drivers = crash_once(own_server, aws, bucket, queue, crash, chance)
        check_acknowledged(aws, bucket, drivers)
        check_messages(aws, queue, drivers)
        check_serves(aws, "crash", record, right)
    assert own_server.stop() == 0
