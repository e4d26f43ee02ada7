"""Serverless endpoints: the cold start a client sees, fifty requests on nothing; and an update
while requests come at a steady rate."""
import concurrent.futures
import http.client
import json
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import urlsplit

import load
import peers
from measures import IMAGE, ROLE, Row, csv_record, deploy, mlp, tar_gz

COLD_MS_MAX, COLD_P99_MS_MAX = 15, 40
AT_ONCE = 50
STEADY_PER_SECOND = 2_000
UPDATE_P99_RATIO_MAX = 2


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def post(connection, path, body):
    """Milliseconds to the answer's end; anything but 200 ends the bench."""
    begin = time.perf_counter()
    connection.request("POST", path, body, {"Content-Type": "text/csv"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"answered {answer.status}: {text[:200]}")
    return (time.perf_counter() - begin) * 1e3


def connect(url):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port)
    connection.connect()
    return connection


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def order(model, folder):
    """An order of src/cell/order.h that closes nothing."""
    program = str(peers.BIN / "slipway-modelserver")
    arguments = [program, "serve", "--model-dir", str(model), "--http-socket", "http.sock"]
    members = ["layers=0 0 0 0 0 0 0", *(f"argument={text}" for text in arguments),
               "variable=PATH=/usr/bin:/bin", f"control={folder}", f"directory={folder}"]
    return "\0".join(members).encode() + b"\0\0"


def by_hand(zygote, model, folder, body):
    """The floor: fork from the warmed parent, load, first run, asked directly; without a cell."""
    folder.mkdir()
    begin = time.perf_counter()
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(zygote))
        peer.sendall(order(model, folder))
        pid = json.loads(peer.makefile().readline())["pid"]
    try:
        while True:
            connection = UnixConnection(folder / "http.sock")
            try:
                connection.request("GET", "/ping", headers={"Prefer": "wait=1"})
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    break
            except OSError:
                time.sleep(0.0005)
        post(connection, "/invocations", body)
        return (time.perf_counter() - begin) * 1e3
    finally:
        subprocess.run(["kill", "-9", str(pid)], check=False)


def deploy_serverless(server, name, concurrency):
    """A second configuration of the model that `deploy` made, without instances."""
    sagemaker = server.client("sagemaker")
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
        {"VariantName": "v", "ModelName": "model",
         "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": concurrency}}])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)


def wait_for_zero(server, name):
    sagemaker = server.client("sagemaker")
    time.sleep(1.2)
    while sagemaker.describe_endpoint(EndpointName=name)["ProductionVariants"][0]["CurrentInstanceCount"]:
        time.sleep(0.05)


def serverless(runs=15, bursts=3):
    """A small network behind a serverless endpoint that has no instance."""
    body = csv_record()
    cold, floor, burst = [], [], []
    with tempfile.TemporaryDirectory() as folder, \
            peers.slipway("--auth", "none", "--serverless-idle", "1") as server:
        folder = pathlib.Path(folder)
        (folder / "model").mkdir()
        (folder / "model" / "model.onnx").write_bytes(mlp())
        deploy_model(server)
        deploy_serverless(server, "cold", AT_ONCE)
        path = "/endpoints/cold/invocations"
        command = [str(peers.BIN / "slipway-modelserver"), "--zygote", str(folder / "zygote")]
        with load.process(command, ready="ready"):
            for run in range(runs):
                wait_for_zero(server, "cold")
                connection = connect(server.url)
                cold.append(post(connection, path, body))
                floor.append(by_hand(folder / "zygote", folder / "model", folder / f"run{run}", body))
        for _ in range(bursts):
            wait_for_zero(server, "cold")
            connections = [connect(server.url) for _ in range(AT_ONCE)]
            together = threading.Barrier(AT_ONCE)

            def one(connection):
                together.wait()
                return post(connection, path, body)

            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                burst += pool.map(one, connections)
    took, by_itself, worst = statistics.median(cold), statistics.median(floor), percentile(cold, 0.99)
    return [Row("serverless: cold start, client-seen", f"{took:.1f} ms",
                f"fork + load + first run by hand: {by_itself:.1f} ms", f"{took / by_itself:.2f}",
                f"<= {COLD_MS_MAX} ms", took <= COLD_MS_MAX),
            Row(f"serverless: cold start, worst of {runs}", f"{worst:.1f} ms",
                f"by hand: {percentile(floor, 0.99):.1f} ms",
                f"{worst / percentile(floor, 0.99):.2f}", f"p99 <= {COLD_P99_MS_MAX} ms",
                worst <= COLD_P99_MS_MAX),
            Row(f"serverless: {AT_ONCE} at once on no instance", f"{len(burst)} of "
                f"{AT_ONCE * bursts} answered, last after {max(burst):.0f} ms", "", "", "0 failed",
                len(burst) == AT_ONCE * bursts)]


