"""What S3 clients send in other places and spellings than headers of their own, and mean by it."""
import base64
import hashlib
import hmac
import http.client
import time
import urllib.parse
import urllib.request
import zlib

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError


@pytest.fixture
def bucket(aws, name):
    aws.s3.create_bucket(Bucket=name)
    return name


def crc32(body):
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def v4_url(aws, method, path, query):
    """As the presigners of other languages make it: the query holds what would be headers."""
    url = f"{aws.environment['AWS_ENDPOINT_URL']}{path}?{urllib.parse.urlencode(query)}"
    request = AWSRequest(method, url)
    S3SigV4QueryAuth(aws.session.get_credentials(), "s3", "us-east-1", expires=60).add_auth(request)
    return request.prepare().url


def v2_url(aws, method, path, query, resource=None):
    """SigV2's lines: x-amz-* and Content-Type are signed, of the query only what names a resource."""
    keys = aws.session.get_credentials()
    expires = str(int(time.time()) + 60)
    lower = {name.lower(): value for name, value in query.items()}
    amz = "".join(f"{n}:{v}\n" for n, v in sorted(lower.items()) if n.startswith("x-amz-"))
    text = "\n".join([method, "", lower.get("content-type", ""), expires, amz + (resource or path)])
    signature = base64.b64encode(
        hmac.new(keys.secret_key.encode(), text.encode(), hashlib.sha1).digest()).decode()
    query = {**query, "AWSAccessKeyId": keys.access_key, "Signature": signature, "Expires": expires}
    return f"{aws.environment['AWS_ENDPOINT_URL']}{path}?{urllib.parse.urlencode(query)}"


def send(method, url, body=None, headers=None):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    connection.request(method, f"{parts.path}?{parts.query}", body, headers or {})
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


PRESIGNED = pytest.mark.parametrize("sign", [v4_url, v2_url], ids=["v4", "v2"])


@PRESIGNED
def test_headers_in_a_signed_query_reach_the_object(aws, bucket, sign):
    url = sign(aws, "PUT", f"/{bucket}/k", {
        "x-amz-meta-who": "Ann Bee", "x-amz-tagging": "colour=blue", "x-amz-storage-class": "STANDARD_IA",
        "x-amz-checksum-crc32": crc32(b"body"), "x-amz-server-side-encryption": "AES256",
        "content-type": "image/png"})
    status, _, answer = send("PUT", url, b"body")
    assert status == 200, answer
    head = aws.s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head["Metadata"] == {"who": "Ann Bee"}
    assert (head["StorageClass"], head["ContentType"]) == ("STANDARD_IA", "image/png")
    assert head["ChecksumCRC32"] == crc32(b"body")
    assert aws.s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "colour", "Value": "blue"}]


@PRESIGNED
@pytest.mark.parametrize("query, status, code", [
    ({"If-None-Match": "*"}, 412, b"PreconditionFailed"),
    ({"If-Match": '"0"'}, 412, b"PreconditionFailed"),
    ({"x-amz-checksum-crc32": crc32(b"other")}, 400, b"BadDigest"),
    ({"x-amz-acl": "public-read"}, 400, b"AccessControlListNotSupported"),
    ({"x-amz-object-lock-mode": "GOVERNANCE"}, 400, b"InvalidRequest"),
    ({"x-amz-storage-class": "none"}, 400, b"InvalidStorageClass"),
    ({"x-amz-expected-bucket-owner": "111111111111"}, 403, b"AccessDenied"),
])
def test_what_a_signed_query_forbids_is_not_done(aws, bucket, sign, query, status, code):
    aws.s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    got, _, answer = send("PUT", sign(aws, "PUT", f"/{bucket}/k", query), b"after")
    assert (got, code in answer) == (status, True), answer
    assert aws.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"before"


@PRESIGNED
def test_the_checksum_of_no_body_in_a_signed_query_is_that_of_none_yet(aws, bucket, sign):
    """The SDK for JavaScript writes it into each URL for an upload; AWS takes the upload."""
    url = sign(aws, "PUT", f"/{bucket}/k", {
        "x-amz-checksum-crc32": crc32(b""), "x-amz-sdk-checksum-algorithm": "CRC32"})
    status, _, answer = send("PUT", url, b"body")
    assert status == 200, answer
    assert aws.s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["ChecksumCRC32"] == crc32(b"body")


@PRESIGNED
def test_a_header_does_not_weaken_what_was_signed_into_the_url(aws, bucket, sign):
    aws.s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    url = sign(aws, "PUT", f"/{bucket}/k", {"If-None-Match": "*"})
    status, _, _ = send("PUT", url, b"after", {"If-None-Match": '"0"'})
    assert status == 412


@PRESIGNED
def test_a_copy_in_a_signed_query_is_a_copy(aws, bucket, sign):
    aws.s3.put_object(Bucket=bucket, Key="from", Body=b"copied")
    url = sign(aws, "PUT", f"/{bucket}/to", {"x-amz-copy-source": f"{bucket}/from"})
    status, _, answer = send("PUT", url)
    assert status == 200 and b"CopyObjectResult" in answer, answer
    assert aws.s3.get_object(Bucket=bucket, Key="to")["Body"].read() == b"copied"


