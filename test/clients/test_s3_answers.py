"""S3's answers to the word: what lists, parts, conditions and settings say, and what is refused."""
import base64
import contextlib
import hashlib
import re
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError
from conftest import Clients
from test_s3_presigned import v4_url

REGION_HEADER = "x-amz-bucket-region"


@pytest.fixture
def bucket(aws, name):
    aws.s3.create_bucket(Bucket=name)
    return name


def error_of(call, *args, **kwargs):
    with pytest.raises(ClientError) as caught:
        call(*args, **kwargs)
    return caught.value.response["Error"]


def raw(aws, bucket, operation, **parameters):
    url = aws.s3.generate_presigned_url(operation, {"Bucket": bucket, **parameters})
    return urllib.request.urlopen(url).read().decode()


def put_all(aws, bucket, *keys):
    for key in keys:
        aws.s3.put_object(Bucket=bucket, Key=key, Body=b"x")


KEYS = ["folder/a/1", "folder/a/2", "folder/file1", "folder/file2"]


@pytest.mark.parametrize("operation, marker, member", [
    ("list_objects", "Marker", "Contents"), ("list_objects_v2", "StartAfter", "Contents"),
    ("list_object_versions", "KeyMarker", "Versions")])
def test_a_marker_inside_a_folder_has_the_whole_folder_behind_it(aws, bucket, operation, marker, member):
    put_all(aws, bucket, *KEYS)
    page = getattr(aws.s3, operation)(
        Bucket=bucket, Prefix="folder/", Delimiter="/", **{marker: "folder/a/1"})
    assert [entry["Key"] for entry in page[member]] == ["folder/file1", "folder/file2"]
    assert "CommonPrefixes" not in page


def test_a_marker_inside_a_folder_of_uploads(aws, bucket):
    for key in KEYS:
        aws.s3.create_multipart_upload(Bucket=bucket, Key=key)
    page = aws.s3.list_multipart_uploads(
        Bucket=bucket, Prefix="folder/", Delimiter="/", KeyMarker="folder/a/1")
    assert [upload["Key"] for upload in page["Uploads"]] == ["folder/file1", "folder/file2"]
    assert "CommonPrefixes" not in page
    refused = error_of(aws.s3.list_multipart_uploads, Bucket=bucket, KeyMarker="k", UploadIdMarker="nothing")
    assert (refused["Code"], refused["Message"]) == ("InvalidArgument", "Invalid uploadId marker")


