"""Starts slipway-modelserver on models made here, and asks it over HTTP on a unix socket."""

import http.client
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))
READY_SECONDS = 60


def find_program():
    given = os.environ.get("SLIPWAY_MODELSERVER")
    places = [Path(given)] if given else []
    if folder := os.environ.get("SLIPWAY_BIN"):
        places.append(Path(folder) / "slipway-modelserver")
    places += [ROOT / "build" / preset / "bin" / "slipway-modelserver" for preset in ("release", "dev")]
    for place in places:
        if place.exists():
            return place
    pytest.skip("slipway-modelserver is not built (./dev build)")


def own_module(name):
    """A part of the Python side itself, for what it decides without a model."""
    sys.path.insert(0, str(ROOT / "src" / "modelserver" / "backends" / "python"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=60):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.content_type = response.getheader("Content-Type")
        self.custom_attributes = response.getheader("X-Amzn-SageMaker-Custom-Attributes")
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()


class Server:
    """One running model server."""

    def __init__(self, model_dir, work, image="slipway-inference", env=None, args=()):
        self.http = work / "http.sock"
        self.link = work / "link.sock"
        self.log_path = work / "log"
        self.log = open(self.log_path, "wb")
        environment = dict(os.environ, SLIPWAY_IMAGE=image, **(env or {}))
        self.process = subprocess.Popen(
            [find_program(), "serve", "--model-dir", str(model_dir), "--http-socket", str(self.http),
             "--link-socket", str(self.link), *args],
            env=environment, stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def request(self, method, path, body=None, headers=None):
        connection = UnixConnection(self.http)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def wait(self):
        """Until /ping answers 200 (True) or the process ended (False)."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                return False
            try:
                if self.request("GET", "/ping").status == 200:
                    return True
            except OSError:
                pass
            time.sleep(0.01)
        raise AssertionError(f"not ready after {READY_SECONDS} s:\n{self.output()}")

    def ask(self, body, content_type="application/json", accept=None, **headers):
        fields = {"Content-Type": content_type, **headers}
        if accept:
            fields["Accept"] = accept
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        body = body.encode() if isinstance(body, str) else body
        return self.request("POST", "/invocations", body, fields)

    def output(self):
        return self.log_path.read_text(errors="replace")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=30)
        self.log.close()
        return status


@pytest.fixture
def serve(tmp_path):
    """serve(model_dir, ...) starts a server that is ready; all of them end cleanly afterwards."""
    servers = []

    def start(model_dir, ready=True, **options):
        work = tmp_path / f"run{len(servers)}"
        work.mkdir()
        server = Server(model_dir, work, **options)
        servers.append(server)
        if ready:
            assert server.wait(), server.output()
        return server

    yield start
    for server in servers:
        running = server.process.poll() is None
        status = server.stop()
        assert not running or status == 0, server.output()
