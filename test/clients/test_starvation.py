"""No one starves the others: memory, descriptors, upload slots, workers and the disk are shared out.

Each test takes what it can get of one of them, as a stranger or as a greedy client, and another
client is served meanwhile.
"""
import contextlib
import multiprocessing
import os
import pathlib
import re
import selectors
import socket
import subprocess
import threading
import time

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from conftest import Clients, Deployment
from make_model import tar_gz
from server import Server, binary

MIB = 1 << 20
ANNOUNCED = 25_000_000  # what InvokeEndpoint takes at most
ECHO = b'''
def model_fn(folder):
    return None
def transform_fn(model, data, content_type, accept):
    return str(len(data)), "text/plain"
'''


def memory_of(server, field):
    """A line of the process's status, in bytes: VmRSS now, VmHWM at most since reset_peak()."""
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) * 1024


def reset_peak(server):
    pathlib.Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=15)


def invocation_head(headers=()):
    lines = ["POST /endpoints/e/invocations HTTP/1.1", f"Content-Length: {ANNOUNCED}",
             *(f"{name}: {value}" for name, value in headers)]
    if not any(line.lower().startswith("host:") for line in lines):
        lines.insert(1, "Host: 127.0.0.1")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def push(clients, bytes_each, seconds=30):
    """Sends to all of them at once, as fast as the server takes it; how much went to each."""
    block = b"x" * 65536
    sent = {client: 0 for client in clients}
    with selectors.DefaultSelector() as waiting:
        for client in clients:
            client.setblocking(False)
            waiting.register(client, selectors.EVENT_WRITE)
        deadline = time.monotonic() + seconds
        while waiting.get_map() and time.monotonic() < deadline:
            ready = waiting.select(1)
            if not ready:
                break  # all of them wait
            for key, _ in ready:
                client = key.fileobj
                try:
                    sent[client] += client.send(block[:bytes_each - sent[client]])
                except BlockingIOError:
                    continue
                except OSError:
                    waiting.unregister(client)
                    continue
                if sent[client] >= bytes_each:
                    waiting.unregister(client)
    return sent


def seconds_of(act):
    begun = time.monotonic()
    act()
    return time.monotonic() - begun


