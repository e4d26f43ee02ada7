"""Load from wrk, requests signed once, and numbers worth quoting: medians of several runs."""
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
from dataclasses import dataclass, field

LUA = pathlib.Path(__file__).with_name("load.lua")


@dataclass
class Request:
    """What wrk repeats. `counted` makes each body different ("@@" becomes a number); `paths` are asked
    in turn, in place of the URL's own."""
    url: str
    method: str = "GET"
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    counted: str = ""
    paths: tuple = ()


@dataclass
class Load:
    per_second: float
    p50_us: float
    p99_us: float
    cpu_us: float = 0  # processor time of the server for each request, where its processes are known


def processor_us(pids):
    """The processor time that all threads of these processes have taken."""
    return sum(int(file.read_text().split()[0]) for pid in pids
               for file in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1000


def run_wrk(request, connections, seconds, pids=()):
    """One run against the server of the processes `pids`. A failed or non-2xx request ends the bench: a fast
    refusal is no measurement."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        environment = {**os.environ, "WRK_METHOD": request.method}
        (folder / "headers").write_text("".join(f"{k}: {v}\n" for k, v in request.headers.items()))
        environment["WRK_HEADERS"] = str(folder / "headers")
        if request.body:
            (folder / "body").write_bytes(request.body)
            environment["WRK_BODY"] = str(folder / "body")
        if request.counted:
            environment["WRK_COUNTED"] = request.counted
        if request.paths:
            (folder / "paths").write_text("".join(f"{path}\n" for path in request.paths))
            environment["WRK_PATHS"] = str(folder / "paths")
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s",
                   "-s", str(LUA), request.url]
        before = processor_us(pids)
        output = subprocess.run(command, env=environment, capture_output=True, text=True,
                                timeout=seconds + 60, check=True).stdout
        taken = processor_us(pids) - before
    report = json.loads(output.strip().splitlines()[-1])
    if report["failed"] or not report["requests"]:
        raise RuntimeError(f"{report['failed']} of {report['requests']} requests to {request.url} failed")
    return Load(report["requests"] / report["seconds"], report["p50_us"], report["p99_us"],
                taken / report["requests"])


def interleaved(requests, connections, seconds=3, runs=5, pids_of=lambda name: ()):
    """Medians for each named request, the runs of all taken in turn, so that a machine that
    slows down slows all of them. `requests` maps a name to a Request or to a function of the run's
    number that makes one; `pids_of` tells the processes of the server that is asked."""
    loads = {name: [] for name in requests}
    for run in range(runs + 1):
        # Forwards and backwards in turn: none is always the one after the same other.
        for name in list(requests)[::-1 if run % 2 else 1]:
            request = requests[name]
            load = run_wrk(request(run) if callable(request) else request, connections,
                           1 if run == 0 else seconds, pids_of(name))
            if run > 0:  # the first warms up
                loads[name].append(load)
    return {name: Load(*(statistics.median(getattr(load, part) for load in each)
                         for part in ("per_second", "p50_us", "p99_us", "cpu_us")))
            for name, each in loads.items()}


def signed(request, service, keys, region="us-east-1"):
    """The request with SigV4's headers, as boto3 would make them."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    aws = AWSRequest(method=request.method, url=request.url, data=request.body,
                     headers=dict(request.headers))
    SigV4Auth(Credentials(*keys), service, region).add_auth(aws)
    return Request(request.url, request.method, dict(aws.headers), request.body, request.counted)


@contextlib.contextmanager
def process(command, ready=None, **options):
    """Runs a program for the length of a block; `ready` is a line prefix on its standard output to
    wait for, and the rest of that line is the value of the block."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE if ready else subprocess.DEVNULL,
                             text=True, **options)
    try:
        said = None
        while ready and said is None:
            line = child.stdout.readline()
            if not line:
                raise RuntimeError(f"{command[0]} ended before it was ready")
            if line.startswith(ready):
                said = line[len(ready):].strip()
        yield (child, said)
    finally:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
