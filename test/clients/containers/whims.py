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
import os
import threading
import time

import unix_http

CHUNK = 1 << 20


class Under:
    lock, now, peak = threading.Lock(), 0, 0


class Handler(unix_http.Handler):
    def do_GET(self):
        self.answer(200)

    def read(self, whims):
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
        body = self.read(whims)
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
            self.answer(200, body, times=int(whims.get("repeat", 1)))


if __name__ == "__main__":
    unix_http.serve(Handler)
