"""One of everything against thousands: lists, queues, endpoints made, asked, idle, and ended."""
import signal
import statistics
import sys
import time

import load
import peers
from lists import call, lists, many
from measures import Row, csv_record, deploy, invocation, mlp, tar_gz

ENDPOINTS = 1000
STARTING = 1500
IDLE_SECONDS = 60


def endpoints(scale):
    """Endpoints made, asked in turn and left alone, against one of them asked."""
    count, rows = int(ENDPOINTS * scale), []
    with peers.slipway("--auth", "none", "--instances-max", str(count + 1)) as server:
        deploy(server, "e", tar_gz({"model.onnx": mlp()}))
        one = invocation(server.url, csv_record(), "e")
        load.run_wrk(one, 16, 1)
        idle = server.resident_mb()
        sagemaker = server.client("sagemaker")
        begin = time.perf_counter()
        many(count, lambda i: sagemaker.create_endpoint(EndpointName=f"e{i}", EndpointConfigName="e"))
        for i in range(count):
            sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=f"e{i}")
        took = time.perf_counter() - begin
        rows.append(Row(f"{count} endpoints made, until all serve", f"{took:.1f} s",
                        f"each {took / count * 1000:.0f} ms"))
        each = invocation(server.url, csv_record(), "e")
        each.paths = tuple(f"/endpoints/e{i}/invocations" for i in range(count))
        got = load.interleaved({"one": one, "each": each}, 16, seconds=2, runs=3)
        ratio = got["each"].per_second / got["one"].per_second
        rows.append(Row(f"{count} endpoints asked in turn", f"{got['each'].per_second:,.0f}/s",
                        f"one of them: {got['one'].per_second:,.0f}/s", f"{ratio:.2f}"))
        time.sleep(IDLE_SECONDS * scale)
        resident = server.resident_mb()
        rows.append(Row(f"server's memory after {count} were asked", f"{resident:.0f} MB",
                        f"with one {idle:.0f} MB", "", "<= 60 MB", resident <= 60))
        listed = load.interleaved({"list": call(server, "ListEndpoints")}, 16, seconds=1, runs=3)["list"]
        rows.append(Row(f"ListEndpoints of {count}", f"{listed.per_second:,.0f}/s"))
    return rows


def ending(scale):
    """SIGTERM while endpoints start: seconds to the end, and what it leaves behind."""
    count, times = int(STARTING * scale), []
    for _ in range(3):
        with peers.slipway("--auth", "none", "--instances-max", str(count + 1)) as server:
            deploy(server, "e", tar_gz({"model.onnx": mlp()}))
            sagemaker = server.client("sagemaker")
            many(count, lambda i: sagemaker.create_endpoint(
                EndpointName=f"e{i}", EndpointConfigName="e"))
            begin = time.perf_counter()
            server.child.send_signal(signal.SIGTERM)
            server.child.wait(120)
            times.append(time.perf_counter() - begin)
    took = statistics.median(times)
    return [Row(f"SIGTERM with {count} endpoints on their way", f"{took:.2f} s", "", "", "<= 3 s", took <= 3)]


def scale_measures(scale=1.0):
    return lists(scale) + endpoints(scale) + ending(scale)


ALL = {"scale": scale_measures}

if __name__ == "__main__":  # a smaller run: bench/scale.py 0.1
    import run
    run.print_table(scale_measures(float(sys.argv[1])))
