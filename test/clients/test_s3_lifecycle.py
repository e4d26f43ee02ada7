"""Rules of a bucket let objects go, and answers say when."""
import datetime
import email.utils
import re

import botocore.exceptions
import pytest


def configure(aws, bucket, *rules):
    aws.s3.create_bucket(Bucket=bucket)
    aws.s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={
        "Rules": [{"ID": "r", "Status": "Enabled", "Filter": {}, **rule} for rule in rules]})


def end_of(answer):
    """When an answer says that its object goes, and by which rule."""
    date, rule = re.fullmatch(r'expiry-date="(.*)", rule-id="(.*)"', answer["Expiration"]).groups()
    return email.utils.parsedate_to_datetime(date), rule


def test_answers_say_when_an_object_goes(aws, name):
    configure(aws, name, {"Expiration": {"Days": 7}, "Filter": {"Prefix": "tmp/"}})
    put = aws.s3.put_object(Bucket=name, Key="tmp/a", Body=b"test")
    head = aws.s3.head_object(Bucket=name, Key="tmp/a")
    got = aws.s3.get_object(Bucket=name, Key="tmp/a")
    assert put["Expiration"] == head["Expiration"] == got["Expiration"]
    when, rule = end_of(head)
    assert rule == "r"
    midnight = head["LastModified"].replace(hour=0, minute=0, second=0)
    assert when == midnight + datetime.timedelta(days=8)
    assert "Expiration" not in aws.s3.put_object(Bucket=name, Key="a", Body=b"test")


def test_an_upload_says_when_it_is_aborted(aws, name):
    configure(aws, name, {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}})
    made = aws.s3.create_multipart_upload(Bucket=name, Key="a")
    parts = aws.s3.list_parts(Bucket=name, Key="a", UploadId=made["UploadId"])
    assert made["AbortDate"] == parts["AbortDate"]
    assert made["AbortRuleId"] == parts["AbortRuleId"] == "r"
    aws.s3.abort_multipart_upload(Bucket=name, Key="a", UploadId=made["UploadId"])


def test_a_rule_comes_back_as_it_was_put_with_a_name(aws, name):
    aws.s3.create_bucket(Bucket=name)
    rule = {"Status": "Enabled", "Filter": {"And": {"Prefix": "a", "Tags": [
        {"Key": "k", "Value": "v"}]}}, "NoncurrentVersionExpiration": {
            "NoncurrentDays": 3, "NewerNoncurrentVersions": 2}}
    aws.s3.put_bucket_lifecycle_configuration(
        Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    got = aws.s3.get_bucket_lifecycle_configuration(Bucket=name)
    assert got["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    [shown] = got["Rules"]
    assert shown.pop("ID") and shown == rule


def test_transitions_come_back_as_they_were_put(aws, name):
    transitions = [{"Days": 30, "StorageClass": "STANDARD_IA"},
                   {"Days": 90, "StorageClass": "GLACIER"},
                   {"Days": 365, "StorageClass": "DEEP_ARCHIVE"}]
    configure(aws, name, {"Transitions": transitions})
    [rule] = aws.s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert rule["Transitions"] == transitions
    with pytest.raises(botocore.exceptions.ClientError, match="greater than or equal to 30"):
        configure(aws, name, {"Transitions": [{"Days": 7, "StorageClass": "STANDARD_IA"}]})
