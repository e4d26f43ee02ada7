"""What stands between a request and its model's run: one that comes alone, instances that share the
cores, the format, and how soon a small model is there."""
import io
import json
import statistics
import tempfile
import time

import load
import peers
from load import Request
from measures import Row, csv_record, deploy, invocation, mlp, tar_gz

LONE_ADDED_US_MAX = 60
WIDTH = 256
STEPS = 400  # about 1.3 ms


def deep():
    """A slow network whose one matrix stays in a core's cache: it takes as long in any process."""
    import numpy
    from onnx import TensorProto, helper, numpy_helper
    chance = numpy.random.default_rng(1)
    weights = (chance.normal(size=(WIDTH, WIDTH)) / 16).astype(numpy.float32)
    nodes, at = [], "input"
    for i in range(STEPS):
        nodes += [helper.make_node("MatMul", [at, "w"], [f"m{i}"]),
                  helper.make_node("Tanh", [f"m{i}"], [f"t{i}"])]
        at = f"t{i}"
    graph = helper.make_graph(
        nodes, "deep", [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", WIDTH])],
        [helper.make_tensor_value_info(at, TensorProto.FLOAT, ["N", WIDTH])],
        [numpy_helper.from_array(weights, "w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)],
                             ir_version=9).SerializeToString()


def session(model):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def median_us(act, count):
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        act()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e6


def lone(runs=7):
    """A slow model's request that comes alone, over the run itself; and a program that does nothing
    behind nginx, which has as many processes to wake."""
    import numpy
    model = deep()
    alone, values = session(model), numpy.full((1, WIDTH), 0.5, numpy.float32)
    file = io.BytesIO()
    numpy.save(file, values)
    added, floors, own = [], [], []
    with peers.slipway("--auth", "none") as server, peers.program("bench_echo") as direct_url, \
            peers.nginx(upstream=direct_url.rsplit(":", 1)[1]) as nginx_url:
        deploy(server, "deep", tar_gz({"model.onnx": model}))
        request = Request(f"{server.url}/endpoints/deep/invocations", "POST",
                          {"Content-Type": "application/x-npy", "Accept": "application/x-npy"},
                          file.getvalue())
        floor = Request(nginx_url + "/invocations", "POST", {}, file.getvalue())
        load.run_wrk(request, 1, 1)
        for _ in range(runs):
            before = median_us(lambda: alone.run(None, {"input": values}), 500)
            took = load.run_wrk(request, 1, 2).p50_us
            after = median_us(lambda: alone.run(None, {"input": values}), 500)
            own.append((before + after) / 2)
            added.append(took - own[-1])
            floors.append(load.run_wrk(floor, 1, 1).p50_us)
    added_us, floor_us = statistics.median(added), statistics.median(floors)
    return [Row("a lone request of a slow model, over its run", f"{added_us:.0f} us",
                f"its run {statistics.median(own):,.0f} us; nginx before a program that echoes "
                f"{floor_us:.0f} us", f"{added_us / floor_us:.2f}", f"<= {LONE_ADDED_US_MAX} us",
                added_us <= LONE_ADDED_US_MAX)]


def instances(runs=7):
    """InvokeEndpoint of one instance and of two on the same cores: rate, and processor time of all
    processes of the server for a request."""
    rows = []
    with peers.slipway("--auth", "none") as one, peers.slipway("--auth", "none") as two:
        servers = {"one": one, "two": two}
        for count, server in enumerate(servers.values(), 1):
            deploy(server, "bench", tar_gz({"model.onnx": mlp()}), instances=count)
        for connections in (16, 64):
            got = load.interleaved(
                {name: invocation(server.url, csv_record()) for name, server in servers.items()},
                connections, seconds=1, runs=runs, pids_of=lambda name: servers[name].processes())
            ratio = got["two"].per_second / got["one"].per_second
            cpu = got["one"].cpu_us / got["two"].cpu_us
            rows.append(Row(f"InvokeEndpoint of two instances, {connections} connections",
                            f"{got['two'].per_second:,.0f}/s, {got['two'].cpu_us:.1f} us",
                            f"one: {got['one'].per_second:,.0f}/s, {got['one'].cpu_us:.1f} us",
                            f"{ratio:.2f}; processor time {cpu:.2f}", ">= 0.97",
                            max(ratio, cpu) >= 0.97))
    return rows


def formats(runs=7):
    """The same records as JSON and as CSV."""
    rows = []
    record = csv_record()
    values = [float(value) for value in record.split(b",")]
    with peers.slipway("--auth", "none") as server:
        deploy(server, "bench", tar_gz({"model.onnx": mlp()}))
        csv = invocation(server.url, record)
        body = json.dumps({"instances": [values]}).encode()
        asked = {"csv": csv, "json": Request(csv.url, "POST", {
            "Content-Type": "application/json", "Accept": "application/json"}, body)}
        for connections in (16, 64):
            got = load.interleaved(asked, connections, seconds=1, runs=runs)
            ratio = got["json"].per_second / got["csv"].per_second
            rows.append(Row(f"JSON in, {connections} connections", f"{got['json'].per_second:,.0f}/s",
                            f"CSV in {got['csv'].per_second:,.0f}/s", f"{ratio:.2f}", ">= 0.90",
                            ratio >= 0.9))
    return rows


def answers():
    return lone() + instances() + formats()


ALL = {"answers": answers}
