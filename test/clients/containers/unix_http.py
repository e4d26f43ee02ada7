"""What the tests' containers share: HTTP on the unix socket that `slipway serve --program` names
(`--http-socket PATH`), with nothing but the standard library."""
import http.server
import os
import socketserver
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    """Kept-open connections, silent; what is answered has the type of the request unless told."""
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status, body=b"", headers=(), content_type=None, times=1):
        """The body stands `times` times behind the head, and is in memory once."""
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type",
                         content_type or self.headers.get("Content-Type") or "text/plain")
        self.send_header("Content-Length", str(len(body) * times))
        self.end_headers()
        for _ in range(times):
            self.wfile.write(body)


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads, request_queue_size = True, 128


def serve(handler):
    """Until the process ends."""
    path = sys.argv[sys.argv.index("--http-socket") + 1]
    if os.path.exists(path):
        os.unlink(path)
    Server(path, handler).serve_forever()
