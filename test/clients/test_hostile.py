"""What strangers send: smuggled, oversized, cut short, slow, forged, bombs.

Each is answered by a clean refusal or a closed connection; the server goes on serving, nothing half-made
is visible, and no file appears outside the data directory.
"""
import gzip
import http.client
import io
import os
import pathlib
import re
import socket
import stat
import subprocess
import tarfile
import time
import urllib.parse

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, WaiterError
from conftest import Clients
from server import Server, binary

ANSWER_SECONDS_MAX = 15
HEALTH = "GET /_slipway/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def open_server(tmp_path_factory):
    """A server that checks no signatures, so that raw bytes reach what stands behind the check."""
    server = Server(tmp_path_factory.mktemp("open"), "--auth", "none").start()
    yield server
    assert server.stop() == 0, f"the server did not end cleanly:\n{server.log_tail()}"


@pytest.fixture(scope="module")
def bucket(open_server):
    Clients(open_server).s3.create_bucket(Bucket="hostile")
    return "hostile"


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=ANSWER_SECONDS_MAX)


def send(server, data, *, end_sending=True):
    """Sends bytes as they are; everything that comes back until the server closes."""
    with connect(server) as client:
        received = b""
        try:
            client.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))
            if end_sending:
                client.shutdown(socket.SHUT_WR)
            while piece := client.recv(65536):
                received += piece
        except (ConnectionResetError, BrokenPipeError):
            pass  # it refused before it had read everything
        return received


def statuses(answer):
    """Of every answer on the connection; 100 Continue is none."""
    lines = (line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1."))
    return [status for line in lines if (status := int(line.split()[1])) != 100]


def ask(server, method, target, body=None, headers=None):
    """One ordinary request; (status, body)."""
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=ANSWER_SECONDS_MAX)
    try:
        client.request(method, target, body, headers or {})
        answer = client.getresponse()
        return answer.status, answer.read()
    finally:
        client.close()


def ask_until_taken(server, method, target):
    """The same where the server may still be letting go of others' connections."""
    end = time.monotonic() + ANSWER_SECONDS_MAX
    while True:
        try:
            return ask(server, method, target)
        except (ConnectionResetError, http.client.RemoteDisconnected):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def assert_serves(server):
    assert ask(server, "GET", "/_slipway/health")[0] == 200, server.log_tail()


def keys_of(server, bucket, prefix):
    listed = Clients(server).s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [entry["Key"] for entry in listed.get("Contents", [])]


# ---- HTTP ----------------------------------------------------------------------------------------

SMUGGLED = {
    "length and chunks": "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": "Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
    "two lengths in one": "Content-Length: 0, 44\r\n\r\n",
    "a signed length": "Content-Length: +0\r\n\r\n",
    "a negative length": "Content-Length: -1\r\n\r\n",
    "a hexadecimal length": "Content-Length: 0x0\r\n\r\n",
    "an empty length": "Content-Length:\r\n\r\n",
    "a length past 64 bits": "Content-Length: 18446744073709551616\r\n\r\n",
    "white space before the colon": "Content-Length : 0\r\n\r\n",
    "a folded field": "X: a\r\n Transfer-Encoding: chunked\r\n\r\n",
    "another coding": "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two codings": "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunks twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a vertical tab": "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "a NUL in a field": "X: a\0b\r\n\r\n",
    "a bare carriage return": "X: a\rContent-Length: 44\r\n\r\n",
    "a bare line feed": "X: a\nContent-Length: 0\r\n\r\n",
    "a broken chunk size": "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "a chunk size past 64 bits": "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n",
    "a chunk without its end": "Transfer-Encoding: chunked\r\n\r\n1\r\naGET\r\n0\r\n\r\n",
    "a second host": "Host: b\r\n\r\n",
}


@pytest.mark.parametrize("what", SMUGGLED)
@pytest.mark.parametrize("target", ["POST /", "PUT /hostile/smuggled"])
def test_no_request_is_smuggled_behind_another(open_server, bucket, target, what):
    got = statuses(send(open_server, f"{target} HTTP/1.1\r\nHost: localhost\r\n{SMUGGLED[what]}{HEALTH}"))
    assert len(got) <= 1 and all(status >= 400 for status in got), (what, got)
    assert keys_of(open_server, bucket, "smuggled") == []