@pytest.mark.parametrize("slash", ["", "/"])
def test_v2_signs_a_bucket_with_or_without_a_slash(aws, bucket, slash):
    for method in "GET", "HEAD":
        assert send(method, v2_url(aws, method, f"/{bucket}", {}, f"/{bucket}{slash}"))[0] == 200
    assert send("GET", v2_url(aws, "GET", f"/{bucket}", {}, "/another/"))[0] == 403


def test_v2_of_boto3_at_a_bucket(aws, bucket):
    client = aws.client("s3", signature_version="s3")
    client.put_object(Bucket=bucket, Key="k", Body=b"x")
    client.head_bucket(Bucket=bucket)
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})
    url = client.generate_presigned_url("list_objects_v2", {"Bucket": bucket})
    assert b"<KeyCount>0</KeyCount>" in urllib.request.urlopen(url).read()


@pytest.mark.parametrize("announced", ["UNSIGNED-PAYLOAD", hashlib.sha256(b"other").hexdigest()])
def test_a_presigned_upload_may_bring_its_hash_unsigned(aws, bucket, announced):
    url = v4_url(aws, "PUT", f"/{bucket}/k", {})
    status, _, answer = send("PUT", url, b"body", {"x-amz-content-sha256": announced})
    assert status == 200, answer
    assert aws.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"body"


@pytest.mark.parametrize("header", ["x-amz-meta-who", "x-amz-acl", "x-amz-content-sha256"])
def test_other_headers_beside_a_presigned_url_are_refused(aws, bucket, header):
    url = v4_url(aws, "PUT", f"/{bucket}/k", {})
    status, _, answer = send("PUT", url, b"body", {header: "STREAMING-UNSIGNED-PAYLOAD-TRAILER"})
    assert status == 403 and b"were not signed" in answer, answer


def sent_with(aws, operation, headers):
    """A client whose requests of that operation have these headers, as they stand."""
    client = aws.client("s3")
    client.meta.events.register(f"before-sign.s3.{operation}", lambda request, **_: [
        (request.headers.__delitem__(name), request.headers.__setitem__(name, value))
        for name, value in headers.items()])
    return client


def test_enums_in_headers_are_taken_in_any_case(aws, bucket):
    aws.s3.put_object(Bucket=bucket, Key="k", Body=b"x", ChecksumAlgorithm="CRC32")
    for operation, call in ("GetObject", "get_object"), ("HeadObject", "head_object"):
        client = sent_with(aws, operation, {"x-amz-checksum-mode": "enabled"})
        assert getattr(client, call)(Bucket=bucket, Key="k")["ChecksumCRC32"] == crc32(b"x")
    client = sent_with(aws, "CopyObject", {"x-amz-metadata-directive": "replace"})
    client.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k", Metadata={"a": "b"})
    assert aws.s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a": "b"}
    client = sent_with(aws, "GetObject", {"x-amz-checksum-mode": "enable"})
    with pytest.raises(ClientError) as caught:
        client.get_object(Bucket=bucket, Key="k")
    assert caught.value.response["Error"]["Code"] == "InvalidArgument"


@pytest.mark.parametrize("key, written", [("a/b c", "a%2Fb%20c"), ("a b", "a+b"), ("a+b", "a%2Bb"),
                                          ("ü", "%C3%BC")])
def test_a_copy_source_may_be_encoded_as_a_whole(aws, bucket, key, written):
    version = aws.s3.put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}) and aws.s3.put_object(
            Bucket=bucket, Key=key, Body=b"first")["VersionId"]
    aws.s3.put_object(Bucket=bucket, Key=key, Body=b"second")
    sources = {f"{bucket}%2F{written}": b"second", f"%2F{bucket}%2F{written}": b"second",
               f"/{bucket}/{written}": b"second", f"{bucket}/{written}?versionId={version}": b"first",
               f"{bucket}%2F{written}%3FversionId%3D{version}": b"first"}
    upload = aws.s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    for source, body in sources.items():
        client = sent_with(aws, "CopyObject", {"x-amz-copy-source": source})
        client.copy_object(Bucket=bucket, Key="to", CopySource="replaced/below")
        assert aws.s3.get_object(Bucket=bucket, Key="to")["Body"].read() == body, source
        client = sent_with(aws, "UploadPartCopy", {"x-amz-copy-source": source})
        part = client.upload_part_copy(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1,
                                       CopySource="replaced/below")
        assert part["CopyPartResult"]["ETag"] == f'"{hashlib.md5(body).hexdigest()}"', source


@pytest.mark.parametrize("source", ["only-a-bucket", "/", "bucket%2F"])
def test_a_copy_source_without_a_key_is_refused(aws, bucket, source):
    client = sent_with(aws, "CopyObject", {"x-amz-copy-source": source})
    with pytest.raises(ClientError) as caught:
        client.copy_object(Bucket=bucket, Key="to", CopySource="replaced/below")
    assert caught.value.response["Error"]["Code"] == "InvalidArgument"
