"""The end of uploads in parts, as AWS was seen to answer it: checksums, conditions, and lists of uploads."""
import base64
import hashlib

import pytest
from botocore.exceptions import ClientError


def error_of(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]


@pytest.fixture
def bucket(aws, name):
    aws.s3.create_bucket(Bucket=name)
    return name


class Upload:
    """One of one part, of the bytes "x"."""

    def __init__(self, aws, bucket, key="k", algorithm="CRC32", **options):
        self.s3, self.at = aws.s3, {"Bucket": bucket, "Key": key}
        self.at["UploadId"] = aws.s3.create_multipart_upload(**self.at, **options)["UploadId"]
        sent = aws.s3.upload_part(**self.at, PartNumber=1, Body=b"x", ChecksumAlgorithm=algorithm)
        self.part = {"PartNumber": 1, "ETag": sent["ETag"]}
        self.checksum = {name: sent[name] for name in sent if name.startswith("Checksum")}

    def end(self, part=None, **options):
        return self.s3.complete_multipart_upload(
            **self.at, MultipartUpload={"Parts": [self.part | (part or {})]}, **options)

    def refused(self, part=None, **options):
        return error_of(self.end, part=part, **options)


OF_THE_UPLOAD = ("The upload was created using the {} checksum mode. "
                 "The complete request must use the same checksum mode.")
MISSING = ("The upload was created using a sha256 checksum. The complete request must include the checksum "
           "for each part. It was missing for part 1 in the request.")
SHA256 = {"ChecksumAlgorithm": "SHA256", "algorithm": "SHA256"}
WHOLE = {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}
NOT_ONE = "Invalid Base64 or multiple checksums present in request"
WRONG = "AAAAAA=="
WRONG_SHA256 = base64.b64encode(b"1" * 32).decode()

# How the upload is begun, what its end says of its part and of the whole, and the refusal.
ENDS = [
    (SHA256, {}, {}, "InvalidRequest", MISSING),
    (SHA256, {"ChecksumCRC32": WRONG}, {}, "BadDigest",
     "The crc32 you specified for part 1 did not match what we received."),
    (SHA256, {"ChecksumSHA256": WRONG_SHA256}, {}, "InvalidPart", None),
    (SHA256, {}, {"ChecksumType": "FULL_OBJECT"}, "InvalidRequest", OF_THE_UPLOAD.format("COMPOSITE")),
    (WHOLE, {}, {"ChecksumType": "COMPOSITE"}, "InvalidRequest", OF_THE_UPLOAD.format("FULL_OBJECT")),
    (WHOLE, {}, {"ChecksumType": "FULL_OBJECT", "ChecksumCRC32": WRONG}, "BadDigest",
     "The crc32 you specified did not match the calculated checksum."),
    (WHOLE, {}, {"ChecksumType": "FULL_OBJECT", "ChecksumCRC32C": WRONG}, "BadDigest",
     "The crc32c you specified did not match the calculated checksum."),
    ({}, {}, {"ChecksumType": "FULL_OBJECT"}, "InvalidRequest", OF_THE_UPLOAD.format("null")),
    ({}, {"ChecksumCRC32": WRONG}, {}, "InvalidPart", None),
    ({}, {}, {"MpuObjectSize": 5}, "InvalidRequest",
     "The provided 'x-amz-mp-object-size' header value 5 does not match what was computed: 1"),
    ({}, {}, {"MpuObjectSize": -1}, "InvalidRequest",
     "Value for x-amz-mp-object-size header is less than zero: '-1'"),
    (WHOLE, {"ChecksumSHA256": WRONG_SHA256}, {}, "BadDigest",
     "The sha256 you specified for part 1 did not match what we received."),
    (WHOLE, {"ChecksumCRC32": "AAA"}, {}, "InvalidArgument", NOT_ONE),
    (WHOLE, {"ChecksumCRC32": WRONG, "ChecksumSHA256": WRONG_SHA256}, {}, "InvalidArgument", NOT_ONE),
    (WHOLE, {}, {"ChecksumCRC32": WRONG + "-x"}, "InvalidRequest",
     "Value for x-amz-checksum-crc32 header is invalid."),
    (WHOLE, {}, {"ChecksumCRC32": "AAA"}, "InvalidRequest", "Value for x-amz-checksum-crc32 header is invalid."),
    (WHOLE, {}, {"ChecksumCRC32": WRONG, "ChecksumSHA256": WRONG_SHA256}, "InvalidRequest",
     "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."),
    (WHOLE, {}, {"ChecksumType": "none"}, "InvalidRequest", "Value for x-amz-checksum-type header is invalid."),
    ({}, {"PartNumber": -4}, {}, "InvalidArgument", "PartNumber must be >= 1"),
]


@pytest.mark.parametrize("begun, part, whole, code, message", ENDS)
def test_an_end_that_does_not_fit(aws, bucket, begun, part, whole, code, message):
    upload = Upload(aws, bucket, **begun)
    refused = upload.refused(part, **whole)
    assert refused["Code"] == code
    assert message is None or refused["Message"] == message
    upload.end(upload.checksum if "ChecksumAlgorithm" in begun else {})  # a refusal ends nothing