@pytest.mark.parametrize("head, status", [
    (f"GET /{'a' * 40_000} HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    (f"GET / HTTP/1.1\r\nHost: localhost\r\nX: {'a' * 70_000}\r\n\r\n", 431),
    ("GET / HTTP/1.1\r\nHost: localhost\r\n" + "".join(f"X{i}: a\r\n" for i in range(300)) + "\r\n", 431),
    ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000000000000000\r\n\r\n", 413),
    ("GET / HTTP/1.1\r\n\r\n", 400),
    ("GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
    ("CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 501),
    ("POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 200-ok\r\nContent-Length: 3\r\n\r\nabc", 417),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
    ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", None),
    ("\0" * 1000, None),
], ids=lambda value: value[:20].encode().hex() if isinstance(value, str) else str(value))
def test_a_broken_or_oversized_head_is_refused(open_server, head, status):
    got = statuses(send(open_server, head))
    assert got == [status] if status else all(each >= 400 for each in got), got
    assert_serves(open_server)


def test_a_body_without_end_is_cut_at_its_limit(open_server):
    chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
    head = (b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.CreateModel\r\n"
            b"Content-Type: application/x-amz-json-1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert statuses(send(open_server, head + chunk * 100)) in ([413], [])
    assert_serves(open_server)


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_an_upload_that_is_cut_short_leaves_no_object(open_server, bucket, framing):
    head = f"PUT /{bucket}/cut-{framing} HTTP/1.1\r\nHost: localhost\r\n"
    head += "Content-Length: 1000000\r\n\r\n" if framing == "length" else (
        "Transfer-Encoding: chunked\r\n\r\nf4240\r\n")
    send(open_server, head + "x" * 700_000)
    assert_serves(open_server)
    assert keys_of(open_server, bucket, "cut-") == []


def test_slow_clients_cost_connections_and_nothing_else(open_server, bucket):
    slow = []
    try:
        for number in range(300):
            client = connect(open_server)
            client.sendall([
                b"GET / HT",
                f"PUT /{bucket}/slow-{number} HTTP/1.1\r\nHost: localhost\r\n".encode() +
                b"Content-Length: 999\r\n\r\nx",
                b"GET /hostile?list-type=2 HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50,  # never reads an answer
            ][number % 3])
            slow.append(client)
        begun = time.monotonic()
        for number in range(20):
            assert ask(open_server, "PUT", f"/{bucket}/fast-{number}", b"x")[0] == 200
        assert time.monotonic() - begun < 5
    finally:
        for client in slow:
            client.close()
    assert keys_of(open_server, bucket, "slow-") == []


# ---- signatures ----------------------------------------------------------------------------------

def credentials_of(server):
    environment = server.client_environment()
    return Credentials(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])


def signed(server, *, body=b"", service="sts", region="us-east-1", signer=SigV4Auth, credentials=None,
           method="POST", path="/", headers=None):
    request = AWSRequest(method, server.url + path, data=body, headers={
        "Content-Type": "application/x-www-form-urlencoded", **(headers or {})})
    signer(credentials or credentials_of(server), service, region).add_auth(request)
    return dict(request.headers.items())


WHO = b"Action=GetCallerIdentity&Version=2011-06-15"


def test_a_signature_holds_for_what_was_signed_and_nothing_else(server):
    headers = signed(server, body=WHO)
    good = ask(server, "POST", "/", WHO, headers)
    assert good[0] == 200, good
    wrong = {
        "another body": (WHO + b"&X=1", headers),
        "another signature": (WHO, {**headers, "Authorization": headers["Authorization"][:-64] + "0" * 64}),
        "a short signature": (WHO, {**headers, "Authorization": headers["Authorization"][:-1]}),
        "no signature": (WHO, {k: v for k, v in headers.items() if k != "Authorization"}),
        "no date": (WHO, {k: v for k, v in headers.items() if k.lower() != "x-amz-date"}),
        "an old date": (WHO, {**headers, "X-Amz-Date": "20200101T000000Z"}),
        "another scheme": (WHO, {**headers, "Authorization": "Basic cm9vdDpyb290"}),
        "an endless credential": (WHO, {**headers, "Authorization":
                                        "AWS4-HMAC-SHA256 Credential=" + "/" * 20_000}),
        "an unknown key": (WHO, signed(server, body=WHO, credentials=Credentials("AKIANOBODY", "x"))),
        "a wrong secret": (WHO, signed(server, body=WHO, credentials=Credentials(
            credentials_of(server).access_key, "x" * 40))),
        "a made-up session": (WHO, signed(server, body=WHO, credentials=Credentials(
            credentials_of(server).access_key, credentials_of(server).secret_key, "made-up"))),
    }
    for what, (body, head) in wrong.items():
        status, answer = ask(server, "POST", "/", body, head)
        assert 400 <= status < 500, (what, status, answer)
    assert ask(server, "POST", "/?Action=GetSessionToken", WHO, headers)[0] == 403
    assert_serves(server)


@pytest.mark.parametrize("query, headers", [
    ("", {"Authorization": "AWS AKIANOBODY:c2lnbmVk"}),
    ("?AWSAccessKeyId=AKIANOBODY&Expires=9999999999&Signature=c2lnbmVk", {}),
    ("", {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIANOBODY/20260101/us-east-1/s3/aws4_request, "
                           "SignedHeaders=host, Signature=00"}),
    ("", {}),
], ids=["V2", "V2 presigned", "V4", "none"])
def test_a_large_body_for_what_is_no_operation_is_a_refusal(server, query, headers):
    status, _ = ask(server, "POST", f"/bucket/key{query}", b"x" * 50_000, headers)
    assert 400 <= status < 500
    assert_serves(server)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_presigned_url_ends_and_covers_its_query(server, aws, name, version):
    aws.s3.create_bucket(Bucket=name)
    aws.s3.put_object(Bucket=name, Key="k", Body=b"secret")
    url = aws.client("s3", signature_version=version).generate_presigned_url(
        "get_object", Params={"Bucket": name, "Key": "k"}, ExpiresIn=2)
    target = url.removeprefix(server.url)
    assert ask(server, "GET", target) == (200, b"secret")
    for changed in (target + "&response-content-type=text/html", target.replace("/k?", "/other?"),
                    re.sub("Expires=([0-9]+)", r"Expires=\g<1>9", target),
                    re.sub("&(X-Amz-)?Signature=[^&]*", "", target)):
        assert changed != target
        status, answer = ask(server, "GET", changed)
        assert 400 <= status < 500 and b"secret" not in answer, changed
    assert ask(server, "PUT", target, b"x")[0] == 403
    time.sleep(3.1)
    assert ask(server, "GET", target)[0] == 403


def test_a_body_that_was_not_signed_leaves_no_object(server, aws, name):
    aws.s3.create_bucket(Bucket=name)
    headers = signed(server, body=b"good", service="s3", signer=S3SigV4Auth, method="PUT",
                     path=f"/{name}/forged")
    status, answer = ask(server, "PUT", f"/{name}/forged", b"evil", headers)
    assert status == 400 and b"XAmzContentSHA256Mismatch" in answer, answer
    assert "Contents" not in aws.s3.list_objects_v2(Bucket=name)


# ---- aws-chunked ---------------------------------------------------------------------------------

def chunked_head(bucket, key, decoded, *, mode="STREAMING-UNSIGNED-PAYLOAD-TRAILER", more=""):
    return (f"PUT /{bucket}/{key} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Encoding: aws-chunked\r\n"
            f"X-Amz-Content-Sha256: {mode}\r\nX-Amz-Decoded-Content-Length: {decoded}\r\n{more}")


def with_length(head, body):
    return head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


TRAILER = "X-Amz-Trailer: x-amz-checksum-crc32\r\n"
CRC_OF_HELLO = b"x-amz-checksum-crc32:NhCmhg==\r\n"

LIES = {
    "more than was told": (3, "", b"5\r\nhello\r\n0\r\n\r\n"),
    "less than was told": (9, "", b"5\r\nhello\r\n0\r\n\r\n"),
    "no last chunk": (5, "", b"5\r\nhello\r\n"),
    "no end": (5, "", b"5\r\nhello\r\n0\r\n"),
    "a size past its bytes": (5, "", b"ffff\r\nhello\r\n0\r\n\r\n"),
    "a size past 64 bits": (5, "", b"1" + b"0" * 16 + b"\r\nhello\r\n0\r\n\r\n"),
    "a negative size": (5, "", b"-5\r\nhello\r\n0\r\n\r\n"),
    "an endless size": (5, "", b"0" * 100_000),
    "small chunks": (5, "", b"1\r\nh\r\n4\r\nello\r\n0\r\n\r\n"),
    "bytes after the end": (5, "", b"5\r\nhello\r\n0\r\n\r\nmore\r\n\r\n"),
    "a wrong checksum": (5, TRAILER, b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"),
    "an absent trailer": (5, TRAILER, b"5\r\nhello\r\n0\r\n\r\n"),
    "a trailer that nobody announced": (5, "", b"5\r\nhello\r\n0\r\n" + CRC_OF_HELLO + b"\r\n"),
    "an endless trailer": (5, TRAILER, b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:" + b"A" * 100_000),
    "a hundred thousand trailers": (5, TRAILER, b"5\r\nhello\r\n0\r\n" + b"a:b\r\n" * 100_000),
    "a length that is no number": ("1e3", "", b"5\r\nhello\r\n0\r\n\r\n"),
    "a length past 64 bits": ("9" * 30, "", b"5\r\nhello\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("what", LIES)
def test_a_lie_in_aws_chunked_leaves_no_object(open_server, bucket, what):
    decoded, more, body = LIES[what]
    answer = send(open_server, with_length(chunked_head(bucket, "lie", decoded, more=more), body),
                  end_sending=False)
    assert [status // 100 for status in statuses(answer)] in ([4], []), answer
    assert keys_of(open_server, bucket, "lie") == []


@pytest.mark.parametrize("mode, body", [
    ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", b"5\r\nhello\r\n0\r\n\r\n"),
    ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
     b"5;chunk-signature=" + b"a" * 64 + b"\r\nhello\r\n0;chunk-signature=" + b"b" * 64 + b"\r\n\r\n"),
    ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
     b"5;chunk-signature=" + b"a" * 64 + b"\r\nhello\r\n0;chunk-signature=" + b"b" * 64 + b"\r\n" +
     CRC_OF_HELLO + b"x-amz-trailer-signature:" + b"c" * 64 + b"\r\n\r\n"),
])
def test_without_signatures_a_chunked_body_is_still_taken_out_of_its_chunks(
        open_server, bucket, mode, body):
    more = TRAILER if mode.endswith("PAYLOAD-TRAILER") and b"crc32" in body else ""
    head = chunked_head(bucket, "unframed", 5, mode=mode, more=more)
    answer = send(open_server, with_length(head, body), end_sending=False)
    assert statuses(answer) == [200], answer
    assert ask(open_server, "GET", f"/{bucket}/unframed") == (200, b"hello")


# ---- documents -----------------------------------------------------------------------------------

def laughs():
    """A billion laughs: ten entities, each ten times the one before."""
    lines = ['<!ENTITY a0 "ha">'] + [f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10)]
    return f"<?xml version='1.0'?><!DOCTYPE x [{''.join(lines)}]><Tagging><TagSet>&a9;</TagSet></Tagging>"


JSON_HEAD = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.CreateModel"}
FORM_HEAD = {"Content-Type": "application/x-www-form-urlencoded"}
DOCUMENTS = {
    "deep JSON": ("POST", "/", JSON_HEAD, '{"a":' * 200_000),
    "deep JSON lists": ("POST", "/", JSON_HEAD, '{"Tags":' + "[" * 500_000),
    "JSON that ends early": ("POST", "/", JSON_HEAD, '{"ModelName":"a'),
    "JSON with a lone surrogate": ("POST", "/", JSON_HEAD, '{"ModelName":"\\ud800"}'),
    "JSON that is no UTF-8": ("POST", "/", JSON_HEAD, b'{"ModelName":"\xff\xfe"}'),
    "an enormous number": ("POST", "/", JSON_HEAD, '{"ModelName":' + "9" * 500_000 + "}"),
    "a JSON list": ("POST", "/", JSON_HEAD, "[]"),
    "a gzip bomb": ("POST", "/", {**JSON_HEAD, "Content-Encoding": "gzip"},
                    gzip.compress(b'{"ModelName":"' + b"a" * 200_000_000)),
    "gzip that is none": ("POST", "/", {**JSON_HEAD, "Content-Encoding": "gzip"}, "no"),
    "a billion laughs": ("PUT", "/hostile?tagging", {}, laughs()),
    "an external entity": ("PUT", "/hostile?tagging", {},
                           '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Tagging><TagSet><Tag>'
                           '<Key>&e;</Key><Value>v</Value></Tag></TagSet></Tagging>'),
    "deep XML": ("PUT", "/hostile?tagging", {}, "<a>" * 300_000),
    "a wide form": ("POST", "/", FORM_HEAD,
                    "Action=CreateRole&Version=2010-05-08" + "".join(f"&a{i}=b" for i in range(150_000))),
    "a deep form": ("POST", "/", FORM_HEAD, "Action=CreateRole&Version=2010-05-08&" + "a." * 200_000 + "=b"),
    "a far list index": ("POST", "/", FORM_HEAD, "Action=CreateRole&Version=2010-05-08&RoleName=r&"
                         "AssumeRolePolicyDocument=%7B%7D&Tags.member.4000000000.Key=a"),
    "deep CBOR": ("POST", "/service/SageMaker/operation/CreateModel",
                  {"Smithy-Protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}, b"\x81" * 300_000),
    "deep policy": ("POST", "/", FORM_HEAD, "Action=CreateRole&Version=2010-05-08&RoleName=r&"
                    "AssumeRolePolicyDocument=" + "%5B" * 100_000),
}


@pytest.mark.parametrize("what", DOCUMENTS)
def test_a_bomb_in_a_document_is_a_refusal(open_server, bucket, what):
    method, target, headers, body = DOCUMENTS[what]
    begun = time.monotonic()
    status, answer = ask(open_server, method, target, body, headers)
    assert 400 <= status < 500, (status, answer[:300])
    assert b"root:" not in answer
    assert time.monotonic() - begun < 5
    assert_serves(open_server)


# ---- names ---------------------------------------------------------------------------------------

NAMES = ["../../etc/passwd", "..", ".", "/etc/passwd", "a/../../b", "%2e%2e/x", "a\\..\\b", "CON",
         "a//b", "/", "\x01\x7f", "é\u202e", "-rf", "a'b\"c<d>&e", "a" * 1022,
         "x/" * 500, "slipway.db", "a\nb", "a\rb: c", "a\0b"]


def test_names_of_objects_are_never_paths(open_server, bucket):
    s3 = Clients(open_server).s3
    before = sorted(path.name for path in open_server.folder.parent.iterdir())
    for number, key in enumerate(NAMES):
        target = f"/{bucket}/{urllib.parse.quote('n/' + key, safe='')}"
        assert ask(open_server, "PUT", target, str(number).encode())[0] == 200, key
    for number, key in enumerate(NAMES):
        assert s3.get_object(Bucket=bucket, Key="n/" + key)["Body"].read() == str(number).encode()
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="n/", EncodingType="url")["Contents"]
    keys = sorted(urllib.parse.unquote_plus(entry["Key"]) for entry in listed)
    assert keys == sorted("n/" + key for key in NAMES)
    raw = send(open_server, f"PUT /{bucket}/../../escaped HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                            "Content-Length: 1\r\n\r\nx", end_sending=False)
    assert len(statuses(raw)) == 1
    assert sorted(path.name for path in open_server.folder.parent.iterdir()) == before


@pytest.mark.parametrize("target", [
    "/hostile/%ff%fe", "/hostile/%c0%af", "/hostile/" + "a" * 1025, "/hostile/%zz", "/hostile/%",
    "/..%2f..%2fetc", "/%2e%2e", "/UPPER", "/a", "/a..b", "/192.168.0.1", "/" + "b" * 64, "//", "/hostile%00"])
def test_a_bad_name_is_refused(open_server, bucket, target):
    answer = send(open_server, f"PUT {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                               "Content-Length: 1\r\n\r\nx", end_sending=False)
    assert [status // 100 for status in statuses(answer)] == [4], answer[:300]
    assert_serves(open_server)


# ---- artifacts and models ------------------------------------------------------------------------

def tar(*entries):
    """A model.tar.gz of (name, bytes) and of (name, type, link)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.GNU_FORMAT) as archive:
        for name, *rest in entries:
            entry = tarfile.TarInfo(name)
            if len(rest) == 2:
                entry.type, entry.linkname = rest
                archive.addfile(entry)
            else:
                entry.size = len(rest[0])
                archive.addfile(entry, io.BytesIO(rest[0]))
    return out.getvalue()


OUT = "points out of the archive"
ARCHIVES = {
    "an absolute name": (tar(("/tmp/slipway-evil", b"x")), "is an absolute path"),
    "a name upwards": (tar(("a/../../../slipway-evil", b"x")), "leads upwards"),
    "a link out": (tar(("l", tarfile.SYMTYPE, "/tmp"), ("l/slipway-evil", b"x")), OUT),
    "a chain of links": (tar(("a", tarfile.SYMTYPE, "."), ("a/b", tarfile.SYMTYPE, "..")), OUT),
    "a hard link out": (tar(("h", tarfile.LNKTYPE, "/etc/passwd")), OUT),
    "a hard link upwards": (tar(("h", tarfile.LNKTYPE, "../../slipway.db")), OUT),
    "a device": (tar(("d", tarfile.CHRTYPE, "")), "a device"),
    "a pipe": (tar(("model.onnx", tarfile.FIFOTYPE, "")), "a pipe"),
    "nothing": (tar(), "an empty one"),
    "no archive": (b"\0" * 10_000, "no tar archive"),
    "half an archive": (tar(("model.onnx", os.urandom(100_000)))[:5000], "damaged"),
    "an endless name": (tar(("x" * 5000, b"y")), "more than 1024 bytes"),
}


@pytest.mark.parametrize("what", ARCHIVES)
def test_an_archive_that_reaches_out_fails_its_endpoint_by_name(server, deployment, what):
    archive, reason = ARCHIVES[what]
    with pytest.raises(WaiterError):
        deployment.deploy(archive)
    status = deployment.status()
    assert status["EndpointStatus"] == "Failed" and reason in status["FailureReason"], status
    assert not list(server.folder.parent.rglob("slipway-evil")) and not os.path.exists("/tmp/slipway-evil")
    assert_serves(server)


LEAVES_CHILDREN = b'''
import os, random, subprocess
def model_fn(folder):
    time = str(100 + random.random())
    subprocess.Popen(["sleep", time])
    subprocess.Popen(["setsid", "setsid", "sleep", time])
    if os.fork() == 0:  # holds whatever the worker had open
        os.execvp("sleep", ["sleep", time])
    return time
def transform_fn(model, data, content_type, accept):
    if data == "exit":
        os._exit(3)
    return str(model), "text/plain"
'''


def sleepers(time):
    """Processes of this machine that sleep for so long; in its cell a model sees other numbers."""
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cmdline").read_bytes() == f"sleep\0{time}\0".encode():
                yield int(entry.name)
        except OSError:
            continue  # it ended


def test_a_model_that_leaves_children_hurts_itself_alone_and_they_end_with_it(server, deployment):
    deployment.deploy(tar(("code/inference.py", LEAVES_CHILDREN)))
    left = deployment.invoke(b"x").decode()
    deadline = time.monotonic() + 10
    while len(list(sleepers(left))) != 3:  # each becomes `sleep` in its own time
        assert time.monotonic() < deadline, list(sleepers(left))
        time.sleep(0.1)
    begun = time.monotonic()
    with pytest.raises(ClientError, match="ModelError"):
        deployment.invoke(b"exit")
    assert deployment.invoke(b"x")
    assert time.monotonic() - begun < 20
    deployment.aws.sagemaker.delete_endpoint(EndpointName=deployment.name)
    deployment.aws.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=deployment.name)
    deadline = time.monotonic() + 10
    while list(sleepers(left)):
        assert time.monotonic() < deadline, "what the model started runs on"
        time.sleep(0.1)


# ---- the server itself ---------------------------------------------------------------------------

def refusal(tmp_path, *flags):
    done = subprocess.run([binary(), "serve", "--data", tmp_path / "data", "--port", "0", *flags],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode != 0, done.stdout
    return done.stderr


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "127.0.0.1.example.com", "127.evil"])
def test_signatures_stay_on_where_others_reach_the_server(tmp_path, address):
    assert "--auth none" in refusal(tmp_path, "--auth", "none", "--listen", address)


def test_a_second_server_on_one_directory_is_refused(server):
    done = subprocess.run([binary(), "serve", "--data", server.data, "--port", "0"],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode != 0 and "another slipway serves" in done.stderr, done.stderr
    assert_serves(server)


def test_what_the_server_writes_is_for_its_owner_only(server, aws, name):
    aws.s3.create_bucket(Bucket=name)
    aws.s3.put_object(Bucket=name, Key="large", Body=b"x" * 300_000)
    for path in server.data.rglob("*"):
        mode = path.lstat().st_mode
        assert not mode & (stat.S_IWGRP | stat.S_IWOTH), f"others may write {path}"
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700


def test_a_directory_that_was_there_keeps_its_mode(tmp_path):
    folder = tmp_path / "server" / "data"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    server = Server(tmp_path / "server").start()
    try:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755
        for path in folder.rglob("*"):
            assert not stat.S_IMODE(path.lstat().st_mode) & 0o077, f"others may read {path}"
    finally:
        server.stop()


def test_descriptors_that_run_out_cost_new_connections_only(tmp_path):
    server = Server(tmp_path / "server", "--auth", "none").start()
    limit = len(os.listdir(f"/proc/{server.process.pid}/fd")) + 20
    subprocess.run(["prlimit", f"--pid={server.process.pid}", f"--nofile={limit}:{limit}"], check=True)
    try:
        crowd = [connect(server) for _ in range(100)]
        time.sleep(0.3)
        for client in crowd:
            client.close()
        assert ask_until_taken(server, "PUT", "/emfile")[0] == 200
        assert ask(server, "PUT", "/emfile/x", b"x" * 100_000)[0] == 200
    finally:
        assert server.stop() == 0


def test_a_server_without_descriptors_says_so(tmp_path):
    done = subprocess.run(["prlimit", "--nofile=64:64", binary(), "serve", "--data", tmp_path, "--port", "0"],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode != 0 and "64 files open at once" in done.stderr, done.stderr


def test_a_server_ends_soon_whatever_strangers_have_begun(tmp_path):
    server = Server(tmp_path / "server").start()
    halves = (b"GET /x HTTP/1.1\r\nHost: localhost\r\nX-Amz-",
              b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AmazonSQS.ListQueues\r\n"
              b"Content-Type: application/x-amz-json-1.0\r\nContent-Length: 100\r\n\r\n{")
    strangers = [connect(server) for _ in halves]
    for stranger, half in zip(strangers, halves):
        stranger.sendall(half)
    time.sleep(0.2)
    begun = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - begun < 6
    for stranger in strangers:
        stranger.close()


@pytest.mark.slow  # the drain waits its 10 s for the uploads that never end
def test_a_server_ends_while_uploads_are_in_flight(tmp_path):
    server = Server(tmp_path / "server", "--auth", "none").start()
    clients = Clients(server)
    clients.s3.create_bucket(Bucket="flight")
    half = [connect(server) for _ in range(8)]
    for client in half:
        client.sendall(b"PUT /flight/half HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n" +
                       b"x" * 600_000)
    begun = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - begun < 20
    for client in half:
        client.close()
    server.start()
    assert keys_of(server, "flight", "") == []
    assert server.stop() == 0
