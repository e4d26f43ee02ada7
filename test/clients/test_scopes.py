"""A signature counts for the service that it was made for, and for nothing else.

Each attack is what somebody does who was given one signature: a presigned S3 URL, or a request that
went by.
"""
import json
import urllib.parse

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from conftest import REGISTRY
from test_hostile import FORM_HEAD, ask, credentials_of, send, signed, statuses

JSON = "application/x-amz-json-1.1"
WHO = b"Action=GetCallerIdentity&Version=2011-06-15"
LIST_MODELS = {"Content-Type": JSON, "X-Amz-Target": "SageMaker.ListModels"}
OWN_REGION = "us-east-1"


def presigned(server, path, *, service="s3", method="PUT", signer=botocore.auth.S3SigV4QueryAuth):
    """Path and query of a URL that its user may call with `method`."""
    request = AWSRequest(method, server.url + path, headers={"Host": server.url.removeprefix("http://")})
    signer(credentials_of(server), service, OWN_REGION, expires=60).add_auth(request)
    return request.url.removeprefix(server.url)


def old_way(aws, method, **what):
    return aws.client("s3", signature_version="s3").generate_presigned_url(
        method, Params=what, ExpiresIn=60)


def cbor(value):
    """Short texts, and maps of them."""
    if isinstance(value, dict):
        return bytes([0xa0 + len(value)]) + b"".join(cbor(each) for pair in value.items() for each in pair)
    return bytes([0x78, len(value)]) + value.encode()


def models_of(aws):
    return {model["ModelName"] for model in aws.sagemaker.list_models(MaxResults=100)["Models"]}


@pytest.mark.parametrize("key", [
    "service/SageMaker/operation/CreateModel", "a/b/service/SageMaker/operation/CreateModel"])
@pytest.mark.parametrize("version", [2, 4])
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_presigned_object_whose_key_looks_like_an_operation_is_an_object(
        server, aws, name, key, version, method):
    aws.s3.create_bucket(Bucket=name)
    if version == 4:
        target = presigned(server, f"/{name}/{key}", method=method)
    else:
        call = "put_object" if method == "PUT" else "create_multipart_upload"
        target = old_way(aws, call, Bucket=name, Key=key).removeprefix(server.url)
    body = cbor({"ModelName": name, "ExecutionRoleArn": "arn:aws:iam::000000000000:role/evil",
                 "PrimaryContainer": {"Image": f"{REGISTRY}/slipway-inference:latest"}})
    headers = {"Smithy-Protocol": "rpc-v2-cbor"}
    if version == 4:
        headers["Content-Type"] = "application/cbor"  # V2 covers it
    status, answer = ask(server, method, target, body, headers)
    assert name not in models_of(aws), answer
    if method == "PUT":
        assert status == 200, answer
        assert aws.s3.get_object(Bucket=name, Key=key)["Body"].read() == body


@pytest.mark.parametrize("headers, body", [
    (LIST_MODELS, b"{}"),
    ({**FORM_HEAD}, WHO),
    ({"Smithy-Protocol": "rpc-v2-cbor"}, b"\xa0"),
    ({"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE", "X-HTTP-Method": "DELETE"}, b""),
], ids=["json", "query", "cbor", "override"])
@pytest.mark.parametrize("version", [2, 4])
def test_no_header_beside_a_presigned_url_makes_it_another_operation(
        server, aws, name, headers, body, version):
    aws.s3.create_bucket(Bucket=name)
    aws.s3.put_object(Bucket=name, Key="k", Body=b"kept")
    target = (presigned(server, f"/{name}/k", method="GET") if version == 4 else
              old_way(aws, "get_object", Bucket=name, Key="k").removeprefix(server.url))
    for method in ("GET", "POST"):
        status, answer = ask(server, method, target, body, headers)
        assert b"Models" not in answer and b"GetCallerIdentity" not in answer, answer
        assert status in (200, 400, 403, 405) and (status != 200 or answer == b"kept"), answer
    assert aws.s3.get_object(Bucket=name, Key="k")["Body"].read() == b"kept"


SCOPES = ["s3", "s3express", "sts", "iam", "sns", "sqs", "logs", "sagemaker", "sagemaker-runtime",
          "dynamodb", "S3", "execute-api"]