@pytest.mark.parametrize("missing", ["ETag", "PartNumber"])
def test_a_part_of_the_end_has_a_number_and_an_etag(aws, bucket, missing):
    upload = Upload(aws, bucket)
    del upload.part[missing]
    assert upload.refused()["Code"] == "MalformedXML"


def test_a_checksum_of_the_parts_checksums_may_lack_their_number(aws, bucket):
    upload = Upload(aws, bucket, **SHA256)
    whole = Upload(aws, bucket, "other", **SHA256).end(upload.checksum)["ChecksumSHA256"]
    bare = whole.removesuffix("-1")
    assert bare != whole
    assert upload.refused(upload.checksum, ChecksumSHA256=WRONG_SHA256)["Code"] == "BadDigest"
    assert upload.end(upload.checksum, ChecksumSHA256=bare)["ChecksumSHA256"] == whole


def test_parts_of_a_composite_checksum_bring_theirs(aws, bucket):
    s3 = aws.client("s3", request_checksum_calculation="when_required")
    for kind, refused in [("COMPOSITE", True), ("FULL_OBJECT", False)]:
        at = {"Bucket": bucket, "Key": kind}
        at["UploadId"] = s3.create_multipart_upload(**at, ChecksumAlgorithm="CRC32", ChecksumType=kind)["UploadId"]
        if refused:
            assert error_of(s3.upload_part, **at, PartNumber=1, Body=b"x")["Message"] == (
                "Checksum Type mismatch occurred, expected checksum Type: crc32, actual checksum Type: null")
        else:
            s3.upload_part(**at, PartNumber=1, Body=b"x")


# What AWS's SDK for Java has for "Hello world" in its own tests, and the digests of Python.
HELLO = b"Hello world"
LATER = {
    "XXHASH64": "xQCwyRKzdtg=", "XXHASH3": "tqy52Eo4/3Q=", "XXHASH128": "c1H4mBL5c4K5HQWzHgTdfw==",
    "SHA512": base64.b64encode(hashlib.sha512(HELLO).digest()).decode(),
    "MD5": base64.b64encode(hashlib.md5(HELLO).digest()).decode()}


@pytest.mark.parametrize("algorithm", LATER)
def test_the_checksums_that_came_later(aws, bucket, algorithm):
    value, member = LATER[algorithm], f"Checksum{algorithm}"
    at = {"Bucket": bucket, "Key": "k"}
    s3 = aws.client("s3", request_checksum_calculation="when_required")
    assert s3.put_object(**at, Body=HELLO, **{member: value})[member] == value
    assert error_of(s3.put_object, **at, Body=b"other", **{member: value})["Code"] == "BadDigest"
    head = s3.head_object(**at, ChecksumMode="ENABLED")
    assert (head[member], head["ChecksumType"]) == (value, "FULL_OBJECT")
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    assert listed["ChecksumAlgorithm"] == [algorithm]
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=at, ChecksumAlgorithm=algorithm)
    assert copied["CopyObjectResult"][member] == value
    asked = s3.get_object_attributes(**at, ObjectAttributes=["Checksum"])
    assert asked["Checksum"] == {member: value, "ChecksumType": "FULL_OBJECT"}


