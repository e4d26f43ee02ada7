"""docs/variables.md, row by row: each variable of AWS's images does what the table says."""

import json
import os
import pickle
import re
import subprocess
import sys
import time

import numpy as np
import pytest
import xgboost
from conftest import ROOT, Server, find_program
from test_python import own_python, write_script  # noqa: F401  pylint: disable=unused-import

IMAGE = "sagemaker-xgboost:1.2-1"
ROW = re.compile(r"\| `([A-Z_*]+)` \| [^|]+ \| (honoured|told|refused|no meaning) \| [^|]+\. \|")
ROWS = [ROW.fullmatch(line).groups() for line in (ROOT / "docs" / "variables.md").read_text().splitlines()
        if line.startswith("| `")]
RECORDS = "1,0\n0,1"


def named(standing):
    return [name for name, here in ROWS if here == standing]


def example(name):
    """A name that a row stands for."""
    return name.replace("*", "NUMBER_OF_NETTY_THREADS")


@pytest.fixture(scope="module")
def boosters():
    data, labels = np.array([[1, 0], [0, 1], [1, 1], [0, 0]] * 5, float), np.array([1, 0, 1, 0] * 5)
    return [xgboost.train({"objective": "binary:logistic", "eta": eta, "min_child_weight": 0},
                          xgboost.DMatrix(data, labels), 3) for eta in (0.3, 0.9)]


@pytest.fixture(scope="module")
def model(tmp_path_factory, boosters):
    folder = tmp_path_factory.mktemp("model")
    (folder / "model.ubj").write_bytes(boosters[0].save_raw("ubj"))
    return folder


def test_the_table_names_each_variable_once_and_each_has_a_test():
    names = [name for name, _ in ROWS]
    assert len(names) == len(set(names)) and len(names) > 40
    assert set(named("honoured")) == set(HONOURED)
    assert set(named("told")) == set(TOLD)
    assert set(named("refused")) == set(REFUSED)


# ---------------------------------------------------------------- refused

# Values that are refused and, where there are some, values that are taken.
REFUSED = {
    "SAGEMAKER_HANDLER": ("my.handler:handle", []), "MMS_DEFAULT_SERVICE_HANDLER": ("my.handler", []),
    "SAGEMAKER_SERVING_MODULE": ("my.module:main", ["sagemaker_xgboost_container.serving:main",
                                                    "sagemaker_sklearn_container.serving:main"]),
    "SAGEMAKER_BASE_DIR": ("/srv/ml", ["/opt/ml"]), "MMS_DECODE_INPUT_REQUEST": ("true", ["false"]),
    "MMS_CONFIG_FILE": ("/opt/ml/model/config.properties", []), "MMS_BLACKLIST_ENV_VARS": ("AWS_.*", []),
    "CA_REPOSITORY_ARN": ("arn:aws:codeartifact:eu-west-1:1:repository/d/r", []),
}


@pytest.mark.parametrize("name", named("refused"))
def test_a_variable_that_would_change_answers_is_refused_by_name(model, serve, name):
    server = serve(model, image=IMAGE, ready=False, env={name: REFUSED[name][0]})
    assert server.wait() is False and server.process.returncode == 1
    assert f"slipway-modelserver: {name} is '{REFUSED[name][0]}'" in server.output()


def test_what_the_images_themselves_have_is_taken(model, serve):
    for at in (0, 1):
        taken = {name: harmless[at] for name, (_, harmless) in REFUSED.items() if len(harmless) > at}
        assert serve(model, image=IMAGE, env=taken).ask(RECORDS, "text/csv").status == 200


@pytest.mark.parametrize("name", ["SAGEMAKER_MODEL_SERVER_WORKERS", "SAGEMAKER_MODEL_SERVER_TIMEOUT",
                                  "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS"])
def test_what_is_no_number_is_refused_by_name(model, serve, name):
    for value in ("many", "0", "-1", "1.5"):
        server = serve(model, image=IMAGE, ready=False, env={name: value})
        assert server.wait() is False and f"{name} is '{value}'" in server.output()


# ---------------------------------------------------------------- no meaning

@pytest.fixture(scope="module")
def tuned(model, tmp_path_factory):
    """Of a server with every variable that has no meaning: what it printed, and what it answered."""
    server = Server(model, tmp_path_factory.mktemp("tuned"), image=IMAGE,
                    env={example(name): "1" for name in named("no meaning")})
    assert server.wait(), server.output()
    answer = server.ask(RECORDS, "text/csv").text
    server.stop()
    return server.output(), answer


