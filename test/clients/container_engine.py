"""A container engine for tests: the one that runs here, or Docker's own, started for them.

Images are made without a registry: a static program, alone in its file tree.
"""
import http.client
import io
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
import urllib.parse

READY_SECONDS_MAX = 40
COMPILERS = ("clang-19", "clang", "gcc", "cc")


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("docker", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Engine:
    """Speaks to an engine's socket, beside the server under test."""

    def __init__(self, path):
        self.path = str(path)

    def ask(self, method, target, body=None, kind="application/json"):
        connection = Unix(self.path)
        connection.request(method, target, body, {"Content-Type": kind} if body else {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, text

    def containers(self, owner=None):
        """Those of a server's data directory, or of all; ended ones too."""
        label = f"slipway.owner={owner}" if owner else "slipway.owner"
        filters = urllib.parse.quote(json.dumps({"label": [label]}))
        return json.loads(self.ask("GET", f"/containers/json?all=1&filters={filters}")[1])

    def make_image(self, name, program, entry="/program"):
        """An image of one static program."""
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            archive.add(program, "program")
        repository, tag = name.rsplit(":", 1)
        query = urllib.parse.urlencode({"fromSrc": "-", "repo": repository, "tag": tag,
                                        "changes": f'ENTRYPOINT ["{entry}"]'})
        status, text = self.ask("POST", f"/images/create?{query}", tar.getvalue(),
                                "application/x-tar")
        assert status == 200 and b"error" not in text, text
        return name


def answers(path):
    try:
        return Engine(path).ask("GET", "/_ping")[0] == 200
    except OSError:
        return False


def compile_static(source, folder):
    """The program of a C source, which needs nothing of its image; None: no compiler is here."""
    compiler = next((name for name in COMPILERS if shutil.which(name)), None)
    if compiler is None:
        return None
    program = pathlib.Path(folder) / pathlib.Path(source).stem
    subprocess.run([compiler, "-O1", "-static", "-o", program, source], check=True)
    return program


class OwnEngine:
    """Docker's engine with a socket and a root of its own, and no default bridge."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="slipway-engine-"))
        self.socket = self.folder / "docker.sock"
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(
            ["dockerd", f"--host=unix://{self.socket}", f"--data-root={self.folder}/data",
             f"--exec-root={self.folder}/exec", f"--pidfile={self.folder}/pid", "--bridge=none"],
            stdout=self.log, stderr=self.log)

    def is_ready(self):
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.socket.exists() and answers(self.socket):
                return True
            time.sleep(0.2)
        return False

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def running_engine():
    """The socket of the engine that DOCKER_HOST names, or of this machine's."""
    named = os.environ.get("DOCKER_HOST", "")
    path = named.removeprefix("unix://") if named else "/var/run/docker.sock"
    return path if os.path.exists(path) and answers(path) else None


def can_start_one():
    return os.geteuid() == 0 and shutil.which("dockerd") is not None
