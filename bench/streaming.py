"""Streaming: what the relay adds to the first byte, and what an event costs, beside nginx relaying
the same chunks from the same container with its buffering off."""
import os
import pathlib
import shutil
import socket
import statistics
import tempfile
import time

import load
import measures
import peers
from measures import Row

CONTAINER = peers.ROOT / "bench/stream_container.py"
CHUNKS, CHUNK_BYTES = 1000, 100
RUNS = 200
# Where the kernel puts the threads of a connection decides over tens of microseconds, and lasts as
# long as the connection: so there are several.
FIRST_BYTE_CONNECTIONS, FIRST_BYTE_RUNS = 9, 60


class Asked:
    """One kept-open connection that asks the same again and again."""

    def __init__(self, address, path):
        unix = isinstance(address, str)
        self.request = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n1".encode()
        self.socket = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        self.socket.connect(address)
        if not unix:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray(1 << 20)

    def ask(self):
        """(seconds to the first byte of the body, the whole message)."""
        message, first = bytearray(), 0.0
        begun = time.perf_counter()
        self.socket.sendall(self.request)
        while not message.endswith(b"0\r\n\r\n"):
            got = self.socket.recv_into(self.buffer)
            if got == 0:
                raise RuntimeError("the connection was closed in the middle of a stream")
            now = time.perf_counter()
            message += memoryview(self.buffer)[:got]
            if not first and message.partition(b"\r\n\r\n")[2]:
                first = now - begun
        return first, bytes(message)


def body_of(message):
    """The bytes of a chunked body."""
    _, _, rest = message.partition(b"\r\n\r\n")
    out = []
    while True:
        size, _, rest = rest.partition(b"\r\n")
        count = int(size, 16)
        if count == 0:
            return b"".join(out)
        out.append(rest[:count])
        rest = rest[count + 2:]


def payloads(stream):
    """The bytes in event-stream frames."""
    out, at = [], 0
    while at < len(stream):
        total = int.from_bytes(stream[at:at + 4], "big")
        headers = int.from_bytes(stream[at + 4:at + 8], "big")
        out.append(stream[at + 12 + headers:at + total - 4])
        at += total
    return out


def cpu_seconds(process):
    """What the threads of a process have run, as the scheduler counts it: in nanoseconds."""
    return sum(int(path.read_text().split()[0])
               for path in pathlib.Path(f"/proc/{process}/task").glob("*/schedstat")) / 1e9


def nginx_before(folder, container):
    """nginx that relays from a unix socket, unbuffered; its port."""
    port = peers.free_port()
    pathlib.Path(folder, "nginx.conf").write_text(f"""
        {"user root; " if os.geteuid() == 0 else ""}daemon off; worker_processes 1; pid {folder}/pid;
        error_log {folder}/error.log; events {{ worker_connections 64; }}
        http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {folder}/b;
          proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
          scgi_temp_path {folder}/s; upstream up {{ server unix:{container}; keepalive 8; }}
          server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://up; proxy_buffering off;
            proxy_http_version 1.1; proxy_set_header Connection ''; }} }} }}""")
    return port, [shutil.which("nginx") or "/usr/sbin/nginx", "-c", f"{folder}/nginx.conf",
                  "-e", f"{folder}/error.log"]


def instance_socket(data):
    """Where the container of the one endpoint listens."""
    return next(path for path in pathlib.Path(data).rglob("*") if path.is_socket()
                and "http" in path.name)


def first_bytes(ways):
    """{name: median microseconds to the first byte} of {name: (address, path)}, taken in turns."""
    seen = {name: [] for name in ways}
    for _ in range(FIRST_BYTE_CONNECTIONS):
        asked = {name: Asked(*way) for name, way in ways.items()}
        for _ in range(FIRST_BYTE_RUNS):
            for name, each in asked.items():
                seen[name].append(each.ask()[0] * 1e6)
        for each in asked.values():
            each.socket.close()
    return {name: statistics.median(values) for name, values in seen.items()}


def events_per_core(asked, process):
    """Events in each second of the relay's own processor time."""
    before = cpu_seconds(process)
    for _ in range(RUNS):
        asked.ask()
    return RUNS * CHUNKS / (cpu_seconds(process) - before)


def streaming():
    """1,000 chunks of 100 bytes, as fast as the container gives them."""
    right = [(b"%08d " % i).ljust(CHUNK_BYTES, b".") for i in range(CHUNKS)]
    with tempfile.TemporaryDirectory() as folder, \
            peers.slipway("--auth", "none", "--io-threads", "1",
                          "--program", f"bench-stream={CONTAINER}") as server:
        measures.deploy(server, "stream", image="bench-stream")
        container = str(instance_socket(server.data))
        port, command = nginx_before(folder, container)
        with load.process(command) as (nginx, _):
            peers.wait_for(f"http://127.0.0.1:{port}/ping")
            host, own_port = server.url.removeprefix("http://").split(":")
            path = "/endpoints/stream/invocations-response-stream"
            ways = {"direct": (container, "/invocations"),
                    "nginx": (("127.0.0.1", port), "/invocations"),
                    "slipway": ((host, int(own_port)), path)}
            relayed, streamed = Asked(*ways["nginx"]), Asked(*ways["slipway"])
            exact = (b"".join(payloads(body_of(streamed.ask()[1]))) == b"".join(right)
                     and body_of(relayed.ask()[1]) == b"".join(right))
            first = first_bytes(ways)
            added, beside = first["slipway"] - first["direct"], first["nginx"] - first["direct"]
            events = events_per_core(streamed, server.child.pid)
            worker = int(pathlib.Path(f"/proc/{nginx.pid}/task/{nginx.pid}/children")
                         .read_text().split()[0])
            chunks = events_per_core(relayed, worker)
    return [
        Row("first byte added, median", f"{added:.0f} us", f"nginx {beside:.0f} us",
            f"{added / beside:.2f}" if beside > 0 else "", "<= 80 us", added <= 80),
        Row("events in a second of one core", f"{events:,.0f}", f"nginx {chunks:,.0f}",
            f"{events / chunks:.2f}", ">= 250,000", events >= 250_000),
        Row("bytes exact", str(exact), goal="True", reached=exact),
    ]


ALL = {"streaming": streaming}
