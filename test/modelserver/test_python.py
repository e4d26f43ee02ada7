"""Python handlers and scikit-learn models."""

import io
import json
import os
import subprocess
import sys
import threading
import time

import joblib
import numpy as np
import pytest
from conftest import find_program
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from wheels import write_wheel

IRIS, KINDS = load_iris(return_X_y=True)


@pytest.fixture
def own_python():
    """The interpreter of these tests, which has numpy and scikit-learn."""
    return {"SLIPWAY_PYTHON": sys.executable, "SAGEMAKER_MODEL_SERVER_WORKERS": "1"}


def write_script(folder, text):
    (folder / "code").mkdir(exist_ok=True)
    (folder / "code" / "inference.py").write_text(text)


def test_a_pickled_scikit_learn_model_needs_no_script(tmp_path, serve, own_python):
    model = LogisticRegression(max_iter=1000).fit(IRIS, KINDS)
    joblib.dump(model, tmp_path / "model.joblib")
    server = serve(tmp_path, image="sagemaker-scikit-learn", env=own_python)
    want = model.predict(IRIS[::30]).tolist()
    rows = IRIS[::30].tolist()
    assert server.ask(rows).json == want
    assert server.ask({"instances": rows}).json == want
    assert server.ask("\n".join(",".join(map(str, row)) for row in rows), "text/csv").json == want
    assert server.ask(",".join(map(str, rows[0])), "text/csv").json == want[:1]
    data = io.BytesIO()
    np.save(data, IRIS[::30])
    answer = server.ask(data.getvalue(), "application/x-npy", "application/x-npy")
    assert np.load(io.BytesIO(answer.body)).tolist() == want
    assert server.ask("x", "image/png").status == 415
    assert server.ask(rows, accept="image/png").status == 406
    assert server.ask("[[1,", "application/json").status == 400


def test_the_four_functions_and_the_context(tmp_path, serve, own_python):
    write_script(tmp_path, '''
import json, os
def model_fn(model_dir, context):
    return {"dir": sorted(os.listdir(model_dir)), "calls": 0}
def input_fn(data, content_type):
    assert isinstance(data, str), type(data)
    return json.loads(data)["x"]
def predict_fn(data, model, context):
    model["calls"] += 1
    return data * 2, model["calls"], context.get_request_header(0, "X-Amzn-SageMaker-Custom-Attributes")
def output_fn(prediction, accept):
    return json.dumps(prediction), "application/x-own"
''')
    server = serve(tmp_path, env=own_python)
    answer = server.ask({"x": 21}, **{"X-Amzn-SageMaker-Custom-Attributes": "trace=7"})
    assert (answer.status, answer.content_type) == (200, "application/x-own")
    assert answer.json == [42, 1, "trace=7"]


def test_transform_fn_and_bytes(tmp_path, serve, own_python):
    write_script(tmp_path, '''
def model_fn(model_dir):
    return "m"
def transform_fn(model, data, content_type, accept):
    return bytes(data)[::-1], accept
''')
    server = serve(tmp_path, env=own_python)
    answer = server.ask(bytes(range(256)) * 4096, "application/octet-stream", "application/octet-stream")
    assert answer.body == bytes(range(255, -1, -1)) * 4096


def test_a_script_written_for_awss_images_finds_their_modules(tmp_path, serve, own_python):
    write_script(tmp_path, '''
from sagemaker_inference import content_types, decoder, encoder
from sagemaker_containers.beta.framework import encoders, worker
def model_fn(model_dir):
    return None
def input_fn(data, content_type):
    return decoder.decode(data, content_type)
def predict_fn(data, model):
    return data + 1
def output_fn(prediction, accept):
    return worker.Response(encoders.encode(prediction, content_types.JSON), accept, mimetype=accept)
''')
    server = serve(tmp_path, env=own_python)
    assert server.ask([[1, 2]]).json == [[2, 3]]


def test_an_exception_is_the_requests_and_a_crash_too(tmp_path, serve, own_python):
    write_script(tmp_path, '''
import os, signal
def model_fn(model_dir):
    return os.getpid()
def transform_fn(model, data, content_type, accept):
    if data == "raise": raise ValueError("no such thing")
    if data == "odd": raise ValueError("a\\ud800b")
    if data == "exit": os._exit(7)
    if data == "kill": os.kill(os.getpid(), signal.SIGKILL)
    return str(model), "text/plain"
''')
    server = serve(tmp_path, env=own_python)
    first = server.ask("x", "text/csv").text
    raised = server.ask("raise", "text/csv")
    assert raised.status == 500 and raised.json["error"] == "ValueError: no such thing"
    assert server.ask("odd", "text/csv").json["error"] == "ValueError: a?b"
    assert server.ask("x", "text/csv").text == first
    for how in ("exit", "kill"):
        assert server.ask(how, "text/csv").status == 500
        again = server.ask("x", "text/csv")
        assert again.status == 200 and again.text != first
    assert server.request("GET", "/ping").status == 200
    assert "no such thing" in server.output()


