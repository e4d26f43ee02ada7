"""What a model's code may touch: a handler that looks for what is not its own, on the real server."""
import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from conftest import Clients, Deployment
from make_model import tar_gz
from server import Server, binary
from test_multi_model import MultiModel

HANDLER = b'''
import getpass, glob, json, os, signal, socket

def model_fn(folder):
    return folder

def attempt(action):
    try:
        return str(action())[:200]
    except Exception as error:
        return "refused: " + type(error).__name__

def read(path):
    with open(path, "rb") as file:
        return file.read(100)

def write(path):
    with open(path, "ab") as file:
        file.write(b"x")
    return "written"

def transform_fn(folder, data, content_type, accept):
    asked = json.loads(data)
    server, data_folder = asked["server"], asked["data"]
    attempts = {"list data": lambda: os.listdir(data_folder)}
    for path in asked["files"]:
        attempts["read " + path] = lambda path=path: read(path)
        attempts["write " + path] = lambda path=path: write(path)
    for name in ("environ", "maps", "mem", "fd", "cwd"):
        attempts["look " + name] = lambda name=name: (
            os.listdir(f"/proc/{server}/fd") if name == "fd" else
            os.readlink(f"/proc/{server}/cwd") if name == "cwd" else read(f"/proc/{server}/{name}"))
    attempts["signal"] = lambda: os.kill(server, 0)
    attempts["become root"] = lambda: os.setuid(0)
    attempts["change model"] = lambda: write(os.path.join(folder, "code", "inference.py"))
    attempts["change mode"] = lambda: os.chmod(os.path.join(folder, "code", "inference.py"), 0o777)
    refused = {name: attempt(action) for name, action in attempts.items()}
    own = {"home": os.environ["HOME"], "opt": attempt(lambda: os.listdir("/opt/ml/model")),
           "ml": attempt(lambda: write("/opt/ml/own") + " " + " ".join(sorted(os.listdir("/opt/ml")))),
           "tmp": attempt(lambda: write(os.environ["TMPDIR"] + "/x")),
           "here": attempt(lambda: write("x")), "user": os.getuid(),
           "name": attempt(getpass.getuser),
           "environment": sorted(os.environ)}
    return json.dumps({"refused": refused, "own": own}), "application/json"
'''


def eventually(holds, seconds=20):
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    """What this machine has: numbers in the order of src/cell/layers.h."""
    said = subprocess.run([binary("slipway-cell"), "--probe", tmp_path_factory.mktemp("probe")],
                          capture_output=True, text=True, check=True).stdout
    return dict(zip(["landlock", "namespaces", "user_namespace", "proc", "filter", "first", "count"],
                    map(int, said.split())))


def test_a_models_code_finds_nothing_of_the_server(server, deployment, layers):
    if not layers["landlock"] or not layers["namespaces"]:
        pytest.skip("this machine has not all that isolates")
    deployment.deploy(tar_gz({"code/inference.py": HANDLER}))
    data = server.data
    files = [str(path) for path in data.iterdir() if path.is_file()]
    assert any("slipway.db" in path for path in files)
    said = json.loads(deployment.invoke(json.dumps(
        {"server": server.process.pid, "data": str(data), "files": files + ["/root/.bashrc"]}),
        content_type="application/octet-stream"))
    open_ways = {name: what for name, what in said["refused"].items()
                 if not what.startswith("refused") and name != "list data"}
    assert not open_ways
    # Of the data directory there is the way to the instance's own, and nothing that has a name.
    assert not any(os.path.basename(path) in said["refused"]["list data"] for path in files)
    own = said["own"]
    assert own["opt"] == "['code']" and own["tmp"] == own["here"] == "written"
    assert own["ml"] == "written model own"
    assert own["home"].startswith(str(data / "instances"))
    assert not own["name"].startswith("refused")  # torch asks for it, and a user of its own has no entry
    if layers["first"]:
        assert own["user"] >= layers["first"]


OPENS_OPT_ML = b'''
import os
def model_fn(folder):
    with open("/opt/ml/model/x.txt") as file:
        word = file.read()
    os.makedirs("/opt/ml/output/data")
    return " ".join([word, *sorted(os.listdir("/opt/ml"))])
def transform_fn(model, data, content_type, accept): return model, "text/plain"
'''


def as_ordinary_user(folder, user=47110):
    """A server that is not root, with a Python that everybody may run."""
    made = Server(folder / "server")
    made.run_by = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "env", f"HOME={folder}"]
    made.python = "/usr/bin/python3"
    for path in (folder, made.folder):
        os.chown(path, user, user)
    return made


@pytest.mark.parametrize("who", ["root", "ordinary"])
def test_a_model_finds_itself_below_opt_ml(who, layers, name):
    if os.getuid() != 0 or not layers["namespaces"] or not shutil.which("setpriv"):
        pytest.skip("the tests are not run by root, or a model has no file tree of its own here")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        own = as_ordinary_user(folder) if who == "ordinary" else Server(folder / "server")
        probe = subprocess.run([*own.run_by, binary(), "--version"], check=False, capture_output=True)
        if probe.returncode != 0:
            pytest.skip("an ordinary user may not run what is tested here")
        own.start()
        try:
            made = Deployment(Clients(own), name)
            made.deploy(tar_gz({"code/inference.py": OPENS_OPT_ML, "x.txt": b"hello"}))
            assert made.invoke(b"x") == b"hello model output"
        finally:
            own.stop()


