"""Object Lock: what may not be removed, by whom and until when."""
import datetime
import time

import pytest
from botocore.exceptions import ClientError
from policies import People, allow

LOCKED = "Access Denied because object protected by object lock."


def later(**delta):
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(**delta)


@pytest.fixture
def bucket(aws, name):
    aws.s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


@pytest.fixture
def plain(aws, name):
    aws.s3.create_bucket(Bucket=name + "-plain")
    return name + "-plain"


def refusal(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


MALFORMED = (400, "MalformedXML",
             "The XML you provided was not well-formed or did not validate against our published schema")
MISSING = (400, "InvalidRequest", "Bucket is missing Object Lock Configuration")
MISSING_FOR_NEW = (400, "InvalidRequest", "Bucket is missing ObjectLockConfiguration")
NO_LOCK = (404, "NoSuchObjectLockConfiguration", "The specified object does not have a ObjectLock configuration")
DENIED = (403, "AccessDenied", LOCKED)


def test_a_bucket_that_locks_keeps_its_versions(aws, bucket, plain):
    s3 = aws.s3
    enabled = {"ObjectLockEnabled": "Enabled"}
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == enabled
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert refusal(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}) == (
        409, "InvalidBucketState",
        "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.")
    assert refusal(s3.get_object_lock_configuration, Bucket=plain) == (
        404, "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket")
    put = {"Bucket": plain, "ObjectLockConfiguration": enabled}
    assert refusal(s3.put_object_lock_configuration, **put) == (
        409, "InvalidBucketState",
        "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration")
    s3.put_bucket_versioning(Bucket=plain, VersioningConfiguration={"Status": "Enabled"})
    assert refusal(s3.put_object_lock_configuration, Bucket=plain) == (
        400, "MissingRequestBodyError", "Request Body is empty")
    assert refusal(s3.put_object_lock_configuration, Bucket=plain, ObjectLockConfiguration={}) == MALFORMED
    assert refusal(s3.put_object_legal_hold, Bucket=plain, Key="k", LegalHold={"Status": "on"}) == MALFORMED
    s3.put_object_lock_configuration(**put)
    assert s3.get_object_lock_configuration(Bucket=plain)["ObjectLockConfiguration"] == enabled


def test_a_bucket_that_is_there_is_not_said_to_lock(aws, bucket, plain):
    assert refusal(aws.s3.create_bucket, Bucket=plain, ObjectLockEnabledForBucket=True)[:2] == (
        409, "BucketAlreadyOwnedByYou")
    aws.s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)


def test_a_configuration_that_is_none_is_refused(aws, bucket):
    def put(configuration):
        return refusal(aws.s3.put_object_lock_configuration, Bucket=bucket, ObjectLockConfiguration=configuration)
    for wrong in ({}, {"Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}):
        assert put(wrong) == MALFORMED
    for rule in ({}, {"DefaultRetention": {}}, {"DefaultRetention": {"Mode": "GOVERNANCE"}},
                 {"DefaultRetention": {"Days": 1}}, {"DefaultRetention": {"Mode": "LAX", "Days": 1}},
                 {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1, "Years": 1}}):
        assert put({"ObjectLockEnabled": "Enabled", "Rule": rule})[:2] == MALFORMED[:2], rule
    for length, why in (({"Days": 0}, "must be a positive integer value."),
                        ({"Days": -1}, "must be a positive integer value."), ({"Years": 101}, "too large.")):
        retention = {"DefaultRetention": {"Mode": "COMPLIANCE", **length}}
        assert put({"ObjectLockEnabled": "Enabled", "Rule": retention}) == (
            400, "InvalidArgument", f"Default retention period {why}")


def test_new_objects_get_the_default_or_what_they_ask_for(aws, bucket):
    s3 = aws.s3
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={
        "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 2}}})
    until, own = later(days=2), later(days=5)
    s3.put_object(Bucket=bucket, Key="default", Body=b"x")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/default", ObjectLockMode="COMPLIANCE",
                   ObjectLockRetainUntilDate=later(seconds=2))
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts", ObjectLockMode="GOVERNANCE",
                                        ObjectLockRetainUntilDate=own, ObjectLockLegalHoldStatus="ON")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
    got = s3.head_object(Bucket=bucket, Key="default")
    assert got["ObjectLockMode"] == "GOVERNANCE" and "ObjectLockLegalHoldStatus" not in got
    assert abs(got["ObjectLockRetainUntilDate"] - until) < datetime.timedelta(seconds=20)
    got = s3.get_object(Bucket=bucket, Key="parts")
    assert (got["ObjectLockMode"], got["ObjectLockRetainUntilDate"], got["ObjectLockLegalHoldStatus"]) == (
        "GOVERNANCE", own, "ON")
    copied = s3.head_object(Bucket=bucket, Key="copy")
    assert copied["ObjectLockMode"] == "COMPLIANCE"
    gone = {"Bucket": bucket, "Key": "copy", "VersionId": copied["VersionId"]}
    assert refusal(s3.delete_object, **gone, BypassGovernanceRetention=True) == DENIED
    time.sleep(max(0, (copied["ObjectLockRetainUntilDate"] - later()).total_seconds()) + 0.1)
    s3.delete_object(**gone)


