#!/usr/bin/python3
"""A container that streams, and misbehaves as it is asked to: the container contract over HTTP on a
unix socket (`--http-socket PATH`), with nothing but the standard library.

The body of POST /invocations is JSON: {"do": WHAT, ...}
  parts    answers the strings of "parts", one chunk each, "pause" seconds apart
  count    answers "count" chunks of "bytes" bytes each, "NNNNNNNN " and dots
  endless  chunks of 64 KiB for ever
  half     two chunks, then the connection is cut
  trickle  one byte every 100 ms for ever
  error    status 500 and a text
  silent   never answers
  head     answers the request's header fields as JSON, in one piece with a Content-Length
  gone     how many streams ended because their client went away, and how many bytes went out
"""
import json
import socketserver
import threading
import time

import unix_http

ENDED = {"gone": 0, "sent": 0}
LOCK = threading.Lock()


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while line := self.rfile.readline():
            method, path, _ = line.decode("latin-1").split(" ", 2)
            head = {}
            while (field := self.rfile.readline().strip()):
                name, _, value = field.decode("latin-1").partition(":")
                head[name.lower()] = value.strip()
            body = self.rfile.read(int(head.get("content-length", 0)))
            if method == "GET":
                self.whole(200, b"")
            elif path == "/invocations" and not self.invoke(json.loads(body), head):
                return

    def whole(self, status, body, content_type="application/json"):
        self.wfile.write(f"HTTP/1.1 {status} Said\r\nContent-Type: {content_type}\r\n"
                         f"Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def begin(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                         b"X-Amzn-SageMaker-Custom-Attributes: from=container\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n")

    def chunk(self, data):
        try:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        except OSError:
            with LOCK:
                ENDED["gone"] += 1
            raise
        with LOCK:
            ENDED["sent"] += len(data)

    def invoke(self, asked, head):
        """Whether the connection stays."""
        do = asked["do"]
        if do == "gone":
            self.whole(200, json.dumps(ENDED).encode())
        elif do == "head":
            self.whole(200, json.dumps(head).encode())
        elif do == "error":
            self.whole(500, b"the model fell over", "text/plain")
        elif do == "silent":
            time.sleep(3600)
        else:
            self.begin()
            if do == "half":
                self.chunk(b"first ")
                self.chunk(b"second")
                return False
            try:
                for data, pause in self.data(asked):
                    self.chunk(data)
                    time.sleep(pause) if pause else None
            except OSError:
                return False
            self.wfile.write(b"0\r\n\r\n")
        return True

    @staticmethod
    def data(asked):
        if asked["do"] == "parts":
            for part in asked["parts"]:
                yield part.encode(), asked.get("pause", 0)
        elif asked["do"] == "count":
            for i in range(asked["count"]):
                yield (b"%08d " % i).ljust(asked["bytes"], b"."), 0
        elif asked["do"] == "endless":
            while True:
                yield bytes(65536), 0
        elif asked["do"] == "trickle":
            while True:
                yield b".", 0.1


if __name__ == "__main__":
    unix_http.serve(Handler)
