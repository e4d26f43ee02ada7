"""A part of a bucket or object that is asked for with a method which it does not have."""
import http.client
import re
import urllib.parse

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest

# Told apart by values, or not parts of a resource at all.
NO_PART = {"list-type", "x-id", "select-type"}
# Known to S3 though no operation of the model is chosen by them alone.
MORE_PARTS = {"partNumber", "uploadId", "versionId"}


def parts_of_model(aws):
    """{(method, kind of resource, part)}: every operation that is chosen by a part."""
    model = aws.s3.meta.service_model
    found = set()
    for name in model.operation_names:
        http_part = model.operation_model(name).http
        path, _, query = http_part["requestUri"].partition("?")
        kind = "object" if "{Key+}" in path else "bucket"
        literals = set(re.findall(r"(?:^|&)([^=&]+)", query)) - NO_PART
        found |= {(http_part["method"], kind, part) for part in literals}
    return found


def send(aws, connection, method, target):
    url = aws.environment["AWS_ENDPOINT_URL"] + target
    request = AWSRequest(method, url, data=b"")
    S3SigV4Auth(aws.session.get_credentials(), "s3", "us-east-1").add_auth(request)
    connection.request(method, target, b"", dict(request.headers))
    answer = connection.getresponse()
    return answer.status, answer.read()


# What S3 has a word of its own for.
MISPLACED = {("GET", "object", "uploads"): b"InvalidRequest", ("GET", "object", "versions"): b"InvalidRequest",
             ("PUT", "object", "partNumber"): b"InvalidArgument"}


@pytest.mark.parametrize("kind", ["bucket", "object"])
def test_nothing_falls_through_to_the_plain_operation(aws, name, kind):
    aws.s3.create_bucket(Bucket=name)
    if kind == "object":
        aws.s3.put_object(Bucket=name, Key="k", Body=b"kept", Metadata={"a": "b"})
    known = parts_of_model(aws)
    parts = {part for _, _, part in known} | MORE_PARTS
    assert len(parts) > 30, parts
    connection = http.client.HTTPConnection(
        urllib.parse.urlsplit(aws.environment["AWS_ENDPOINT_URL"]).netloc, timeout=20)
    own = {("GET", "object", "partNumber"), ("HEAD", "object", "partNumber"),
           ("GET", "object", "uploadId"), ("DELETE", "object", "uploadId"),
           ("POST", "object", "uploadId")} | {
               (method, "object", "versionId") for method in ("GET", "HEAD", "DELETE")}
    wrong = []
    for part in sorted(parts):
        for method in "PUT", "POST", "DELETE", "GET", "HEAD":
            if (method, kind, part) in known | own:
                continue
            path = f"/{name}/k" if kind == "object" else f"/{name}"
            for query in part, f"{part}=1", f"x=1&{part}=":
                status, answer = send(aws, connection, method, f"{path}?{query}")
                code = MISPLACED.get((method, kind, part), b"MethodNotAllowed")
                if status != (405 if code == b"MethodNotAllowed" else 400) or (
                        method != "HEAD" and b"<Code>%s<" % code not in answer):
                    wrong.append((method, query, status, answer[:200]))
    assert not wrong, wrong
    aws.s3.head_bucket(Bucket=name)
    if kind == "object":
        got = aws.s3.get_object(Bucket=name, Key="k")
        assert (got["Body"].read(), got["Metadata"]) == (b"kept", {"a": "b"})
