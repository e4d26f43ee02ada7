#!/usr/bin/env python3
"""A container of a user's own that obeys the multi-model contract, as `slipway serve --program` starts it.

A model is a file `scale` with a number: an invocation answers the body's number times it, and what
the container saw. Faults, for the tests, stand in the model's folder: `slow` (seconds that a load
takes), `memory` (units that it takes of 10), `refuse` (a load is answered 500), `forget` (the
container loses the model after the first answer).
"""
import argparse
import http.server
import json
import os
import pathlib
import socketserver
import sys
import threading
import time
import urllib.parse

MEMORY = 10
models, lock = {}, threading.Lock()
log = []  # of what the platform asked, shown by the model `log`


def number(folder, name, otherwise):
    file = pathlib.Path(folder, name)
    return float(file.read_text()) if file.exists() else otherwise


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "unix"

    def answer(self, status, value=None):
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        if url.path == "/ping":
            return self.answer(200)
        if url.path == "/models":  # one model on each page
            names = sorted(models)
            at = int(urllib.parse.parse_qs(url.query).get("next_page_token", ["0"])[0])
            page = {"models": [{"modelName": n, "modelUrl": models[n]["url"]} for n in names[at:at + 1]]}
            if at + 1 < len(names):
                page["nextPageToken"] = str(at + 1)
            return self.answer(200, page)
        return self.answer(200 if url.path.removeprefix("/models/") in models else 404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/models":
            return self.load(json.loads(body))
        name = self.path.removeprefix("/models/").removesuffix("/invoke")
        if name not in models:
            return self.answer(404, {"error": "no such model"})
        model = models[name]
        if model["forget"]:
            models.pop(name)
        self.answer(200, {
            "scaled": float(body) * model["scale"], "model_name": name, "url": model["url"],
            "target": self.headers.get("X-Amzn-SageMaker-Target-Model"),
            "attributes": self.headers.get("X-Amzn-SageMaker-Custom-Attributes"),
            "multi": os.environ.get("SAGEMAKER_MULTI_MODEL"), "pid": os.getpid(), "log": list(log),
            "loaded": len(models)})

    def load(self, asked):
        name, url = asked["model_name"], asked["url"]
        with lock:
            log.append(f"load {name}")
        if name in models:
            return self.answer(409)
        time.sleep(number(url, "slow", 0))
        if pathlib.Path(url, "refuse").exists():
            return self.answer(500, {"error": "this model is refused"})
        needed = number(url, "memory", 1)
        with lock:
            if sum(m["memory"] for m in models.values()) + needed > MEMORY:
                return self.answer(507, {"error": "no memory"})
            forgets = pathlib.Path(url, "forget").exists() and log.count(f"load {name}") == 1
            models[name] = {"url": url, "scale": number(url, "scale", 1), "memory": needed,
                            "forget": forgets}
        self.answer(200)

    def do_DELETE(self):
        name = self.path.removeprefix("/models/")
        with lock:
            log.append(f"unload {name}")
            gone = models.pop(name, None)
        self.answer(404 if gone is None else 200)


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--http-socket", required=True)
    arguments, _ = parser.parse_known_args()
    with UnixServer(arguments.http_socket, Handler) as server:
        print("serving", file=sys.stderr, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