def test_what_asks_for_a_lock_wrongly_is_refused(aws, bucket, plain):
    put = {"Key": "k", "Body": b"x"}
    mode, until = {"ObjectLockMode": "GOVERNANCE"}, {"ObjectLockRetainUntilDate": later(days=1)}
    for call in aws.s3.put_object, aws.s3.create_multipart_upload:
        these = put if call == aws.s3.put_object else {"Key": "k"}
        assert refusal(call, Bucket=plain, **these, **mode, **until) == MISSING_FOR_NEW
        assert refusal(call, Bucket=plain, **these, ObjectLockLegalHoldStatus="ON") == MISSING_FOR_NEW
        for half in mode, until:
            assert refusal(call, Bucket=bucket, **these, **half)[1:] == (
                "InvalidArgument",
                "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied")
        assert refusal(call, Bucket=bucket, **these, **mode, ObjectLockRetainUntilDate=later(days=-1))[1:] == (
            "InvalidArgument", "The retain until date must be in the future!")
        assert refusal(call, Bucket=bucket, **these, **until, ObjectLockMode="LAX")[1:] == (
            "InvalidArgument", "Unknown wormMode directive.")
        assert refusal(call, Bucket=bucket, **these, ObjectLockLegalHoldStatus="MAYBE")[1] == "InvalidArgument"
    bare = aws.client("s3", request_checksum_calculation="when_required")
    answer = refusal(bare.put_object, Bucket=bucket, **put, **mode, **until)
    assert answer == (400, "InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object "
                                             "requests with Object Lock parameters")


def test_retention_is_made_longer_by_everyone_and_shorter_by_few(aws, server, bucket, plain):
    s3 = aws.s3
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    k = {"Bucket": bucket, "Key": "k"}
    assert refusal(s3.get_object_retention, **k) == NO_LOCK
    until = later(days=10)

    def put(mode=None, date=None, by=s3, **more):
        retention = {**({"Mode": mode} if mode else {}), **({"RetainUntilDate": date} if date else {})}
        return by.put_object_retention(**{**k, **more}, Retention=retention)
    put("GOVERNANCE", until)
    assert s3.get_object_retention(**k)["Retention"] == {"Mode": "GOVERNANCE", "RetainUntilDate": until}
    put("GOVERNANCE", later(days=11))
    for change in ("GOVERNANCE", until), ("COMPLIANCE", later(days=20)), ():
        assert refusal(put, **dict(zip(("mode", "date"), change))) == DENIED
    assert refusal(put, mode="GOVERNANCE") == MALFORMED
    assert refusal(put, mode="GOVERNANCE", date=later(days=-1))[1] == "InvalidArgument"
    people = People(aws, server, "locks")
    may = ["s3:PutObjectRetention", "s3:DeleteObjectVersion"]
    clerk = people.user(allow(may)).s3
    chief = people.user(allow([*may, "s3:BypassGovernanceRetention"])).s3
    assert refusal(put, by=clerk, BypassGovernanceRetention=True) == DENIED
    assert refusal(clerk.delete_object, **k, VersionId=version, BypassGovernanceRetention=True) == DENIED
    put(by=chief, BypassGovernanceRetention=True)
    assert refusal(s3.get_object_retention, **k) == NO_LOCK
    put("COMPLIANCE", until)
    assert refusal(put, by=chief, BypassGovernanceRetention=True) == DENIED
    assert refusal(put, mode="COMPLIANCE", date=later(days=1), by=chief, BypassGovernanceRetention=True) == DENIED
    put("COMPLIANCE", later(days=12))
    assert refusal(put, mode="GOVERNANCE", date=until, Key="absent")[1] == "NoSuchKey"
    s3.put_object(Bucket=plain, Key="k", Body=b"x")
    assert refusal(put, mode="GOVERNANCE", date=until, Bucket=plain) == MISSING
    assert refusal(s3.get_object_retention, Bucket=plain, Key="k") == MISSING