def percentile(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


@pytest.fixture
def start_server(tmp_path):
    """Starts servers with flags of the test's own, and ends them."""
    started = []

    def start(*flags, folder=None):
        server = Server(folder or tmp_path / f"server-{len(started)}", *flags)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        assert server.stop() == 0, f"the server did not end cleanly:\n{server.log_tail()}"


# ---- memory --------------------------------------------------------------------------------------

@pytest.mark.alone
def test_a_thousand_strangers_who_announce_25_mb_cost_no_memory(start_server):
    server = start_server()
    for _ in range(20):  # what the first requests make
        with connect(server) as client:
            client.sendall(b"GET /_slipway/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            client.recv(1000)
    before = memory_of(server, "VmRSS")
    reset_peak(server)
    with contextlib.ExitStack() as crowd:
        clients = [crowd.enter_context(connect(server)) for _ in range(1000)]
        for client in clients:
            client.sendall(invocation_head())
        sent = push(clients, ANNOUNCED)
        grown = memory_of(server, "VmHWM") - before
    print(f"1000 strangers: {sum(sent.values()) / MIB:.0f} MiB went out, "
          f"memory + {grown / MIB:.1f} MiB")
    assert grown <= 64 * MIB


@pytest.mark.alone
def test_who_names_a_key_and_cannot_sign_holds_no_more_than_its_share(start_server):
    """The id of an access key is no secret; a JSON or form body is proven by its last byte only."""
    server = start_server("--request-memory", "128")
    clients = Clients(server)
    key = clients.environment["AWS_ACCESS_KEY_ID"]
    request = AWSRequest("POST", f"{server.url}/endpoints/e/invocations", data=b"")
    SigV4Auth(Credentials(key, "x" * 40), "sagemaker", "us-east-1").add_auth(request)
    head = invocation_head(request.headers.items())
    before = memory_of(server, "VmRSS")
    reset_peak(server)
    with contextlib.ExitStack() as crowd:
        sockets = [crowd.enter_context(connect(server)) for _ in range(100)]
        for each in sockets:
            each.sendall(head)
        push(sockets, ANNOUNCED - 1, seconds=5)
        grown = memory_of(server, "VmHWM") - before
        print(f"100 claims of a key: memory + {grown / MIB:.1f} MiB")
        assert grown <= 128 * MIB
        assert clients.s3.list_buckets()["Buckets"] == []
    clients.s3.create_bucket(Bucket="after")


@pytest.mark.alone
def test_claims_of_a_key_from_many_networks_starve_neither_its_owner_nor_others(start_server):
    """Who knows a key's id and has many addresses holds what the key has of unproven memory: its
    owner goes on where he signed before, and other keys go on in any case."""
    server = start_server("--request-memory", "128")
    clients = Clients(server)
    key = clients.environment["AWS_ACCESS_KEY_ID"]
    request = AWSRequest("POST", f"{server.url}/endpoints/e/invocations", data=b"")
    SigV4Auth(Credentials(key, "x" * 40), "sagemaker", "us-east-1").add_auth(request)
    head = invocation_head(request.headers.items())
    queue = clients.sqs.create_queue(QueueName="q")["QueueUrl"]  # shows where the owner is
    clients.iam.create_user(UserName="other")
    clients.iam.put_user_policy(UserName="other", PolicyName="p", PolicyDocument=(
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'))
    keys = clients.iam.create_access_key(UserName="other")["AccessKey"]
    other = boto3.client("sqs", endpoint_url=server.url, region_name="us-east-1",
                         aws_access_key_id=keys["AccessKeyId"],
                         aws_secret_access_key=keys["SecretAccessKey"])
    body = "x" * 200_000  # more than what is taken from anybody
    with contextlib.ExitStack() as crowd:
        sockets = []
        for network in range(1, 61):
            sockets.append(crowd.enter_context(socket.create_connection(
                ("127.0.0.1", server.port), timeout=15,
                source_address=(f"127.1.{network}.1", 0))))
            sockets[-1].sendall(head)
        push(sockets, ANNOUNCED - 1, seconds=5)
        for client in (clients.sqs, other):
            took = seconds_of(lambda: client.send_message(QueueUrl=queue, MessageBody=body))
            print(f"a body of 200 kB beside the flood: {took:.2f} s")
            assert took < 4


def test_a_stranger_is_answered_before_a_large_body_comes(start_server):
    server = start_server()
    with connect(server) as client:
        client.sendall(invocation_head())
        assert b" 403 " in client.recv(1000).split(b"\r\n")[0]


def test_large_bodies_are_taken_whose_hash_no_header_announces(aws, deployment, name):
    """So does boto3 sign JSON, form bodies and InvokeEndpoint."""
    queue = aws.sqs.create_queue(QueueName=name)["QueueUrl"]
    aws.sqs.send_message(QueueUrl=queue, MessageBody="x" * 200_000)
    aws.sns.publish(TopicArn=aws.sns.create_topic(Name=name)["TopicArn"], Message="x" * 200_000)
    deployment.deploy(tar_gz({"code/inference.py": ECHO}))
    assert deployment.invoke(b"x" * ANNOUNCED, "text/plain", "text/plain") == b"25000000"


@pytest.mark.alone
def test_an_allocation_that_fails_costs_its_request_and_not_the_server(start_server):
    server = start_server("--auth", "none")
    room = 160 * MIB
    size = memory_of(server, "VmSize") + room
    subprocess.run(["prlimit", f"--pid={server.process.pid}", f"--as={size}:{size}"], check=True)
    head = (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: SageMaker.CreateModel\r\n"
            b"Content-Type: application/x-amz-json-1.1\r\nContent-Length: 16000000\r\n\r\n")
    with contextlib.ExitStack() as crowd:
        sockets = [crowd.enter_context(connect(server)) for _ in range(60)]
        for each in sockets:
            each.sendall(head)
        push(sockets, 15_999_999, seconds=20)
    assert server.process.poll() is None, server.log_tail()
    assert "memory ran out" in server.log.read_text(), "the limit was not felt: give it less room"
    Clients(server).s3.create_bucket(Bucket="after")


# ---- uploads -------------------------------------------------------------------------------------

def test_one_presigned_url_does_not_take_all_slots(server, aws, name):
    aws.s3.create_bucket(Bucket=name)
    url = aws.s3.generate_presigned_url("put_object", Params={"Bucket": name, "Key": "k"})
    target = url.removeprefix(server.url)
    head = (f"PUT {target} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            "Content-Length: 1000000\r\n\r\nx").encode()
    with contextlib.ExitStack() as crowd:
        for _ in range(300):
            crowd.enter_context(connect(server)).sendall(head)
        assert seconds_of(lambda: aws.s3.put_object(Bucket=name, Key="other", Body=b"x" * 50_000)) < 5


# ---- descriptors ---------------------------------------------------------------------------------

def start_with_few_descriptors(tmp_path, limit):
    """A server under a low hard limit of open files, which it cannot raise."""
    server = Server(tmp_path / "server")
    wrapper = tmp_path / "few"
    wrapper.write_text(f"#!/bin/sh\nulimit -n {limit}\nexec {binary()} \"$@\"\n")
    wrapper.chmod(0o755)
    command = [wrapper, "serve", "--data", server.data, "--port", str(server.port)]
    with open(server.log, "ab") as log:
        server.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    server.url = server.wait_until_ready()
    return server


def test_strangers_at_the_limit_of_descriptors_fail_no_endpoint(tmp_path):
    server = start_with_few_descriptors(tmp_path, 700)
    stop = threading.Event()

    def flood():
        crowd = []
        while not stop.is_set():
            with contextlib.suppress(OSError):
                crowd.append(connect(server))
                continue
            time.sleep(0.01)
        for each in crowd:
            each.close()

    flooding = threading.Thread(target=flood)
    try:
        flooding.start()
        time.sleep(1)
        clients = Clients(server)
        deployment = Deployment(clients, "crowded")
        deployment.deploy(tar_gz({"code/inference.py": ECHO}))
        assert deployment.invoke(b"x" * 1000, "text/plain", "text/plain") == b"1000"
    finally:
        stop.set()
        flooding.join()
        assert server.stop() == 0, server.log_tail()


# ---- workers -------------------------------------------------------------------------------------

def upload_again_and_again(environment, number):
    client = Clients.of(environment).s3
    while True:
        client.put_object(Bucket="bulk", Key=f"upload-{number}", Body=b"x" * (100 * MIB))


def copy_again_and_again(environment, number):
    client = Clients.of(environment).s3
    while True:  # another checksum makes the bytes be read
        client.copy_object(Bucket="bulk", Key=f"copy-{number}", CopySource="bulk/source",
                           ChecksumAlgorithm=("SHA256", "SHA1")[number % 2])


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("act", [upload_again_and_again, copy_again_and_again])
def test_bulk_bytes_hold_up_no_control_call(start_server, act):
    """Ten clients at once, in processes of their own; a goal of 50 ms, on a machine that is idle."""
    clients = Clients(start_server())
    clients.s3.create_bucket(Bucket="bulk")
    queue = clients.sqs.create_queue(QueueName="bulk")["QueueUrl"]
    clients.s3.put_object(Bucket="bulk", Key="source", Body=b"x" * (100 * MIB))

    def ask_for(seconds):
        sends, lists = [], []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            sends.append(seconds_of(
                lambda: clients.sqs.send_message(QueueUrl=queue, MessageBody="x")))
            lists.append(seconds_of(clients.s3.list_buckets))
        return sends, lists

    alone = [percentile(times, 0.99) * 1000 for times in ask_for(5)]
    fork = multiprocessing.get_context("fork")
    crowd = [fork.Process(target=act, args=(clients.environment, number)) for number in range(10)]
    for each in crowd:
        each.start()
    try:
        time.sleep(2)
        sends, lists = ask_for(10)
    finally:
        for each in crowd:
            each.kill()
            each.join()
    print(f"{act.__name__}: SendMessage p99 {percentile(sends, 0.99) * 1000:.1f} ms, "
          f"ListBuckets p99 {percentile(lists, 0.99) * 1000:.1f} ms, {len(sends)} of each; "
          f"alone {alone[0]:.1f} and {alone[1]:.1f} ms")
    # Wide enough for a machine that does something else beside; before, it was seconds.
    assert percentile(lists, 0.99) < 1 and percentile(sends, 0.99) < 1


# ---- the disk ------------------------------------------------------------------------------------

@pytest.fixture
def small_disk(tmp_path):
    """A file system of 128 MiB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", folder],
                             capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def free_of(folder):
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def refused_as_full(act):
    try:
        act()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        assert code == "InsufficientStorage", error
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 507, error
        assert "Delete objects" in error.response["Error"]["Message"], error
        return True
    return False


def test_a_full_disk_is_got_out_of_through_the_api(start_server, small_disk):
    server = start_server(folder=small_disk)
    clients = Clients(server)
    clients.s3.create_bucket(Bucket="full")
    queue = clients.sqs.create_queue(QueueName="full")["QueueUrl"]
    count = 0
    while not refused_as_full(
            lambda: clients.s3.put_object(Bucket="full", Key=f"k{count}", Body=b"x" * 8 * MIB)):
        count += 1
    assert 5 < count < 16
    kept = free_of(small_disk)
    assert kept >= 24 * MIB, "the reserve was taken"
    # Rows go on into the first half of the reserve, and stop there.
    sent = 0
    while not refused_as_full(
            lambda: clients.sqs.send_message(QueueUrl=queue, MessageBody="x" * 250_000)):
        sent += 1
        assert sent < 400, "messages filled the disk"
    assert refused_as_full(lambda: clients.sqs.create_queue(QueueName="another"))
    # What others write takes the rest; what deletes still goes on, and room comes back.
    with open(small_disk / "filling", "wb") as filling:
        with contextlib.suppress(OSError):
            while True:
                filling.write(b"x" * MIB)
                filling.flush()
    assert free_of(small_disk) < MIB
    message = clients.sqs.receive_message(QueueUrl=queue)["Messages"][0]
    clients.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    clients.sqs.purge_queue(QueueUrl=queue)
    for number in range(count):
        clients.s3.delete_object(Bucket="full", Key=f"k{number}")
    clients.s3.delete_bucket(Bucket="full")
    clients.sqs.delete_queue(QueueUrl=queue)
    (small_disk / "filling").unlink()
    deadline = time.monotonic() + 10
    rows = 32 * MIB  # the database and its log keep what they grew by, for others
    while free_of(small_disk) < kept + 8 * MIB * count - rows:
        assert time.monotonic() < deadline, f"{free_of(small_disk) / MIB} MiB came back"
        time.sleep(0.1)
    clients.s3.create_bucket(Bucket="again")
    clients.s3.put_object(Bucket="again", Key="k", Body=b"x" * 8 * MIB)
