"""The real `slipway serve`, as a test starts, kills and stops it."""
import contextlib
import json
import os
import pathlib
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

READY_SECONDS_MAX = 30
STOP_SECONDS_MAX = 40
LOG_LINES_SHOWN = 40


def binary(name="slipway"):
    folder = pathlib.Path(os.environ.get("SLIPWAY_BIN") or
                          pathlib.Path(__file__).resolve().parents[2] / "build/release/bin")
    return folder / name


def held_port():
    """A bound socket and its port, which nobody else on this machine is given while it is open.

    Tests beside this one start servers too. A socket that is bound and does not listen keeps the
    kernel from handing out its port, also between a kill and the next start, and does not keep a
    server that is told this port from listening on it: both have SO_REUSEADDR.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder, holder.getsockname()[1]


class Server:
    """One data directory and the process that serves it; it may be started many times."""

    def __init__(self, folder, *flags):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data, self.log = self.folder / "data", self.folder / "log"
        self.flags, self.process, self.url = flags, None, None
        self.run_by, self.python = [], sys.executable  # Python handlers see the tests' packages
        self.held, self.port = held_port()

    def start(self):
        """Starts it and waits for the line `ready URL`; the port stays the same over restarts."""
        command = [*self.run_by, binary(), "serve", "--data", self.data, "--port", str(self.port), *self.flags]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        environment["SLIPWAY_PYTHON"] = self.python
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=environment, text=True)
        self.url = self.wait_until_ready()
        return self

    def wait_until_ready(self):
        deadline = time.monotonic() + READY_SECONDS_MAX
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.process.stdout], [], [], left)[0]:
                break
            line = self.process.stdout.readline()
            if match := re.match(r"ready (http://\S+)", line):
                return match.group(1)
            if not line:
                break
        self.process.kill()
        raise AssertionError(f"slipway serve did not become ready:\n{self.log_tail()}")

    def wait_for_log(self, text, seconds=15):
        deadline = time.monotonic() + seconds
        while text not in self.log.read_text():
            assert time.monotonic() < deadline, f"not said: {text}\n{self.log_tail()}"
            time.sleep(0.02)

    def kill(self):
        """As a power cut would, for the process: SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; the exit status. What its instances left running is ended too."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"the server did not end on SIGTERM:\n{self.log_tail()}") from None
        finally:
            for process in self.left_running():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)

    def left_running(self):
        """Processes that work in, or were started for, this server's data directory."""
        ours = re.compile(re.escape(str(self.data)) + r"(?![\w.-])")
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                folder, log = os.readlink(entry / "cwd"), os.readlink(entry / "fd/1")
            except OSError:
                continue  # it ended, or is not ours to see
            if any(map(ours.search, (folder, log, *words))) and int(entry.name) != os.getpid():
                yield int(entry.name)

    def client_environment(self):
        """What `slipway env` prints, as a dict; no other AWS setting of this machine leaks in."""
        exports = subprocess.run([binary(), "env", "--data", self.data, "--shell", "sh"],
                                 capture_output=True, text=True, check=True).stdout
        variables = dict(shlex.split(line.removeprefix("export "))[0].split("=", 1)
                         for line in exports.splitlines() if line.startswith("export "))
        variables["AWS_ENDPOINT_URL"] = self.url
        return variables

    def process_environment(self):
        """For a client program: its PATH and home, and what `slipway env` prints."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        return {**kept, "AWS_CONFIG_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", **self.client_environment()}

    def page(self, path, method="GET"):
        """A page of the server's own, as the root asks for it."""
        keys = self.client_environment()
        request = AWSRequest(method, f"{self.url}{path}")
        SigV4Auth(Credentials(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"]),
                  "sagemaker", keys["AWS_REGION"]).add_auth(request)
        signed = urllib.request.Request(request.url, method=method, headers=dict(request.headers.items()))
        with urllib.request.urlopen(signed, timeout=10) as page:
            return json.load(page)

    def traffic(self):
        """What every endpoint and job was asked so far, by router's variant and way."""
        return self.page("/_slipway/traffic")["variants"]

    def log_tail(self):
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-LOG_LINES_SHOWN:])
