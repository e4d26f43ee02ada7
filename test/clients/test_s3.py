"""S3 as boto3 and plain HTTP see it."""
import base64
import contextlib
import hashlib
import io
import os
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from datetime import datetime

import pytest
from botocore.exceptions import ClientError

MIB = 1024 * 1024


@pytest.fixture
def bucket(aws, name):
    aws.s3.create_bucket(Bucket=name)
    return name


def code_of(caught):
    return caught.value.response["Error"]["Code"]


def keys_of(pages, member="Contents"):
    return [entry["Key"] for page in pages for entry in page.get(member, [])]


def test_what_was_put_is_what_one_gets(aws, bucket):
    body = os.urandom(100_000)
    put = aws.s3.put_object(Bucket=bucket, Key="a/b c+d/ü%2F.bin", Body=body, ContentType="image/png",
                            Metadata={"colour": "blue"}, CacheControl="no-store")
    got = aws.s3.get_object(Bucket=bucket, Key="a/b c+d/ü%2F.bin")
    assert got["Body"].read() == body
    assert put["ETag"] == got["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    assert (got["ContentType"], got["CacheControl"]) == ("image/png", "no-store")
    assert got["Metadata"] == {"colour": "blue"}
    assert got["ContentLength"] == 100_000


def test_buckets_are_listed_headed_and_deleted(aws, name):
    aws.s3.create_bucket(Bucket=name)
    assert name in [bucket["Name"] for bucket in aws.s3.list_buckets()["Buckets"]]
    aws.s3.head_bucket(Bucket=name)
    assert aws.s3.get_bucket_location(Bucket=name).get("LocationConstraint") is None
    aws.s3.put_object(Bucket=name, Key="k", Body=b"")
    with pytest.raises(ClientError) as caught:
        aws.s3.delete_bucket(Bucket=name)
    assert code_of(caught) == "BucketNotEmpty"
    aws.s3.delete_object(Bucket=name, Key="k")
    aws.s3.delete_bucket(Bucket=name)
    with pytest.raises(ClientError) as caught:
        aws.s3.head_bucket(Bucket=name)
    assert code_of(caught) == "404"


@pytest.mark.parametrize("header, start, stop", [
    ("bytes=0-9", 0, 10), ("bytes=90-", 90, 100), ("bytes=-10", 90, 100), ("bytes=50-5000", 50, 100)])
def test_ranges(aws, bucket, header, start, stop):
    body = bytes(range(100))
    aws.s3.put_object(Bucket=bucket, Key="k", Body=body)
    got = aws.s3.get_object(Bucket=bucket, Key="k", Range=header)
    assert got["Body"].read() == body[start:stop]
    assert got["ContentRange"] == f"bytes {start}-{stop - 1}/100"
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_a_range_past_the_end_is_refused(aws, bucket):
    aws.s3.put_object(Bucket=bucket, Key="k", Body=b"0123")
    with pytest.raises(ClientError) as caught:
        aws.s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-20")
    assert code_of(caught) == "InvalidRange"


def test_conditions(aws, bucket):
    etag = aws.s3.put_object(Bucket=bucket, Key="k", Body=b"v")["ETag"]
    with pytest.raises(ClientError) as caught:
        aws.s3.get_object(Bucket=bucket, Key="k", IfNoneMatch=etag)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 304
    with pytest.raises(ClientError) as caught:
        aws.s3.get_object(Bucket=bucket, Key="k", IfMatch='"other"')
    assert code_of(caught) == "PreconditionFailed"
    with pytest.raises(ClientError) as caught:
        aws.s3.put_object(Bucket=bucket, Key="k", Body=b"w", IfNoneMatch="*")
    assert code_of(caught) == "PreconditionFailed"


def test_a_missing_key_and_a_missing_bucket_are_told_apart(aws, bucket):
    with pytest.raises(ClientError) as caught:
        aws.s3.get_object(Bucket=bucket, Key="nothing")
    assert code_of(caught) == "NoSuchKey"
    with pytest.raises(ClientError) as caught:
        aws.s3.get_object(Bucket=bucket + "-not", Key="nothing")
    assert code_of(caught) == "NoSuchBucket"


def test_lists_page_and_fold_by_delimiter(aws, bucket):
    keys = [f"{folder}/{i}" for folder in ("a", "b", "c") for i in range(4)] + ["top"]
    for key in keys:
        aws.s3.put_object(Bucket=bucket, Key=key, Body=b"")
    for operation in ("list_objects_v2", "list_objects"):
        pages = aws.s3.get_paginator(operation).paginate(
            Bucket=bucket, PaginationConfig={"PageSize": 3})
        assert keys_of(pages) == sorted(keys)
    folded = aws.s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [prefix["Prefix"] for prefix in folded["CommonPrefixes"]] == ["a/", "b/", "c/"]
    assert keys_of([folded]) == ["top"]
    assert folded["KeyCount"] == 4
    some = aws.s3.list_objects_v2(Bucket=bucket, Prefix="b/", StartAfter="b/1")
    assert keys_of([some]) == ["b/2", "b/3"]


def test_a_large_file_goes_up_in_parts_and_comes_back(aws, bucket, tmp_path):
    (tmp_path / "big").write_bytes(os.urandom(20 * MIB + 7))
    aws.s3.upload_file(str(tmp_path / "big"), bucket, "big")
    aws.s3.download_file(bucket, "big", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == (tmp_path / "big").read_bytes()
    assert aws.s3.head_object(Bucket=bucket, Key="big")["ETag"].endswith('-3"')


def test_an_upload_in_parts_lists_and_aborts(aws, bucket):
    upload = aws.s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = aws.s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=2, Body=b"x" * 10)
    [listed] = aws.s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)["Parts"]
    assert (listed["PartNumber"], listed["Size"], listed["ETag"]) == (2, 10, part["ETag"])
    [running] = aws.s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert running["UploadId"] == upload
    aws.s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    with pytest.raises(ClientError) as caught:
        aws.s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)
    assert code_of(caught) == "NoSuchUpload"


