"""Multi-model endpoints: AWS's multi-model contract (hosting-contract section 6), seen by clients."""
import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from botocore.exceptions import ClientError
from conftest import REGISTRY, ROLE, ROOT, Clients
from make_model import mlp, tar_gz
from models import csv
from server import Server
from test_boto3 import NEAR, error_of, numbers
from wheels import wheel

CONTAINER = pathlib.Path(__file__).parent / "containers/multi_model.py"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that also knows the container of our own as an image."""
    server = Server(tmp_path_factory.mktemp("server"), "--program", f"own-container={CONTAINER}")
    server.start()
    yield server
    assert server.stop() == 0, f"the server did not end cleanly:\n{server.log_tail()}"


@pytest.fixture(scope="module")
def aws(server):
    return Clients(server)


class MultiModel:
    """A multi-model endpoint of one name."""

    def __init__(self, aws, name, image="slipway-inference:latest", instances=1, environment=None,
                 cache=None):
        self.aws, self.name = aws, name
        aws.s3.create_bucket(Bucket=name)
        container = {"Image": f"{REGISTRY}/{image}", "Mode": "MultiModel",
                     "ModelDataUrl": f"s3://{name}/models/"}
        if cache:
            container["MultiModelConfig"] = {"ModelCacheSetting": cache}
        if environment:
            container["Environment"] = environment
        aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
        aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
            {"VariantName": "all", "ModelName": name, "InstanceType": "ml.m5.large",
             "InitialInstanceCount": instances}])
        aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        aws.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)

    def put(self, target, files):
        self.aws.s3.put_object(Bucket=self.name, Key=f"models/{target}", Body=tar_gz(files))

    def put_own(self, target, **files):
        self.put(target, {name: str(value).encode() for name, value in files.items()})

    def invoke(self, target, body, content_type="text/csv", **more):
        if target is not None:
            more["TargetModel"] = target
        answer = self.aws.runtime.invoke_endpoint(
            EndpointName=self.name, Body=body, ContentType=content_type, **more)
        return answer["Body"].read()

    def ask(self, target, number=1, **more):
        """Of the container of our own: what it answers."""
        return json.loads(self.invoke(target, str(number), **more))


@pytest.fixture
def make(aws, name):
    made = []

    def make(**more):
        made.append(MultiModel(aws, name, **more))
        return made[-1]

    yield make
    for endpoint in made:
        aws.sagemaker.delete_endpoint(EndpointName=endpoint.name)


def test_each_request_is_answered_by_the_model_that_it_names(make, models):
    """Section 6: S3 path = ModelDataUrl prefix + TargetModel. Numbers as onnxruntime has them."""
    endpoint = make()
    for seed in (1, 2, 3):
        endpoint.put(f"m{seed}.tar.gz", {"model.onnx": mlp(seed)})
    for seed in (1, 2, 3, 2, 1):
        answer = numbers(endpoint.invoke(f"m{seed}.tar.gz", csv(models.records)))
        np.testing.assert_allclose(answer, models.mlp_answer(models.records, seed), **NEAR)


def test_every_kind_of_model_can_stand_beside_the_others(make, models):
    endpoint = make()
    endpoint.aws.s3.put_object(Bucket=endpoint.name, Key="models/tree.tar.gz",
                               Body=models.xgboost_archive("json"))
    endpoint.aws.s3.put_object(Bucket=endpoint.name, Key="models/code.tar.gz",
                               Body=models.handler_archive)
    endpoint.put("net.tar.gz", {"model.onnx": mlp(4)})
    trees = numbers(endpoint.invoke("tree.tar.gz", csv(models.cancer_rows)))
    np.testing.assert_allclose(trees.ravel(), models.xgboost_answer(), **NEAR)
    assert json.loads(endpoint.invoke("code.tar.gz", "[2]", "application/json")) == {"scaled": [5.0]}
    np.testing.assert_allclose(numbers(endpoint.invoke("net.tar.gz", csv(models.records[0]))),
                               models.mlp_answer(models.records[0], 4), **NEAR)


def test_a_body_too_large_for_a_frame_goes_by_http(make, models):
    endpoint = make()
    endpoint.put("m.tar.gz", {"model.onnx": mlp(5)})
    records = np.tile(models.records, (40, 1))
    answer = numbers(endpoint.invoke("m.tar.gz", csv(records)))
    np.testing.assert_allclose(answer, models.mlp_answer(records, 5), **NEAR)


def test_a_request_without_target_model_is_a_validation_error(make):
    """Section 3: ValidationError 400."""
    with pytest.raises(ClientError) as caught:
        make().invoke(None, "1")
    assert error_of(caught) == ("ValidationError", 400)
    assert "is missing a target model header" in str(caught.value)


def test_a_target_model_on_an_endpoint_of_one_model_is_a_validation_error(deployment, models):
    deployment.deploy(models.mlp_archive)
    with pytest.raises(ClientError) as caught:
        deployment.invoke("1", TargetModel="m.tar.gz")
    assert error_of(caught) == ("ValidationError", 400)
    assert (f"Endpoint {deployment.name} is not a multi-model endpoint and does not support target "
            "model header.") in str(caught.value)


def test_a_target_model_that_is_not_there_is_a_validation_error_until_it_is(make, models):
    endpoint = make()
    with pytest.raises(ClientError) as caught:
        endpoint.invoke("later.tar.gz", csv(models.records[0]))
    assert error_of(caught) == ("ValidationError", 400)
    assert (f"Failed to download model data(bucket: {endpoint.name}, key: models/later.tar.gz)"
            in str(caught.value))
    endpoint.put("later.tar.gz", {"model.onnx": mlp()})
    assert endpoint.invoke("later.tar.gz", csv(models.records[0]))


def test_an_object_that_is_no_archive_is_a_validation_error(make):
    endpoint = make()
    endpoint.aws.s3.put_object(Bucket=endpoint.name, Key="models/broken.tar.gz", Body=b"no archive")
    with pytest.raises(ClientError) as caught:
        endpoint.invoke("broken.tar.gz", "1")
    assert error_of(caught) == ("ValidationError", 400)


def test_an_archive_without_a_model_is_a_model_error_with_the_containers_words(make):
    endpoint = make()
    endpoint.put("empty.tar.gz", {"readme.txt": b"nothing"})
    with pytest.raises(ClientError) as caught:
        endpoint.invoke("empty.tar.gz", "1")
    assert error_of(caught) == ("ModelError", 424)
    assert "has no model" in caught.value.response["OriginalMessage"]


@pytest.mark.parametrize("length, refused", [(1024, False), (1025, True)])
def test_target_model_has_at_most_1024_characters(make, length, refused):
    """Section 2: Target-Model 1-1024."""
    with pytest.raises(ClientError) as caught:
        make().invoke("m" * length, "1")
    assert error_of(caught) == ("ValidationError", 400)
    assert ("length less than or equal to 1024" in str(caught.value)) == refused


# ---- a container of one's own ----------------------------------------------------------------------


def test_a_container_of_ones_own_sees_the_contract(make):
    """Section 6: model_name is opaque, NOT the TargetModel; the url is where the model lies; the
    invocation carries Target-Model and Custom-Attributes; SAGEMAKER_MULTI_MODEL is set."""
    endpoint = make(image="own-container:1")
    endpoint.put_own("double.tar.gz", scale=2)
    seen = endpoint.ask("double.tar.gz", 21, CustomAttributes="colour=blue")
    assert seen["scaled"] == 42
    assert "double" not in seen["model_name"] and pathlib.Path(seen["url"], "scale").read_text() == "2"
    assert seen["target"] == "double.tar.gz" and seen["attributes"] == "colour=blue"
    assert seen["multi"] == "true"


def test_first_requests_for_one_model_share_one_load(make):
    endpoint = make(image="own-container:1")
    endpoint.put_own("slow.tar.gz", slow=0.5)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: endpoint.ask("slow.tar.gz"), range(8)))
    assert all(len([line for line in a["log"] if line.startswith("load")]) == 1 for a in answers)


def test_507_unloads_the_least_recently_used_and_loads_again(make):
    """Section 6: 507 no memory -> platform unloads others and retries."""
    endpoint = make(image="own-container:1")
    for name in "abc":
        endpoint.put_own(name, memory=4, scale=3)
    a, b = endpoint.ask("a")["model_name"], endpoint.ask("b")["model_name"]
    endpoint.ask("a")
    seen = endpoint.ask("c", 2)
    assert seen["scaled"] == 6
    assert f"unload {b}" in seen["log"] and f"unload {a}" not in seen["log"]


def test_507_for_ever_is_a_model_error_and_the_endpoint_goes_on(make):
    """Section 6: 507; section 3: ModelError 424."""
    endpoint = make(image="own-container:1")
    endpoint.put_own("small.tar.gz", scale=1)
    endpoint.put_own("huge.tar.gz", memory=11)
    endpoint.ask("small.tar.gz")
    with pytest.raises(ClientError) as caught:
        endpoint.ask("huge.tar.gz")
    assert error_of(caught) == ("ModelError", 424)
    assert caught.value.response["OriginalStatusCode"] == 507
    assert endpoint.ask("small.tar.gz")["scaled"] == 1


def test_a_refused_load_is_a_model_error_with_the_containers_status(make):
    endpoint = make(image="own-container:1")
    endpoint.put_own("no.tar.gz", refuse=1)
    with pytest.raises(ClientError) as caught:
        endpoint.ask("no.tar.gz")
    assert error_of(caught) == ("ModelError", 424)
    assert caught.value.response["OriginalStatusCode"] == 500
    assert "this model is refused" in caught.value.response["OriginalMessage"]


def test_a_model_that_the_container_lost_is_loaded_once_more(make):
    """Section 6: POST /models/{m}/invoke -> 404."""
    endpoint = make(image="own-container:1")
    endpoint.put_own("lost.tar.gz", forget=1, scale=5)
    endpoint.ask("lost.tar.gz")
    seen = endpoint.ask("lost.tar.gz")
    assert seen["scaled"] == 5 and seen["log"].count(f"load {seen['model_name']}") == 2


def test_a_bounded_instance_holds_no_more_than_it_may(make):
    endpoint = make(image="own-container:1", environment={"SLIPWAY_LOADED_MODELS_MAX": "3"})
    for i in range(8):
        endpoint.put_own(f"m{i}.tar.gz", scale=i)
    for i in (0, 1, 2, 3, 4, 5, 6, 7, 0, 3):
        seen = endpoint.ask(f"m{i}.tar.gz", 2)
        assert seen["scaled"] == 2 * i and seen["loaded"] <= 3


def test_with_caching_disabled_a_model_goes_right_after_use_from_disk_too(make):
    """Section 6: ModelCacheSetting Disabled = unload and delete right after use."""
    endpoint = make(image="own-container:1", cache="Disabled")
    endpoint.put_own("once.tar.gz", scale=2)
    endpoint.put_own("other.tar.gz", scale=3)
    seen = endpoint.ask("once.tar.gz")
    deadline = time.monotonic() + 10
    while pathlib.Path(seen["url"]).exists():
        assert time.monotonic() < deadline, "the files stayed"
        time.sleep(0.05)
    other = endpoint.ask("other.tar.gz")
    assert f"unload {seen['model_name']}" in other["log"] and other["loaded"] == 1
    assert endpoint.ask("once.tar.gz")["scaled"] == 2


def test_a_replaced_object_is_seen_once_the_kept_files_are_not(make):
    """AWS keeps what it has under an unchanged TargetModel; a new version takes a new name."""
    endpoint = make(image="own-container:1")
    endpoint.put_own("v.tar.gz", scale=2)
    assert endpoint.ask("v.tar.gz")["scaled"] == 2
    endpoint.put_own("v.tar.gz", scale=9)
    assert endpoint.ask("v.tar.gz")["scaled"] == 2
    endpoint.put_own("v2.tar.gz", scale=9)
    assert endpoint.ask("v2.tar.gz")["scaled"] == 9


def test_a_model_stays_with_the_instance_that_has_it(make):
    """Section 6: models stick to the instance that has them."""
    endpoint = make(image="own-container:1", instances=3)
    for i in range(6):
        endpoint.put_own(f"m{i}.tar.gz", scale=i)
    where = {i: {endpoint.ask(f"m{i}.tar.gz")["instance"] for _ in range(5)} for i in range(6)}
    assert all(len(instances) == 1 for instances in where.values())
    assert len(set.union(*where.values())) > 1, "all models stand on one of three instances"


def test_a_hot_model_spreads_to_further_instances(make):
    """Section 6: hot models spread."""
    endpoint = make(image="slipway-inference:latest", instances=2)
    endpoint.put("hot.tar.gz", {"code/inference.py": b"""
