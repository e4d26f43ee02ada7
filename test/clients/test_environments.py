"""The packages of a model are installed once, in a cell, and shared read-only by all who name them."""
import json
import os
import re
import time

import pytest
from botocore.exceptions import ClientError, WaiterError
from conftest import Clients, Deployment
from make_model import tar_gz
from server import Server
from test_isolation import layers  # noqa: F401 (a fixture)
from wheels import wheel

HANDLER = b'''
import json, os, sys
import slipway_test_only
def model_fn(folder):
    return slipway_test_only.VALUE
def attempt(action):
    try:
        return str(action())
    except Exception as error:
        return "refused: " + type(error).__name__
def transform_fn(model, data, content_type, accept):
    inside = os.path.dirname(slipway_test_only.__file__)
    said = {"value": model, "prefix": sys.prefix, "home": os.environ["HOME"],
            "write": attempt(lambda: open(os.path.join(inside, "slipway_test_only.py"), "a")),
            "add": attempt(lambda: open(os.path.join(inside, "another.py"), "x")),
            "mode": attempt(lambda: os.chmod(inside, 0o777)),
            "beside": attempt(lambda: os.listdir(os.path.dirname(sys.prefix)))}
    return json.dumps(said), "application/json"
'''
# A build backend, which runs while a package is installed, without a package of its own.
BACKEND = '''
import os, sys, time
sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))
from wheels import wheel
def attempt(action):
    try:
        return str(action())
    except Exception as error:
        return "refused: " + type(error).__name__
def build_wheel(folder, *rest):
    time.sleep(%(seconds)s)
    data = %(data)r
    found = {path: attempt(lambda: os.listdir(path)) for path in (
        data, data + "/environments", data + "/instances", data + "/artifacts")}
    found["credentials"] = attempt(lambda: open(data + "/credentials").read())
    found["write"] = attempt(lambda: open(__file__, "a"))
    found["variables"] = " ".join(sorted(os.environ))
    name, content = wheel("slipway_test_only", "1.5", "VALUE = %%r" %% found)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(content)
    return name
'''
INSTALLED = "an environment is installed"
BEGUN = "an environment is being installed"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """For the tests of this file that end none."""
    server = Server(tmp_path_factory.mktemp("environments"))
    yield server.start()
    assert server.stop() == 0, server.log_tail()


@pytest.fixture
def make(server, name):
    """Makes endpoints of some files, by names made of the test's and another's."""
    return maker(server, name)


@pytest.fixture
def make_own(own_server, name):
    return maker(own_server, name)


def maker(server, name):
    aws = Clients(server)

    def make(files, part="a", environment=None, instances=1):
        made = Deployment(aws, f"{name}-{part}")
        made.config({"all": (made.model(tar_gz(files), environment=environment), 1.0, instances)})
        made.start()
        return made
    return make


def count(server, what):
    return server.log.read_text(errors="replace").count(what)


def files(source="VALUE = 'from the wheel'\n", requirements=b"slipway_test_only==1.5\n"):
    name, content = wheel("slipway_test_only", "1.5", source)
    return {"code/inference.py": HANDLER, "code/requirements.txt": requirements,
            f"code/wheels/{name}": content}


def package(data, seconds=0):
    """A model whose package is built as it is installed, and which says what the build could do."""
    with open(os.path.join(os.path.dirname(__file__), "..", "wheels.py"), "rb") as file:
        helper = file.read()
    backend = BACKEND % {"data": str(data), "seconds": seconds}
    return {"code/inference.py": HANDLER, "weights": b"secret",
            "code/requirements.txt": b"/opt/ml/model/code/package\n",
            "code/package/wheels.py": helper,
            "code/package/build/backend.py": backend.encode(),
            "code/package/pyproject.toml": b'[build-system]\nrequires = []\nbuild-backend = "backend"\n'
                                           b'backend-path = ["build"]\n[project]\n'
                                           b'name = "slipway_test_only"\nversion = "1.5"\n'}


def ask(deployment):
    return json.loads(deployment.invoke("{}", "application/json"))


