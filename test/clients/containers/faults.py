"""A container for tests: obeys the container contract, and breaks it where it is told to.

`slipway serve --program NAME=...` runs it. CONTAINER_PING in its environment says how /ping behaves
("ready", "never", "dead": answers once and then exits); what a request is answered with says its
body's first word:
  half      a head that promises more bytes than come
  hang-up   the connection is closed without an answer
  garbage   what is no HTTP
  late N    answered after N seconds
  status N  answered with that status
  exit      the process ends
  close     answered, and the connection is closed
  session   what the session, held in this process, has heard so far (in JSON: see words())
anything else comes back with CONTAINER_NAME behind it. Each answer's CustomAttributes name the
process.
"""
import datetime
import json
import os
import threading
import time
import uuid

import unix_http

NAME = os.environ.get("CONTAINER_NAME", "")
PING = os.environ.get("CONTAINER_PING", "ready")
SECONDS = int(os.environ.get("SESSION_SECONDS", "600"))
HEADER = "X-Amzn-SageMaker-"

sessions = {}


class Handler(unix_http.Handler):
    def log_message(self, form, *arguments):
        print(f"{NAME} {form % arguments}", flush=True)

    def answer(self, status, body=b"", headers=()):
        process = (HEADER + "Custom-Attributes", os.path.basename(os.path.dirname(os.getcwd())))
        super().answer(status, body, [*headers, process])

    def do_GET(self):
        self.answer(503 if PING == "never" else 200)
        if PING == "dead":
            threading.Timer(0.3, os._exit, [3]).start()

    def do_POST(self):
        body = self.body()
        word, _, rest = body.decode(errors="replace").partition(" ")
        session = self.headers.get(HEADER + "Session-Id")
        if word == "half":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it")
            self.close_connection = True
        elif word == "hang-up":
            self.close_connection = True
        elif word == "garbage":
            self.wfile.write(b"\0\1\2 what is this\r\n\r\n")
            self.close_connection = True
        elif word == "exit":
            os._exit(7)
        elif word == "late":
            time.sleep(float(rest))
            self.answer(200, body)
        elif word == "status":
            self.answer(int(rest), f"{NAME} says {rest}".encode())
        elif word == "close":
            self.close_connection = True
            self.answer(200, body, [("Connection", "close")])
        elif session:
            self.converse(session, words(body) or rest)
        else:
            self.answer(200, body + NAME.encode())

    def converse(self, session, text):
        if session == "NEW_SESSION":
            session = str(uuid.uuid4())
            sessions[session] = []
            end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=SECONDS)
            value = f"{session}; Expires={end:%Y-%m-%dT%H:%M:%SZ}"
            return self.answer(200, b"begun", [(HEADER + "New-Session-Id", value)])
        if session not in sessions:
            return self.answer(400, b"no such session here")
        if text == "CLOSE":
            del sessions[session]
            return self.answer(200, b"closed", [(HEADER + "Closed-Session-Id", session)])
        sessions[session].append(text)
        self.answer(200, ",".join(sessions[session]).encode())


def words(body):
    """What a session is told in JSON, as AWS's own example does it: a text, or what to do."""
    try:
        said = json.loads(body)
        return said.get("text") or said["requestType"]
    except ValueError:
        return None


if __name__ == "__main__":
    unix_http.serve(Handler)
