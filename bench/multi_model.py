"""Many models in one process: what loading one costs, what memory they take, what misses cost hits."""
import contextlib
import http.client
import json
import multiprocessing
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import urlsplit

import peers
from measures import IMAGE, ROLE, Row, mlp, tar_gz

KINDS = {"small": ([128, 128, 10], 2000), "tiny": ([4, 8, 2], 5000)}
KEPT = 0.2        # of the models may be in memory at once
ASKERS = 3        # threads that draw by Zipf's law, beside the one that asks only what is in memory
PHASE_SECONDS = 8


def resident_mb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(l for l in status.splitlines() if l.startswith("VmRSS")).split()[1]) / 1024


def write_models(folder, layers, count):
    """Each in a folder of its own; a hundred different ones, for ONNX Runtime shares none of them."""
    contents = [mlp(seed, layers) for seed in range(min(count, 100))]
    for i in range(count):
        model = pathlib.Path(folder, f"m{i}")
        model.mkdir()
        (model / "model.onnx").write_bytes(contents[i % len(contents)])


def raw_sessions(folder, layers, count, out):
    """In a process of its own: sessions as anybody would make them, one thread each; each ran once."""
    import numpy
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    record = numpy.zeros((1, layers[0]), dtype=numpy.float32)

    def make(i):
        begin = time.perf_counter()
        session = onnxruntime.InferenceSession(f"{folder}/m{i}/model.onnx", options,
                                               providers=["CPUExecutionProvider"])
        took = time.perf_counter() - begin
        session.run(None, {"input": record})
        return took, session

    make(0)
    base = resident_mb(os.getpid())
    made = [make(i) for i in range(count)]
    out.put((statistics.median(took for took, _ in made), resident_mb(os.getpid()) - base))


class Models:
    """One model server with many models, asked by its own contract."""

    def __init__(self, process, port):
        self.pid, self.connection = process.pid, http.client.HTTPConnection("127.0.0.1", port)

    def call(self, method, path, body=None):
        begin = time.perf_counter()
        self.connection.request(method, path, body)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path} answered {answer.status}: {text[:200]}")
        return time.perf_counter() - begin

    def load(self, folder, i):
        return self.call("POST", "/models",
                         json.dumps({"model_name": f"m{i}", "url": f"{folder}/m{i}"}))


@contextlib.contextmanager
def model_server():
    port = peers.free_port()
    process = subprocess.Popen([peers.BIN / "slipway-modelserver", "serve", "--multi-model", "--listen",
                                "127.0.0.1", "--port", str(port)], stderr=subprocess.DEVNULL)
    try:
        peers.wait_for(f"http://127.0.0.1:{port}/ping")
        yield Models(process, port)
    finally:
        process.terminate()
        process.wait(30)


def loading(kind, layers, count):
    with tempfile.TemporaryDirectory() as folder, model_server() as server:
        write_models(folder, layers, count)
        out = multiprocessing.get_context("spawn").Queue()
        raw = multiprocessing.get_context("spawn").Process(
            target=raw_sessions, args=(folder, layers, count, out))
        raw.start()
        raw_seconds, raw_mb = out.get(timeout=600)
        raw.join()
        server.load(folder, 0)
        server.call("DELETE", "/models/m0")
        time.sleep(0.5)
        base = resident_mb(server.pid)
        took = statistics.median(server.load(folder, i) for i in range(count))
        loaded_mb = resident_mb(server.pid) - base
        for i in range(count):
            server.call("DELETE", f"/models/m{i}")
        time.sleep(1)
        after = resident_mb(server.pid)
    slower, larger, left = took / raw_seconds, loaded_mb / raw_mb, after / base
    return [Row(f"multi-model: load one of {count} {kind} models", f"{took * 1000:.2f} ms",
                f"session creation {raw_seconds * 1000:.2f} ms", f"{slower:.2f}", "<= 2.00",
                slower <= 2),
            Row(f"multi-model: {count} {kind} models in memory", f"{loaded_mb:.0f} MB",
                f"raw sessions {raw_mb:.0f} MB", f"{larger:.2f}", "<= 1.50", larger <= 1.5),
            Row("multi-model: after unloading all", f"{after:.0f} MB", f"before {base:.0f} MB",
                f"{left:.2f}", "<= 1.15", left <= 1.15)]