def test_parts_copied_from_another_object(aws, bucket):
    source = os.urandom(6 * MIB)
    aws.s3.put_object(Bucket=bucket, Key="source", Body=source)
    upload = aws.s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    where = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    first = aws.s3.upload_part_copy(
        **where, PartNumber=1, CopySource={"Bucket": bucket, "Key": "source"},
        CopySourceRange=f"bytes=0-{5 * MIB - 1}")["CopyPartResult"]["ETag"]
    second = aws.s3.upload_part(**where, PartNumber=2, Body=b"tail")["ETag"]
    aws.s3.complete_multipart_upload(**where, MultipartUpload={"Parts": [
        {"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": second}]})
    assert aws.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == source[:5 * MIB] + b"tail"


def test_copies_and_batch_deletes(aws, bucket):
    aws.s3.put_object(Bucket=bucket, Key="a", Body=b"v", Metadata={"m": "1"})
    aws.s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
    assert aws.s3.head_object(Bucket=bucket, Key="b")["Metadata"] == {"m": "1"}
    gone = aws.s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}, {"Key": "never"}]})
    assert {entry["Key"] for entry in gone["Deleted"]} == {"a", "b", "never"}
    assert "Contents" not in aws.s3.list_objects_v2(Bucket=bucket)


def test_versions_and_delete_markers(aws, bucket):
    aws.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = aws.s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    second = aws.s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"]
    marker = aws.s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"] is True
    with pytest.raises(ClientError) as caught:
        aws.s3.get_object(Bucket=bucket, Key="k")
    assert code_of(caught) == "NoSuchKey"
    assert aws.s3.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"1"
    listed = aws.s3.list_object_versions(Bucket=bucket)
    assert [version["VersionId"] for version in listed["Versions"]] == [second, first]
    assert listed["DeleteMarkers"][0]["IsLatest"] is True
    aws.s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert aws.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"


@pytest.mark.parametrize("signature", ["s3v4", "s3"])
def test_presigned_urls_need_no_keys(aws, bucket, signature):
    signer = aws.client("s3", signature_version=signature)
    where = {"Bucket": bucket, "Key": "a/ä b"}
    put = urllib.request.Request(
        signer.generate_presigned_url("put_object", where), data=b"content", method="PUT",
        headers={"Content-Type": ""})
    assert urllib.request.urlopen(put, timeout=10).status == 200
    url = signer.generate_presigned_url("get_object", where)
    assert urllib.request.urlopen(url, timeout=10).read() == b"content"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url.replace("Signature=", "Signature=0"), timeout=10)
    assert caught.value.code == 403


@pytest.mark.parametrize("algorithm, member", [
    ("CRC32", "ChecksumCRC32"), ("SHA256", "ChecksumSHA256"), ("SHA1", "ChecksumSHA1")])
def test_checksums_are_kept_and_given_back(aws, bucket, algorithm, member):
    put = aws.s3.put_object(Bucket=bucket, Key="k", Body=b"hello", ChecksumAlgorithm=algorithm)
    head = aws.s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head[member] == put[member]


