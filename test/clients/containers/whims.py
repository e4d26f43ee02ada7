#!/usr/bin/env python3
"""A container that does what each request's custom attributes say.

    (nothing)      answers with the body that came
    status=503     answers with that status and "as you wished"
    sleep=0.5      answers so much later
    hangup         cuts the connection with the request under way
    die            ends the process
    repeat=1000    answers with the body so many times
    peak           answers with the highest number of requests it ever had at once
    count          answers with how many bytes came
Several are separated by commas.
"""
import http.server
import os
import socketserver
import sys
import threading
import time

CHUNK = 1 << 20


class Under:
    lock, now, peak = threading.Lock(), 0, 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.answer(200, b"")

    def answer(self, status, body, times=1):
        self.send_response(status)
        self.send_header("Content-Type", self.headers.get("Content-Type") or "text/plain")
        self.send_header("Content-Length", str(len(body) * times))
        self.end_headers()
        for _ in range(times):
            self.wfile.write(body)

    def body(self, whims):
        left, parts, count = int(self.headers.get("Content-Length") or 0), [], 0
        while left > 0 and (part := self.rfile.read(min(left, CHUNK))):
            left, count = left - len(part), count + len(part)
            if "count" not in whims:
                parts.append(part)
        return str(count).encode() if "count" in whims else b"".join(parts)

    def do_POST(self):
        with Under.lock:
            Under.now += 1
            Under.peak = max(Under.peak, Under.now)
        try:
            self.obey()
        finally:
            with Under.lock:
                Under.now -= 1

    def obey(self):
        wishes = self.headers.get("X-Amzn-SageMaker-Custom-Attributes") or ""
        whims = dict((w.split("=") + [""])[:2] for w in wishes.split(",") if w)
        body = self.body(whims)
        time.sleep(float(whims.get("sleep", 0)))
        if "die" in whims:
            os._exit(3)
        if "hangup" in whims:
            self.close_connection = True
            self.connection.shutdown(2)
        elif "status" in whims:
            self.answer(int(whims["status"]), b"as you wished")
        elif "peak" in whims:
            self.answer(200, str(Under.peak).encode())
        else:
            self.answer(200, body, int(whims.get("repeat", 1)))


class Front(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads, request_queue_size = True, 128


path = sys.argv[sys.argv.index("--http-socket") + 1]
if os.path.exists(path):
    os.unlink(path)
Front(path, Handler).serve_forever()
