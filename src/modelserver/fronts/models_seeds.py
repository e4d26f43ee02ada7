#!/usr/bin/env python3
"""Writes what models_fuzz starts from into FOLDER: the requests that a server of many models knows.

  models_seeds.py FOLDER
"""
import json
import pathlib
import sys

AT_ONCE = b"\x40"  # pieces of 4 KiB
BY_BYTE = b"\x00"


def request(method, target, body=b"", **headers):
    headers = {"Host": "m", **({"Content-Length": len(body)} if body else {}), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode() + body


def load(name, url="a"):
    return request("POST", "/models", json.dumps({"model_name": name, "url": url}).encode())


def seeds():
    invoke = request("POST", "/models/m/invoke", b"1,2\n3,4\n", Content_Type="text/csv")
    yield "ping", request("GET", "/ping")
    yield "load", load("m")
    yield "life", (load("m") + request("GET", "/models") + request("GET", "/models/m") + invoke +
                   request("DELETE", "/models/m") + request("GET", "/models/m"))
    yield "twice", load("m") + load("m") + request("DELETE", "/models/m") + request("DELETE", "/models/m")
    yield "pages", load("m") + load("n") + request("GET", "/models?next_page_token=m%20+x")
    yield "json", load("m") + request("POST", "/models/m/invoke", b'{"instances": [[1.5, 2]]}',
                                      Content_Type="application/json", Accept="text/csv")
    yield "no-model", load("m", "nowhere") + load("m", "") + load("", "a") + invoke
    yield "names", load("a/b\u00e9\\\"\n") + request("GET", "/models/a%2Fb%c3%a9") + request("GET", "/models/%00")
    yield "no-json", request("POST", "/models", b'{"model_name": "m", "url": ')
    yield "more", request("POST", "/models", b'{"x": [1, {"y": null}], "model_name": "\\u0041", "url": "a"}')
    yield "methods", request("PUT", "/models") + request("GET", "/nothing")
    yield "chunked", (b"POST /models HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: chunked\r\n\r\n"
                      b"22\r\n" + b'{"model_name": "m", "url": "a"}   ' + b"\r\n0\r\n\r\n")


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds():
        (folder / name).write_bytes(AT_ONCE + data)
    (folder / "life-by-byte").write_bytes(BY_BYTE + dict(seeds())["life"])


if __name__ == "__main__":
    main()
