"""Settings of buckets that are kept and shown again, and what S3 says of a bucket without them."""
import json

import pytest
from botocore.exceptions import ClientError
from test_s3_words import MALFORMED


@pytest.fixture
def bucket(aws, name):
    aws.s3.create_bucket(Bucket=name)
    return name


def refusal(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def shown(answer):
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def test_acceleration(aws, bucket):
    s3 = aws.s3
    assert shown(s3.get_bucket_accelerate_configuration(Bucket=bucket)) == {}
    for status in "Enabled", "Suspended":
        s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": status})
        assert shown(s3.get_bucket_accelerate_configuration(Bucket=bucket)) == {"Status": status}
    for wrong in {"Status": "enabled"}, {}:
        assert refusal(s3.put_bucket_accelerate_configuration, Bucket=bucket,
                       AccelerateConfiguration=wrong)[:2] == (400, "MalformedXML")
    s3.create_bucket(Bucket=bucket + ".dots")
    assert refusal(s3.put_bucket_accelerate_configuration, Bucket=bucket + ".dots",
                   AccelerateConfiguration={"Status": "Enabled"}) == (
        400, "InvalidRequest",
        "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names")


def test_payment(aws, bucket):
    s3 = aws.s3
    assert shown(s3.get_bucket_request_payment(Bucket=bucket)) == {"Payer": "BucketOwner"}
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    assert shown(s3.get_bucket_request_payment(Bucket=bucket)) == {"Payer": "Requester"}
    assert refusal(s3.put_bucket_request_payment, Bucket=bucket,
                   RequestPaymentConfiguration={"Payer": "Nobody"})[:2] == (400, "MalformedXML")


def test_logging(aws, bucket):
    s3 = aws.s3
    assert shown(s3.get_bucket_logging(Bucket=bucket)) == {}
    wanted = {"LoggingEnabled": {"TargetBucket": bucket, "TargetPrefix": "log/"}}
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=wanted)
    assert shown(s3.get_bucket_logging(Bucket=bucket)) == wanted
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    assert shown(s3.get_bucket_logging(Bucket=bucket)) == {}
    wanted["LoggingEnabled"]["TargetBucket"] = "absent-" + bucket
    assert refusal(s3.put_bucket_logging, Bucket=bucket, BucketLoggingStatus=wanted) == (
        400, "InvalidTargetBucketForLogging", "The target bucket for logging does not exist")


def test_a_website(aws, bucket):
    s3 = aws.s3
    absent = (404, "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration")
    assert refusal(s3.get_bucket_website, Bucket=bucket) == absent
    rule = {"Condition": {"KeyPrefixEquals": "a/"}, "Redirect": {"ReplaceKeyPrefixWith": "b/"}}
    site = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}, "RoutingRules": [rule]}
    to = {"RedirectAllRequestsTo": {"HostName": "other.test", "Protocol": "https"}}
    for wanted in site, to:
        s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=wanted)
        assert shown(s3.get_bucket_website(Bucket=bucket)) == wanted
    both = {"Redirect": {"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}}
    for wrong, code, message in [
            ({}, "InvalidArgument",
             "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty"),
            ({**site, **to}, "InvalidArgument",
             "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules."),
            ({"IndexDocument": {"Suffix": "a/b"}}, "InvalidArgument", "The IndexDocument Suffix is not well formed"),
            ({"IndexDocument": {"Suffix": ""}}, "InvalidArgument", "The IndexDocument Suffix is not well formed"),
            ({**site, "RoutingRules": [both]}, "InvalidRequest",
             "You can only define ReplaceKeyPrefix or ReplaceKey but not both."),
            ({**site, "RoutingRules": [{**rule, "Condition": {}}]}, "InvalidRequest",
             "Condition cannot be empty. To redirect all requests without a condition, the condition element "
             "shouldn't be present."),
            ({**site, "RoutingRules": [{**rule, "Redirect": {}}]}, "MalformedXML", MALFORMED),
            ({**site, "RoutingRules": [rule] * 51}, "InvalidRequest",
             "51 routing rules provided, the number of routing rules in a website configuration is limited to 50."),
            ({**site, "ErrorDocument": {"Key": "k" * (1 << 17)}}, "MaxMessageLengthExceeded",
             "Your request was too big."),
            ({"RedirectAllRequestsTo": {"HostName": "h", "Protocol": "ftp"}}, "InvalidRequest",
             "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected "
             "automatically."),
            ({**site, "RoutingRules": [{"Redirect": {"HostName": "h", "HttpRedirectCode": "300"}}]}, "InvalidRequest",
             "The provided HTTP redirect code (300) is not valid. Valid codes are 3XX except 300."),
            ({**site, "RoutingRules": [{"Redirect": {"HostName": "h", "HttpRedirectCode": "3xx"}}]}, "MalformedXML",
             MALFORMED),
            ({**site, "RoutingRules": [{**rule, "Condition": {"HttpErrorCodeReturnedEquals": "418"}}]},
             "InvalidRequest", "The provided HTTP error code (418) is not valid. Valid codes are 4XX or 5XX.")]:
        assert refusal(s3.put_bucket_website, Bucket=bucket, WebsiteConfiguration=wrong) == (400, code, message)
    for _ in range(2):
        s3.delete_bucket_website(Bucket=bucket)
    assert refusal(s3.get_bucket_website, Bucket=bucket) == absent


def test_whether_a_policy_lets_everyone_in(aws, bucket):
    s3 = aws.s3
    assert refusal(s3.get_bucket_policy_status, Bucket=bucket)[:2] == (404, "NoSuchBucketPolicy")
    s3.delete_public_access_block(Bucket=bucket)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    narrow = {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
    for more, public in ({}, True), (narrow, False), ({"Principal": {"AWS": "000000000000"}}, False):
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(
            {"Version": "2012-10-17", "Statement": [{**statement, **more}]}))
        assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is public


def test_a_bucket_that_is_not_there(aws, bucket):
    for call in (aws.s3.get_bucket_accelerate_configuration, aws.s3.get_bucket_request_payment,
                 aws.s3.get_bucket_logging, aws.s3.get_bucket_website, aws.s3.get_bucket_policy_status):
        assert refusal(call, Bucket="absent-" + bucket)[:2] == (404, "NoSuchBucket")


def test_what_no_bucket_has_is_said_to_be_absent(aws, bucket):
    s3 = aws.s3
    assert refusal(s3.get_bucket_replication, Bucket=bucket) == (
        404, "ReplicationConfigurationNotFoundError", "The replication configuration was not found")
    s3.delete_bucket_replication(Bucket=bucket)
    for kind in "analytics", "intelligent_tiering", "inventory", "metrics":
        listed = getattr(s3, f"list_bucket_{kind}_configurations")
        assert shown(listed(Bucket=bucket)) == {"IsTruncated": False}
        assert refusal(listed, Bucket="absent-" + bucket)[1] == "NoSuchBucket"
        for verb in "get", "delete":
            assert refusal(getattr(s3, f"{verb}_bucket_{kind}_configuration"), Bucket=bucket, Id="x") == (
                404, "NoSuchConfiguration", "The specified configuration does not exist.")
    assert refusal(s3.put_bucket_metrics_configuration, Bucket=bucket, Id="x", MetricsConfiguration={"Id": "x"})[:2] \
        == (501, "NotImplemented")