class Asker:
    """One thread's connection to the endpoint, unsigned."""

    def __init__(self, url, body):
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=70)
        self.body = body

    def ask(self, model):
        begin = time.perf_counter()
        self.connection.request("POST", "/endpoints/many/invocations", self.body, {
            "Content-Type": "text/csv", "X-Amzn-SageMaker-Target-Model": f"m{model}.tar.gz"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"answered {answer.status}: {text[:200]}")
        return time.perf_counter() - begin


def ask_many(url, body, draw, seconds):
    """Times of requests for the most popular models, while others draw theirs."""
    end = time.perf_counter() + seconds
    counts, failures = [0] * ASKERS, []

    def beside(number):
        asker, chance = Asker(url, body), random.Random(number)
        try:
            while time.perf_counter() < end:
                asker.ask(draw(chance))
                counts[number] += 1
        except Exception as failure:  # told below, in the main thread
            failures.append(failure)

    threads = [threading.Thread(target=beside, args=(i,)) for i in range(ASKERS)]
    for thread in threads:
        thread.start()
    asker, chance, times = Asker(url, body), random.Random(99), []
    while time.perf_counter() < end:
        times.append(asker.ask(chance.randrange(10)))
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return times, sum(counts)


def p99(times):
    return statistics.quantiles(times, n=100)[98]


def tails(layers, count):
    """Requests that find their model in memory, alone and while others make models come and go."""
    kept = int(count * KEPT)
    weights = [1 / (rank + 1) for rank in range(count)]  # Zipf(1.0)
    body = ",".join(["0.5"] * layers[0])
    with peers.slipway("--auth", "none") as server:
        s3, sagemaker = server.client("s3"), server.client("sagemaker")
        s3.create_bucket(Bucket="many")
        archives = [tar_gz({"model.onnx": mlp(seed, layers)}) for seed in range(min(count, 100))]
        for i in range(count):
            s3.put_object(Bucket="many", Key=f"m{i}.tar.gz", Body=archives[i % len(archives)])
        sagemaker.create_model(ModelName="many", ExecutionRoleArn=ROLE, PrimaryContainer={
            "Image": IMAGE.format("slipway-inference"), "Mode": "MultiModel",
            "ModelDataUrl": "s3://many/", "Environment": {"SLIPWAY_LOADED_MODELS_MAX": str(kept)}})
        sagemaker.create_endpoint_config(EndpointConfigName="many", ProductionVariants=[
            {"VariantName": "v", "ModelName": "many", "InstanceType": "ml.m5.large",
             "InitialInstanceCount": 1}])
        sagemaker.create_endpoint(EndpointName="many", EndpointConfigName="many")
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="many")
        asker = Asker(server.url, body)
        for model in reversed(range(kept)):
            asker.ask(model)
        without, _ = ask_many(server.url, body, lambda chance: chance.randrange(kept), PHASE_SECONDS)
        ranks = list(range(count))
        with_misses, asked = ask_many(
            server.url, body, lambda chance: chance.choices(ranks, weights)[0], PHASE_SECONDS)
    ratio = p99(with_misses) / p99(without)
    return [Row(f"multi-model: p99 of hits, Zipf over {count}, {kept} kept",
                f"{p99(with_misses) * 1000:.2f} ms, p50 {statistics.median(with_misses) * 1000:.2f} ms",
                f"without misses {p99(without) * 1000:.2f} ms, p50 "
                f"{statistics.median(without) * 1000:.2f} ms", f"{ratio:.2f}", "<= 2.00", ratio <= 2),
            Row("multi-model: requests beside them", f"{asked / PHASE_SECONDS:,.0f}/s")]


def multi_model(scale=1.0):
    rows = []
    for kind, (layers, count) in KINDS.items():
        rows += loading(kind, layers, int(count * scale))
    layers, count = KINDS["tiny"]
    return rows + tails(layers, int(count * scale))


ALL = {"multi-model": multi_model}

if __name__ == "__main__":  # a smaller run: bench/multi_model.py 0.1
    import run
    run.print_table(multi_model(float(sys.argv[1])))