# What is asked, for which scope it is right, and the words of the refusal.
ASKED = {
    "json": ("sagemaker", "POST", "/", b"{}", LIST_MODELS, 400, "InvalidSignatureException"),
    "sqs json": ("sqs", "POST", "/", b"{}", {"Content-Type": "application/x-amz-json-1.0",
                                             "X-Amz-Target": "AmazonSQS.ListQueues"},
                 400, "InvalidSignatureException"),
    "sqs query": ("sqs", "POST", "/", b"Action=ListQueues&Version=2012-11-05", FORM_HEAD,
                  403, "SignatureDoesNotMatch"),
    "query": ("sts", "POST", "/", WHO, FORM_HEAD, 403, "SignatureDoesNotMatch"),
    "runtime": ("sagemaker", "POST", "/endpoints/nobodys/invocations", b"1", {"Content-Type": "text/csv"},
                403, "InvalidSignatureException"),
}


@pytest.mark.parametrize("what", ASKED)
def test_only_the_right_scope_gets_through(server, what):
    right, method, path, body, headers, status, code = ASKED[what]
    for scope in SCOPES:
        signer = botocore.auth.S3SigV4Auth if scope.startswith("s3") else botocore.auth.SigV4Auth
        head = {key: value for key, value in signed(
            server, body=body, service=scope, signer=signer, method=method, path=path,
            headers=headers).items()}
        got, answer = ask(server, method, path, body, head)
        wrong = f"Credential should be scoped to correct service: '{right}'. ".encode()
        if scope == right:
            assert wrong not in answer and code.encode() not in answer, (scope, answer)
        else:
            escaped = wrong.replace(b"'", b"&apos;")
            assert got == status and code.encode() in answer, (scope, got, answer)
            assert wrong in answer or escaped in answer or wrong.replace(b"'", b"&#39;") in answer, answer


def test_s3_names_the_scope_that_it_was_given(server, aws, name):
    aws.s3.create_bucket(Bucket=name)
    for scope in ("sts", "sagemaker", "s3express"):
        head = signed(server, service=scope, signer=botocore.auth.S3SigV4Auth, method="GET",
                      path=f"/{name}/k", headers={"Content-Type": ""})
        status, answer = ask(server, "GET", f"/{name}/k", headers=head)
        assert status == 400 and b"<Code>AuthorizationHeaderMalformed</Code>" in answer, answer
        assert f'incorrect service "{scope}". This endpoint belongs to "s3".' in unescaped(answer)
        target = presigned(server, f"/{name}/k", service=scope, method="GET")
        status, answer = ask(server, "GET", target)
        assert status == 400 and b"<Code>AuthorizationQueryParametersError</Code>" in answer, answer
        assert (f'Error parsing the X-Amz-Credential parameter; incorrect service "{scope}". '
                'This endpoint belongs to "s3".') in unescaped(answer)


def unescaped(xml):
    return xml.decode().replace("&quot;", '"').replace("&#34;", '"')


def test_the_old_signature_is_taken_by_s3_alone(server, aws, name):
    """Its text to sign names no service: what was signed for an object must not be a call."""
    url = old_way(aws, "create_multipart_upload", Bucket=name, Key="invocations")
    query = urllib.parse.urlsplit(url).query
    for path, headers, body, code in [
            ("/", LIST_MODELS, b"{}", b"MissingAuthenticationTokenException"),
            ("/", FORM_HEAD, WHO, b"<Code>MissingAuthenticationToken</Code>"),
            ("/endpoints/e/invocations", {}, b"1", b"MissingAuthenticationToken")]:
        for target, more in ((f"{path}?{query.replace('uploads&', '')}", {}),
                             (path, {"Authorization": "AWS AKIDEXAMPLE:c2lnbmF0dXJl"})):
            status, answer = ask(server, "POST", target, body, {**headers, **more})
            assert status in (400, 403) and code in answer, (target, status, answer)


