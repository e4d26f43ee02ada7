"""What browsers' forms put (POST Object): as boto3 signs them, and as nobody did."""
import base64
import datetime
import hashlib
import hmac
import html
import http.client
import json
import re
import urllib.parse
import zlib

import pytest
from conftest import Clients
from policies import People, allow
from server import Server

MARK = "b0undary"


@pytest.fixture
def bucket(aws, name):
    aws.s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(params=["s3v4", "s3"])
def signer(aws, request):
    """An S3 client that signs forms in that way."""
    return aws.client("s3", signature_version=request.param)


def form_body(fields, file, file_name="f.txt"):
    named = f'; filename="{file_name}"' if file_name is not None else ""
    parts = [(f'name="{name}"', value.encode() if isinstance(value, str) else value) for name, value in fields]
    parts += [(f'name="file"{named}', file)] if file is not None else []
    out = b"".join(f"--{MARK}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + value + b"\r\n"
                   for head, value in parts)
    return out + f"--{MARK}--\r\n".encode()


def post(aws, bucket, fields, file=b"body", file_name="f.txt", body=None, **headers):
    """(status, headers, body) of a form."""
    connection = http.client.HTTPConnection(
        urllib.parse.urlsplit(aws.environment["AWS_ENDPOINT_URL"]).netloc, timeout=20)
    fields = list(fields.items()) if isinstance(fields, dict) else fields
    headers = {"Content-Type": f"multipart/form-data; boundary={MARK}",
               **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection.request("POST", f"/{bucket}", form_body(fields, file, file_name) if body is None else body, headers)
    answer = connection.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()


def error_of(answer):
    """(status, code, message) of a refusal."""
    code, message = (re.search(f"<{name}>(.*?)</{name}>", answer[2])[1] for name in ("Code", "Message"))
    return answer[0], code, html.unescape(message)


def signed(signer, bucket, key="k", fields=(), conditions=(), **options):
    """The fields of a form, each in its policy too."""
    fields = dict(fields)
    conditions = [{name: value} for name, value in fields.items()] + list(conditions)
    return signer.generate_presigned_post(bucket, key, Fields=fields, Conditions=conditions, **options)["fields"]


def test_a_form_puts_an_object_with_all_that_its_fields_say(aws, bucket, signer):
    tags = "<Tagging><TagSet><Tag><Key>a b</Key><Value>1=2+3</Value></Tag></TagSet></Tagging>"
    fields = signed(signer, bucket, "dir/${filename}", {
        "Content-Type": "text/x", "Cache-Control": "no-store", "x-amz-meta-TEST-2": "two", "acl": "bucket-owner-full-control",
        "x-amz-storage-class": "STANDARD_IA", "tagging": tags, "x-ignore-me": "x"})
    status, headers, body = post(aws, bucket, fields, b"12\r\n--34", file_name="C:\\d\\na me.txt")
    assert (status, body) == (204, "")
    etag = '"%s"' % hashlib.md5(b"12\r\n--34").hexdigest()
    assert headers["etag"] == etag and "content-type" not in headers
    assert headers["location"].endswith(f"/{bucket}/dir%2Fna%20me.txt")
    assert headers["x-amz-checksum-type"] == "FULL_OBJECT" and headers["x-amz-checksum-crc64nvme"]
    got = aws.s3.get_object(Bucket=bucket, Key="dir/na me.txt")
    assert got["Body"].read() == b"12\r\n--34"
    assert (got["ContentType"], got["CacheControl"], got["Metadata"], got["StorageClass"]) == (
        "text/x", "no-store", {"test-2": "two"}, "STANDARD_IA")
    assert aws.s3.get_object_tagging(Bucket=bucket, Key="dir/na me.txt")["TagSet"] == [{"Key": "a b", "Value": "1=2+3"}]


def test_the_file_alone_gives_no_name_and_no_type(aws, bucket, signer):
    fields = signed(signer, bucket, "k-${filename}")
    assert post(aws, bucket, fields, file_name=None, Cache_Control="no-store", x_amz_meta_a="b")[0] == 204
    got = aws.s3.head_object(Bucket=bucket, Key="k-${filename}")
    assert got["ContentType"] == "binary/octet-stream"
    # What stands beside the form is none of its fields: its policy says nothing of it.
    assert got["Metadata"] == {} and "CacheControl" not in got


@pytest.mark.parametrize("value, shown", [
    ("ÄMÄZÕÑ S3", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91 S3?="), (b"\0\1\2\3\4", "=?UTF-8?B?AAECAwQ=?="),
    ("你好", "=?UTF-8?B?5L2g5aW9?="), ("a\r\nx-amz-meta-b: c", "=?UTF-8?Q?a=0D=0Ax-amz-meta-b: c?="),
    ("=?UTF-8?B?AAECAwQ=?=", "=?UTF-8?B?AAECAwQ=?=")])
def test_metadata_of_any_bytes_is_kept(aws, bucket, signer, value, shown):
    fields = signed(signer, bucket, conditions=[["starts-with", "$x-amz-meta-a", ""]])
    assert post(aws, bucket, {**fields, "x-amz-meta-a": value})[0] == 204
    assert aws.s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a": shown}


@pytest.mark.parametrize("field", ["x-amz-meta-a\rx-evil: 1", "x-amz-meta-a: 1", "x-amz-meta-\u00e4", "x-amz-meta-a b"])
def test_metadata_of_a_name_that_no_header_has_is_refused(aws, bucket, signer, field):
    fields = signed(signer, bucket, conditions=[["starts-with", f"${field}", ""]])
    assert error_of(post(aws, bucket, {**fields, field: "v"}))[:2] == (400, "InvalidArgument")


def test_a_key_that_the_file_was_to_name_is_not_empty(aws, bucket, signer):
    answer = post(aws, bucket, signed(signer, bucket, "${filename}"), file_name="")
    assert error_of(answer) == (400, "InvalidArgument", "User key must have a length greater than 0.")


def test_where_nothing_is_signed_a_forms_policy_counts_all_the_same(tmp_path):
    server = Server(tmp_path, "--auth", "none").start()
    aws = Clients(server)
    aws.s3.create_bucket(Bucket="open")
    s3 = aws.s3
    sized = s3.generate_presigned_post("open", "k", Conditions=[["content-length-range", 0, 3]])["fields"]
    sized["signature" if "signature" in sized else "x-amz-signature"] = "none"
    assert error_of(post(aws, "open", sized))[:2] == (400, "EntityTooLarge")
    assert post(aws, "open", sized, b"abc")[0] == 204
    assert error_of(post(aws, "open", {**sized, "x-amz-meta-a": "b"}))[:2] == (403, "AccessDenied")
    assert error_of(post(aws, "open", sized, b"abc", Origin="https://page.test"))[:2] == (403, "AccessDenied")
    assert post(aws, "open", {"key": "plain"})[0] == 204
    assert server.stop() == 0


def test_a_large_file_streams(aws, bucket, signer):
    file = bytes(range(256)) * (40 << 10)
    crc = base64.b64encode(zlib.crc32(file).to_bytes(4, "big")).decode()
    fields = signed(signer, bucket, fields={"x-amz-checksum-crc32": crc})
    assert post(aws, bucket, fields, file)[0] == 204
    got = aws.s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == file and got["ChecksumCRC32"] == crc
    fields = signed(signer, bucket, "other", {"x-amz-checksum-crc32": "AAAAAA=="})
    assert error_of(post(aws, bucket, fields, file))[:2] == (400, "BadDigest")
    assert aws.s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_a_checksum_of_no_algorithm_is_refused(aws, bucket, signer):
    fields = signed(signer, bucket, fields={"x-amz-checksum-crc8": "AA=="})
    assert error_of(post(aws, bucket, fields)) == (
        400, "InvalidRequest", "The algorithm type you specified in x-amz-checksum- header is invalid.")


@pytest.mark.parametrize("wanted, status", [("200", 200), ("201", 201), ("204", 204), ("500", 204)])
def test_a_form_chooses_its_answer(aws, bucket, signer, wanted, status):
    fields = signed(signer, bucket, "a/é", {"success_action_status": wanted})
    got, headers, body = post(aws, bucket, fields)
    assert got == status
    location, etag = headers["location"], headers["etag"]
    assert location.endswith(f"/{bucket}/a%2F%C3%A9")
    if status != 201:
        return
    assert html.unescape(body) == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>'
        f"<Location>{location}</Location><Bucket>{bucket}</Bucket><Key>a/é</Key><ETag>{etag}</ETag></PostResponse>")


def test_a_bucket_with_a_host_of_its_own_takes_forms(aws, bucket, signer):
    netloc = urllib.parse.urlsplit(aws.environment["AWS_ENDPOINT_URL"]).netloc
    host = f"{bucket}.localhost:{netloc.split(':')[1]}"
    connection = http.client.HTTPConnection(netloc, timeout=20)
    connection.request("POST", "/", form_body(signed(signer, bucket, "a/k").items(), b"body"),
                       {"Content-Type": f"multipart/form-data; boundary={MARK}", "Host": host})
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Location")) == (204, f"http://{host}/a%2Fk")
    assert aws.s3.head_object(Bucket=bucket, Key="a/k")["ContentLength"] == 4


def test_a_form_leads_its_browser_on(aws, bucket, signer):
    etag = urllib.parse.quote('"%s"' % hashlib.md5(b"body").hexdigest())
    for field, address in [("success_action_redirect", "http://a.test/x"), ("redirect", "https://a.test/?q=1")]:
        fields = signed(signer, bucket, "a b/k", {field: address})
        status, headers, body = post(aws, bucket, fields)
        mark = "&" if "?" in address else "?"
        assert (status, body) == (303, "")
        assert headers["location"] == f"{address}{mark}bucket={bucket}&key=a+b%2Fk&etag={etag}"
    fields = signed(signer, bucket, fields={"success_action_redirect": "/here"})
    assert post(aws, bucket, fields)[0] == 204


def refused_by(aws, bucket, signer, conditions, fields=()):
    made = {**signed(signer, bucket, conditions=conditions), **dict(fields)}
    return error_of(post(aws, bucket, made))


def test_what_the_policy_does_not_say_is_refused(aws, bucket, signer):
    def fails(condition, *fields):
        return refused_by(aws, bucket, signer, [condition], fields)
    said = "Invalid according to Policy: "
    redirect = ("success_action_redirect", "http://a.test/")
    for condition, text in [
            (["eq", "$Success_action_redirect", "http://b"], '["eq", "$Success_action_redirect", "http://b"]'),
            ({"success_action_redirect": "HTTP://a.test/"}, '["eq", "$success_action_redirect", "HTTP://a.test/"]'),
            (["eq", "success_action_redirect", redirect[1]], '["eq", "success_action_redirect", "http://a.test/"]'),
            (["starts-with", "$success_action_redirect", "https"], '["starts-with", "$success_action_redirect", "https"]'),
            (["starts-with", "$absent", ""], '["starts-with", "$absent", ""]'),
            (["content-length-range", "test", "10"], '["content-length-range", "test", "10"]'),
            ({"bucket": "another"}, '["eq", "$bucket", "another"]')]:
        assert fails(condition, redirect) == (403, "AccessDenied", f"{said}Policy Condition failed: {text}")
    for condition in [["StArTs-WiTh", "$success_action_REDIRECT", ""], {"Success_Action_Redirect": redirect[1]}]:
        made = {**signed(signer, bucket, conditions=[condition]), redirect[0]: redirect[1]}
        assert post(aws, bucket, made)[0] == 303
    assert fails(["starts-with", "$key", ""], ("x-amz-meta-a", "1")) == (
        403, "AccessDenied", f"{said}Extra input fields: x-amz-meta-a")
    assert fails({"a": "b", "c": "d"}) == (
        400, "InvalidPolicyDocument",
        "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
    for condition in [{}, [], ["like", "$key", "k"], ["eq", "$key"], {"key": 1}, ["content-length-range", -1, 2],
                      ["content-length-range", 0], "key"]:
        assert fails(condition)[:2] == (400, "InvalidPolicyDocument"), condition
    assert "Contents" not in aws.s3.list_objects_v2(Bucket=bucket, Prefix="absent")


@pytest.mark.parametrize("bounds", [[5, 10], ["5", "10"]])
def test_the_policy_bounds_the_file(aws, bucket, signer, bounds):
    fields = signed(signer, bucket, conditions=[["content-length-range", *bounds]])
    large = post(aws, bucket, fields, b"x" * 12)
    assert error_of(large) == (400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
    assert "<ProposedSize>12</ProposedSize><MaxSizeAllowed>10</MaxSizeAllowed>" in large[2]
    small = post(aws, bucket, fields, b"x")
    assert error_of(small) == (400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
    assert "<ProposedSize>1</ProposedSize><MinSizeAllowed>5</MinSizeAllowed>" in small[2]
    assert error_of(post(aws, bucket, fields, b"x" * (3 << 20)))[1] == "EntityTooLarge"
    assert aws.s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert [post(aws, bucket, fields, b"x" * n)[0] for n in (5, 10)] == [204, 204]


def own_form(signer, bucket, policy):
    """A form whose policy is the test's, signed by the way of boto3."""
    made = signed(signer, bucket)
    keys = signer._request_signer._credentials
    text = base64.b64encode(policy if isinstance(policy, bytes) else json.dumps(policy).encode()).decode()
    if "signature" in made:
        sign = base64.b64encode(hmac.new(keys.secret_key.encode(), text.encode(), hashlib.sha1).digest()).decode()
        return {**made, "policy": text, "signature": sign}
    key = ("AWS4" + keys.secret_key).encode()
    for step in made["x-amz-credential"].split("/")[1:]:
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    return {**made, "policy": text, "x-amz-signature": hmac.new(key, text.encode(), hashlib.sha256).hexdigest()}


def test_a_policy_that_is_none_or_over_lets_nothing_in(aws, bucket, signer):
    later = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for policy, message in [
            (b"no json", "Invalid JSON."), ({"expiration": later}, "Policy missing conditions."),
            ({"conditions": []}, "Policy missing expiration."),
            ({"expiration": later, "conditions": {}}, "Invalid 'conditions' value: must be a List."),
            ({"expiration": later, "CONDITIONS": []}, "Unexpected: 'conditions'"),
            ({"expiration": later.replace("T", " "), "conditions": []},
             f"Invalid 'expiration' value: '{later.replace('T', ' ')}'")]:
        answer = post(aws, bucket, own_form(signer, bucket, policy))
        assert error_of(answer) == (400, "InvalidPolicyDocument", "Invalid Policy: " + message)
    over = own_form(signer, bucket, {"expiration": "2020-01-01T00:00:00.000Z", "conditions": []})
    assert error_of(post(aws, bucket, over)) == (403, "AccessDenied", "Invalid according to Policy: Policy expired.")


def test_the_signature_is_of_the_policy_as_sent(aws, bucket, signer):
    fields = signed(signer, bucket)
    v4 = "x-amz-signature" in fields
    name = "x-amz-signature" if v4 else "signature"
    cut = post(aws, bucket, {**fields, "policy": fields["policy"][:-2]})
    assert error_of(cut)[:2] == (403, "SignatureDoesNotMatch")
    assert f"<StringToSign>{fields['policy'][:-2]}</StringToSign>" in cut[2]
    assert f"<SignatureProvided>{fields[name]}</SignatureProvided>" in cut[2]
    for gone, named in [(name, "X-Amz-Signature" if v4 else "Signature"),
                        ("x-amz-algorithm" if v4 else "AWSAccessKeyId", "X-Amz-Algorithm" if v4 else "AWSAccessKeyId"),
                        ("key", "key")]:
        answer = post(aws, bucket, {n: v for n, v in fields.items() if n != gone})
        assert error_of(answer) == (400, "InvalidArgument",
                                    f"Bucket POST must contain a field named '{named}'.  If it is specified, "
                                    "please check the order of the fields.")
        assert f"<ArgumentName>{named}</ArgumentName>" in answer[2]
    # Fields behind the file say nothing, and names compare without case.
    behind = form_body(list(fields.items())[1:], b"x").replace(f"--{MARK}--".encode(), b"") + form_body(
        [("key", "k")], None)
    assert error_of(post(aws, bucket, {}, body=behind))[2].startswith("Bucket POST must contain a field named 'key'")
    assert post(aws, bucket, {n.upper(): v for n, v in fields.items()})[0] == 204
    assert error_of(post(aws, bucket, [*fields.items(), ("KEY", "x")]))[:2] == (400, "InvalidArgument")


def test_who_signs_must_be_allowed_to_put(aws, server, bucket, name):
    guest = People(aws, server, "forms").session(
        allow("s3:PutObject", f"arn:aws:s3:::{bucket}/mine/*", Condition={"StringEquals": {"s3:authType": "POST"}}))
    tags = {"tagging": "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"}
    for version in "s3v4", "s3":
        s3 = guest.client("s3", signature_version=version)
        assert post(aws, bucket, signed(s3, bucket, "mine/k"))[0] == 204
        for key, fields in ("other/k", {}), ("mine/k", tags):
            assert error_of(post(aws, bucket, signed(s3, bucket, key, fields)))[:2] == (403, "AccessDenied")
        other = {**signed(s3, bucket, "mine/k"), "x-amz-security-token": "none"}
        assert error_of(post(aws, bucket, other))[1] == "InvalidToken"


def test_nobodys_form_goes_by_the_buckets_policy(aws, bucket):
    assert error_of(post(aws, bucket, {"key": "k", "policy": "x"})) == (403, "AccessDenied", "Access Denied")
    aws.s3.delete_public_access_block(Bucket=bucket)
    aws.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/in/*",
         "Condition": {"StringEquals": {"s3:x-amz-storage-class": "STANDARD"}}}]}))
    assert post(aws, bucket, {"key": "in/k", "x-amz-storage-class": "STANDARD"})[0] == 204
    # The request's own headers are not the form's.
    assert post(aws, bucket, {"key": "in/k"}, x_amz_storage_class="STANDARD")[0] == 403
    assert post(aws, bucket, {"key": "out/k", "x-amz-storage-class": "STANDARD"})[0] == 403


def test_what_is_no_form_is_refused(aws, bucket, signer):
    fields = signed(signer, bucket)
    page = post(aws, bucket, fields, Content_Type="text/html")
    assert error_of(page)[:2] == (412, "PreconditionFailed")
    assert "<Condition>Bucket POST must be of the enclosure-type multipart/form-data</Condition>" in page[2]
    assert error_of(post(aws, bucket, {}, body=b""))[:2] == (400, "MalformedPOSTRequest")
    for body in form_body(fields.items(), b"x")[:-12], b"x":
        assert error_of(post(aws, bucket, {}, body=body))[:2] == (400, "MalformedPOSTRequest")
    none = post(aws, bucket, fields, file=None)
    assert error_of(none) == (400, "InvalidArgument", "POST requires exactly one file upload per request.")
    much = post(aws, bucket, {**fields, "x-ignore-a": "x" * 20480})
    assert error_of(much)[:2] == (400, "MaxPostPreDataLengthExceeded")
    bad = signed(signer, bucket, fields={"tagging": "no-xml"})
    assert error_of(post(aws, bucket, bad))[:2] == (400, "MalformedXML")
    bad = signed(signer, bucket, fields={"x-amz-storage-class": "FakeClass"})
    assert error_of(post(aws, bucket, bad))[:2] == (400, "InvalidStorageClass")
    assert error_of(post(aws, "no-such-" + bucket, signed(signer, "no-such-" + bucket)))[:2] == (404, "NoSuchBucket")
    assert aws.s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_pages_that_a_rule_names_read_the_answer(aws, bucket, signer):
    aws.s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [
        {"AllowedOrigins": ["https://a.test"], "AllowedMethods": ["POST"], "ExposeHeaders": ["ETag"]}]})
    fields = signed(signer, bucket)
    for made, status in (fields, 204), ({**fields, "policy": "x"}, 403):
        answer = post(aws, bucket, made, Origin="https://a.test")
        assert (answer[0], answer[1]["access-control-allow-origin"]) == (status, "https://a.test")