def deploy_model(server):
    server.client("s3").create_bucket(Bucket="models")
    server.client("s3").put_object(Bucket="models", Key="model.tar.gz",
                                   Body=tar_gz({"model.onnx": mlp()}))
    server.client("sagemaker").create_model(
        ModelName="model", ExecutionRoleArn=ROLE, PrimaryContainer={
            "Image": IMAGE.format("slipway-inference"), "ModelDataUrl": "s3://models/model.tar.gz"})


STEADY = """
import asyncio, json, sys, time
host, port, path, rate, seconds, connections = sys.argv[1:]
rate, seconds, connections = int(rate), float(seconds), int(connections)
body = sys.stdin.buffer.read()
head = f"POST {path} HTTP/1.1\\r\\nHost: {host}\\r\\nContent-Type: text/csv\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n"
request, seen, failed = head.encode() + body, [], []

async def one(start, number):
    reader, writer = await asyncio.open_connection(host, int(port))
    every = connections / rate
    due = start + number / rate
    while due < start + seconds:
        if (wait := due - time.time()) > 0:
            await asyncio.sleep(wait)
        writer.write(request)
        answer = await reader.readuntil(b"\\r\\n\\r\\n")
        length = next(int(l.split(b":")[1]) for l in answer.split(b"\\r\\n") if l.lower().startswith(b"content-length"))
        await reader.readexactly(length)
        seen.append((due, time.time() - due))  # from when it was due: nothing is left out
        if b" 200 " not in answer[:16]:
            failed.append(answer[:200].decode())
        due += every
    writer.close()

async def main():
    start = time.time() + 0.2
    await asyncio.gather(*(one(start, i) for i in range(connections)))
asyncio.run(main())
json.dump({"seen": seen, "failed": failed}, sys.stdout)
"""


def update(seconds=10, connections=16):
    """UpdateEndpoint to a new version while requests come at a steady rate."""
    with peers.slipway("--auth", "none") as server:
        deploy(server, "steady", tar_gz({"model.onnx": mlp()}))
        deploy(server, "newer", tar_gz({"model.onnx": mlp(seed=8)}), wait=False)
        url = urlsplit(server.url)
        command = [sys.executable, "-c", STEADY, url.hostname, str(url.port),
                   "/endpoints/steady/invocations", str(STEADY_PER_SECOND), str(seconds),
                   str(connections)]
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        client.stdin.write(csv_record())
        client.stdin.close()
        time.sleep(seconds / 2)
        sagemaker = server.client("sagemaker")
        begin = time.time()
        sagemaker.update_endpoint(EndpointName="steady", EndpointConfigName="newer")
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="steady")
        end = time.time() + 1
        report = json.loads(client.stdout.read())
        client.wait()
    before = [took * 1e3 for due, took in report["seen"] if begin - 3 < due < begin]
    during = [took * 1e3 for due, took in report["seen"] if begin <= due <= end]
    p99, p99_before = percentile(during, 0.99), percentile(before, 0.99)
    return [Row(f"update at {STEADY_PER_SECOND:,} req/s: failed", f"{len(report['failed'])} of "
                f"{len(report['seen']):,}", "", "", "0", not report["failed"]),
            Row("update: p99 while it goes on and 1 s after", f"{p99:.2f} ms",
                f"the 3 s before: {p99_before:.2f} ms", f"{p99 / p99_before:.2f}",
                f"<= {UPDATE_P99_RATIO_MAX}", p99 <= UPDATE_P99_RATIO_MAX * p99_before)]


ALL = {"serverless": serverless, "update": update}