def test_two_instances_are_two_users_and_see_each_other_nowhere(deployment, layers):
    if not layers["first"]:
        pytest.skip("the server is not root here")
    code = (b"import os\ndef model_fn(f): return None\n"
            b"def transform_fn(m, data, content_type, accept):\n"
            b"    import time; time.sleep(0.05)\n"
            b"    return str(os.getuid()) + ' ' + ' '.join(sorted(p for p in os.listdir('/proc') if "
            b"p.isdigit())), 'text/plain'\n")
    deployment.deploy(tar_gz({"code/inference.py": code}), instances=2)
    answers = {deployment.invoke(b"x").decode() for _ in range(30)}
    assert len({answer.split()[0] for answer in answers}) == 2
    assert all(len(answer.split()) < 10 for answer in answers)


SWAPS_ITS_SOCKETS = """
import os
def model_fn(folder):
    for name in ("link.sock", "http.sock"):
        os.rename(name, name + ".real")
        os.symlink({!r}, name)
def transform_fn(folder, data, content_type, accept): return "own", "text/plain"
"""


def test_a_socket_that_a_model_turned_into_a_link_leads_the_server_nowhere(
        server, aws, deployment, tmp_path):
    """The server, perhaps root, would open what the model cannot, and ask it for answers."""
    elsewhere = tmp_path / "elsewhere.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(elsewhere))
        listener.listen()
        listener.settimeout(2)
        code = SWAPS_ITS_SOCKETS.format(str(elsewhere)).encode()
        deployment.config({"all": (deployment.model(tar_gz({"code/inference.py": code})), 1.0, 1)})
        deployment.start()
        assert eventually(lambda: any(
            path.is_symlink() for path in (server.data / "instances").glob("*/run/http.sock")))
        # It may serve by a connection that was made before. A new one would wait here already.
        eventually(lambda: deployment.status()["EndpointStatus"] == "InService", seconds=5)
        runtime = aws.client("sagemaker-runtime", read_timeout=3)
        with contextlib.suppress(ClientError, BotoCoreError):
            runtime.invoke_endpoint(EndpointName=deployment.name, Body=b"x" * 100_000)
        with pytest.raises(socket.timeout):
            listener.accept()


LOOKING_ROUND = b'''
import glob, json, os

def model_fn(folder):
    return folder

def found(action):
    try:
        return action()
    except OSError as error:
        return "refused: " + type(error).__name__

def read(path):
    with open(path) as file:
        return file.read()

def transform_fn(folder, data, content_type, accept):
    asked = json.loads(data)
    parent = os.path.dirname(folder)
    return json.dumps({
        "folder": folder,
        "beside": found(lambda: sorted(os.listdir(parent))),
        "above": found(lambda: sorted(os.listdir(os.path.dirname(parent)))),
        "listed": {path: found(lambda: sorted(os.listdir(path))) for path in asked["folders"]},
        "read": {path: found(lambda: read(path)) for path in asked["files"]},
        "change": found(lambda: os.rename(folder, folder + "x")),
        "add": found(lambda: os.mkdir(os.path.join(parent, "mine"))),
    }), "application/json"
'''


def test_a_handler_of_many_models_sees_the_models_of_its_own_instance_alone(server, aws, layers):
    """Neither by listing what lies around them nor by the names of what others have."""
    if not layers["landlock"] or not layers["namespaces"]:
        pytest.skip("this machine has not all that isolates")
    victim, curious = MultiModel(aws, "mm-victim"), MultiModel(aws, "mm-curious")
    try:
        for endpoint, secret in ((victim, b"weights of the victim"), (curious, b"my own")):
            endpoint.put("m.tar.gz", {"code/inference.py": LOOKING_ROUND, "secret": secret})
            endpoint.invoke("m.tar.gz", '{"folders": [], "files": []}')
        curious.put("loaded-never.tar.gz", {"secret": b"not asked for"})
        secrets = [path for path in server.data.rglob("secret") if path.parent.parent != server.data]
        assert sum("victim" in path.read_text() for path in secrets) == 2, "as fetched, and as loaded"
        said = json.loads(curious.invoke("m.tar.gz", json.dumps({
            "files": [str(path) for path in secrets],
            "folders": [str(server.data / folder)
                        for folder in ("artifacts", "environments", "models")]})))
        own = said["folder"] + "/secret"
        assert said["read"].pop(own) == "my own"
        assert len(said["read"]) == 3 and all(what.startswith("refused") for what in
                                              said["read"].values()), said["read"]
        assert said["beside"] == [os.path.basename(said["folder"])]
        alone = [os.path.basename(os.path.dirname(said["folder"]))]
        for listed in (said["above"], *said["listed"].values()):
            assert listed == alone or listed.startswith("refused"), said
        assert said["change"].startswith("refused") and said["add"].startswith("refused")
    finally:
        for endpoint in (victim, curious):
            aws.sagemaker.delete_endpoint(EndpointName=endpoint.name)


def test_isolation_that_is_off_is_said_and_serves(tmp_path):
    server = Server(tmp_path / "server", "--isolation", "off").start()
    assert server.stop() == 0
    assert "--isolation off" in server.log.read_text()


def test_doctor_names_each_layer(server):
    said = subprocess.run([binary(), "doctor", "--data", server.data, "--output", "json"],
                          capture_output=True, text=True, check=False).stdout
    what = {finding["what"] for finding in json.loads(said)}
    assert {f"isolation: {layer}" for layer in
            ("files", "processes", "signals and tracing", "users", "system calls")} <= what
    assert "limit: memory" in what