@pytest.mark.parametrize("name", named("no meaning"))
def test_a_variable_without_meaning_is_named_once_in_the_log(tuned, name):
    output, _ = tuned
    assert output.count("have no meaning here") == 1
    line = next(line for line in output.splitlines() if "have no meaning here" in line)
    assert len(re.findall(rf"\b{example(name)}\b", line)) == 1


def test_variables_without_meaning_change_no_answer(tuned, model, serve):
    plain = serve(model, image=IMAGE)
    assert plain.ask(RECORDS, "text/csv").text == tuned[1]
    assert "no meaning here" not in plain.output()


# ---------------------------------------------------------------- told

TOLD = {"PYTHONPATH": "/nowhere/first", "OMP_NUM_THREADS": "3", "SAGEMAKER_CONTAINER_LOG_LEVEL": "10",
        "SAGEMAKER_SAFE_PORT_RANGE": "1111-2222", "SAGEMAKER_REGION": "eu-west-7",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "6", "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "4",
        "SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD"}
SCRIPT = '''
import json, os, time
from sagemaker_inference.environment import Environment
def model_fn(model_dir):
    return model_dir
def transform_fn(model, data, content_type, accept):
    if data == "late":
        time.sleep(30)
    if data == "together":
        time.sleep(0.2)
    told = Environment()
    return json.dumps({"environment": dict(os.environ), "pid": os.getpid(), "file": __file__, "model": model,
                       "accept": accept, "level": told.log_level, "ports": told.safe_port_range}), accept
'''