import os, time
def model_fn(folder): return None
def input_fn(body, content_type): return None
def predict_fn(data, model): time.sleep(0.1); return os.environ["HOME"]
def output_fn(answer, accept): return str(answer), "text/plain"
"""})
    endpoint.invoke("hot.tar.gz", "1")
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        answers = set(pool.map(lambda _: endpoint.invoke("hot.tar.gz", "1"), range(160)))
    assert len(answers) == 2


ASKS_ITS_PACKAGE = b"""
import json, os, own_words
def model_fn(folder): return {"word": own_words.WORD, "file": own_words.__file__, "home": os.environ["HOME"]}
def transform_fn(model, data, content_type, accept): return json.dumps(model), "application/json"
"""


def with_package(version):
    name, built = wheel("own_words", version, f"WORD = 'version {version}'\n")
    return {"code/inference.py": ASKS_ITS_PACKAGE, f"code/{name}": built,
            "code/requirements.txt": f"own_words=={version}\n".encode()}


@pytest.mark.slow
def test_models_of_one_endpoint_have_packages_of_their_own(make):
    """Two versions of one package side by side; what two models ask for alike is installed once, in the
    instance's own directory."""
    endpoint = make(environment={"PIP_NO_INDEX": "1"})
    for target, version in (("a", "1.0"), ("b", "2.0"), ("c", "1.0")):
        endpoint.put(f"{target}.tar.gz", with_package(version))
    a, b, c = (json.loads(endpoint.invoke(f"{target}.tar.gz", "x")) for target in "abc")
    assert (a["word"], b["word"]) == ("version 1.0", "version 2.0")
    assert a == c and a["file"] != b["file"]
    assert a["file"].startswith(a["home"]) and b["file"].startswith(a["home"])
    endpoint.put("d.tar.gz", {**with_package("3.0"), "code/requirements.txt": b"own_words==9\n"})
    with pytest.raises(ClientError, match="No matching distribution found for own_words==9"):
        endpoint.invoke("d.tar.gz", "x")


