"""S3's words, one line an answer: what a client that compares them reads, as AWS was seen to say it."""
import datetime
import json
import re
import urllib.error
import urllib.request

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from test_s3_presigned import v2_url

MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"
NEVER_GIVEN = "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"
BAD_VERSION = {"Code": "InvalidArgument", "Message": "Invalid version id specified", "ArgumentName": "versionId"}
NOT_ALLOWED = {"Code": "MethodNotAllowed", "ResourceType": "DeleteMarker",
               "Message": "The specified method is not allowed against this resource."}
NO_REDIRECT = {
    "Code": "InvalidRedirectLocation",
    "Message": "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."}
NOT_TAKEN = "A header you provided implies functionality that is not implemented"


def tags(*pairs):
    return {"TagSet": [{"Key": key, "Value": value} for key, value in pairs]}


def policy(**changes):
    """One statement about the bucket's objects, in which one thing is changed."""
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::{bucket}/*"}
    return json.dumps({"Statement": [statement | changes]})


def error_of(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]


@pytest.fixture
def bucket(aws, name):
    aws.s3.create_bucket(Bucket=name)
    aws.s3.put_object(Bucket=name, Key="k", Body=b"0123456789")
    return name


# Operation, its parameters beside the bucket, and what of the error is compared.
REFUSED = [
    ("get_object", {"Key": "k", "VersionId": NEVER_GIVEN}, BAD_VERSION | {"ArgumentValue": NEVER_GIVEN}),
    ("delete_object", {"Key": "k", "VersionId": NEVER_GIVEN}, BAD_VERSION | {"ArgumentValue": NEVER_GIVEN}),
    ("delete_object", {"Key": "k", "VersionId": "bad"}, BAD_VERSION | {"ArgumentValue": "bad"}),
    ("get_object", {"Key": "none", "PartNumber": 0},
     {"Code": "InvalidArgument", "ArgumentName": "partNumber", "ArgumentValue": "0"}),
    ("put_object", {"Key": "k", "WebsiteRedirectLocation": "ftp://a.test"}, NO_REDIRECT),
    ("create_multipart_upload", {"Key": "k", "WebsiteRedirectLocation": "a.test"}, NO_REDIRECT),
    ("put_object", {"Key": "k", "ChecksumAlgorithm": "CRC32", "ChecksumSHA1": "2jmj7l5rSw0yVb/vlWAYkK/YBwk="},
     {"Code": "InvalidRequest", "Message": "Value for x-amz-sdk-checksum-algorithm header is invalid."}),
    ("delete_bucket", {}, {"Code": "BucketNotEmpty", "Message": "The bucket you tried to delete is not empty"}),
    ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "enabled"}},
     {"Code": "MalformedXML", "Message": MALFORMED}),
    ("put_bucket_ownership_controls", {"OwnershipControls": {"Rules": [{"ObjectOwnership": "No"}]}},
     {"Code": "MalformedXML", "Message": MALFORMED}),
    ("delete_objects", {"Delete": {"Objects": []}}, {"Code": "MalformedXML", "Message": MALFORMED}),
    ("put_object_acl", {"Key": "k", "ACL": "fake"},
     {"Code": "InvalidArgument", "Message": None, "ArgumentName": "x-amz-acl", "ArgumentValue": "fake"}),
    ("put_object_acl", {"Key": "k"}, {"Code": "MissingSecurityHeader", "MissingHeaderName": "x-amz-acl"}),
    ("list_objects_v2", {"ExpectedBucketOwner": "abcd"},
     {"Code": "InvalidBucketOwnerAWSAccountID",
      "Message": "The value of the expected bucket owner parameter must be an AWS Account ID... [abcd]"}),
    ("list_objects_v2", {"ExpectedBucketOwner": "000000000002"}, {"Code": "AccessDenied"}),
    ("put_bucket_policy", {"Policy": '{"Statement": [{"Effect": "Allow", "NotPrincipal": {"AWS": "1"}, '
                                     '"Action": "s3:GetObject", "Resource": "arn:aws:s3:::x/*"}]}'},
     {"Code": "MalformedPolicy", "Message": "Allow with NotPrincipal is not allowed."}),
    ("put_bucket_policy", {"Policy": "{}"}, {"Code": "MalformedPolicy", "Message": "Missing required field Statement"}),
    ("put_bucket_policy", {"Policy": "[]"},
     {"Code": "MalformedPolicy", "Message": "Policies must be valid JSON and the first byte must be '{'"}),
    ("put_bucket_policy", {"Policy": "{"}, {"Code": "MalformedPolicy", "Message": "This policy contains invalid Json"}),
    ("put_bucket_policy", {"Policy": policy(Effect="allow")},
     {"Code": "MalformedPolicy", "Message": "Invalid effect: allow"}),
    *(("put_bucket_policy", {"Policy": policy(Resource=none)},
       {"Code": "MalformedPolicy", "Message": "Policy has invalid resource"}) for none in ("", "bucket", "*", [])),
    ("put_bucket_policy", {"Policy": policy(Principal={"AWS": []})},
     {"Code": "MalformedPolicy", "Message": "Invalid principal in policy"}),
    ("put_bucket_policy", {"Policy": policy(Principal={"AWS": ["123456789012", ""]})},
     {"Code": "MalformedPolicy", "Message": "Invalid principal in policy"}),
    ("put_bucket_policy", {"Policy": policy(Condition={"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "300.1.1.1"]}})},
     {"Code": "MalformedPolicy", "Message": "Invalid IP address in Conditions"}),
    ("put_bucket_policy", {"Policy": policy(Condition={"StringEquals": {"aws:SourceIp": "home"}})},
     {"Code": "MalformedPolicy", "Message": "Invalid IP address in Conditions"}),
    ("put_bucket_policy", {"Policy": policy(Condition={"NullIfExists": {"aws:UserAgent": "true"}})},
     {"Code": "MalformedPolicy", "Message": "Invalid Condition type : NullIfExists."}),
    ("put_bucket_policy", {"Policy": policy(Condition={"StringNotEquals": {"aws:PrincipalOrgIdd": "o-1"}})},
     {"Code": "MalformedPolicy", "Message": "Policy has an invalid condition key", "Detail": "aws:PrincipalOrgIdd"}),
    # Tags.
    ("put_bucket_tagging", {"Tagging": tags(("a", "1"), ("a", "2"))},
     {"Code": "InvalidTag", "Message": "Cannot provide multiple Tags with the same key", "TagKey": "a"}),
    ("put_bucket_tagging", {"Tagging": tags(("a,b", "1"))},
     {"Code": "InvalidTag", "Message": "The TagKey you have provided is invalid", "TagKey": "a,b"}),
    ("put_object_tagging", {"Key": "k", "Tagging": tags(("a", "1,2"))},
     {"Code": "InvalidTag", "Message": "The TagValue you have provided is invalid", "TagKey": "a",
      "TagValue": "1,2"}),
    ("put_bucket_tagging", {"Tagging": tags(("aws:a", "1"))},
     {"Code": "InvalidTag", "Message": "System tags cannot be added/updated by requester"}),
    ("put_object_tagging", {"Key": "k", "Tagging": tags(("aws:a", "1"))},
     {"Code": "InvalidTag", "Message": "Your TagKey cannot be prefixed with aws:", "TagKey": "aws:a"}),
    ("put_object", {"Key": "k", "Tagging": "=1"}, {"Code": "InvalidArgument", "ArgumentName": "x-amz-tagging"}),
    ("put_object", {"Key": "k", "Tagging": "a%2=1"}, {"Code": "InvalidArgument", "ArgumentName": "x-amz-tagging"}),
    ("put_object", {"Key": "k", "Tagging": "a=1&a=2"},
     {"Code": "InvalidArgument", "ArgumentName": "x-amz-tagging", "ArgumentValue": "a=1&a=2"}),
    ("put_bucket_tagging", {"Tagging": tags(*((f"k{i}", "v") for i in range(51)))},
     {"Code": "BadRequest", "Message": "Bucket tag count cannot be greater than 50"}),
    ("get_object_attributes", {"Key": "k", "ObjectAttributes": []},
     {"Code": "InvalidRequest", "Message": "The x-amz-object-attributes header specifying the attributes to be "
                                           "retrieved is either missing or empty"}),
    ("get_object_attributes", {"Key": "k", "ObjectAttributes": ["ETag", "Foo"]},
     {"Code": "InvalidArgument", "Message": "Invalid attribute name specified.",
      "ArgumentName": "x-amz-object-attributes", "ArgumentValue": "Foo"}),
    # Conditions.
    ("put_object", {"Key": "k", "IfNoneMatch": "x"},
     {"Code": "NotImplemented", "Message": NOT_TAKEN, "Header": "If-None-Match",
      "additionalMessage": "We don't accept the provided value of If-None-Match header for this API"}),
    ("put_object", {"Key": "k", "IfMatch": "*"}, {"Code": "NotImplemented", "Header": "If-Match"}),
    ("put_object", {"Key": "k", "IfMatch": "x", "IfNoneMatch": "*"},
     {"Code": "NotImplemented", "Header": "If-Match,If-None-Match",
      "additionalMessage": "Multiple conditional request headers present in the request"}),
    ("put_object", {"Key": "gone", "IfMatch": "x"}, {"Code": "NoSuchKey", "Key": "gone"}),
    # Copies.
    ("copy_object", {"Key": "c", "CopySource": "no-such-bucket-of-anyone/k"},
     {"Code": "NoSuchBucket", "BucketName": "no-such-bucket-of-anyone"}),
    ("copy_object", {"Key": "c", "CopySource": "{bucket}/gone"}, {"Code": "NoSuchKey", "Key": "gone"}),
    ("copy_object", {"Key": "c", "CopySource": "randomstring"},
     {"Code": "InvalidArgument", "ArgumentName": "x-amz-copy-source", "ArgumentValue": "randomstring",
      "Message": "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"}),
    ("copy_object", {"Key": "c", "CopySource": "{bucket}/"},
     {"Code": "InvalidArgument", "Message": "Invalid copy source object key"}),
    ("copy_object", {"Key": "c", "CopySource": "192.168.1.1/k"},
     {"Code": "InvalidArgument", "ArgumentName": "x-amz-copy-source", "ArgumentValue": "192.168.1.1/k",
      "Message": "Invalid copy source bucket name"}),
    # What a request says by itself comes before what the bucket says of it.
    ("put_object", {"Key": "c", "ObjectLockMode": "GOVERNANCE"},
     {"Code": "InvalidArgument", "ArgumentName": "x-amz-object-lock-retain-until-date"}),
    ("create_multipart_upload", {"Key": "c", "ObjectLockMode": "GOVERNANCE",
                                 "ObjectLockRetainUntilDate": datetime.datetime(2020, 1, 1)},
     {"Code": "InvalidArgument", "Message": "The retain until date must be in the future!"}),
    # Conditions of directory buckets: they are not held, and so not taken.
    ("delete_object", {"Key": "k", "IfMatchSize": 1},
     {"Code": "NotImplemented", "Message": NOT_TAKEN, "Header": "x-amz-if-match-size"}),
    ("delete_object", {"Key": "k", "IfMatchLastModifiedTime": datetime.datetime(2020, 1, 1)},
     {"Code": "NotImplemented", "Message": NOT_TAKEN, "Header": "x-amz-if-match-last-modified-time"}),
    ("abort_multipart_upload", {"Key": "k", "UploadId": "x", "IfMatchInitiatedTime": datetime.datetime(2020, 1, 1)},
     {"Code": "NotImplemented", "Message": NOT_TAKEN, "Header": "x-amz-if-match-initiated-time"}),
    ("put_object", {"Key": "c", "StorageClass": "NONE"},
     {"Code": "InvalidStorageClass", "Message": "The storage class you specified is not valid",
      "StorageClassRequested": "NONE"}),
]


@pytest.mark.parametrize("operation, parameters, expected", REFUSED)
def test_what_is_refused(aws, bucket, operation, parameters, expected):
    if "CopySource" in parameters:
        parameters = parameters | {"CopySource": parameters["CopySource"].format(bucket=bucket)}
    if "Policy" in parameters:
        parameters = parameters | {"Policy": parameters["Policy"].replace("{bucket}", bucket)}
    refused = error_of(getattr(aws.s3, operation), Bucket=bucket, **parameters)
    assert {name: refused.get(name) for name in expected} == expected


def test_several_are_not_deleted_on_conditions_that_are_not_held(aws, bucket):
    for condition in {"Size": 10}, {"LastModifiedTime": datetime.datetime(2020, 1, 1)}:
        answer = aws.s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", **condition}]})
        assert [error["Code"] for error in answer["Errors"]] == ["NotImplemented"] and "Deleted" not in answer
    aws.s3.head_object(Bucket=bucket, Key="k")


@pytest.mark.parametrize("given, code, message", [
    ([("k" * 129, "v")], "InvalidTag", "The TagKey you have provided is invalid"),
    ([("k", "v" * 257)], "InvalidTag", "The TagValue you have provided is invalid"),
    ([("k", "1"), ("k", "2")], "InvalidTag", "Cannot provide multiple Tags with the same key"),
    ([(f"k{i}", "v") for i in range(51)], "BadRequest", "Bucket tag count cannot be greater than 50"),
])
def test_tags_that_a_bucket_is_made_with_are_held_to_the_rules_of_tags(aws, name, given, code, message):
    refused = error_of(aws.s3.create_bucket, Bucket=name, CreateBucketConfiguration={"Tags": tags(*given)["TagSet"]})
    assert (refused["Code"], refused["Message"]) == (code, message)
    assert error_of(aws.s3.head_bucket, Bucket=name)["Code"] == "404"


def test_credentials_of_another_kind_are_refused_where_everyone_may_read(aws, bucket):
    aws.s3.delete_public_access_block(Bucket=bucket)
    aws.s3.put_bucket_policy(Bucket=bucket, Policy=policy(Effect="Allow").replace("{bucket}", bucket))
    url = f"{aws.environment['AWS_ENDPOINT_URL']}/{bucket}/k"
    assert urllib.request.urlopen(url).read() == b"0123456789"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": "Bearer abc"}))
    body = caught.value.read()
    assert caught.value.code == 400
    assert b"<Message>Unsupported Authorization Type<" in body and b"<ArgumentValue>Bearer<" in body


class Chunked(S3SigV4Auth):
    """Announces chunks, whatever the body is."""

    def payload(self, request):
        return "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


def test_a_document_comes_in_no_chunks(aws, bucket):
    for part in "cors", "policy", "tagging":
        request = AWSRequest(
            "PUT", f"{aws.environment['AWS_ENDPOINT_URL']}/{bucket}?{part}", data=b"5\r\nabcde\r\n0\r\n\r\n",
            headers={"x-amz-decoded-content-length": "5"})
        Chunked(aws.session.get_credentials(), "s3", "us-east-1").add_auth(request)
        sent = urllib.request.Request(request.url, request.data, dict(request.headers.items()), method="PUT")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(sent)
        assert b"<Message>The value of x-amz-content-sha256 header is invalid.<" in caught.value.read(), part


# Operation, a parameter with a value that is of another form, and the argument that is named.
ARGUMENTS = [
    ("list_objects_v2", "max-keys=foo", "Provided max-keys not an integer or within integer range", "max-keys"),
    ("get_object", "partNumber=foo", "Provided partNumber not an integer or within integer range", "partNumber"),
    ("list_multipart_uploads", "max-uploads=x", "Provided max-uploads not an integer or within integer range",
     "max-uploads"),
]


def signed_with(aws, bucket, operation, query):
    """The answer to a presigned request of the operation with more in its query than boto3 lets through."""
    def add(request, **_):
        request.url += ("&" if "?" in request.url else "?") + query
    event = f"before-sign.s3.{operation.title().replace('_', '')}"
    aws.s3.meta.events.register(event, add)
    try:
        key = {"Key": "k"} if operation == "get_object" else {}
        url = aws.s3.generate_presigned_url(operation, {"Bucket": bucket, **key})
    finally:
        aws.s3.meta.events.unregister(event, add)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url)
    return caught.value.read().decode()


@pytest.mark.parametrize("operation, query, message, argument", ARGUMENTS)
def test_an_argument_of_another_form_is_named(aws, bucket, operation, query, message, argument):
    text = signed_with(aws, bucket, operation, query)
    value = query.partition("=")[2]
    for part in (f"<Message>{message}</Message>", f"<ArgumentName>{argument}</ArgumentName>",
                 f"<ArgumentValue>{value}</ArgumentValue>"):
        assert part in text


@pytest.fixture
def marked(aws, bucket):
    """The bucket with versions, whose latest of "k" is a delete marker; and the marker's id."""
    aws.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket, aws.s3.delete_object(Bucket=bucket, Key="k")["VersionId"]


MARKER = [
    ("get_object", {}, "NoSuchKey"), ("get_object", {"VersionId": 1}, NOT_ALLOWED),
    ("get_object_tagging", {}, NOT_ALLOWED), ("get_object_tagging", {"VersionId": 1}, NOT_ALLOWED),
    ("put_object_tagging", {"Tagging": tags(("a", "b"))}, NOT_ALLOWED),
    ("delete_object_tagging", {"VersionId": 1}, NOT_ALLOWED),
    ("put_object_acl", {"ACL": "private"}, NOT_ALLOWED),
    ("get_object_acl", {}, "NoSuchKey"), ("get_object_acl", {"VersionId": 1}, NOT_ALLOWED),
    ("restore_object", {"RestoreRequest": {"Days": 1}}, NOT_ALLOWED),
]


@pytest.mark.parametrize("operation, parameters, expected", MARKER)
def test_a_delete_marker_can_only_be_removed(aws, marked, operation, parameters, expected):
    bucket, version = marked
    if "VersionId" in parameters:
        parameters = {"VersionId": version}
    refused = error_of(getattr(aws.s3, operation), Bucket=bucket, Key="k", **parameters)
    expected = {"Code": expected} if isinstance(expected, str) else expected
    assert {name: refused.get(name) for name in expected} == expected


def test_versions_that_are_gone_and_that_never_were(aws, marked):
    bucket, version = marked
    refused = error_of(aws.s3.delete_bucket, Bucket=bucket)
    assert refused["Message"] == ("The bucket you tried to delete is not empty. "
                                  "You must delete all versions in the bucket.")
    aws.s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    gone = error_of(aws.s3.get_object, Bucket=bucket, Key="k", VersionId=version)
    assert (gone["Code"], gone["Key"], gone["VersionId"]) == ("NoSuchVersion", "k", version)
    many = aws.s3.delete_objects(Bucket=bucket, Delete={"Objects": [
        {"Key": "k", "VersionId": version}, {"Key": "k", "VersionId": NEVER_GIVEN}]})
    assert [entry["VersionId"] for entry in many["Deleted"]] == [version]
    assert many["Errors"] == [{"Key": "k", "VersionId": NEVER_GIVEN, "Code": "NoSuchVersion",
                               "Message": "The specified version does not exist."}]


@pytest.mark.parametrize("count", [-3, 0, 10001])
def test_a_page_of_buckets_is_of_some_and_not_of_too_many(aws, count):
    refused = error_of(aws.client("s3", parameter_validation=False).list_buckets, MaxBuckets=count)
    assert (refused["Message"], refused["ArgumentName"], refused["ArgumentValue"]) == (
        "Argument max-buckets must be an integer between 1 and 10000", "max-buckets", str(count))


@pytest.mark.parametrize("region, expected", [
    ("eu-east-1", "Argument value eu-east-1 is not a valid AWS Region"), ("eu-west-2", None)])
def test_buckets_of_a_region(aws, bucket, region, expected):
    if expected:
        assert error_of(aws.s3.list_buckets, BucketRegion=region)["Message"] == expected
    else:
        assert aws.s3.list_buckets(BucketRegion=region, Prefix=bucket)["Buckets"] == []


def test_a_bucket_in_the_first_region_of_europe(aws, name):
    made = aws.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "EU"})
    assert made["Location"].startswith("http://") and made["Location"].endswith(f"/{name}")
    assert aws.s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "EU"
    assert aws.s3.head_bucket(Bucket=name)["BucketRegion"] == "eu-west-1"


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_what_is_archived_is_read_once_it_was_restored(aws, bucket, storage_class):
    at = {"Bucket": bucket, "Key": "cold"}
    aws.s3.put_object(**at, Body=b"ice", StorageClass=storage_class)
    refused = error_of(aws.s3.get_object, **at)
    assert refused == {"Code": "InvalidObjectState", "StorageClass": storage_class,
                       "Message": "The operation is not valid for the object's storage class"}
    copy = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/cold"}
    assert error_of(aws.s3.copy_object, **copy)["Code"] == "ObjectNotInActiveTierError"
    assert "Restore" not in aws.s3.head_object(**at)
    for status in 202, 200:
        answer = aws.s3.restore_object(**at, RestoreRequest={"Days": 2, "GlacierJobParameters": {"Tier": "Standard"}})
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
    got = aws.s3.get_object(**at)
    assert (got["Body"].read(), got["StorageClass"]) == (b"ice", storage_class)
    date = re.fullmatch(r'ongoing-request="false", expiry-date="(.*)"', got["Restore"])[1]
    until = datetime.datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT")
    assert (until.hour, until.minute, until.second) == (0, 0, 0)
    for operation, member in (("list_objects", "Contents"), ("list_objects_v2", "Contents"),
                              ("list_object_versions", "Versions")):
        def listed(**more):
            page = getattr(aws.s3, operation)(Bucket=bucket, **more)[member]
            return {entry["Key"]: entry.get("RestoreStatus") for entry in page}
        status = {"IsRestoreInProgress": False, "RestoreExpiryDate": until.replace(tzinfo=datetime.timezone.utc)}
        assert listed() == {"cold": None, "k": None}
        assert listed(OptionalObjectAttributes=["RestoreStatus"]) == {"cold": status, "k": None}
    aws.s3.copy_object(**copy)
    assert "Restore" not in aws.s3.head_object(Bucket=bucket, Key="copy")


RESTORES = [
    ("k", {"Days": 1}, "InvalidObjectState"), ("gone", {"Days": 1}, "NoSuchKey"),
    ("cold", {"Days": 0}, "InvalidArgument"), ("cold", {}, "MalformedXML"),
    ("cold", {"Type": "SELECT", "Tier": "Standard"}, "NotImplemented"),
]


@pytest.mark.parametrize("key, request_, code", RESTORES)
def test_what_is_not_restored(aws, bucket, key, request_, code):
    aws.s3.put_object(Bucket=bucket, Key="cold", Body=b"ice", StorageClass="GLACIER")
    assert error_of(aws.s3.restore_object, Bucket=bucket, Key=key, RestoreRequest=request_)["Code"] == code


WAYS = [("PATCH", "", "BUCKET"), ("PATCH", "/k", "OBJECT"), ("POST", "/k", "OBJECT"), ("PATCH", "/k?tagging", "OBJECT")]


@pytest.mark.parametrize("method, path, kind", WAYS)
def test_a_method_that_is_none(aws, bucket, method, path, kind):
    url = f"{aws.environment['AWS_ENDPOINT_URL']}/{bucket}{path}"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(url, method=method))
    text = caught.value.read().decode()
    assert caught.value.code == 405 and "DELETE" in caught.value.headers["Allow"]
    assert f"<Method>{method}</Method><ResourceType>{kind}</ResourceType>" in text


MISPLACED = [
    ("GET", "uploads", "InvalidRequest", "Key is not expected for the GET method ?uploads subresource"),
    ("GET", "versions", "InvalidRequest", "There is no such thing as the ?versions sub-resource for a key"),
    ("PUT", "partNumber=1", "InvalidArgument", "This operation does not accept partNumber without uploadId"),
]


@pytest.mark.parametrize("method, query, code, message", MISPLACED)
def test_what_is_asked_of_a_key_and_is_a_buckets(aws, bucket, method, query, code, message):
    url = f"{aws.environment['AWS_ENDPOINT_URL']}/{bucket}/k?{query}"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(url, method=method))
    text = caught.value.read().decode()
    assert caught.value.code == 400
    assert f"<Code>{code}</Code><Message>{message}</Message>" in text
    assert ("<ArgumentName>partNumber</ArgumentName>" in text) == ("partNumber" in query)


@pytest.mark.parametrize("left_out", ["AWSAccessKeyId", "Signature", "Expires"])
def test_a_url_of_the_second_version_that_lacks_a_parameter(aws, bucket, left_out):
    url = re.sub(f"([?&]){left_out}=[^&]*&?", r"\1", v2_url(aws, "GET", f"/{bucket}/k", {}))
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url)
    assert caught.value.code == 403
    assert ("Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
            in caught.value.read().decode())