@pytest.mark.parametrize("algorithm", LATER)
def test_uploads_with_the_checksums_that_came_later(aws, bucket, algorithm):
    member = f"Checksum{algorithm}"
    at = {"Bucket": bucket, "Key": "k"}
    s3 = aws.client("s3", request_checksum_calculation="when_required")
    refused = error_of(s3.create_multipart_upload, **at, ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT")
    assert refused["Message"] == (
        f"The FULL_OBJECT checksum type cannot be used with the {algorithm.lower()} checksum algorithm.")
    begun = s3.create_multipart_upload(**at, ChecksumAlgorithm=algorithm)
    assert (begun["ChecksumAlgorithm"], begun["ChecksumType"]) == (algorithm, "COMPOSITE")
    upload = at | {"UploadId": begun["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=HELLO, **{member: LATER[algorithm]})
    assert part[member] == LATER[algorithm]
    part = {"PartNumber": 1, "ETag": part["ETag"], member: part[member]}
    assert s3.list_parts(**upload)["Parts"][0][member] == part[member]
    ended = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})
    assert ended[member].endswith("=-1") and ended["ChecksumType"] == "COMPOSITE"


@pytest.mark.parametrize("begun, whole", [
    (WHOLE, {"ChecksumType": "FULL_OBJECT"}), (WHOLE, {}), ({}, {"ChecksumCRC32": WRONG}), ({}, {})])
def test_an_end_that_fits(aws, bucket, begun, whole):
    assert Upload(aws, bucket, **begun).end(**whole)["ChecksumType"] == "FULL_OBJECT"


def test_a_checksum_of_the_whole_comes_with_its_type(aws, bucket):
    upload = Upload(aws, bucket, **WHOLE)
    assert upload.refused(**upload.checksum)["Code"] == "BadDigest"
    assert upload.end(**upload.checksum, ChecksumType="FULL_OBJECT")["ChecksumCRC32"] == upload.checksum["ChecksumCRC32"]


BEGUN = [
    ({"ChecksumType": "COMPOSITE"},
     "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."),
    ({"ChecksumAlgorithm": "CRC32", "ChecksumType": "none"}, "Value for x-amz-checksum-type header is invalid."),
    ({"ChecksumAlgorithm": "SHA256", "ChecksumType": "FULL_OBJECT"},
     "The FULL_OBJECT checksum type cannot be used with the sha256 checksum algorithm."),
    ({"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "COMPOSITE"},
     "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm."),
]


@pytest.mark.parametrize("options, message", BEGUN)
def test_checksums_that_no_upload_has(aws, bucket, options, message):
    refused = error_of(aws.s3.create_multipart_upload, Bucket=bucket, Key="k", **options)
    assert (refused["Code"], refused["Message"]) == ("InvalidRequest", message)


@pytest.mark.parametrize("versioned", [False, True])
def test_conditions_on_what_changes_during_the_upload(aws, bucket, versioned):
    if versioned:
        aws.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def put(body):
        return aws.s3.put_object(Bucket=bucket, Key="k", Body=body)["ETag"]

    def delete():
        aws.s3.delete_object(Bucket=bucket, Key="k")
    old, upload = put(b"old"), Upload(aws, bucket)
    failed = upload.refused(IfNoneMatch="*")
    assert (failed["Code"], failed["Condition"]) == ("PreconditionFailed", "If-None-Match")
    new = put(b"new")
    failed = upload.refused(IfMatch=old)
    assert (failed["Code"], failed["Condition"]) == ("PreconditionFailed", "If-Match")
    conflict = {"Code": "ConditionalRequestConflict", "Key": "k", "Message":
                "The conditional request cannot succeed due to a conflicting operation against this resource."}
    assert upload.refused(IfMatch=new) == conflict | {"Condition": "If-Match"}
    delete()
    assert upload.refused(IfMatch=new)["Code"] == "NoSuchKey"
    assert upload.refused(IfNoneMatch="*") == conflict | {"Condition": "If-None-Match"}
    upload.end()
    after = Upload(aws, bucket)
    after.end(IfMatch=aws.s3.head_object(Bucket=bucket, Key="k")["ETag"])
    delete()
    Upload(aws, bucket).end(IfNoneMatch="*")


def test_an_upload_that_is_none_is_told_first(aws, bucket):
    refused = error_of(aws.s3.complete_multipart_upload, Bucket=bucket, Key="k", UploadId="none",
                       MultipartUpload={"Parts": []})
    assert (refused["Code"], refused["UploadId"]) == ("NoSuchUpload", "none")
    upload = Upload(aws, bucket)
    assert upload.end()["ETag"] == upload.end()["ETag"]  # asked twice


@pytest.mark.parametrize("number", [0, -1, 10001])
def test_numbers_that_no_part_has(aws, bucket, number):
    at = Upload(aws, bucket).at | {"PartNumber": number}
    aws.s3.put_object(Bucket=bucket, Key="source", Body=b"x")
    for call in (lambda: aws.s3.upload_part(**at, Body=b"x"),
                 lambda: aws.s3.upload_part_copy(**at, CopySource=f"{bucket}/source")):
        refused = error_of(call)
        assert refused["Message"] == "Part number must be an integer between 1 and 10000, inclusive"
        assert (refused["ArgumentName"], refused["ArgumentValue"]) == ("partNumber", str(number))


def test_lists_of_uploads_name_the_last_one(aws, bucket):
    empty = aws.s3.list_multipart_uploads(Bucket=bucket)
    assert (empty["NextKeyMarker"], empty["NextUploadIdMarker"]) == ("", "")
    assert "Prefix" not in empty
    one, two = Upload(aws, bucket, key="a"), Upload(aws, bucket, key="b")
    page = aws.s3.list_multipart_uploads(Bucket=bucket)
    assert (page["NextKeyMarker"], page["NextUploadIdMarker"]) == ("b", two.at["UploadId"])
    assert "DisplayName" in page["Uploads"][0]["Initiator"] and "DisplayName" not in page["Uploads"][0]["Owner"]
    marker = {"UploadIdMarker": one.at["UploadId"]}
    assert aws.s3.list_multipart_uploads(Bucket=bucket, **marker)["UploadIdMarker"] == ""
    behind = aws.s3.list_multipart_uploads(Bucket=bucket, KeyMarker="a", **marker)
    assert [upload["Key"] for upload in behind["Uploads"]] == ["b"]
    refused = error_of(aws.s3.list_multipart_uploads, Bucket=bucket, KeyMarker="b", **marker)
    assert (refused["Message"], refused["ArgumentValue"]) == ("Invalid uploadId marker", one.at["UploadId"])
