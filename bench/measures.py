"""Each measure is a function that returns rows of the table."""
import hashlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass

import load
import peers
from load import Request

sys.path.append(str(peers.ROOT / "examples"))
from make_model import mlp, tar_gz  # noqa: E402

IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/{}:latest"
ROLE = "arn:aws:iam::000000000000:role/bench"


@dataclass
class Row:
    name: str
    value: str
    peer: str = ""
    ratio: str = ""
    goal: str = ""
    reached: bool = None


def deploy(server, name, archive=None, image="slipway-inference", wait=True, environment=None,
           instances=1):
    """Model, configuration and endpoint of one name; returns when CreateEndpoint has answered, or
    when the endpoint is in service."""
    sagemaker = server.client("sagemaker")
    container = {"Image": IMAGE.format(image), "Environment": environment or {}}
    if archive is not None:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="models")
        s3.put_object(Bucket="models", Key=f"{name}.tar.gz", Body=archive)
        container["ModelDataUrl"] = f"s3://models/{name}.tar.gz"
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
        {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large",
         "InitialInstanceCount": instances}])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    if wait:
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)


def csv_record():
    return ",".join(f"{(i * 37 % 100) / 50 - 1:.4f}" for i in range(128)).encode() + b"\n"


def invocation(base, body, name="bench"):
    return Request(f"{base}/endpoints/{name}/invocations", "POST",
                   {"Content-Type": "text/csv", "Accept": "application/json"}, body)


def invoke():
    """InvokeEndpoint of a small network against the same work in one raw loop."""
    rows = []
    body = csv_record()
    with tempfile.TemporaryDirectory() as folder, peers.nginx() as nginx_url:
        model = pathlib.Path(folder, "model.onnx")
        model.write_bytes(mlp())
        with peers.program("raw_loop", "--model", str(model), "--threads", "2") as raw_url, \
                peers.slipway("--auth", "none") as unsigned, peers.slipway() as strict:
            for server in (unsigned, strict):
                deploy(server, "bench", tar_gz({"model.onnx": mlp()}))

            def signed(_):
                return load.signed(invocation(strict.url, body), "sagemaker", strict.keys)

            for connections in (16, 64):
                got = load.interleaved({"raw": invocation(raw_url, body),
                                        "unsigned": invocation(unsigned.url, body),
                                        "signed": signed,
                                        "nginx": Request(nginx_url + "/")}, connections)
                raw = got["raw"].per_second
                for kind, goal in (("unsigned", 1.00), ("signed", 0.85)):
                    ratio = got[kind].per_second / raw
                    rows.append(Row(f"InvokeEndpoint, {connections} connections, {kind}",
                                    f"{got[kind].per_second:,.0f}/s, p50 {got[kind].p50_us:.0f} us",
                                    f"raw loop {raw:,.0f}/s", f"{ratio:.2f}", f">= {goal:.2f}",
                                    ratio >= goal))
                rows.append(Row(f"nginx return 200, {connections} connections",
                                f"{got['nginx'].per_second:,.0f}/s"))
    return rows


