"""`slipway` as a person types it: deploy, invoke, status, logs, rm, ops, doctor."""
import contextlib
import json
import os
import pathlib
import pty
import re
import subprocess
import sys

import numpy as np
import pytest
from make_model import mlp
from models import csv
from server import binary
from wheels import write_wheel

OK, FAILED, USAGE, NOT_FOUND = 0, 1, 2, 3


@pytest.fixture
def slipway(server):
    environment = server.process_environment()

    def run(*arguments, expect=OK, stdin=None):
        done = subprocess.run([binary(), *map(str, arguments)], input=stdin, capture_output=True,
                              text=True, env=environment, timeout=120)
        assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done
    run.environment = environment
    return run


@pytest.fixture
def deployed(slipway, models, tmp_path, name):
    (tmp_path / "model.onnx").write_bytes(mlp())
    slipway("deploy", tmp_path / "model.onnx", "--name", name)
    yield name
    slipway("rm", name, expect=OK)


def test_a_model_is_deployed_asked_and_removed(slipway, deployed, models):
    record = models.records[0]
    answer = slipway("invoke", deployed, "--content-type", "text/csv", "--accept", "text/csv",
                     "--input", "-", stdin=csv(record)).stdout
    np.testing.assert_allclose(
        np.array(answer.strip().split(","), dtype=float), models.mlp_answer(record).ravel(),
        rtol=1e-4, atol=1e-5)


def hints(said):
    """The commands and the Python that `slipway deploy` prints: [slipway ...], [aws ...], python."""
    blocks = [block for block in said.split("\n\n") if block.startswith("  ")]
    return [block.replace("\n  ", "\n").strip() for block in blocks]


@pytest.mark.parametrize("kind", ["onnx", "xgboost", "sklearn archive", "xgboost archive"])
def test_what_deploy_prints_can_be_pasted_and_fits_the_model(slipway, models, tmp_path, name, kind):
    file = tmp_path / {"onnx": "model.onnx", "xgboost": "model.json"}.get(kind, "model.tar.gz")
    if kind == "xgboost":
        models.booster.save_model(file)
    else:
        file.write_bytes({"onnx": mlp(), "sklearn archive": models.sklearn_archive,
                          "xgboost archive": models.xgboost_archive("xgboost-model")}[kind])
    said = slipway("deploy", file, "--name", name).stdout
    path = f"{binary().parent}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = slipway.environment | {"PATH": path}
    invoke, aws, python = hints(said)
    assert invoke.startswith(f"slipway invoke {name} ") and aws.startswith("aws ")
    for program in (["bash", "-c", invoke], ["bash", "-c", aws], [sys.executable, "-c", python]):
        done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and done.stdout, f"{program}\n{done.stdout}{done.stderr}"
    slipway("rm", name)


