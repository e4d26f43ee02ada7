#!/usr/bin/python3
"""A container for the streaming measure: every invocation is answered with the same 1,000 chunks of
100 bytes, in one write. `--http-socket PATH`; the standard library only."""
import os
import socketserver
import sys

CHUNKS = b"".join(b"64\r\n%b\r\n" % (b"%08d " % i).ljust(100, b".") for i in range(1000))
STREAM = (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
          + CHUNKS + b"0\r\n\r\n")
PING = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while line := self.rfile.readline():
            length = 0
            while (field := self.rfile.readline().strip()):
                if field.lower().startswith(b"content-length:"):
                    length = int(field.partition(b":")[2])
            self.rfile.read(length)
            self.request.sendall(PING if line.startswith(b"GET") else STREAM)


class Container(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


if __name__ == "__main__":
    where = sys.argv[sys.argv.index("--http-socket") + 1]
    if os.path.exists(where):
        os.unlink(where)
    Container(where, Handler).serve_forever()