def wait_for(holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def works(deployment):
    try:
        return bool(ask(deployment))
    except ClientError:
        return False


def test_two_instances_and_another_model_share_one_installation(server, make):
    before, source = count(server, INSTALLED), "VALUE = 'shared'\n"
    begun = time.monotonic()
    first = make(files(source), instances=2).wait()
    took = time.monotonic() - begun
    said = [ask(first) for _ in range(20)]
    assert len({answer["home"] for answer in said}) == 2, "both instances were asked"
    assert len({answer["prefix"] for answer in said}) == 1
    begun = time.monotonic()
    other = make({**files(source), "weights": b"retrained"}, "b").wait()
    again = time.monotonic() - begun
    assert ask(other)["prefix"] == ask(first)["prefix"]
    assert count(server, INSTALLED) == before + 1
    print(f"with the installation {took:.2f} s, without {again:.2f} s")
    assert again < took
    changed = make(files("VALUE = 'another'\n"), "c").wait()
    assert ask(changed)["value"] == "another" and ask(first)["value"] == "shared"
    assert count(server, INSTALLED) == before + 2


def test_an_instance_writes_nothing_into_its_environment_and_sees_no_other(server, make, layers):
    if not layers["landlock"] or not layers["namespaces"]:
        pytest.skip("this machine has not all that isolates")
    said = ask(make(files()).wait())
    folder, own = os.path.split(said["prefix"])
    assert folder == str(server.data / "environments")
    for attempt in ("write", "add", "mode"):
        assert said[attempt].startswith("refused"), said
    assert said["beside"] == f"['{own}']" or said["beside"].startswith("refused")


def test_an_installation_sees_its_inputs_and_nothing_of_the_server(server, make, layers):
    if not layers["landlock"] or not layers["namespaces"]:
        pytest.skip("this machine has not all that isolates")
    made = make(package(server.data), environment={"CMAKE_ARGS": "-X", "SAGEMAKER_REGION": "x"})
    found = ask(made.wait())["value"]
    variables = found.pop("variables").split()
    assert "CMAKE_ARGS" in variables and "SAGEMAKER_REGION" not in variables
    assert not [name for name in variables if "CREDENTIALS" in name or "TOKEN" in name]
    assert found["credentials"].startswith("refused") and found["write"].startswith("refused")
    for folder, seen in found.items():
        if folder.startswith(str(server.data)):
            assert seen.startswith("refused") or len(re.findall("'", seen)) <= 4, found
            assert "credentials" not in seen and "slipway.db" not in seen


def test_packages_that_cannot_be_installed_are_named_in_the_reason_and_in_the_log(server, make):
    before = sorted((server.data / "environments").iterdir())
    made = make(files(requirements=b"slipway-no-such-package==9.9\n"),
                environment={"PIP_NO_INDEX": "1"})
    with pytest.raises(WaiterError):
        made.wait()
    reason = made.status()["FailureReason"]
    assert "could not be installed" in reason and "slipway-no-such-package==9.9" in reason, reason
    logs, group = made.aws.logs, f"/aws/sagemaker/Endpoints/{made.name}"
    wait_for(lambda: logs.describe_log_streams(logGroupName=group)["logStreams"])
    stream = logs.describe_log_streams(logGroupName=group)["logStreams"][0]["logStreamName"]
    assert stream.startswith("all/packages-")
    events = logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]
    assert any("slipway-no-such-package==9.9" in event["message"] for event in events)
    assert sorted((server.data / "environments").iterdir()) == before


def test_a_package_that_cannot_be_built_is_named_with_the_end_of_its_build(make, layers):
    if not layers["namespaces"]:
        pytest.skip("there is no /opt/ml/model on this machine")
    made = make({"code/inference.py": HANDLER, "code/requirements.txt": b"/opt/ml/model/code/broken\n",
                 "code/broken/setup.py": b"raise RuntimeError('libfoo is not here')\n"},
                environment={"PIP_NO_INDEX": "1"})
    with pytest.raises(WaiterError):
        made.wait()
    reason = made.status()["FailureReason"]
    assert "broken: RuntimeError: libfoo is not here" in reason, reason
    assert "metadata-generation-failed" in reason and "note:" not in reason, reason


def damage_module(environments):
    """As a disk would: size and time stay."""
    module = next(environments.glob("*/lib/python*/site-packages/slipway_test_only.py"))
    facts = module.stat()
    module.chmod(0o600)
    module.write_text(module.read_text().replace("from", "FROM"))
    module.chmod(0o444)
    os.utime(module, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def test_a_restart_installs_nothing_but_what_is_damaged(own_server, make_own):
    made = make_own(files()).wait()
    prefix = ask(made)["prefix"]
    own_server.kill()
    own_server.start()
    wait_for(lambda: works(made))
    own_server.stop()
    own_server.start()
    wait_for(lambda: works(made))
    assert count(own_server, BEGUN) == 1
    own_server.stop()
    damage_module(own_server.data / "environments")
    own_server.start()
    wait_for(lambda: works(made))
    assert ask(made)["value"] == "from the wheel" and ask(made)["prefix"] == prefix
    assert count(own_server, INSTALLED) == 2 and count(own_server, "it is installed anew") == 1


@pytest.mark.slow
def test_a_server_killed_while_packages_are_installed_installs_them_anew(own_server, make_own, layers):
    if not layers["namespaces"]:
        pytest.skip("there is no /opt/ml/model on this machine")
    made = make_own(package(own_server.data, seconds=3))
    wait_for(lambda: count(own_server, BEGUN) == 1)
    time.sleep(1)
    own_server.kill()
    own_server.start()
    wait_for(lambda: works(made))
    assert count(own_server, BEGUN) == 2 and count(own_server, INSTALLED) == 1
    assert not list((own_server.data / "environments").glob("*.new"))


def test_an_installation_ends_with_the_job_that_asked_for_it(server, name, layers):
    if not layers["namespaces"]:
        pytest.skip("there is no /opt/ml/model on this machine")
    begun, ended = count(server, BEGUN), count(server, "Nobody waits for it")
    aws = Clients(server)
    made = Deployment(aws, name)
    made.model(tar_gz(package(server.data, seconds=120)))
    aws.s3.put_object(Bucket=name, Key="in/a.csv", Body=b"1,2\n")
    aws.sagemaker.create_transform_job(
        TransformJobName=name, ModelName=name,
        TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix",
                                                        "S3Uri": f"s3://{name}/in"}}},
        TransformOutput={"S3OutputPath": f"s3://{name}/out"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1})
    wait_for(lambda: count(server, BEGUN) == begun + 1)
    aws.sagemaker.stop_transform_job(TransformJobName=name)
    wait_for(lambda: count(server, "Nobody waits for it") == ended + 1, seconds=10)
