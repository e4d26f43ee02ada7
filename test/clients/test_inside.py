"""What a running server shows of its inside: the access log, its pages for the root, `slipway why`."""
import json
import pathlib
import subprocess
import time
import urllib.error

import boto3
import botocore.exceptions
import pytest
from conftest import REGISTRY, ROLE, Clients
from server import Server, binary


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A server that keeps an access log."""
    folder = tmp_path_factory.mktemp("watched")
    server = Server(folder, "--access-log", str(folder / "access.log"))
    server.start()
    yield server
    assert server.stop() == 0, f"the server did not end cleanly:\n{server.log_tail()}"


@pytest.fixture
def clients(watched):
    return Clients(watched)


def access_line(server, request_id):
    """The line of that request; it is written soon after the answer."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for line in (server.folder / "access.log").read_text().splitlines():
            if (found := json.loads(line)).get("id") == request_id:
                return found
        time.sleep(0.02)
    raise AssertionError(f"no line of {request_id}:\n{(server.folder / 'access.log').read_text()}")


def test_each_request_has_a_line_with_the_id_that_its_client_got(watched, clients, name):
    answer = clients.sts.get_caller_identity()
    line = access_line(watched, answer["ResponseMetadata"]["RequestId"])
    assert (line["service"], line["operation"], line["status"]) == ("sts", "GetCallerIdentity", 200)
    assert line["principal"] == "arn:aws:iam::000000000000:root"
    assert line["client"].startswith("127.0.0.1:")
    assert line["bytes_in"] > 0 and line["bytes_out"] > 0 and line["duration_us"] > 0

    clients.s3.create_bucket(Bucket=name)
    put = clients.s3.put_object(Bucket=name, Key="k", Body=b"x" * 200_000)
    line = access_line(watched, put["ResponseMetadata"]["RequestId"])
    assert (line["operation"], line["method"]) == ("PutObject", "PUT")
    assert 200_000 <= line["bytes_in"] < 201_000, "the body came in blocks"
    got = clients.s3.get_object(Bucket=name, Key="k")
    assert len(got["Body"].read()) == 200_000
    assert access_line(watched, got["ResponseMetadata"]["RequestId"])["bytes_out"] == 200_000


def test_refused_requests_have_their_line_and_no_secret_is_ever_written(watched, clients):
    keys = clients.environment
    wrong = boto3.client("s3", endpoint_url=keys["AWS_ENDPOINT_URL"], region_name="us-east-1",
                         aws_access_key_id=keys["AWS_ACCESS_KEY_ID"], aws_secret_access_key="wrong")
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        wrong.list_buckets()
    line = access_line(watched, refused.value.response["ResponseMetadata"]["RequestId"])
    assert (line["operation"], line["status"], line["principal"]) == ("ListBuckets", 403, "")
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        clients.sagemaker.describe_model(ModelName="none")
    assert access_line(watched, refused.value.response["ResponseMetadata"]["RequestId"])["status"] == 400
    text = (watched.folder / "access.log").read_text()
    for secret in (keys["AWS_SECRET_ACCESS_KEY"], "Signature", "AWS4-HMAC"):
        assert secret not in text


