"""A disk that programs have filled is got out of through the API, and no stranger takes its reserve."""
import contextlib
import os
import subprocess
import time

import pytest
import requests
from botocore.exceptions import ClientError
from conftest import Clients, Deployment
from make_model import tar_gz
from server import Server

MIB = 1 << 20
# Fills its own folder for ever, and takes whatever comes free: from so many seconds on after a
# request as that says.
FILLS = b'''
import itertools, os, threading, time
def model_fn(folder):
    return None
def fill(after):
    time.sleep(after)
    for count in itertools.cycle(range(50)):
        with open(os.path.join(os.environ["HOME"], "f%d" % count), "ab", 0) as file:
            size = 1 << 20
            while size >= 4096:
                try:
                    file.write(b"x" * size)
                except OSError:
                    size //= 2
def transform_fn(model, data, content_type, accept):
    threading.Thread(target=fill, args=[float(data)], daemon=True).start()
    return "filling", "text/plain"
'''


@pytest.fixture
def disk(tmp_path):
    """A file system of 400 MiB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", folder],
                             capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def server(disk):
    server = Server(disk / "server")
    yield server.start()
    assert server.stop() == 0, server.log_tail()


def free_of(folder):
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def fill(folder):
    with open(folder / "filling", "ab", 0) as file:
        size = MIB
        while size:
            try:
                file.write(b"x" * size)
            except OSError:
                size //= 2


def wait_for(holds, seconds=20):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def log_of(server):
    return server.log.read_text(errors="replace")


def test_a_model_that_fills_the_disk_locks_nobody_out(server, disk):
    clients = Clients(server)
    deployment = Deployment(clients, "greedy")
    deployment.deploy(tar_gz({"code/inference.py": FILLS}))
    assert deployment.invoke(b"0", "text/plain", "text/plain") == b"filling"
    wait_for(lambda: "the disk was full" in log_of(server))
    wait_for(lambda: free_of(disk) > 200 * MIB)
    assert (server.data / "reserve").exists()
    clients.sagemaker.delete_endpoint(EndpointName="greedy")
    clients.s3.create_bucket(Bucket="after")


def test_a_server_killed_while_a_model_fills_the_disk_starts_again(server, disk):
    clients = Clients(server)
    deployment = Deployment(clients, "greedy")
    deployment.deploy(tar_gz({"code/inference.py": FILLS}))
    deployment.invoke(b"2", "text/plain", "text/plain")
    server.kill()
    wait_for(lambda: free_of(disk) == 0)
    server.start()
    clients.sagemaker.delete_endpoint(EndpointName="greedy")
    wait_for(lambda: free_of(disk) > 200 * MIB)


def test_a_server_starts_on_a_disk_that_others_filled(server, disk):
    clients = Clients(server)
    clients.s3.create_bucket(Bucket="full")
    clients.s3.put_object(Bucket="full", Key="k", Body=b"x" * 32 * MIB)
    fill(disk)
    server.kill()
    server.start()
    clients.s3.delete_object(Bucket="full", Key="k")
    wait_for(lambda: free_of(disk) > 16 * MIB)


def test_a_stranger_does_not_take_the_reserve(server, disk):
    clients = Clients(server)
    clients.s3.create_bucket(Bucket="mine")
    clients.iam.create_user(UserName="nobody")
    key = clients.iam.create_access_key(UserName="nobody")["AccessKey"]
    nobody = Clients.of(clients.environment | {"AWS_ACCESS_KEY_ID": key["AccessKeyId"],
                                               "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]})
    fill(disk)
    until = time.monotonic() + 2  # longer than a deletion waits for it
    while time.monotonic() < until:
        assert requests.delete(f"{server.url}/mine/k").status_code == 403
        with contextlib.suppress(ClientError):
            nobody.s3.delete_object(Bucket="mine", Key="k")
        answer = nobody.s3.delete_objects(Bucket="mine", Delete={"Objects": [{"Key": "k"}]})
        assert answer["Errors"][0]["Code"] == "AccessDenied"
        time.sleep(0.1)
    assert (server.data / "reserve").exists()
    for _ in range(2):
        clients.s3.delete_object(Bucket="mine", Key="k")
        time.sleep(1)
    assert not (server.data / "reserve").exists()