@pytest.mark.slow
def test_a_load_over_60_seconds_is_not_ready_and_goes_on(make, aws):
    """Section 6: over 60 s -> ModelNotReadyException (429, section 3) and loading goes on."""
    endpoint = make(image="own-container:1")
    endpoint.put_own("slow.tar.gz", slow=63, scale=4)
    runtime = aws.client("sagemaker-runtime", read_timeout=90)
    started = time.monotonic()
    with pytest.raises(ClientError) as caught:
        runtime.invoke_endpoint(EndpointName=endpoint.name, TargetModel="slow.tar.gz", Body=b"2")
    assert error_of(caught) == ("ModelNotReadyException", 429)
    assert 59 < time.monotonic() - started < 62
    seen = json.loads(runtime.invoke_endpoint(
        EndpointName=endpoint.name, TargetModel="slow.tar.gz", Body=b"2")["Body"].read())
    assert seen["scaled"] == 8 and seen["log"] == [f"load {seen['model_name']}"]


def processes_in(folder):
    """An instance knows its processes by other numbers than this machine does."""
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(entry / "cwd") == folder:
                yield int(entry.name)
        except OSError:
            continue  # it ended


def test_an_instance_that_dies_is_replaced_and_its_models_are_loaded_anew(make):
    endpoint = make(image="own-container:1")
    endpoint.put_own("m.tar.gz", scale=2)
    first = endpoint.ask("m.tar.gz")["instance"]
    for process in processes_in(first):
        os.kill(process, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while True:
        try:
            seen = endpoint.ask("m.tar.gz", 3)
        except ClientError:  # the request that met the dying instance
            assert time.monotonic() < deadline
            time.sleep(0.1)
            continue
        if seen["instance"] != first:
            break
    assert seen["scaled"] == 6


def test_a_server_after_kill_9_knows_what_its_instances_have_loaded(tmp_path):
    """Section 6: GET /models with next_page_token (one model on each page here)."""
    server = Server(tmp_path / "server", "--program", f"own-container={CONTAINER}").start()
    try:
        endpoint = MultiModel(Clients(server), "kept", image="own-container:1")
        for i in range(4):
            endpoint.put_own(f"m{i}.tar.gz", scale=i)
            before = endpoint.ask(f"m{i}.tar.gz")
        server.kill()
        server.start()
        endpoint.aws = Clients(server)
        for i in range(4):
            after = endpoint.ask(f"m{i}.tar.gz", 2)
            assert after["instance"] == before["instance"] and after["scaled"] == 2 * i
        assert after["log"] == before["log"], "a model was loaded again"
    finally:
        server.stop()


def test_describe_model_says_mode_and_cache_setting(make, aws):
    endpoint = make(cache="Disabled")
    container = aws.sagemaker.describe_model(ModelName=endpoint.name)["PrimaryContainer"]
    assert container["Mode"] == "MultiModel"
    assert container["MultiModelConfig"] == {"ModelCacheSetting": "Disabled"}


def test_the_example_runs(server):
    done = subprocess.run([sys.executable, ROOT / "examples/ways/multi_model.py"], timeout=120,
                          env=server.process_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "agrees with onnxruntime" in done.stdout


SDK_PROGRAM = """
import json, sys
import boto3
import sagemaker
from sagemaker.multidatamodel import MultiDataModel
from sagemaker.deserializers import JSONDeserializer
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer

name, image, first, second = sys.argv[1:]
bucket = f"{name[-20:]}-models".lstrip("-")
boto3.client("s3").create_bucket(Bucket=bucket)
# Given a default bucket that is not the models', it asks STS for nothing.
session = sagemaker.Session(boto3.Session(), default_bucket=f"{bucket}-other")
models = MultiDataModel(name=name, model_data_prefix=f"s3://{bucket}/{name}/", image_uri=image,
                        role="arn:aws:iam::000000000000:role/tests", sagemaker_session=session,
                        predictor_cls=Predictor)
predictor = models.deploy(1, "ml.m5.large", serializer=CSVSerializer(),
                          deserializer=JSONDeserializer())
models.add_model(first, "first.tar.gz")
models.add_model(second, "second.tar.gz")
assert sorted(models.list_models()) == ["first.tar.gz", "second.tar.gz"], list(models.list_models())
row = [0.5] * 128
print(json.dumps([predictor.predict(row, target_model=m) for m in models.list_models()]))
predictor.delete_endpoint()
"""


@pytest.mark.skipif(not os.environ.get("SLIPWAY_SAGEMAKER2"), reason="no SageMaker SDK here")
def test_the_sagemaker_sdks_multidatamodel_works_unmodified(server, models, tmp_path, name):
    archives = []
    for seed in (1, 2):
        archives.append(tmp_path / f"{seed}.tar.gz")
        archives[-1].write_bytes(tar_gz({"model.onnx": mlp(seed)}))
    python = pathlib.Path(os.environ["SLIPWAY_SAGEMAKER2"]) / "bin/python"
    done = subprocess.run([python, "-c", SDK_PROGRAM, name, f"{REGISTRY}/slipway-inference:latest",
                           *archives], env=server.process_environment(), timeout=200,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    answers = json.loads(done.stdout.strip().splitlines()[-1].lstrip("-*!"))
    row = np.full(128, 0.5, dtype=np.float32)
    for seed, answer in zip((1, 2), answers):
        np.testing.assert_allclose(np.ravel(answer["predictions"]),
                                   models.mlp_answer(row, seed).ravel(), **NEAR)


@pytest.mark.parametrize("data", [None, "models/one.tar.gz", "models/one", "none.tar.gz"])
def test_models_that_stand_nowhere_or_in_one_object_are_refused(aws, name, data):
    """ModelDataUrl is "the prefix in Amazon S3 where the model artifacts are located"."""
    aws.s3.create_bucket(Bucket=name)
    for key in ("models/one.tar.gz", "models/one"):
        aws.s3.put_object(Bucket=name, Key=key, Body=b"x")
    container = {"Image": f"{REGISTRY}/slipway-inference:latest", "Mode": "MultiModel"}
    if data:
        container["ModelDataUrl"] = f"s3://{name}/{data}"
    with pytest.raises(ClientError) as caught:
        aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    assert error_of(caught) == ("ValidationException", 400)
