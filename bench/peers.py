"""What Slipway is measured beside: nginx, moto, the raw loop; and Slipway itself."""
import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import load

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("SLIPWAY_BIN", ROOT / "build/release/bin"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url, seconds=20, child=None):
    """Until a server answers there; not for a `child` that has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and (child is None or child.poll() is None):
        try:
            return urllib.request.urlopen(url, timeout=1)
        except urllib.error.HTTPError:
            return None
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"{url} did not answer within {seconds} s")


class Slipway:
    """A running server, with clients for it."""

    def __init__(self, child, url, data):
        self.child, self.url, self.data = child, url, data
        keys = dict(line.split(" = ", 1) for line in
                    (data / "credentials").read_text().splitlines() if " = " in line)
        self.keys = (keys["aws_access_key_id"], keys["aws_secret_access_key"])

    def client(self, service, **config):
        import boto3
        from botocore.config import Config
        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1",
                            aws_access_key_id=self.keys[0], aws_secret_access_key=self.keys[1],
                            config=Config(retries={"max_attempts": 0}, **config))

    def processes(self):
        """The ids of the server's process and of all below it."""
        found = [self.child.pid]
        for pid in found:
            for file in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in file.read_text().split()]
        return found

    def resident_mb(self):
        status = pathlib.Path(f"/proc/{self.child.pid}/status").read_text()
        return int(next(l for l in status.splitlines() if l.startswith("VmRSS")).split()[1]) / 1024


@contextlib.contextmanager
def slipway(*options, data=None):
    with contextlib.ExitStack() as stack:
        data = pathlib.Path(data or stack.enter_context(tempfile.TemporaryDirectory(prefix="slipway-bench-")))
        log = stack.enter_context(open(data / "server.log", "w"))
        command = [str(BIN / "slipway"), "serve", "--data", str(data), "--port", "0", *options]
        child, url = stack.enter_context(load.process(command, ready="ready ", stderr=log))
        yield Slipway(child, url, data)


@contextlib.contextmanager
def nginx(upstream=None):
    """nginx answering 200 with a short body, or proxying to a TCP port."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        what = (f"proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection '';"
                if upstream else "return 200 'ok';")
        up = f"upstream up {{ server 127.0.0.1:{upstream}; keepalive 64; }}" if upstream else ""
        pathlib.Path(folder, "nginx.conf").write_text(f"""
            {"user root; " if os.geteuid() == 0 else ""}daemon off; worker_processes 2; pid {folder}/pid; error_log {folder}/error.log;
            events {{ worker_connections 1024; }}
            http {{ access_log off; keepalive_requests 1000000000; client_max_body_size 64m;
              client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
              uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; {up}
              server {{ listen 127.0.0.1:{port} reuseport; location / {{ {what} }} }} }}""")
        with load.process([shutil.which("nginx") or "/usr/sbin/nginx", "-c", f"{folder}/nginx.conf",
                           "-e", f"{folder}/error.log"]):
            wait_for(f"http://127.0.0.1:{port}/")
            yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def program(name, *options):
    """One of this project's own programs that prints `ready URL`."""
    with load.process([str(BIN / name), *options], ready="ready ") as (_, url):
        yield url


class Moto:
    """A running moto server, with clients for it."""

    def __init__(self, url):
        self.url = url
        self.keys = ("x", "x")

    client = Slipway.client


@contextlib.contextmanager
def moto():
    """A moto server, or None where it is not installed whole (`pip install 'moto[server]'`)."""
    with contextlib.ExitStack() as stack:
        port = free_port()
        child, _ = stack.enter_context(load.process(
            [sys.executable, "-m", "moto.server", "-p", str(port)], stderr=subprocess.DEVNULL))
        try:
            wait_for(f"http://127.0.0.1:{port}/moto-api/", child=child)
        except RuntimeError:
            yield None
            return
        yield Moto(f"http://127.0.0.1:{port}")
