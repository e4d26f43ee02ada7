"""The main job through every other client, as its users write it: the programs in examples/."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
PROGRAMS = pathlib.Path(__file__).parent / "sdk_programs"
SECONDS_MAX = 240
NEAR = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(scope="module")
def job(models, tmp_path_factory):
    """The files that every example takes, and what is right for them."""
    folder = tmp_path_factory.mktemp("job")
    (folder / "model.tar.gz").write_bytes(models.mlp_archive)
    record = models.records[0]
    (folder / "record.csv").write_text(",".join(str(x) for x in record) + "\n")
    return [str(folder / "model.tar.gz"), str(folder / "record.csv")], models.mlp_answer(record)


def environment_or_skip(variable):
    if not os.environ.get(variable):
        pytest.skip(f"{variable} is not set; ./dev test sets it")
    return pathlib.Path(os.environ[variable])


def run(server, command, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          timeout=SECONDS_MAX, env=server.process_environment() | more)
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def last_json(output):
    """The JSON that a program printed last; the SageMaker SDKs draw `---!` and frames before it."""
    return json.loads(output.strip().splitlines()[-1].lstrip("-!*╯╰─"))


def assert_right(output, expected):
    value = last_json(output)
    while isinstance(value, dict):
        value = next(iter(value.values()))
    np.testing.assert_allclose(np.array(value, dtype=float).ravel(), expected.ravel(), **NEAR)


def test_boto3_example(server, job):
    files, right = job
    assert_right(run(server, [sys.executable, EXAMPLES / "boto3/deploy.py", *files]), right)


def test_aws_cli_example(server, job):
    files, right = job
    path = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    assert_right(run(server, ["sh", EXAMPLES / "aws-cli/deploy.sh", *files], PATH=path), right)


def javascript(server, folder, program, *arguments):
    """What a program printed that stands in `folder` beside the AWS SDK for JavaScript."""
    (folder / "node_modules").symlink_to(environment_or_skip("SLIPWAY_NODE_MODULES"))
    return run(server, ["node", shutil.copy(program, folder), *arguments])


def test_javascript_example(server, job, tmp_path):
    files, right = job
    started = time.monotonic()
    assert_right(javascript(server, tmp_path, EXAMPLES / "javascript/deploy.mjs", *files), right)
    assert time.monotonic() - started < 28, "its waiters sleep 30 s where the server does not hold"


def test_the_javascript_sdk_stores_and_sends(server, tmp_path, name):
    assert last_json(javascript(server, tmp_path, PROGRAMS / "storage_and_messages.mjs", name)) == "done"


def test_sagemaker_sdk_2_example(server, job):
    files, right = job
    python = environment_or_skip("SLIPWAY_SAGEMAKER2") / "bin/python"
    assert_right(run(server, [python, EXAMPLES / "sagemaker-sdk/deploy_v2.py", *files]), right)


def test_sagemaker_sdk_3_example(server, job):
    files, right = job
    python = environment_or_skip("SLIPWAY_SAGEMAKER3") / "bin/python"
    assert_right(run(server, [python, EXAMPLES / "sagemaker-sdk/deploy_v3.py", *files]), right)


def sdk_program(server, variable, program, *arguments):
    """Runs a program from sdk_programs/ in the environment of one SDK; its last line is JSON."""
    python = environment_or_skip(variable) / "bin/python"
    return last_json(run(server, [python, PROGRAMS / program, *arguments]))


@pytest.mark.slow
@pytest.mark.alone
def test_sagemaker_sdk_2_deploys_in_seconds(server, job):
    """2.257.7 sleeps 30 s before it looks for the first time: no server can shorten that, but one
    sleep must do, and a wait of a second must be one of seconds."""
    seconds = sdk_program(server, "SLIPWAY_SAGEMAKER2", "time_deploy_v2.py", job[0][0])
    assert seconds["whole"] < 40, f"Model.deploy() took {seconds['whole']:.1f} s"
    assert seconds["polled"] < 10, f"deploy and wait(poll=1) took {seconds['polled']:.1f} s"


def test_sagemaker_sdk_2_runs_a_notebook_for_xgboost_and_scikit_learn(server, models, tmp_path):
    (tmp_path / "xgboost.tar.gz").write_bytes(models.xgboost_archive("xgboost-model"))
    (tmp_path / "sklearn.tar.gz").write_bytes(models.sklearn_archive)
    rows = {"xgboost": models.cancer_rows.tolist(), "sklearn": models.iris_rows.tolist()}
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    answer = sdk_program(server, "SLIPWAY_SAGEMAKER2", "frameworks_v2.py", tmp_path)
    np.testing.assert_allclose(answer["xgboost"], models.xgboost_answer(), **NEAR)
    np.testing.assert_allclose(answer["script"], models.xgboost_answer(), **NEAR)
    assert answer["sklearn"] == models.forest.predict(models.iris_rows).tolist()


def test_sagemaker_sdk_3_model_builder_deploys(server, job):
    files, right = job
    answer = sdk_program(server, "SLIPWAY_SAGEMAKER3", "model_builder_v3.py", *files)
    np.testing.assert_allclose(np.array(answer["outputs"]).ravel(), right.ravel(), **NEAR)


def test_the_cli_waits_as_long_as_the_deployment_takes(server, job):
    """AWS's CLI polls every 30 s; the server holds a marked call instead of letting it sleep."""
    started = time.monotonic()
    test_aws_cli_example(server, job)
    assert time.monotonic() - started < 28