def test_log_levels_are_changed_while_it_runs_by_room(watched):
    assert watched.page("/_slipway/log-level")["levels"]["fleet"] == "info"
    levels = watched.page("/_slipway/log-level?level=debug&room=fleet", "PUT")["levels"]
    assert (levels["fleet"], levels["net"]) == ("debug", "info")
    watched.wait_for_log("log levels were changed")
    assert watched.page("/_slipway/log-level")["levels"] == levels
    for query in ("level=loud", "room=fleet", "level=info&room=kitchen", "level=info&room=modelserver"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            watched.page(f"/_slipway/log-level?{query}", "PUT")
        assert refused.value.code == 400
    with pytest.raises(urllib.error.HTTPError) as refused:
        watched.page("/_slipway/fleets", "PUT")
    assert refused.value.code == 405
    levels = watched.page("/_slipway/log-level?level=info", "PUT")["levels"]
    assert set(levels.values()) == {"info"}


def test_threads_and_reconcilers_show_what_waits(watched):
    watched.page("/_slipway/fleets")  # a worker answers it, and waits for more a while
    threads = watched.page("/_slipway/threads")["threads"]
    by_name = {thread["thread"]: thread for thread in threads}
    assert {"io-0", "bulk-loop", "control", "store-writer", "engine", "place"} <= by_name.keys()
    assert all(thread["processor_ms"] >= 0 for thread in threads)
    assert by_name["control"]["waiting"] == 0 and "waiting" in by_name["store-writer"]
    reconcilers = {each["reconciler"]: each for each in watched.page("/_slipway/reconcilers")["reconcilers"]}
    assert reconcilers["fleet"]["failing"] == 0 and reconcilers["fleet"]["first_failing"] == []
    assert {"known", "woken", "timed", "awaiting"} <= reconcilers["fleet"].keys()


def sleeps(server, *names):
    """How often those threads of the server went to sleep so far."""
    count = 0
    for task in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir():
        if (task / "comm").read_text().strip() in names:
            status = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines())
            count += int(status["voluntary_ctxt_switches"])
    return count


def threads_beside_loops(server):
    names = [(task / "comm").read_text().strip()
             for task in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir()]
    loops = [name for name in names if name.startswith("io-")]
    assert loops, names
    return sorted(set(names) - set(loops)), len(names) - len(loops)


def test_while_nobody_waits_and_nothing_runs_nothing_wakes(tmp_path):
    server = Server(tmp_path / "idle")
    server.start()
    deadline, woken = time.monotonic() + 15, 100
    while woken > 3 and time.monotonic() < deadline:  # what belongs to its start comes to rest
        before = sleeps(server, "bulk-loop", "place")
        time.sleep(1)
        woken = sleeps(server, "bulk-loop", "place") - before
    deadline = time.monotonic() + 15
    names, count = threads_beside_loops(server)
    while count > 8 and time.monotonic() < deadline:  # workers end when they had nothing to do
        time.sleep(1)
        names, count = threads_beside_loops(server)
    assert server.stop() == 0
    assert count <= 8 and "containers" not in names, names
    assert before > 0 and woken <= 3, "they wake though there is nothing to look at"


def test_why_tells_what_became_of_an_endpoint_and_what_is_not_known(watched, clients, name):
    sagemaker = clients.sagemaker
    clients.s3.create_bucket(Bucket=name)
    clients.s3.put_object(Bucket=name, Key="none.tar.gz", Body=b"no archive")
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={
        "Image": f"{REGISTRY}/slipway-inference:latest", "ModelDataUrl": f"s3://{name}/none.tar.gz"})
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
        {"VariantName": "all", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    with pytest.raises(botocore.exceptions.WaiterError):
        sagemaker.get_waiter("endpoint_in_service").wait(
            EndpointName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 50})
    (fleet,) = (each for each in watched.page("/_slipway/fleets")["fleets"]
                if each["fleet"] == f"000000000000/us-east-1/{name}")
    assert fleet["state"] == "failed" and "none.tar.gz" in fleet["reason"] and fleet["instances"] == []

    def why(*arguments):
        return subprocess.run([binary(), "why", *arguments, "--data", watched.data, "--endpoint", watched.url],
                              capture_output=True, text=True)

    told = why(name)
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert lines[0] == f"000000000000/us-east-1/{name}: failed"
    assert any("is wanted, and is brought up." in line for line in lines)
    assert "is given up: The model artifact" in lines[-1] and "T" in lines[-1].split()[0]
    page = json.loads(why(name, "--output", "json").stdout)
    assert page["fleets"][0]["decisions"][-1]["text"] in lines[-1]

    sagemaker.delete_endpoint(EndpointName=name)
    deadline = time.monotonic() + 15
    while "it is removed" not in (told := why(name)).stdout:
        assert time.monotonic() < deadline, told
        time.sleep(0.05)
    unknown = why(f"{name}-other")
    assert unknown.returncode == 3 and f"Nothing is known of '{name}-other'" in unknown.stderr
