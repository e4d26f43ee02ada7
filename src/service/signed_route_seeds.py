#!/usr/bin/env python3
"""Writes what signed_route_fuzz starts from into FOLDER: one request of each protocol, in each form and
for each scope, and the words that could lead one astray.

  signed_route_seeds.py FOLDER
"""
import pathlib
import sys

FORMS, SCOPES = 4, 12  # at least as many scopes as signed_route_fuzz knows
REQUESTS = {
    "json": ("POST", "/", "", ["X-Amz-Target: SageMaker.ListModels", "Content-Type: application/x-amz-json-1.1"], "{}"),
    "sqs": ("POST", "/", "", ["X-Amz-Target: AmazonSQS.ListQueues", "Content-Type: application/x-amz-json-1.0"], "{}"),
    "query": ("POST", "/", "", ["Content-Type: application/x-www-form-urlencoded"],
              "Action=ListRoles&Version=2010-05-08"),
    "query-get": ("GET", "/", "Action=GetCallerIdentity&Version=2011-06-15", [], ""),
    "s3-put": ("PUT", "/bucket/key", "", ["Content-Type: text/plain"], "body"),
    "s3-get": ("GET", "/bucket/key", "", [], ""),
    "s3-list": ("GET", "/bucket", "list-type=2&prefix=a", [], ""),
    "s3-host": ("GET", "/key", "", ["Host: bucket.s3.localhost"], ""),
    "runtime": ("POST", "/endpoints/e/invocations", "", ["Content-Type: text/csv"], "1,2"),
    "cbor": ("POST", "/service/SageMaker/operation/ListModels", "",
             ["Smithy-Protocol: rpc-v2-cbor", "Content-Type: application/cbor"], "\xbf\xff"),
}
STRAY = ["Smithy-Protocol: rpc-v2-cbor", "X-Amz-Target: SageMaker.CreateModel", "Host: sagemaker.us-east-1.amazonaws.com",
         "Content-Type: application/x-www-form-urlencoded", "X-Amzn-Query-Mode: true",
         "X-HTTP-Method-Override: POST", "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD", "Authorization: AWS x:y"]


def text(request, stray=(), path=None):
    method, its_path, query, headers, body = request
    if not any(header.startswith("Host") for header in headers):
        headers = ["Host: localhost", *headers]
    return "\n".join([method, path or its_path, query, *headers, "%", *stray, "", body]).encode("latin-1")


def seeds():
    for name, request in REQUESTS.items():
        for form in range(FORMS):
            for scope in range(SCOPES):
                yield f"{name}-{form}-{scope}", bytes([form, scope, form % 2]) + text(request)
        for number, stray in enumerate(STRAY):
            yield f"{name}-stray-{number}", bytes([number % FORMS, number, 1]) + text(request, [stray])
    for form in range(FORMS):
        for scope in range(SCOPES):
            yield f"cbor-in-a-key-{form}-{scope}", bytes([form, scope, 1]) + text(
                REQUESTS["s3-put"], STRAY[:1], "/bucket/service/SageMaker/operation/CreateModel")


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