def test_a_hold_keeps_a_version_and_a_marker_covers_it(aws, bucket, plain):
    s3 = aws.s3
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    k = {"Bucket": bucket, "Key": "k"}
    assert refusal(s3.get_object_legal_hold, **k) == NO_LOCK
    assert refusal(s3.put_object_legal_hold, **k) == MALFORMED
    assert refusal(s3.put_object_legal_hold, **k, LegalHold={"Status": "MAYBE"}) == MALFORMED
    s3.put_object_legal_hold(**k, LegalHold={"Status": "ON"})
    assert s3.get_object_legal_hold(**k)["LegalHold"] == {"Status": "ON"}
    assert refusal(s3.delete_object, **k, VersionId=version) == DENIED
    several = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": version}]},
                                BypassGovernanceRetention=True)
    assert several["Errors"] == [{"Key": "k", "VersionId": version, "Code": "AccessDenied", "Message": LOCKED}]
    assert s3.delete_object(**k)["DeleteMarker"] is True
    assert refusal(s3.get_object_retention, **k)[1] == "NoSuchKey"
    marker = s3.list_object_versions(Bucket=bucket)["DeleteMarkers"][0]["VersionId"]
    assert refusal(s3.put_object_legal_hold, **k, VersionId=marker, LegalHold={"Status": "ON"})[:2] == (
        405, "MethodNotAllowed")
    assert s3.get_object(**k, VersionId=version)["ObjectLockLegalHoldStatus"] == "ON"
    s3.put_object_legal_hold(**k, VersionId=version, LegalHold={"Status": "OFF"})
    s3.delete_object(**k, VersionId=version)
    s3.put_object(Bucket=plain, Key="k", Body=b"x")
    assert refusal(s3.put_object_legal_hold, Bucket=plain, Key="k", LegalHold={"Status": "ON"}) == MISSING


def test_governance_is_passed_by_who_asks_to_and_may(aws, bucket, plain):
    s3 = aws.s3
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": later(days=1)}
    one, two = (s3.put_object(Bucket=bucket, Key="k", Body=b"x", **lock)["VersionId"] for _ in range(2))
    assert refusal(s3.delete_object, Bucket=bucket, Key="k", VersionId=one) == DENIED
    assert refusal(s3.delete_object, Bucket=bucket, Key="k", VersionId=one, BypassGovernanceRetention=False) == DENIED
    s3.delete_object(Bucket=bucket, Key="k", VersionId=one, BypassGovernanceRetention=True)
    gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": two}]},
                             BypassGovernanceRetention=True)
    assert gone["Deleted"] == [{"Key": "k", "VersionId": two}]
    wrong = (400, "InvalidArgument",
             "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.")
    for asked in True, False:
        assert refusal(s3.delete_object, Bucket=plain, Key="k", BypassGovernanceRetention=asked) == wrong
        assert refusal(s3.delete_objects, Bucket=plain, Delete={"Objects": [{"Key": "k"}]},
                       BypassGovernanceRetention=asked) == wrong


def test_a_lock_is_given_and_seen_by_who_may(aws, server, bucket):
    key = f"arn:aws:s3:::{bucket}/*"
    people = People(aws, server, "seen")
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": later(days=3)}
    writer = people.user(allow(["s3:PutObject", "s3:GetObject"], key)).s3
    assert refusal(writer.put_object, Bucket=bucket, Key="k", Body=b"x", **lock)[:2] == (403, "AccessDenied")
    assert refusal(writer.put_object, Bucket=bucket, Key="k", Body=b"x", ObjectLockLegalHoldStatus="ON")[:2] == (
        403, "AccessDenied")
    short = people.user(allow("s3:PutObject", key), allow("s3:PutObjectRetention", key, Condition={
        "NumericLessThanEquals": {"s3:object-lock-remaining-retention-days": "3"},
        "StringEquals": {"s3:object-lock-mode": "GOVERNANCE"}})).s3
    short.put_object(Bucket=bucket, Key="k", Body=b"x", **lock)
    lock["ObjectLockRetainUntilDate"] = later(days=4)
    assert refusal(short.put_object, Bucket=bucket, Key="k", Body=b"x", **lock)[:2] == (403, "AccessDenied")
    assert "ObjectLockMode" not in writer.head_object(Bucket=bucket, Key="k")
    assert aws.s3.head_object(Bucket=bucket, Key="k")["ObjectLockMode"] == "GOVERNANCE"
    maker = people.user(allow("s3:CreateBucket")).s3
    assert refusal(maker.create_bucket, Bucket=bucket + "-2", ObjectLockEnabledForBucket=True)[:2] == (
        403, "AccessDenied")
