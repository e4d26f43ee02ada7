"""Asynchronous inference: how soon a request is acknowledged, and how soon its answer is there."""
import http.client
import os
import statistics
import tempfile
import threading
import time
from urllib.parse import urlsplit

import load
import peers
from load import Request
from measures import IMAGE, ROLE, Row, csv_record, mlp, tar_gz

ACK_MS_MAX = 1.0
ACKS_PER_SECOND_MIN = 8_000
END_TO_END_MS_MAX = 8.0
KILLS = 5


def deploy(server, name, instances=1):
    """An asynchronous endpoint over a small network; with no instances it only takes requests."""
    s3, sagemaker = server.client("s3"), server.client("sagemaker")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="model.tar.gz", Body=tar_gz({"model.onnx": mlp()}))
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={
        "Image": IMAGE.format("slipway-inference"), "ModelDataUrl": f"s3://{name}/model.tar.gz"})
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[{"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large",
                             "InitialInstanceCount": 1}],
        AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": f"s3://{name}/out"}})
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)
    if instances == 0:
        sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name,
            DesiredWeightsAndCapacities=[{"VariantName": "v", "DesiredInstanceCount": 0}])
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)


def appends_per_second(seconds=2):
    """The floor: one record of a request's size appended and synced, again and again."""
    record = b"r" * 1500
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        file = os.open(os.path.join(folder, "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        count, end = 0, time.perf_counter() + seconds
        begin = time.perf_counter()
        while time.perf_counter() < end:
            os.write(file, record)
            os.fdatasync(file)
            count += 1
        return count / (time.perf_counter() - begin)


class Client:
    """One kept-open connection that asks without signing."""

    def __init__(self, server, name):
        url = urlsplit(server.url)
        self.connection = http.client.HTTPConnection(url.hostname, url.port)
        self.path = f"/endpoints/{name}/async-invocations"

    def call(self, method, path, body=None, headers=None):
        self.connection.request(method, path, body, headers or {})
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def ask(self, body):
        status, headers, text = self.call(
            "POST", self.path, body, {"X-Amzn-SageMaker-Content-Type": "text/csv"})
        if status != 202:
            raise RuntimeError(f"answered {status}: {text[:200]}")
        return headers["X-Amzn-SageMaker-OutputLocation"].removeprefix("s3:/")

    def there(self, path):
        return self.call("HEAD", path)[0] == 200


def acknowledged(runs=5):
    """At one client, and at 64; nothing is processed meanwhile (no instances)."""
    body = csv_record()
    alone, rates, floors = [], [], []
    with peers.slipway("--auth", "none") as server:
        deploy(server, "acks", instances=0)
        client = Client(server, "acks")
        request = Request(f"{server.url}/endpoints/acks/async-invocations", "POST",
                          {"X-Amzn-SageMaker-Content-Type": "text/csv"}, body)
        for _ in range(runs):
            floors.append(appends_per_second())
            times = []
            for _ in range(300):
                begin = time.perf_counter()
                client.ask(body)
                times.append((time.perf_counter() - begin) * 1e3)
            alone.append(statistics.median(times))
            rates.append(load.run_wrk(request, 64, 3).per_second)
    floor, ack, rate = (statistics.median(each) for each in (floors, alone, rates))
    return [Row("async: acknowledgement, one client", f"{ack:.2f} ms",
                f"append + fdatasync: {1e3 / floor:.2f} ms", f"{ack * floor / 1e3:.1f}",
                f"<= {ACK_MS_MAX:.0f} ms", ack <= ACK_MS_MAX),
            Row("async: acknowledgements, 64 clients", f"{rate:,.0f}/s",
                f"append + fdatasync, one by one: {floor:,.0f}/s", f"{rate / floor:.1f}",
                f">= {ACKS_PER_SECOND_MIN:,}/s", rate >= ACKS_PER_SECOND_MIN)]


def end_to_end(runs=5):
    """From asking with 1 KB to the moment its answer can be fetched."""
    body = csv_record()
    medians, floors = [], []
    with peers.slipway("--auth", "none") as server:
        deploy(server, "through")
        asking, looking = Client(server, "through"), Client(server, "through")
        for _ in range(runs):
            floors.append(appends_per_second(1))
            times = []
            for _ in range(100):
                begin = time.perf_counter()
                place = asking.ask(body)
                while not looking.there(place):
                    pass
                times.append((time.perf_counter() - begin) * 1e3)
            medians.append(statistics.median(times))
    whole, sync = statistics.median(medians), 1e3 / statistics.median(floors)
    return [Row(f"async: {len(body)} B end to end", f"{whole:.2f} ms",
                f"two appends + fdatasync: {2 * sync:.2f} ms", f"{whole / (2 * sync):.1f}",
                f"<= {END_TO_END_MS_MAX:.0f} ms", whole <= END_TO_END_MS_MAX)]


def killed():
    """kill -9 under load: acknowledged requests without a result, results written twice."""
    accepted, body = [], csv_record()

    def drive(server):
        client = Client(server, "killed")
        try:
            while True:
                accepted.append(client.ask(body))
        except (OSError, http.client.HTTPException, RuntimeError):
            return  # it died under this call

    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as data:
        with peers.slipway("--auth", "none", data=data) as server:
            deploy(server, "killed")
            server.client("s3").put_bucket_versioning(
                Bucket="killed", VersioningConfiguration={"Status": "Enabled"})
            server.child.kill()
        for kill in range(KILLS):
            with peers.slipway("--auth", "none", data=data) as server:
                drivers = [threading.Thread(target=drive, args=[server]) for _ in range(8)]
                for driver in drivers:
                    driver.start()
                time.sleep(0.3 + 0.1 * kill)
                server.child.kill()
                for driver in drivers:
                    driver.join()
        with peers.slipway("--auth", "none", data=data) as server:
            wanted, deadline = set(accepted), time.monotonic() + 60
            while True:
                pages = server.client("s3").get_paginator("list_object_versions").paginate(
                    Bucket="killed", Prefix="out/")
                keys = [f"/killed/{v['Key']}" for page in pages for v in page.get("Versions", [])]
                if wanted <= set(keys) or time.monotonic() > deadline:
                    break
                time.sleep(0.5)
    lost, doubled = len(wanted - set(keys)), len(keys) - len(set(keys))
    return [Row(f"async: {KILLS} x kill -9 under load, {len(accepted):,} acknowledged",
                f"{lost} lost, {doubled} doubled", goal="0 lost, 0 doubled",
                reached=lost == 0 and doubled == 0 and bool(accepted))]


ALL = {"async_ack": acknowledged, "async_end_to_end": end_to_end, "async_killed": killed}