def test_a_model_of_pictures_is_asked_with_an_array(slipway, tmp_path, name):
    from onnx import TensorProto, helper
    graph = helper.make_graph(
        [helper.make_node("Identity", ["picture"], ["same"])], "g",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["N", 3, 4, 5])],
        [helper.make_tensor_value_info("same", TensorProto.FLOAT, ["N", 3, 4, 5])])
    (tmp_path / "picture.onnx").write_bytes(helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
    said = slipway("deploy", tmp_path / "picture.onnx", "--name", name).stdout
    path = f"{binary().parent}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(["bash", "-ec", hints(said)[0]], env=slipway.environment | {"PATH": path},
                          cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "0" in done.stdout, done.stdout + done.stderr
    slipway("rm", name)


def test_a_wait_for_packages_is_said_and_shown(slipway, aws, tmp_path, name):
    code = tmp_path / "model/code"
    code.mkdir(parents=True)
    (code / "inference.py").write_text(
        "import said_by_deploy\ndef model_fn(folder):\n    return None\n"
        "def transform_fn(model, data, kind, accept):\n"
        "    return str(said_by_deploy.VALUE), 'text/plain'\n")
    (code / "requirements.txt").write_text("said-by-deploy==1.0\n")
    write_wheel(code, "said_by_deploy", "1.0", "VALUE = 7")
    screen, terminal = pty.openpty()
    deploying = subprocess.Popen([binary(), "deploy", tmp_path / "model", "--name", name],
                                 env=slipway.environment, stderr=terminal, stdout=subprocess.DEVNULL)
    os.close(terminal)
    said = ""
    while not (line := re.search(r"packages that the model needs are being installed: (.*)", said)):
        said += os.read(screen, 4096).decode()
    assert re.match(r"\d+ s", line[1]), said
    shown = slipway("status", name).stdout
    described = aws.sagemaker.describe_endpoint(EndpointName=name)
    if described["EndpointStatus"] == "Creating" and "Creating" in shown:
        assert "waits" in shown
        variant, = described["PendingDeploymentSummary"]["ProductionVariants"]
        assert variant["VariantStatus"][0]["StatusMessage"].startswith("The ")
    with contextlib.suppress(OSError):  # EIO: it has ended
        while os.read(screen, 4096):
            pass
    os.close(screen)
    assert deploying.wait(120) == OK
    assert slipway("invoke", name, "1").stdout == "7"
    slipway("rm", name)


def test_status_lists_what_runs(slipway, deployed):
    assert deployed in slipway("status").stdout
    assert "InService" in slipway("status", deployed).stdout
    assert deployed in json.dumps(json.loads(slipway("status", deployed, "--output", "json").stdout))


def test_advice_comes_from_what_is_told_and_from_an_endpoints_own_traffic(slipway, deployed, models):
    told = slipway("advise", "--payload", "5MB", "--busy", "5").stdout
    assert "Use a real-time endpoint" in told and "bodies of at most 4 MB" in told
    watching = subprocess.Popen([binary(), "advise", deployed, "--watch", "3s", "--output", "json"],
                                env=slipway.environment, stdout=subprocess.PIPE, text=True)
    for _ in range(5):
        slipway("invoke", deployed, "--content-type", "text/csv", csv(models.records[0]))
    advice = json.loads(watching.communicate(timeout=30)[0])
    assert advice["way"] == "a real-time endpoint" and "requests a second" in advice["reasons"][1]
    slipway("advise", "never-made", "--watch", "1ms", expect=NOT_FOUND)


def test_logs_show_what_the_model_printed(slipway, deployed):
    assert slipway("logs", deployed).returncode == OK


def test_a_wrong_body_is_an_error_on_the_error_stream(slipway, deployed):
    done = slipway("invoke", deployed, "--content-type", "text/csv", "1,2,3", expect=FAILED)
    assert "128" in done.stderr and not done.stdout


def test_what_is_not_there_is_said_by_an_exit_code(slipway):
    assert "never-made" in slipway("status", "never-made", expect=NOT_FOUND).stderr
    assert "never-made" in slipway("invoke", "never-made", "1", expect=NOT_FOUND).stderr
    slipway("no-such-command", expect=USAGE)


def test_xgboost_files_are_deployed_as_they_are(slipway, models, tmp_path, name):
    models.booster.save_model(tmp_path / "model.json")
    slipway("deploy", tmp_path / "model.json", "--name", name)
    answer = slipway("invoke", name, "--content-type", "text/csv", "--accept", "text/csv",
                     "--input", "-", stdin=csv(models.cancer_rows)).stdout
    np.testing.assert_allclose(np.array(answer.replace("\n", ",").strip(",").split(","), dtype=float),
                               models.xgboost_answer(), rtol=1e-4, atol=1e-5)
    slipway("rm", name)


def test_ops_doctor_and_help_answer(slipway):
    assert "CreateEndpoint" in slipway("ops").stdout
    assert "CreateTrainingJob" in slipway("ops", "--missing").stdout
    slipway("doctor")
    assert "deploy" in slipway("--help").stdout


@pytest.mark.parametrize("shell, line", [
    ("sh", "export AWS_ENDPOINT_URL="), ("fish", "set -gx AWS_ENDPOINT_URL "), ("powershell", "$Env:AWS_ENDPOINT_URL")])
def test_env_speaks_every_shell(slipway, server, shell, line):
    assert line.lower() in slipway("env", "--data", server.data, "--shell", shell).stdout.lower()


def test_health_answers_json(server):
    import urllib.request
    with urllib.request.urlopen(f"{server.url}/_slipway/health", timeout=5) as answer:
        assert answer.status == 200 and json.loads(answer.read())


def test_two_servers_do_not_share_a_data_directory(server):
    done = subprocess.run([binary(), "serve", "--data", server.data, "--port", "0"],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode != 0 and str(server.data) in done.stderr


def test_no_signature_check_is_refused_beyond_loopback(tmp_path):
    done = subprocess.run([binary(), "serve", "--data", tmp_path, "--port", "0", "--auth", "none",
                           "--listen", "0.0.0.0"], capture_output=True, text=True, timeout=30)
    assert done.returncode != 0 and "--auth none" in done.stderr