@pytest.fixture(scope="module")
def scripted(tmp_path_factory):
    """A server whose script answers with what it was told."""
    folder = tmp_path_factory.mktemp("scripted")
    (folder / "here").mkdir()
    (folder / "here" / "asked.py").write_text(SCRIPT)
    environment = {"SLIPWAY_PYTHON": sys.executable, **TOLD, "SAGEMAKER_PROGRAM": "asked",
                   "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/here", "SAGEMAKER_MODEL_SERVER_WORKERS": "2",
                   "SAGEMAKER_MODEL_SERVER_TIMEOUT": "3000", "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS": "1",
                   "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "application/x-own", "SM_MODEL_DIR": "/nowhere"}
    server = Server(folder, tmp_path_factory.mktemp("work"), image="sagemaker-scikit-learn", env=environment)
    assert server.wait(), server.output()
    server.model_dir = str(folder)
    yield server
    server.stop()


@pytest.mark.parametrize("name", named("told"))
def test_the_models_code_is_told(scripted, name):
    answer = scripted.ask("x", "text/csv").json
    assert answer["environment"][name] == TOLD[name]
    assert answer["level"] == 10 and answer["ports"] == "1111-2222"
    assert name not in scripted.output()


# ---------------------------------------------------------------- honoured

def a_line_for_each_record(model, serve, **_):
    answer = lambda **env: serve(model, image=IMAGE, env=env).ask(RECORDS, "text/csv").text
    plain, batch = answer(), answer(SAGEMAKER_BATCH="1")
    assert len(plain.splitlines()) == 1 and batch == plain.replace(",", "\n") + "\n"


def selected(model, serve, **_):
    server = serve(model, image=IMAGE, env={"SAGEMAKER_INFERENCE_OUTPUT": "predicted_label,nonsense"})
    assert server.ask(RECORDS, "text/csv").text == "1,nan\n0,nan"


@pytest.mark.parametrize("file, content", [("code/inference.py", b"def model_fn(d): pass\ndef transform_fn(*_): return 'x', 'a/b'"),
                                           ("model.pkl", pickle.dumps([1]))])
def test_nothing_is_selected_where_the_model_is_no_booster(tmp_path, serve, own_python, file, content):  # noqa: F811
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_bytes(content)
    server = serve(tmp_path, image=IMAGE, ready=False,
                   env={**own_python, "SAGEMAKER_INFERENCE_OUTPUT": "predicted_label"})
    assert server.wait() is (file != "model.pkl")
    assert "SAGEMAKER_INFERENCE_OUTPUT" in server.output()


def together_or_the_first(boosters, serve, tmp_path, **_):
    for at, booster in enumerate(boosters):
        (tmp_path / f"xgboost-model-{at}").write_bytes(booster.save_raw("ubj"))
    data = xgboost.DMatrix(np.array([[1, 0], [0, 1]], float))
    each = [booster.predict(data) for booster in boosters]
    for value, want in ((None, np.mean(each, axis=0)), ("true", np.mean(each, axis=0)), ("false", each[0]),
                        ("True", each[0])):
        env = {} if value is None else {"SAGEMAKER_INFERENCE_ENSEMBLE": value}
        got = serve(tmp_path, image=IMAGE, env=env).ask(RECORDS, "text/csv").text
        np.testing.assert_allclose([float(x) for x in got.split(",")], want, rtol=1e-6)


def answered_unasked(model, serve, scripted, **_):
    name = "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"
    assert serve(model, image=IMAGE, env={name: "application/json"}).ask(
        RECORDS, "text/csv").content_type == "application/json"
    other = serve(model, image=IMAGE, env={name: "image/png"}, ready=False)
    assert other.wait() is False and name in other.output()
    answer = scripted.ask("x", "text/csv")
    assert answer.content_type == "application/x-own" and answer.json["accept"] == "application/x-own"


def many_models(model, serve, **_):
    server = serve(model, image=IMAGE, env={"SAGEMAKER_MULTI_MODEL": "true"})
    assert server.request("GET", "/models").json == {"models": []}


def a_port(model, tmp_path, **_):
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen([find_program(), "serve", "--listen", "127.0.0.1", "--model-dir", model],
                                   env=dict(os.environ, SAGEMAKER_BIND_TO_PORT="0", SLIPWAY_IMAGE=IMAGE),
                                   stdout=log, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 30
    while b"listening" not in (tmp_path / "log").read_bytes() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.terminate()
    process.wait(30)
    line = next(line for line in (tmp_path / "log").read_text().splitlines() if "listening" in line)
    port = int(re.search(r"127\.0\.0\.1:(\d+)", line).group(1))
    assert port not in (0, 8080)


def the_script(scripted, **_):
    assert scripted.ask("x", "text/csv").json["file"] == os.path.join(scripted.model_dir, "here", "asked.py")


def so_many_workers(scripted, **_):
    import concurrent.futures
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        deadline, pids = time.monotonic() + 30, set()
        while len(pids) < 2 and time.monotonic() < deadline:
            pids |= {json.loads(answer.body)["pid"] for answer in pool.map(
                lambda _: scripted.ask("together", "text/csv"), range(4))}
    assert len(pids) == 2


def the_seconds_that_count(scripted, **_):
    answer = scripted.ask("late", "text/csv")
    assert answer.status == 500 and "longer than 1 s" in answer.json["error"]


def seconds_alone(tmp_path, serve, own_python, **_):  # noqa: F811
    write_script(tmp_path, "import time\ndef model_fn(d): pass\ndef transform_fn(*_): time.sleep(30)")
    server = serve(tmp_path, env={**own_python, "SAGEMAKER_MODEL_SERVER_TIMEOUT": "1"})
    answer = server.ask("x", "text/csv")
    assert answer.status == 500 and "longer than 1 s" in answer.json["error"]


def the_models_folder(scripted, **_):
    answer = scripted.ask("x", "text/csv").json
    assert answer["environment"]["SM_MODEL_DIR"] == answer["model"] == scripted.model_dir


HONOURED = {
    "SAGEMAKER_BATCH": a_line_for_each_record, "SAGEMAKER_INFERENCE_OUTPUT": selected,
    "SAGEMAKER_INFERENCE_ENSEMBLE": together_or_the_first,
    "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": answered_unasked, "SAGEMAKER_MULTI_MODEL": many_models,
    "SAGEMAKER_BIND_TO_PORT": a_port, "SAGEMAKER_PROGRAM": the_script, "SAGEMAKER_SUBMIT_DIRECTORY": the_script,
    "SAGEMAKER_MODEL_SERVER_WORKERS": so_many_workers, "SAGEMAKER_MODEL_SERVER_TIMEOUT": seconds_alone,
    "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS": the_seconds_that_count, "SM_MODEL_DIR": the_models_folder,
}


@pytest.mark.parametrize("name", named("honoured"))
def test_a_variable_is_honoured(model, boosters, serve, scripted, own_python, tmp_path, name):  # noqa: F811
    HONOURED[name](model=model, boosters=boosters, serve=serve, scripted=scripted, own_python=own_python,
                   tmp_path=tmp_path)