def test_a_bucket_in_the_host_is_part_of_the_old_signature(server, aws, name):
    """Signed for bucket b and key k, "/b/k" is not the key "b/k" of the virtual host b."""
    aws.s3.create_bucket(Bucket=name)
    aws.s3.put_object(Bucket=name, Key="k", Body=b"shown")
    aws.s3.put_object(Bucket=name, Key=f"{name}/k", Body=b"hidden")
    target = old_way(aws, "get_object", Bucket=name, Key="k").removeprefix(server.url)
    assert ask(server, "GET", target) == (200, b"shown")
    status, answer = ask(server, "GET", target, headers={"Host": f"{name}.s3.localhost:{server.port}"})
    assert status == 403 and b"SignatureDoesNotMatch" in answer, answer


@pytest.mark.parametrize("payload", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"])
def test_a_body_that_is_not_signed_is_s3s_alone(server, payload):
    """The text to sign ends in the announced word, as S3 has it; elsewhere it must be the body's hash."""
    class Announced(botocore.auth.SigV4Auth):
        def payload(self, request):
            return payload

    for body, headers, path in ((b"{}", LIST_MODELS, "/"), (WHO, FORM_HEAD, "/"),
                                (b"1", {"Content-Type": "text/csv"}, "/endpoints/e/invocations")):
        request = AWSRequest("POST", server.url + path, data=body,
                             headers={**headers, "X-Amz-Content-Sha256": payload})
        service = "sts" if body == WHO else "sagemaker"
        Announced(credentials_of(server), service, OWN_REGION).add_auth(request)
        status, answer = ask(server, "POST", path, body, dict(request.headers.items()))
        assert status in (400, 403), answer
        assert b"SignatureDoesNotMatch" in answer or b"InvalidSignatureException" in answer, answer


def test_any_region_is_the_region_that_the_caller_means(server):
    for region in ("eu-central-1", "mars-north-9"):
        head = signed(server, body=b"{}", service="sagemaker", region=region, headers=LIST_MODELS)
        assert ask(server, "POST", "/", b"{}", head) == (200, b'{"Models":[]}')


def test_a_request_is_signed_once(server, aws, name):
    aws.s3.create_bucket(Bucket=name)
    aws.s3.put_object(Bucket=name, Key="k", Body=b"x")
    target = presigned(server, f"/{name}/k", method="GET")
    assert ask(server, "GET", target)[0] == 200
    for authorization in ("AWS4-HMAC-SHA256 Credential=a/b/c/s3/aws4_request", "AWS a:b", "Bearer x"):
        status, answer = ask(server, "GET", target, headers={"Authorization": authorization})
        assert status == 400 and b"Only one auth mechanism allowed" in answer, answer


def test_a_cluster_token_and_other_presigned_calls_still_work(server):
    for service, query in (("sts", WHO.decode()), ("sqs", "Action=ListQueues&Version=2012-11-05")):
        target = presigned(server, f"/?{query}", service=service, method="GET",
                           signer=botocore.auth.SigV4QueryAuth)
        status, answer = ask(server, "GET", target)
        assert status == 200, answer
        status, answer = ask(server, "POST", target, WHO, FORM_HEAD)
        assert status == 403, answer


def raw(method, target, headers, body=b""):
    """Bytes of a request, every header as it is told, in order."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers),
             "Connection: close", f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.mark.parametrize("twice", ["Authorization", "X-Amz-Target", "X-Amz-Date", "Host"])
@pytest.mark.parametrize("first", [True, False])
def test_a_header_that_decides_stands_there_once(server, twice, first):
    head = signed(server, body=b"{}", service="sagemaker", headers=LIST_MODELS)
    headers = [("Host", server.url.removeprefix("http://")), *head.items()]
    assert statuses(send(server, raw("POST", "/", headers, b"{}"), end_sending=False)) == [200]
    other = {"X-Amz-Target": "SageMaker.ListEndpoints"}.get(twice, "")
    headers.insert(0 if first else len(headers), (twice, other))
    assert statuses(send(server, raw("POST", "/", headers, b"{}"), end_sending=False)) == [400]


def test_a_header_with_a_comma_cannot_be_taken_apart(server, aws, name):
    """A signature covers headers of one name as one value: "a,b" is signed, whether in one or in two."""
    aws.s3.create_bucket(Bucket=name)
    aws.s3.put_object(Bucket=name, Key="k", Body=b"another")
    aws.s3.put_object(Bucket=name, Key="k,1", Body=b"this one")
    source = {"X-Amz-Copy-Source": f"/{name}/k,1"}
    head = signed(server, service="s3", signer=botocore.auth.S3SigV4Auth, method="PUT",
                  path=f"/{name}/copy", headers=source)
    headers = [(key, value) for key, value in head.items() if key.lower() != "x-amz-copy-source"]
    headers += [("Host", server.url.removeprefix("http://")), ("X-Amz-Copy-Source", f"/{name}/k"),
                ("X-Amz-Copy-Source", "1")]
    assert statuses(send(server, raw("PUT", f"/{name}/copy", headers), end_sending=False)) == [200]
    assert aws.s3.get_object(Bucket=name, Key="copy")["Body"].read() == b"this one"


def test_what_follows_a_body_is_no_header(server):
    head = signed(server, body=b"{}", service="sagemaker", headers=LIST_MODELS)
    trailers = "".join(f"{name}: {head.pop(name)}\r\n" for name in ("X-Amz-Target", "Authorization"))
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    answer = send(server, f"POST / HTTP/1.1\r\nHost: {server.url.removeprefix('http://')}\r\n{lines}"
                          "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                          f"2\r\n{{}}\r\n0\r\n{trailers}\r\n", end_sending=False)
    assert b"Models" not in answer and statuses(answer)[0] >= 400, answer


@pytest.mark.parametrize("path", [
    "/endpoints/x/../e/invocations", "/endpoints/./e/invocations", "/x/../endpoints/e/invocations",
    "//endpoints/e/invocations"])
def test_a_path_is_routed_as_it_is_signed(server, path):
    """What the signature leaves out of a path ("." and "..", but for S3) leads nowhere."""
    head = signed(server, body=b"1", service="sagemaker", path="/endpoints/e/invocations",
                  headers={"Content-Type": "text/csv"})
    headers = [("Host", server.url.removeprefix("http://")), *head.items()]
    straight = send(server, raw("POST", "/endpoints/e/invocations", headers, b"1"), end_sending=False)
    assert statuses(straight) == [400] and b"ValidationError" in straight, "there is no such endpoint"
    answer = send(server, raw("POST", path, headers, b"1"), end_sending=False)
    assert statuses(answer)[0] in (400, 404) and b"UnknownOperation" in answer, answer


@pytest.mark.parametrize("authorization", [
    "AWS a:b", "AWS4-HMAC-SHA256 Credential=a/20240501/r/s3/aws4_request, SignedHeaders=host, Signature=0",
    "Bearer x", ""])
@pytest.mark.parametrize("target", ["/b/k", "/b/k?AWSAccessKeyId=a&Signature=b&Expires=9999999999"])
def test_a_stranger_who_asks_for_what_there_is_not_is_refused(server, authorization, target):
    """The head of a longer body is checked before its operation is known to exist."""
    headers = [("Host", "localhost"), ("Authorization", authorization)]
    answer = send(server, raw("PATCH", target, headers, b"x" * 100_000), end_sending=False)
    assert all(status >= 400 for status in statuses(answer)), answer
    assert ask(server, "GET", "/_slipway/health")[0] == 200


def test_traffic_is_for_the_root_alone(server, aws):
    role = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole",
         "Principal": {"AWS": "arn:aws:iam::000000000000:root"}}]}
    aws.iam.create_role(RoleName="watcher", AssumeRolePolicyDocument=json.dumps(role))
    try:
        keys = aws.sts.assume_role(RoleArn="arn:aws:iam::000000000000:role/watcher",
                                   RoleSessionName="watching")["Credentials"]
        head = signed(server, service="sagemaker", method="GET", path="/_slipway/traffic",
                      credentials=Credentials(keys["AccessKeyId"], keys["SecretAccessKey"],
                                              keys["SessionToken"]))
        status, answer = ask(server, "GET", "/_slipway/traffic", headers=head)
        assert status == 403 and b"AccessDeniedException" in answer, answer
    finally:
        aws.iam.delete_role(RoleName="watcher")
