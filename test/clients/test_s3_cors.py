"""What a bucket's CORS rules let pages of other origins do."""
import http.client
import re
import urllib.parse

import pytest
from botocore.exceptions import ClientError

RULES = [
    {"AllowedOrigins": ["https://app.example", "https://*.wide.example"], "AllowedMethods": ["GET", "PUT"],
     "AllowedHeaders": ["x-amz-*", "Content-Type"], "ExposeHeaders": ["ETag", "x-amz-version-id"],
     "MaxAgeSeconds": 300},
    {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]},
]
APP = "https://app.example"


@pytest.fixture
def bucket(aws, name):
    aws.s3.create_bucket(Bucket=name)
    aws.s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": RULES})
    aws.s3.put_object(Bucket=name, Key="k", Body=b"body")
    return name


def send(aws, method, url, body=None, **headers):
    parts = urllib.parse.urlsplit(urllib.parse.urljoin(aws.environment["AWS_ENDPOINT_URL"], url))
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    connection.request(method, f"{parts.path}?{parts.query}", body,
                       {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    fields = {name.lower(): value for name, value in answer.getheaders()}
    return answer.status, {n: v for n, v in fields.items() if n.startswith("access-") or n == "vary"}, answer.read()


def asks(aws, bucket, origin=APP, method="PUT", headers=None, target="k"):
    wished = {"Access_Control_Request_Method": method, "Access_Control_Request_Headers": headers, "Origin": origin}
    return send(aws, "OPTIONS", f"/{bucket}/{target}", **{n: v for n, v in wished.items() if v})


def test_a_browser_that_asks_is_told_the_rule(aws, bucket):
    status, fields, body = asks(aws, bucket, headers="X-Amz-Date, content-type")
    assert (status, body) == (200, b"")
    assert fields == {
        "access-control-allow-origin": APP, "access-control-allow-methods": "GET, PUT",
        "access-control-allow-headers": "x-amz-date, content-type",
        "access-control-expose-headers": "ETag, x-amz-version-id", "access-control-max-age": "300",
        "access-control-allow-credentials": "true",
        "vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"}
    assert asks(aws, bucket, "https://a.b.wide.example", "GET", target="")[0] == 200
    status, fields, _ = asks(aws, bucket, "https://other.example", "HEAD")
    assert (status, fields["access-control-allow-origin"]) == (200, "*")
    assert "access-control-allow-credentials" not in fields


@pytest.mark.parametrize("wish", [
    {"origin": "https://other.example"}, {"origin": "http://app.example"}, {"method": "DELETE"},
    {"headers": "x-amz-date, authorization"}, {"method": "HEAD", "headers": "x-amz-date"}])
def test_what_no_rule_lets_a_page_do_is_forbidden(aws, bucket, wish):
    status, fields, body = asks(aws, bucket, **wish)
    assert (status, fields) == (403, {})
    assert b"<Code>AccessForbidden<" in body and b"<ResourceType>OBJECT<" in body
    assert f"<Method>{wish.get('method', 'PUT')}<".encode() in body


@pytest.mark.parametrize("wish, message", [
    ({"origin": None}, b"Insufficient information. Origin request header needed."),
    ({"method": None}, b"Invalid Access-Control-Request-Method: null"),
    ({"method": "PATCH"}, b"Invalid Access-Control-Request-Method: PATCH"),
    ({"headers": "Date,X(Custom)"}, b"Access-Control-Request-Headers &quot;X(Custom)&quot; contains invalid char")])
def test_a_browser_that_asks_for_nothing_is_refused(aws, bucket, wish, message):
    status, _, body = asks(aws, bucket, **wish)
    assert status == 400 and b"<Code>BadRequest<" in body and message in body


def test_a_bucket_without_rules_lets_no_page_in(aws, bucket):
    aws.s3.delete_bucket_cors(Bucket=bucket)
    assert b"CORSResponse: CORS is not enabled for this bucket." in asks(aws, bucket)[2]
    assert b"CORSResponse: Bucket not found" in asks(aws, f"{bucket}-no")[2]
    url = aws.s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"})
    assert send(aws, "GET", url, Origin=APP)[:2] == (200, {})


@pytest.mark.parametrize("more, message", [
    ({"AllowedOrigins": ["https://*.a.*"]}, 'AllowedOrigin "https://*.a.*" can not have more than one wildcard.'),
    ({"AllowedHeaders": ["x-*-*"]}, 'AllowedHeader "x-*-*" can not have more than one wildcard.'),
    ({"AllowedHeaders": ["Date", "X:Y"]}, 'AllowedHeader "X:Y" contains invalid character.'),
    ({"ExposeHeaders": ["a b"]}, 'AllowedHeader "a b" contains invalid character.'),
    ({"ExposeHeaders": ["x-*"]},
     'ExposeHeader "x-*" contains wildcard. We currently do not support wildcard for ExposeHeader.')])
def test_rules_that_name_no_header_or_origin_are_refused(aws, bucket, more, message):
    rules = [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], **more}]
    with pytest.raises(ClientError) as caught:
        aws.s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("InvalidRequest", message)


def test_rules_and_wishes_are_no_longer_than_they_may_be(aws, bucket):
    rule = {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}
    with pytest.raises(ClientError) as caught:
        aws.s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [
            {**rule, "AllowedHeaders": [f"x-{number:08}" for number in range(6000)]}]})
    assert caught.value.response["Error"]["Code"] == "MaxMessageLengthExceeded"
    assert asks(aws, bucket, headers=",".join(["x-amz-date"] * 256))[0] == 200
    assert asks(aws, bucket, headers=",".join(["x-amz-date"] * 257))[0] == 400


def test_answers_carry_what_lets_the_page_read_them(aws, bucket):
    def url(operation, **more):
        return aws.s3.generate_presigned_url(operation, {"Bucket": bucket, **more})
    for method, link, body, status in [
            ("GET", url("get_object", Key="k"), None, 200), ("GET", url("list_objects_v2"), None, 200),
            ("GET", url("get_object", Key="none"), None, 404), ("PUT", url("put_object", Key="k"), b"x", 200),
            ("PUT", url("put_object", Key="k", StorageClass="NONE"), b"x", 400)]:
        got, fields, answer = send(aws, method, link, body, Origin=APP)
        assert (got, fields.get("access-control-allow-origin")) == (status, APP), (method, link, answer)
        assert re.fullmatch("ETag, x-amz-version-id", fields["access-control-expose-headers"])
    assert send(aws, "GET", url("get_object", Key="k"), Origin="https://other.example")[:2] == (200, {})
    assert send(aws, "GET", url("get_object", Key="k"))[:2] == (200, {})