def test_a_worker_that_dies_is_noticed_though_what_it_started_lives_on(tmp_path, serve, own_python):
    write_script(tmp_path, '''
import os, time
def model_fn(model_dir):
    if os.fork() == 0:  # holds all that the worker had open
        time.sleep(20)
        os._exit(0)
def transform_fn(model, data, content_type, accept):
    if data == "exit": os._exit(7)
    return "ok", "text/plain"
''')
    server = serve(tmp_path, env=own_python)
    started = time.monotonic()
    assert server.ask("exit", "text/csv").status == 500
    assert server.ask("x", "text/csv").text == "ok"
    assert time.monotonic() - started < 10


def test_a_worker_that_hangs_is_replaced(tmp_path, serve, own_python):
    write_script(tmp_path, '''
import time
def model_fn(model_dir):
    return None
def transform_fn(model, data, content_type, accept):
    time.sleep(3600 if data == "hang" else 0)
    return "ok", "text/plain"
''')
    server = serve(tmp_path, env=dict(own_python, SAGEMAKER_MODEL_SERVER_TIMEOUT="1"))
    started = time.monotonic()
    answer = server.ask("hang", "text/csv")
    assert answer.status == 500 and "longer than 1 s" in answer.json["error"]
    assert time.monotonic() - started < 20
    assert server.ask("x", "text/csv").text == "ok"


def test_several_workers_answer_at_once(tmp_path, serve, own_python):
    write_script(tmp_path, '''
import os, time
def model_fn(model_dir):
    return os.getpid()
def transform_fn(model, data, content_type, accept):
    time.sleep(0.2)
    return str(model), "text/plain"
''')
    server = serve(tmp_path, env=dict(own_python, SAGEMAKER_MODEL_SERVER_WORKERS="3"))
    deadline = time.monotonic() + 30
    pids = set()
    while len(pids) < 3 and time.monotonic() < deadline:
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(server.ask("x", "text/csv").text))
                   for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        pids = set(answers)
    assert len(pids) == 3


def test_the_program_and_the_directory_may_be_named(tmp_path, serve, own_python):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "entry.py").write_text(
        'def model_fn(d):\n    return 1\ndef transform_fn(m, d, c, a):\n    return "named"\n')
    server = serve(tmp_path, env=dict(own_python, SAGEMAKER_PROGRAM="entry.py",
                                      SAGEMAKER_SUBMIT_DIRECTORY="/opt/ml/model/src"))
    assert server.ask("{}").text == "named"


@pytest.mark.parametrize("text, words", [
    ("import nosuchmodule\n", "No module named 'nosuchmodule'"),
    ("def model_fn(d):\n    raise RuntimeError('weights are gone')\n", "weights are gone"),
    ("def transform_fn(*a): pass\ndef input_fn(*a): pass\n", "transform_fn and input_fn"),
    ("import os\nos._exit(3)\n", "ended with status 3"),
])
def test_a_script_that_does_not_load_says_why_in_one_line(tmp_path, serve, own_python, text, words):
    write_script(tmp_path, text)
    server = serve(tmp_path, ready=False, env=own_python)
    assert server.wait() is False and server.process.returncode == 1
    last = server.output().strip().splitlines()[-1]
    assert last.startswith("slipway-modelserver: ") and words in last, server.output()


def test_requirements_are_installed_once_from_wheels_beside_them(tmp_path, serve):
    model = tmp_path / "model"
    model.mkdir()
    write_script(model, '''
import sys
import slipway_test_only
def model_fn(model_dir):
    return slipway_test_only.VALUE
def transform_fn(model, data, content_type, accept):
    return f"{model} {sys.prefix}", "text/plain"
''')
    (model / "code" / "requirements.txt").write_text("slipway_test_only==1.5\n")
    write_wheel(model / "code", "slipway_test_only", "1.5", "VALUE = 'from the wheel'\n")
    cache = tmp_path / "venvs"
    env = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
    first = serve(model, env=env, args=["--venv-cache", str(cache)])
    text = first.ask("{}").text
    assert text.startswith("from the wheel ") and str(cache) in text
    started = time.monotonic()
    second = serve(model, env=env, args=["--venv-cache", str(cache)])
    assert second.ask("{}").text == text
    assert time.monotonic() - started < 3
    assert len([name for name in os.listdir(cache) if not name.endswith(".lock")]) == 1
    installed = next(cache.glob("*/lib/python*/site-packages/slipway_test_only.py"))
    installed.write_text("VALUE = 'damaged'\n")
    third = serve(model, env=env, args=["--venv-cache", str(cache)])
    assert third.ask("{}").text == text
    assert "installing them anew" in third.output()


