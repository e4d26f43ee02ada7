#!/usr/bin/env python3
"""A container of a user's own that obeys the multi-model contract, as `slipway serve --program` starts it.

A model is a file `scale` with a number: an invocation answers the body's number times it, and what
the container saw. Faults, for the tests, stand in the model's folder: `slow` (seconds that a load
takes), `memory` (units that it takes of 10), `refuse` (a load is answered 500), `forget` (the
container loses the model after the first answer).
"""
import json
import os
import pathlib
import threading
import time
import urllib.parse

import unix_http

MEMORY = 10
models, lock = {}, threading.Lock()
log = []  # of what the platform asked, shown by the model `log`


def number(folder, name, otherwise):
    file = pathlib.Path(folder, name)
    return float(file.read_text()) if file.exists() else otherwise


class Handler(unix_http.Handler):
    def tell(self, status, value=None):
        body = b"" if value is None else json.dumps(value).encode()
        self.answer(status, body, content_type="application/json")

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        if url.path == "/ping":
            return self.tell(200)
        if url.path == "/models":  # one model on each page
            names = sorted(models)
            at = int(urllib.parse.parse_qs(url.query).get("next_page_token", ["0"])[0])
            page = {"models": [{"modelName": n, "modelUrl": models[n]["url"]} for n in names[at:at + 1]]}
            if at + 1 < len(names):
                page["nextPageToken"] = str(at + 1)
            return self.tell(200, page)
        return self.tell(200 if url.path.removeprefix("/models/") in models else 404)

    def do_POST(self):
        body = self.body()
        if self.path == "/models":
            return self.load(json.loads(body))
        name = self.path.removeprefix("/models/").removesuffix("/invoke")
        if name not in models:
            return self.tell(404, {"error": "no such model"})
        model = models[name]
        if model["forget"]:
            models.pop(name)
        self.tell(200, {
            "scaled": float(body) * model["scale"], "model_name": name, "url": model["url"],
            "target": self.headers.get("X-Amzn-SageMaker-Target-Model"),
            "attributes": self.headers.get("X-Amzn-SageMaker-Custom-Attributes"),
            "multi": os.environ.get("SAGEMAKER_MULTI_MODEL"), "instance": os.getcwd(), "log": list(log),
            "loaded": len(models)})

    def load(self, asked):
        name, url = asked["model_name"], asked["url"]
        with lock:
            log.append(f"load {name}")
        if name in models:
            return self.tell(409)
        time.sleep(number(url, "slow", 0))
        if pathlib.Path(url, "refuse").exists():
            return self.tell(500, {"error": "this model is refused"})
        needed = number(url, "memory", 1)
        with lock:
            if sum(m["memory"] for m in models.values()) + needed > MEMORY:
                return self.tell(507, {"error": "no memory"})
            forgets = pathlib.Path(url, "forget").exists() and log.count(f"load {name}") == 1
            models[name] = {"url": url, "scale": number(url, "scale", 1), "memory": needed,
                            "forget": forgets}
        self.tell(200)

    def do_DELETE(self):
        name = self.path.removeprefix("/models/")
        with lock:
            log.append(f"unload {name}")
            gone = models.pop(name, None)
        self.tell(404 if gone is None else 200)


if __name__ == "__main__":
    unix_http.serve(Handler)