def latency():
    """What the router adds to a container, against what nginx adds to it."""
    rows = []
    echo = str(peers.BIN / "bench_echo")
    with peers.program("bench_echo") as direct_url, \
            peers.nginx(upstream=direct_url.rsplit(":", 1)[1]) as nginx_url, \
            peers.slipway("--auth", "none", "--program", f"bench-echo={echo}") as server:
        deploy(server, "echo", image="bench-echo")
        for size, label, goal in ((128, "128 B", 1.5), (4096, "4 KB", 1.5), (1 << 20, "1 MB", 2.0)):
            body = os.urandom(size // 2).hex().encode()
            got = load.interleaved({
                "direct": Request(direct_url + "/invocations", "POST", {}, body),
                "nginx": Request(nginx_url + "/invocations", "POST", {}, body),
                "slipway": invocation(server.url, body, "echo")}, 1)
            added = got["slipway"].p50_us - got["direct"].p50_us
            nginx_added = got["nginx"].p50_us - got["direct"].p50_us
            ratio = added / nginx_added
            rows.append(Row(f"added latency, {label}", f"{added:.0f} us",
                            f"nginx {nginx_added:.0f} us (direct {got['direct'].p50_us:.0f} us)",
                            f"{ratio:.2f}", f"<= {goal}", ratio <= goal))
    return rows


def control():
    """Describe and Create, raw HTTP, against the same of moto where that is installed."""
    def call(server, operation, body, **more):
        return Request(server.url + "/", "POST", {
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"SageMaker.{operation}",
            "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sagemaker/aws4_request, "
                             "SignedHeaders=host, Signature=0"}, body, **more)

    def create(server):
        body = json.dumps({"ModelName": "m-@@", "ExecutionRoleArn": ROLE,
                           "PrimaryContainer": {"Image": IMAGE.format("slipway-inference")}}).encode()
        return lambda run: call(server, "CreateModel", body, counted=f"{run}")

    def requests(server):
        return {"describe": call(server, "DescribeEndpoint", b'{"EndpointName":"bench"}'),
                "create": create(server)}

    with peers.slipway("--auth", "none") as server, peers.moto() as moto:
        deploy(server, "bench", tar_gz({"model.onnx": mlp()}))
        got, beside = load.interleaved(requests(server), 16), {}
        if moto:
            deploy(moto, "bench", wait=False)
            beside = load.interleaved(requests(moto), 16, seconds=2, runs=3)
        rows = []
        for name, label, goal in (("describe", "DescribeEndpoint", 20_000),
                                  ("create", "CreateModel, durable", 2_000)):
            rate, other = got[name].per_second, beside.get(name)
            rows.append(Row(f"{label}, 16 connections", f"{rate:,.0f}/s",
                            f"moto {other.per_second:,.0f}/s" if other else "",
                            f"{rate / other.per_second:.0f}" if other else "",
                            f">= {goal:,}/s", rate >= goal))
    return rows


def first_answer():
    """From CreateEndpoint's first byte to the first good answer, the artifact known."""
    times = []
    with peers.slipway() as server:
        archive = tar_gz({"model.onnx": mlp()})
        deploy(server, "known", archive)
        sagemaker, runtime = server.client("sagemaker"), server.client("sagemaker-runtime")
        body = csv_record()
        for i in range(9):
            begin = time.perf_counter()
            sagemaker.create_endpoint(EndpointName=f"e{i}", EndpointConfigName="known")
            sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=f"e{i}")
            runtime.invoke_endpoint(EndpointName=f"e{i}", ContentType="text/csv", Body=body)
            times.append((time.perf_counter() - begin) * 1000)
    took = statistics.median(times[1:])
    return [Row("CreateEndpoint to first answer (boto3)", f"{took:.0f} ms",
                goal="<= 60 ms; 25 ms warmed", reached=took <= 25)]


def sdk():
    """The SageMaker Python SDK's own deploy(), as shipped, and with a wait that looks every second."""
    sdk_home = os.environ.get("SLIPWAY_SAGEMAKER2")
    if not sdk_home:
        return [Row("SageMaker SDK deploy()", "not measured: SLIPWAY_SAGEMAKER2 is not set")]
    took = {"whole": [], "polled": []}
    with peers.slipway() as server, tempfile.TemporaryDirectory() as folder:
        archive = pathlib.Path(folder, "model.tar.gz")
        archive.write_bytes(tar_gz({"model.onnx": mlp()}))
        # As `slipway env` sets them: the SDK makes its own clients, which carry its name.
        environment = {**os.environ, "AWS_ENDPOINT_URL": server.url,
                       "AWS_ACCESS_KEY_ID": server.keys[0], "AWS_SECRET_ACCESS_KEY": server.keys[1],
                       "AWS_DEFAULT_REGION": "us-east-1"}
        program = peers.ROOT / "test/clients/sdk_programs/time_deploy_v2.py"
        for _ in range(3):
            said = subprocess.run([f"{sdk_home}/bin/python", str(program), str(archive)],
                                  env=environment, capture_output=True, text=True, timeout=300,
                                  check=True).stdout
            for name, seconds in json.loads(said.splitlines()[-1].lstrip("-*!")).items():
                took[name].append(seconds)
    whole, polled = (statistics.median(took[name]) for name in ("whole", "polled"))
    return [Row("SageMaker SDK 2 Model(...).deploy()", f"{whole:.2f} s",
                "the SDK's own sleep before its first look: 30 s", f"{whole / 30:.2f}", "<= 3 s",
                whole <= 3),
            Row("the same, wait=False and poll=1", f"{polled:.2f} s", "", "", "<= 3 s", polled <= 3)]