def test_requirements_that_cannot_be_installed_are_quoted(tmp_path, serve):
    model = tmp_path / "model"
    model.mkdir()
    write_script(model, "def model_fn(d): pass\n")
    (model / "code" / "requirements.txt").write_text("slipway-no-such-package==9.9\n")
    server = serve(model, ready=False, args=["--venv-cache", str(tmp_path / "venvs")],
                   env={"PIP_NO_INDEX": "1"})
    assert server.wait() is False and server.process.returncode == 1
    last = server.output().strip().splitlines()[-1]
    assert "could not be installed" in last and "slipway-no-such-package" in last


def run(*arguments, **environment):
    given = {**os.environ, "PIP_NO_INDEX": "1", "SAGEMAKER_MODEL_SERVER_WORKERS": "1", **environment}
    return subprocess.run([find_program(), *map(str, arguments)], env=given, capture_output=True,
                          text=True, cwd=given["HOME"], check=False)


def test_what_a_model_needs_is_planned_installed_elsewhere_and_served_from_there(tmp_path, serve):
    model, at_work = tmp_path / "model", tmp_path / "work"
    at_work.mkdir()
    model.mkdir()
    write_script(model, "import sys, slipway_test_only\n"
                        "def model_fn(d): return slipway_test_only.VALUE\n"
                        "def transform_fn(m, *rest): return f'{m} {sys.prefix}', 'text/plain'\n")
    (model / "code" / "requirements.txt").write_text("slipway_test_only==1.5\n")
    write_wheel(model / "code", "slipway_test_only", "1.5", "VALUE = 'planned'\n")
    said = run("--model-dir", model, "--plan-environment", "plan", HOME=str(at_work), CMAKE_ARGS="-X",
               SAGEMAKER_SUBMIT_DIRECTORY="/opt/ml/model/./code")
    assert said.returncode == 0, said.stderr
    plan = json.loads((at_work / "plan").read_text())
    assert plan["folder"] == str(model / "code") and plan["requirements"] == "requirements.txt"
    assert plan["wheels"] == ["slipway_test_only-1.5-py3-none-any.whl"] and not plan["names_files"]
    assert plan["variables"]["CMAKE_ARGS"] == "-X"
    assert not [name for name in plan["variables"] if name.startswith("SAGEMAKER_")]

    environment = tmp_path / "environment"
    another = json.dumps({**plan, "python": "4.0"})
    said = run("--install-environment", "new", "--environment", environment, "--environment-plan",
               another, HOME=str(at_work))
    assert said.returncode == 1 and "another interpreter" in said.stderr
    said = run("--install-environment", "new", "--environment", environment, "--environment-plan",
               (at_work / "plan").read_text(), HOME=str(at_work))
    assert said.returncode == 0, said.stdout + said.stderr
    (at_work / "new").rename(environment)
    shebang = (environment / "bin" / "slipway_test_only").read_text().splitlines()[0]
    assert shebang.startswith(f"#!{environment}/bin/python")
    compiled = [*environment.glob("lib/*/site-packages/__pycache__/slipway_test_only*.pyc")]
    assert compiled, "an instance cannot write there, and would compile it each time"
    assert not (environment / "bin/pip").exists(), "nothing can be installed there any more"
    server = serve(model, args=["--environment", str(environment)])
    assert server.ask("{}").text == f"planned {environment}"


@pytest.mark.parametrize("requirements", ["-r more.txt", "./package", "a @ file:///x", "-e .", "w/x.whl"])
def test_requirements_that_may_name_files_are_said_to(tmp_path, requirements):
    write_script(tmp_path, "def model_fn(d): pass\n")
    (tmp_path / "code" / "requirements.txt").write_text(f"numpy>=1  # ./not a file\n{requirements}\n")
    said = run("--model-dir", tmp_path, "--plan-environment", "plan", HOME=str(tmp_path))
    assert said.returncode == 0 and json.loads((tmp_path / "plan").read_text())["names_files"]


@pytest.mark.parametrize("value, named", [("/opt/ml/model/code/pip.conf", True), ("/etc/pip.conf", False)])
def test_variables_that_name_files_of_the_model_are_said_to(tmp_path, value, named):
    model, at_work = tmp_path / "model", tmp_path / "work"
    at_work.mkdir()
    model.mkdir()
    write_script(model, "def model_fn(d): pass\n")
    (model / "code" / "requirements.txt").write_text("numpy\n")
    said = run("--model-dir", model, "--plan-environment", "plan", HOME=str(at_work), PIP_CONFIG_FILE=value)
    plan = json.loads((at_work / "plan").read_text())
    assert said.returncode == 0 and plan["names_files"] is named, plan["variables"]


def test_a_model_that_needs_nothing_or_cannot_be_served_has_no_plan(tmp_path):
    for script in (None, "def model_fn(d): pass\n"):
        if script:
            write_script(tmp_path, script)
        said = run("--model-dir", tmp_path, "--plan-environment", "plan", HOME=str(tmp_path))
        assert said.returncode == 0 and not (tmp_path / "plan").exists()