def test_a_wrong_checksum_stores_nothing(aws, bucket):
    wrong = base64.b64encode(zlib.crc32(b"other").to_bytes(4)).decode()
    with pytest.raises(ClientError) as caught:
        aws.s3.put_object(Bucket=bucket, Key="k", Body=b"hello", ChecksumCRC32=wrong)
    assert code_of(caught) in ("BadDigest", "InvalidRequest")
    assert "Contents" not in aws.s3.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize("lock", [
    {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": datetime(2044, 1, 1)},
    {"ObjectLockLegalHoldStatus": "ON"}], ids=["retention", "legal hold"])
def test_retention_that_is_not_kept_is_not_acknowledged(aws, bucket, lock):
    aws.s3.put_object(Bucket=bucket, Key="source", Body=b"x")
    where = {"Bucket": bucket, "Key": "k", **lock}
    for call in (lambda: aws.s3.put_object(**where, Body=b"x"),
                 lambda: aws.s3.copy_object(**where, CopySource=f"{bucket}/source"),
                 lambda: aws.s3.create_multipart_upload(**where)):
        with pytest.raises(ClientError) as caught:
            call()
        assert code_of(caught) == "InvalidRequest"
        assert caught.value.response["Error"]["Message"] == (
            "Bucket is missing ObjectLockConfiguration")
    with pytest.raises(ClientError):
        aws.s3.head_object(Bucket=bucket, Key="k")


def test_a_presigned_url_has_its_share_of_uploads_whatever_is_added_to_it(aws, bucket, server):
    url = aws.client("s3", signature_version="s3").generate_presigned_url(
        "put_object", {"Bucket": bucket, "Key": "k"})
    address = (urllib.parse.urlsplit(url).hostname, urllib.parse.urlsplit(url).port)
    under_way, waiting = 8, 32
    with contextlib.ExitStack() as open_ones:
        for number in range(under_way + waiting + 1):
            line = open_ones.enter_context(socket.create_connection(address, timeout=10))
            line.sendall(f"PUT {url[url.index('/', 8):]}&z={number} HTTP/1.1\r\nHost: {address[0]}:"
                         f"{address[1]}\r\nContent-Length: 5\r\n\r\n".encode())
            time.sleep(0.01)  # in this order
        assert line.recv(4096).startswith(b"HTTP/1.1 503 ")


def test_tags_configurations_and_attributes_come_back(aws, bucket):
    aws.s3.put_object(Bucket=bucket, Key="k", Body=b"hello", Tagging="a=1&b=2")
    tags = aws.s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert sorted(tag["Key"] for tag in tags) == ["a", "b"]
    aws.s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "t", "Value": "v"}]})
    assert aws.s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "t", "Value": "v"}]
    aws.s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": []})
    with pytest.raises(ClientError) as none:
        aws.s3.get_bucket_tagging(Bucket=bucket)
    assert none.value.response["Error"]["Code"] == "NoSuchTagSet"
    rules = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
    aws.s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=rules)
    assert aws.s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == rules["CORSRules"]
    got = aws.s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ObjectSize", "ETag", "StorageClass"])
    assert (got["ObjectSize"], got["ETag"]) == (5, hashlib.md5(b"hello").hexdigest())


@pytest.mark.parametrize("key", ["../../outside", "/etc/passwd", "a/../../b", "..", ".", "a//b", "x" * 1024])
def test_a_key_is_never_a_path(aws, bucket, server, key):
    aws.s3.put_object(Bucket=bucket, Key=key, Body=b"mine")
    assert aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"mine"
    assert keys_of([aws.s3.list_objects_v2(Bucket=bucket)]) == [key]
    assert not list(server.folder.glob("outside*")) and not (server.data.parent / "b").exists()


def test_an_unsigned_payload_is_taken(aws, bucket):
    unsigned = aws.client("s3", s3={"payload_signing_enabled": False})
    unsigned.upload_fileobj(io.BytesIO(b"z" * 300_000), bucket, "k")
    assert aws.s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == 300_000


@pytest.mark.parametrize("target", ["object", "bucket"])
def test_who_expects_the_word_to_send_nothing_hears_it(aws, bucket, server, target):
    """AWS CLI v1 waits for it, and takes the next answer on the connection for it otherwise."""
    if target == "object":
        url = aws.s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k"})
    else:
        url = aws.s3.generate_presigned_url("create_bucket", {"Bucket": f"{bucket}-2"})
    parts = urllib.parse.urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
                           "Expect: 100-continue\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), answer