def s3():
    """1 GiB in and out against the hashes of the same file; many small objects."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, peers.slipway() as server:
        source = pathlib.Path(folder, "gib")
        with open(source, "wb") as out:
            for _ in range(256):
                out.write(os.urandom(4 << 20))
        server.client("s3").create_bucket(Bucket="bench")
        idle = server.resident_mb()
        url = server.client("s3").generate_presigned_url(
            "put_object", {"Bucket": "bench", "Key": "gib"}, ExpiresIn=3600)
        get_url = server.client("s3").generate_presigned_url(
            "get_object", {"Bucket": "bench", "Key": "gib"}, ExpiresIn=3600)

        def timed(*command):
            begin = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            return time.perf_counter() - begin

        runs = {"sha256": [], "md5": [], "cp": [], "put": [], "get": []}
        for _ in range(3):
            runs["sha256"].append(timed("sha256sum", str(source)))
            runs["md5"].append(timed("md5sum", str(source)))
            runs["cp"].append(timed("cp", str(source), f"{folder}/copy"))
            runs["put"].append(timed("curl", "-sf", "-H", "Expect:", "-T", str(source), url))
            runs["get"].append(timed_get(get_url))
        took = {name: statistics.median(each) for name, each in runs.items()}
        slower = max(took["sha256"], took["md5"])
        ratio = slower / took["put"]
        rows.append(Row("S3 put of 1 GiB", f"{1 / took['put']:.2f} GiB/s",
                        f"md5sum {1 / took['md5']:.2f}, sha256sum {1 / took['sha256']:.2f}, "
                        f"cp {1 / took['cp']:.2f} GiB/s", f"{ratio:.2f}", ">= 0.80", ratio >= 0.80))
        rate = 1.0737 / took["get"]
        rows.append(Row("S3 get of 1 GiB", f"{rate:.2f} GB/s", "", "", ">= 1.5 GB/s", rate >= 1.5))
        grown = server.resident_mb() - idle
        rows.append(Row("S3 memory grown by that", f"{grown:.0f} MB", "", "", "flat", grown < 32))
    rows.append(small_puts())
    return rows


def timed_get(url):
    """Reads the answer with as few copies as Python allows: the server is measured, not curl."""
    buffer = memoryview(bytearray(4 << 20))
    begin = time.perf_counter()
    with urllib.request.urlopen(url) as answer:
        left = int(answer.headers["Content-Length"])
        while left > 0 and (got := answer.readinto(buffer)):
            left -= got
    if left > 0:
        raise RuntimeError("the object came short")
    return time.perf_counter() - begin


def small_puts():
    with peers.slipway("--auth", "none") as server:
        server.client("s3").create_bucket(Bucket="bench")
        # One key for each connection would be a cache's job; wrk repeats one URL, so this measures
        # replacing an object, which costs more than making one.
        request = Request(f"{server.url}/bench/small", "PUT", {}, os.urandom(2048).hex().encode())
        rate = load.interleaved({"put": request}, 16)["put"].per_second
    return Row("S3 puts of 4 KB, durable, 16 connections", f"{rate:,.0f}/s", "", "", ">= 1,000/s",
               rate >= 1000)


def start_time(data):
    """Milliseconds from starting the program to its first answer, and its memory when idle."""
    begin = time.perf_counter()
    with peers.slipway(data=data) as server:
        urllib.request.urlopen(server.url + "/_slipway/health").read()
        took = (time.perf_counter() - begin) * 1000
        time.sleep(0.3)
        return took, server.resident_mb()


def process():
    """The program itself: how soon it answers, how little it takes."""
    first = statistics.median(start_time(None)[0] for _ in range(5))
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as data:
        starts = [start_time(data) for _ in range(8)][1:]
    took = statistics.median(start[0] for start in starts)
    resident = statistics.median(start[1] for start in starts)
    size = (peers.BIN / "slipway").stat().st_size / 1e6
    return [Row("start to first answer", f"{took:.0f} ms", "", "", "<= 30 ms", took <= 30),
            Row("the same in a new directory", f"{first:.0f} ms", "", "", "<= 40 ms", first <= 40),
            Row("idle memory", f"{resident:.0f} MB", "", "", "<= 20 MB", resident <= 20),
            Row("size of the binary", f"{size:.1f} MB", "", "", "<= 25 MB", size <= 25)]


ALL = {"invoke": invoke, "latency": latency, "control": control, "first_answer": first_answer,
       "sdk": sdk, "s3": s3, "process": process}
