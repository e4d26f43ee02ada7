"""Dynamic batching: requests that wait together run together, and one alone pays nothing for it."""
import io
import statistics
import time

import load
import peers
from load import Request
from measures import Row, deploy, mlp, tar_gz

WIDTH = 1024
LAYERS = [WIDTH] * 9  # eight matrices of 1024 x 1024: 33.6 MB of weights
BATCH = 32
LONE_ADDED_US_MAX = 150


def npy(rows):
    import numpy
    file = io.BytesIO()
    chance = numpy.random.default_rng(3)
    numpy.save(file, chance.normal(size=(rows, WIDTH)).astype(numpy.float32))
    return file.getvalue()


def raw_session(model, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def raw_seconds(session, rows, seconds):
    """The median time of one run of so many rows."""
    import numpy
    values = numpy.load(io.BytesIO(npy(rows)))
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        begin = time.perf_counter()
        session.run(None, {"input": values})
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def batching(runs=5):
    """A network of 8 x 1024 x 1024 at 64 connections, against ONNX Runtime given batches of 32."""
    model = mlp(layers=LAYERS)
    all_cores, one_core = raw_session(model, 0), raw_session(model, 1)
    rates, raw_rates, lone, raw_lone = [], [], [], []
    with peers.slipway("--auth", "none") as server:
        deploy(server, "mlp", tar_gz({"model.onnx": model}))
        request = Request(f"{server.url}/endpoints/mlp/invocations", "POST",
                          {"Content-Type": "application/x-npy", "Accept": "application/x-npy"}, npy(1))
        load.run_wrk(request, 64, 2)
        for _ in range(runs):
            rates.append(load.run_wrk(request, 64, 4).per_second)
            raw_rates.append(BATCH / raw_seconds(all_cores, BATCH, 2))
            lone.append(load.run_wrk(request, 1, 2).p50_us)
            raw_lone.append(raw_seconds(one_core, 1, 2))
    rate, raw = statistics.median(rates), statistics.median(raw_rates)
    added = statistics.median(lone) - statistics.median(raw_lone) * 1e6
    return [Row("batching: 33.6 MB network, 64 connections", f"{rate:,.0f}/s",
                f"ONNX Runtime, batches of {BATCH}, all cores: {raw:,.0f}/s", f"{rate / raw:.2f}",
                ">= 0.80", rate / raw >= 0.8),
            Row("batching: a lone request, over its own run", f"{added:,.0f} us",
                f"the run alone, one core: {statistics.median(raw_lone) * 1e6:,.0f} us", "",
                f"<= {LONE_ADDED_US_MAX} us", added <= LONE_ADDED_US_MAX)]


ALL = {"batching": batching}
