"""One of everything against thousands: lists, queues, endpoints made, asked, idle, and ended."""
import json
import signal
import statistics
import sys
import threading
import time

import load
import peers
from load import Request
from measures import ROLE, IMAGE, Row, csv_record, deploy, invocation, mlp, tar_gz

ENDPOINTS = 1000
STARTING = 1500
MODELS = 10_000
MESSAGES = 100_000
MAKERS = 4
IDLE_SECONDS = 60


def many(count, make):
    """make(i) for each i below count, by a few threads."""
    failures = []

    def some(first):
        try:
            for i in range(first, count, MAKERS):
                make(i)
        except Exception as failure:  # told below, in the main thread
            failures.append(failure)

    threads = [threading.Thread(target=some, args=(first,)) for first in range(MAKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def call(server, operation, body=b"{}"):
    return Request(server.url + "/", "POST", {
        "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"SageMaker.{operation}",
        "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sagemaker/aws4_request, "
                         "SignedHeaders=host, Signature=0"}, body)


def compare(name, few, much, runs=5):
    """The same request of a server that has little and of one that has much."""
    got = load.interleaved({"few": few, "much": much}, 16, seconds=1, runs=runs)
    ratio = got["few"].per_second / got["much"].per_second
    return Row(name, f"{got['much'].per_second:,.0f}/s", f"with ten: {got['few'].per_second:,.0f}/s",
               f"{ratio:.2f}", "<= 1.50", ratio <= 1.5)


def lists(scale):
    """ListModels of many and of ten, and a queue's attributes with many messages and with ten."""
    with peers.slipway("--auth", "none") as few, peers.slipway("--auth", "none") as much:
        for server, models, messages in ((few, 10, 10), (much, int(MODELS * scale), int(MESSAGES * scale))):
            sagemaker, sqs = server.client("sagemaker"), server.client("sqs")
            container = {"Image": IMAGE.format("slipway-inference")}
            many(models, lambda i, client=sagemaker: client.create_model(
                ModelName=f"m{i}", ExecutionRoleArn=ROLE, PrimaryContainer=container))
            queue = sqs.create_queue(QueueName="q")["QueueUrl"]
            batch = [{"Id": str(i), "MessageBody": "x"} for i in range(10)]
            many(messages // 10, lambda _, client=sqs, url=queue: client.send_message_batch(
                QueueUrl=url, Entries=batch))

        def attributes(server):
            return Request(server.url + "/", "POST", {
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": "AmazonSQS.GetQueueAttributes"},
                json.dumps({"QueueUrl": f"{server.url}/000000000000/q",
                            "AttributeNames": ["All"]}).encode())

        return [compare(f"ListModels of {MODELS * scale:,.0f}", call(few, "ListModels"),
                        call(much, "ListModels")),
                compare(f"GetQueueAttributes with {MESSAGES * scale:,.0f} messages", attributes(few),
                        attributes(much))]


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