@pytest.mark.parametrize("versioned", [False, True])
def test_versions_are_deleted_page_by_page(aws, bucket, versioned):
    if versioned:
        aws.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put_all(aws, bucket, *"aabbccdd")
    pages = aws.s3.get_paginator("list_object_versions").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 3})
    for page in pages:
        aws.s3.delete_objects(Bucket=bucket, Delete={"Objects": [
            {"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in page["Versions"]]})
    assert "Versions" not in aws.s3.list_object_versions(Bucket=bucket)
    refused = error_of(aws.s3.list_object_versions, Bucket=bucket, KeyMarker="a", VersionIdMarker="none")
    assert refused["Message"] == "Invalid version id specified"


def test_versions_and_delete_markers_stand_in_one_order(aws, bucket):
    aws.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put_all(aws, bucket, *"aab")
    aws.s3.delete_object(Bucket=bucket, Key="a")
    text = raw(aws, bucket, "list_object_versions")
    order = re.findall(r"<(Version|DeleteMarker)>.*?<Key>(.)</Key>", text)
    assert order == [("DeleteMarker", "a"), ("Version", "a"), ("Version", "a"), ("Version", "b")], text


def test_lists_say_the_region_whole_seconds_and_no_display_name(aws, bucket):
    put_all(aws, bucket, "k")
    for operation in "list_objects", "list_objects_v2":
        answer = getattr(aws.s3, operation)(Bucket=bucket)
        assert answer["ResponseMetadata"]["HTTPHeaders"][REGION_HEADER] == "us-east-1"
    for operation in "list_objects", "list_object_versions":
        text = raw(aws, bucket, operation)
        assert re.search(r"<LastModified>[^<.]*[.]000Z<", text) and "DisplayName" not in text, text


def test_buckets_have_arns(aws, name):
    arn = f"arn:aws:s3:::{name}"
    assert aws.s3.create_bucket(Bucket=name)["BucketArn"] == arn
    head = aws.s3.head_bucket(Bucket=name)
    assert head["BucketArn"] == arn
    assert head["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/xml"
    assert arn in [bucket["BucketArn"] for bucket in aws.s3.list_buckets()["Buckets"]]


def test_a_bucket_of_an_accounts_own_namespace_ends_in_it(aws, name):
    account = aws.client("sts").get_caller_identity()["Account"]
    mine = f"{name[:30]}-{account}-us-east-1-an"
    for wrong in name, mine.replace("us-east-1", "us-west-2"), mine.replace(account, "000000000009"):
        refused = error_of(aws.s3.create_bucket, Bucket=wrong, BucketNamespace="account-regional")
        assert refused["Code"] == "InvalidNamespaceHeader" and f"-{account}-us-east-1-an" in refused["Message"]
    assert error_of(aws.s3.create_bucket, Bucket=mine)["Code"] == "InvalidBucketName"
    aws.s3.create_bucket(Bucket=mine, BucketNamespace="account-regional")
    aws.s3.create_bucket(Bucket=f"{name}-an")


def test_a_bucket_is_there_already_in_its_region_as_it_was_made(aws, name):
    aws.s3.create_bucket(Bucket=name)
    aws.s3.create_bucket(Bucket=name)
    tagged = {"Tags": [{"Key": "k", "Value": "v"}]}
    for other in {"LocationConstraint": "eu-west-2"}, tagged:
        refused = error_of(aws.s3.create_bucket, Bucket=name, CreateBucketConfiguration=other)
        assert refused["Code"] == "BucketAlreadyOwnedByYou", other
    aws.s3.create_bucket(Bucket=f"{name}-eu", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    assert error_of(aws.s3.create_bucket, Bucket=f"{name}-eu")["Code"] == "BucketAlreadyOwnedByYou"


@contextlib.contextmanager
def sent_with(aws, operation, **headers):
    """Requests of that operation have these headers too, which boto3 would not write so."""
    def add(params, **_):
        params["headers"].update({name.replace("_", "-"): value for name, value in headers.items()})
    event = f"before-call.s3.{operation}"
    aws.s3.meta.events.register(event, add)
    try:
        yield
    finally:
        aws.s3.meta.events.unregister(event, add)


@pytest.mark.parametrize("given", ["0", "-1", "Thu, 01 Dec 2024 16:00:00 GMT", "Sun, 01 Dec 2024 16:00:00 GMT"])
def test_an_expiry_comes_back_as_it_was_given(aws, bucket, given):
    with sent_with(aws, "PutObject", Expires=given):
        aws.s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    aws.s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    for key in "k", "copy":
        answer = aws.s3.get_object(Bucket=bucket, Key=key)["ResponseMetadata"]["HTTPHeaders"]
        assert answer["expires"] == given


def test_a_checksum_of_no_algorithm_is_refused(aws, bucket):
    with sent_with(aws, "PutObject", x_amz_checksum_crc8="AA=="):
        refused = error_of(aws.s3.put_object, Bucket=bucket, Key="k", Body=b"x")
    assert (refused["Code"], refused["Message"]) == (
        "InvalidRequest", "The algorithm type you specified in x-amz-checksum- header is invalid.")


def test_a_date_of_no_form_is_named(aws, bucket):
    with sent_with(aws, "PutObject", x_amz_object_lock_mode="GOVERNANCE", x_amz_object_lock_retain_until_date="soon"):
        refused = error_of(aws.s3.put_object, Bucket=bucket, Key="k", Body=b"x")
    assert (refused["Code"], refused["Message"]) == (
        "InvalidArgument", "The retain until date must be provided in ISO 8601 format")
    assert (refused["ArgumentName"], refused["ArgumentValue"]) == ("x-amz-object-lock-retain-until-date", "soon")


@pytest.mark.parametrize("source", ["{bucket}/100%", "{bucket}/%4g", "%"])
def test_a_copy_source_is_percent_encoded(aws, bucket, source):
    source = source.format(bucket=bucket)
    with sent_with(aws, "CopyObject", x_amz_copy_source=source):
        refused = error_of(aws.s3.copy_object, Bucket=bucket, Key="c", CopySource=f"{bucket}/k")
    assert (refused["Code"], refused["Message"], refused["ArgumentValue"]) == (
        "InvalidArgument", "Invalid copy source encoding", source)


@pytest.mark.parametrize("operation, parameters", [
    ("GetObject", {"Key": "k"}), ("DeleteObject", {"Key": "k"}), ("ListObjectsV2", {})])
def test_a_copy_source_is_for_copies(aws, bucket, operation, parameters):
    put_all(aws, bucket, "k")
    call = {"GetObject": aws.s3.get_object, "DeleteObject": aws.s3.delete_object}.get(operation, aws.s3.list_objects_v2)
    with sent_with(aws, operation, x_amz_copy_source=f"{bucket}/k"):
        refused = error_of(call, Bucket=bucket, **parameters)
    assert (refused["Code"], refused["Message"], refused["ArgumentName"]) == (
        "InvalidArgument", "You can only specify a copy source header for copy requests.", "x-amz-copy-source")
    aws.s3.head_object(Bucket=bucket, Key="k")


@pytest.mark.parametrize("where", ["foo", "aws-global", "us-east-1", "eu-west"])
def test_a_place_that_is_none_is_refused(aws, name, where):
    refused = error_of(aws.s3.create_bucket, Bucket=name,
                       CreateBucketConfiguration={"LocationConstraint": where})
    assert (refused["Code"], refused["LocationConstraint"]) == ("InvalidLocationConstraint", where)


def test_modified_since_a_time_to_come_says_nothing(aws, bucket):
    put_all(aws, bucket, "k")
    now = datetime.now(timezone.utc)
    aws.s3.get_object(Bucket=bucket, Key="k", IfModifiedSince=now + timedelta(days=1))
    aws.s3.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/k",
                       CopySourceIfModifiedSince=now + timedelta(days=1))


def test_an_etag_may_lack_a_quote(aws, bucket):
    at = {"Bucket": bucket, "Key": "k"}
    etag = aws.s3.put_object(**at, Body=b"x")["ETag"]
    for one in (etag, etag[1:], etag[:-1], etag[1:-1]):
        aws.s3.put_object(**at, Body=b"x", IfMatch=one)
    assert error_of(aws.s3.put_object, **at, IfMatch=etag[1:-2])["Code"] == "PreconditionFailed"


def test_a_failed_condition_of_a_source_has_the_headers_name(aws, bucket):
    put_all(aws, bucket, "k")
    refused = error_of(aws.s3.copy_object, Bucket=bucket, Key="to", CopySource=f"{bucket}/k",
                       CopySourceIfMatch='"0"')
    assert refused["Condition"] == "x-amz-copy-source-If-Match"


def in_parts(aws, bucket, **options):
    upload = aws.s3.create_multipart_upload(Bucket=bucket, Key="k", **options)
    part = aws.s3.upload_part(Bucket=bucket, Key="k", UploadId=upload["UploadId"], PartNumber=1, Body=b"x",
                              ChecksumAlgorithm=options.get("ChecksumAlgorithm", "CRC32"))
    part = {"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}
    aws.s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload["UploadId"],
                                     MultipartUpload={"Parts": [part]})
    return part["ChecksumCRC32"]


def test_checksums_of_parts(aws, bucket):
    checksum = in_parts(aws, bucket, ChecksumAlgorithm="CRC32")
    got = aws.s3.get_object(Bucket=bucket, Key="k", PartNumber=1, ChecksumMode="ENABLED")
    assert (got["ChecksumCRC32"], got["ChecksumType"]) == (checksum, "COMPOSITE")
    parts = aws.s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts"])["ObjectParts"]
    assert parts["Parts"] == [{"PartNumber": 1, "Size": 1, "ChecksumCRC32": checksum}]
    in_parts(aws, bucket, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    parts = aws.s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts"])["ObjectParts"]
    assert parts == {"TotalPartsCount": 1}
    put_all(aws, bucket, "one")
    got = aws.s3.head_object(Bucket=bucket, Key="one", PartNumber=1, ChecksumMode="ENABLED")
    assert not [member for member in got if member.startswith("Checksum")]


def test_uploads_in_parts_are_refused_in_s3s_words(aws, bucket):
    upload = aws.s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    refused = error_of(aws.s3.complete_multipart_upload, Bucket=bucket, Key="k", UploadId=upload,
                       MultipartUpload={"Parts": []})
    assert (refused["Code"], refused["Message"]) == ("InvalidRequest", "You must specify at least one part")
    refused = error_of(aws.s3.list_parts, Bucket=bucket, Key="k", UploadId=upload, PartNumberMarker=-42)
    assert (refused["Code"], refused["ArgumentValue"]) == ("InvalidArgument", "-42")


@pytest.mark.parametrize("sent, back", [
    ("Hello World\u00e9", "=?UTF-8?Q?Hello World=C3=A9?="), ("=?UTF-8?B?YWJj?=", "abc"),
    ("=?utf-8?q?a_b?= =?UTF-8?Q?=3D?=", "a b="), ("=?UTF-8?Q?caf=C3=A9?=", "=?UTF-8?Q?caf=C3=A9?="),
    ("=?UTF-8?B?AAECAw==?=", "=?UTF-8?B?AAECAw==?="), ("=?UTF-8?B?/w=?=", "=?UTF-8?B?/w=?="), ("=?UTF-8?X?a?=", "=?UTF-8?X?a?="), ("a =?b", "a =?b")])
def test_metadata_beyond_ascii_travels_in_encoded_words(aws, bucket, sent, back):
    url = v4_url(aws, "PUT", f"/{bucket}/k", {"x-amz-meta-a": sent})
    urllib.request.urlopen(urllib.request.Request(url, method="PUT", data=b""))
    assert aws.s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a": back}


@pytest.mark.parametrize("sent, back", [("deflate, gzip", "deflate, gzip"), ("aws-chunked,gzip", "gzip"),
                                        ("gzip, aws-chunked", "gzip")])
def test_content_encodings_come_back_as_they_were(aws, bucket, sent, back):
    aws.s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentEncoding=sent)
    assert aws.s3.head_object(Bucket=bucket, Key="k")["ContentEncoding"] == back


def test_a_wrong_digest_is_told_as_it_was_sent(aws, bucket):
    other = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    refused = error_of(aws.s3.put_object, Bucket=bucket, Key="k", Body=b"x", ContentMD5=other)
    assert refused["ExpectedDigest"] == other
    assert refused["CalculatedDigest"] == base64.b64encode(hashlib.md5(b"x").digest()).decode()


def md5_of(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


TAGS = {"TagSet": [{"Key": "a", "Value": "b"}]}


@pytest.mark.parametrize("header, value, code", [
    ("Content-MD5", md5_of(b"other"), "BadDigest"), ("Content-MD5", "short", "InvalidDigest"),
    ("x-amz-checksum-crc32", "AAAAAA==", "BadDigest"), ("x-amz-checksum-crc32", "AAAA", "InvalidRequest"),
    ("x-amz-checksum-xxhash64", "AAAAAAAAAAA=", "BadDigest"), ("x-amz-checksum-md5", "AAAA", "InvalidRequest")])
def test_a_setting_that_is_not_what_was_sent_changes_nothing(aws, bucket, header, value, code):
    s3 = aws.client("s3", request_checksum_calculation="when_required")
    s3.meta.events.register("request-created.s3.PutBucketTagging", lambda request, **_: (
        [request.headers.__delitem__(name) for name in list(request.headers) if "checksum" in name.lower()],
        request.headers.__setitem__(header, value)))
    assert error_of(s3.put_bucket_tagging, Bucket=bucket, Tagging=TAGS)["Code"] == code
    assert error_of(aws.s3.get_bucket_tagging, Bucket=bucket)["Code"] == "NoSuchTagSet"


def test_a_checksum_of_the_object_is_none_of_the_document_that_completes_it(aws, bucket):
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = aws.s3.create_multipart_upload(
        **upload, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")["UploadId"]
    part = aws.s3.upload_part(**upload, PartNumber=1, Body=b"x", ChecksumAlgorithm="CRC32")
    made = aws.s3.complete_multipart_upload(
        **upload, ChecksumCRC32=part["ChecksumCRC32"], ChecksumType="FULL_OBJECT",
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}]})
    assert made["ChecksumCRC32"] == part["ChecksumCRC32"]


def test_a_refused_signature_shows_what_was_to_be_signed(aws, bucket):
    others = Clients.of({**aws.environment, "AWS_SECRET_ACCESS_KEY": "x" * 40})
    for version in "s3", "s3v4":
        refused = error_of(others.client("s3", signature_version=version).list_objects, Bucket=bucket)
        assert refused["StringToSignBytes"] == refused["StringToSign"].encode().hex(" ")


@pytest.mark.parametrize("options, code", [
    ({"Tagging": "k1=v1,k2=v2"}, "InvalidArgument"), ({"Tagging": "k=1&k=2"}, "InvalidArgument"),
    ({"Tagging": "aws:x=1"}, "InvalidTag"), ({"StorageClass": "OUTPOSTS"}, "InvalidStorageClass")])
def test_puts_that_are_refused(aws, bucket, options, code):
    assert error_of(aws.s3.put_object, Bucket=bucket, Key="k", Body=b"", **options)["Code"] == code
    assert "Contents" not in aws.s3.list_objects_v2(Bucket=bucket)


def test_a_copy_onto_itself_where_the_bucket_says_how_it_encrypts(aws, bucket):
    put_all(aws, bucket, "k")
    copy = {"Bucket": bucket, "Key": "k", "CopySource": f"{bucket}/k"}
    assert error_of(aws.s3.copy_object, **copy)["Code"] == "InvalidRequest"
    aws.s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={
        "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]})
    aws.s3.copy_object(**copy)


def test_a_copy_has_no_redirect_but_its_own(aws, bucket):
    aws.s3.put_object(Bucket=bucket, Key="k", WebsiteRedirectLocation="/k", Metadata={"a": "b"})
    source = {"Bucket": bucket, "CopySource": f"{bucket}/k"}
    aws.s3.copy_object(**source, Key="plain")
    aws.s3.copy_object(**source, Key="own", WebsiteRedirectLocation="/own")
    plain, own = [aws.s3.head_object(Bucket=bucket, Key=key) for key in ("plain", "own")]
    assert "WebsiteRedirectLocation" not in plain and own["WebsiteRedirectLocation"] == "/own"
    assert plain["Metadata"] == own["Metadata"] == {"a": "b"}
    assert error_of(aws.s3.copy_object, **source, Key="k2", Metadata={"a" * 2048: "b"})["Code"] == "MetadataTooLarge"


def test_a_copy_in_a_bucket_that_has_stopped_its_versions_is_the_null_one(aws, bucket):
    put_all(aws, bucket, "k")
    aws.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    copied = aws.s3.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/k")
    assert copied["VersionId"] == "null"


def put_document(aws, bucket, part, text):
    asked = urllib.request.Request(
        v4_url(aws, "PUT", f"/{bucket}", {part: ""}), method="PUT", data=text.encode())
    try:
        return urllib.request.urlopen(asked).status, b""
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


@pytest.mark.parametrize("part", ["publicAccessBlock", "notification", "lifecycle", "cors", "versioning",
                                  "tagging", "encryption", "ownershipControls"])
def test_another_document_than_the_settings_own_is_malformed(aws, bucket, part):
    status, answer = put_document(aws, bucket, part, "<x/>")
    assert status == 400 and b"<Code>MalformedXML<" in answer, answer


def test_what_settings_take_and_refuse(aws, bucket):
    status, answer = put_document(aws, bucket, "tagging", "<Tagging/>")
    assert status == 204, answer
    refused = error_of(aws.s3.put_bucket_tagging, Bucket=bucket,
                       Tagging={"TagSet": [{"Key": "aws:x", "Value": "1"}]})
    assert refused["Code"] == "InvalidTag"
    refused = error_of(aws.s3.put_bucket_encryption, Bucket=bucket, ServerSideEncryptionConfiguration={
        "Rules": [{"ApplyServerSideEncryptionByDefault": {
            "SSEAlgorithm": "AES256", "KMSMasterKeyID": "key"}}]})
    assert refused["Code"] == "InvalidArgument"
    refused = error_of(aws.s3.list_multipart_uploads, Bucket=bucket, EncodingType="other")
    assert refused["Message"] == "Invalid Encoding Method specified in Request"


@pytest.mark.parametrize("rule, code", [
    ({"Expiration": {"Days": 1}}, "MalformedXML"),
    ({"Expiration": {"Days": 1}, "Filter": {}, "Prefix": ""}, "MalformedXML"),
    ({"Expiration": {"Days": 1}, "Filter": {"Prefix": "a", "ObjectSizeLessThan": 9}}, "MalformedXML"),
    ({"Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}, "Filter": {}}, "MalformedXML"),
    ({"Expiration": {"Days": 0}, "Filter": {}}, "InvalidArgument"),
    ({"Filter": {"Prefix": "a"}}, "InvalidRequest")])
def test_lifecycle_rules_that_contradict_themselves_are_refused(aws, bucket, rule, code):
    configuration = {"Rules": [{"ID": "a", "Status": "Enabled", **rule}]}
    refused = error_of(aws.s3.put_bucket_lifecycle_configuration, Bucket=bucket,
                       LifecycleConfiguration=configuration)
    assert refused["Code"] == code
    refused = error_of(aws.s3.get_bucket_lifecycle_configuration, Bucket=bucket)
    assert refused["Code"] == "NoSuchLifecycleConfiguration"
