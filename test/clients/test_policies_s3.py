"""Published policies for S3, identity's and buckets': what each allows and what it refuses.

The policies are those of the IAM guide ("Example policies", S3) and of the S3 guide ("Examples of
Amazon S3 bucket policies"), in names of our own.
"""
import base64
import collections
import concurrent.futures
import hashlib
import http.client
import socket
import threading
import time
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError
from policies import (Example, People, Stage, allow, denied, deny, document, filled, ids, may,
                      may_not)

BUCKET, OBJECTS = "arn:aws:s3:::{bucket}", "arn:aws:s3:::{bucket}/*"
NO_USE = "Conditions do not apply to combination of actions and resources in statement"


def put(key, **more):
    return lambda s: s.who.s3.put_object(Bucket=s.bucket, Key=key, Body=b"x", **more)


def get(key, **more):
    return lambda s: s.who.s3.get_object(Bucket=s.bucket, Key=key, **more)


def listed(**more):
    return lambda s: s.who.s3.list_objects_v2(Bucket=s.bucket, **more)


def at(key):
    return f'"arn:aws:s3:::{{bucket}}/{key}"'


def bucket_policy(*statements):
    def setup(stage):
        stage.aws.s3.delete_public_access_block(Bucket=stage.bucket)
        stage.aws.s3.put_bucket_policy(
            Bucket=stage.bucket, Policy=document(*filled(list(statements), stage.words)))
    return setup




def tagged_objects(stage):
    for key, value in (("open", "production"), ("shut", "test")):
        stage.aws.s3.put_object(Bucket=stage.bucket, Key=key, Body=b"x",
                                Tagging=f"environment={value}")


IN_BUCKET = '"arn:aws:s3:::{bucket}"'

EXAMPLES = [
    Example("read and write objects of one bucket", [
        allow("s3:ListBucket", BUCKET), allow("s3:*Object", OBJECTS)], [
        ("may", put("a")), ("may", get("a")), ("may", listed()),
        ("may", lambda s: s.who.s3.copy_object(Bucket=s.bucket, Key="b", CopySource=f"{s.bucket}/a")),
        ("may not", lambda s: s.who.s3.get_object_tagging(Bucket=s.bucket, Key="a"),
         "s3:GetObjectTagging", at("a")),
        ("may not", lambda s: s.who.s3.put_object(Bucket=s.other, Key="a", Body=b""),
         "s3:PutObject", '"arn:aws:s3:::{other}/a"'),
        ("may not", lambda s: s.who.s3.copy_object(Bucket=s.other, Key="b", CopySource=f"{s.bucket}/a"),
         "s3:PutObject", '"arn:aws:s3:::{other}/b"'),
        ("may not", lambda s: s.who.s3.copy_object(Bucket=s.bucket, Key="b", CopySource=f"{s.other}/a"),
         "s3:GetObject", '"arn:aws:s3:::{other}/a"'),
        ("may not", lambda s: s.who.s3.list_buckets(), "s3:ListAllMyBuckets")]),
    Example("each user a home of his own", [
        allow(["s3:ListAllMyBuckets", "s3:GetBucketLocation"], "arn:aws:s3:::*"),
        allow("s3:ListAllMyBuckets"),
        allow("s3:ListBucket", BUCKET,
              Condition={"StringLike": {"s3:prefix": ["", "home/", "home/${aws:username}/*"]}}),
        allow("s3:*", ["arn:aws:s3:::{bucket}/home/${aws:username}",
                       "arn:aws:s3:::{bucket}/home/${aws:username}/*"])], [
        ("may", lambda s: s.who.s3.list_buckets()),
        ("may", listed(Prefix="")), ("may", listed(Prefix="home/")),
        ("may", lambda s: listed(Prefix=f"home/{s.user}/x")(s)),
        ("may", lambda s: put(f"home/{s.user}/x")(s)), ("may", lambda s: get(f"home/{s.user}/x")(s)),
        ("may not", put("home/somebody/x"), "s3:PutObject", at("home/somebody/x")),
        ("may not", listed(Prefix="home/somebody/"), "s3:ListBucket", IN_BUCKET),
        ("may not", listed(), "s3:ListBucket", IN_BUCKET)]),
    Example("one bucket and nothing else", [
        allow("s3:*", [BUCKET, OBJECTS]),
        {"Effect": "Deny", "NotAction": "s3:*", "NotResource": [BUCKET, OBJECTS]},
        allow("sqs:*")], [
        ("may", put("a")), ("may", lambda s: s.who.s3.get_bucket_versioning(Bucket=s.bucket)),
        ("may not", lambda s: s.who.s3.list_objects_v2(Bucket=s.other), "s3:ListBucket",
         '"arn:aws:s3:::{other}"'),
        ("may not", lambda s: s.who.sqs.list_queues(), "sqs:ListQueues",
         "arn:aws:sqs:{region}:{account}:", denied())]),
    Example("everything but what needs a second factor", [
        allow("s3:*"),
        deny("s3:*", [BUCKET, OBJECTS],
             Condition={"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}})], [
        ("may", lambda s: s.who.s3.put_object(Bucket=s.other, Key="a", Body=b"")),
        ("may not", put("a"), "s3:PutObject", at("a"), denied()),
        ("may not", listed(), "s3:ListBucket", IN_BUCKET, denied())]),
    Example("reading alone", [allow(["s3:Get*", "s3:List*"])], [
        ("may", get("a")), ("may", listed()), ("may", lambda s: s.who.s3.list_buckets()),
        ("may", lambda s: s.who.s3.get_bucket_location(Bucket=s.bucket)),
        ("may not", put("a"), "s3:PutObject", at("a")),
        ("may not", lambda s: s.who.s3.delete_object(Bucket=s.bucket, Key="a"), "s3:DeleteObject",
         at("a")),
        ("may not", lambda s: s.who.s3.delete_bucket(Bucket=s.bucket), "s3:DeleteBucket", IN_BUCKET),
        ("may not", lambda s: s.who.s3.create_bucket(Bucket="another-bucket"), "s3:CreateBucket",
         '"arn:aws:s3:::another-bucket"')]),
    Example("not without encryption", [allow("s3:*")], [
        ("may", put("a", ServerSideEncryption="AES256")),
        ("may not", put("a"), "s3:PutObject", at("a"), denied("resource-based policy"))],
        bucket_policy({"Sid": "DenyUnencrypted", "Principal": "*", **deny(
            "s3:PutObject", OBJECTS,
            Condition={"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}})})),
    Example("not from elsewhere", [allow("s3:*")], [
        ("may", listed()),
        ("may not", get("a"), "s3:GetObject", at("a"), denied("resource-based policy"))],
        bucket_policy({"Sid": "IPAllow", "Principal": "*", **deny(
            "s3:GetObject", OBJECTS,
            Condition={"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}})})),
    Example("only by tags that are known", [
        allow("s3:PutObject*", OBJECTS,
              Condition={"ForAllValues:StringLike": {"s3:RequestObjectTagKeys": ["Owner", "Made"]}})], [
        ("may", put("a", Tagging="Owner=me")),
        ("may not", put("a", Tagging="Owner=me&Other=x"), "s3:PutObject", at("a"))]),
    Example("only what is tagged", [
        allow("s3:GetObject", OBJECTS,
              Condition={"StringEquals": {"s3:ExistingObjectTag/environment": "production"}})], [
        ("may", get("open")), ("may not", get("shut"), "s3:GetObject", at("shut")),
        ("may not", get("absent"), "s3:GetObject", at("absent"))], tagged_objects),
    Example("pages of a listing no longer than ten", [
        allow("s3:ListBucket", BUCKET, Condition={"NumericLessThanEquals": {"s3:max-keys": "10"}})], [
        ("may", listed(MaxKeys=10)),
        ("may not", listed(MaxKeys=11), "s3:ListBucket", IN_BUCKET),
        ("may not", listed(), "s3:ListBucket", IN_BUCKET)]),
    Example("one storage class", [
        allow("s3:PutObject", OBJECTS,
              Condition={"StringEquals": {"s3:x-amz-storage-class": ["STANDARD_IA"]}})], [
        ("may", put("a", StorageClass="STANDARD_IA")),
        ("may not", put("a"), "s3:PutObject", at("a"))]),
]


@pytest.fixture
def stage(aws, server, name):
    for bucket in (name, f"{name}-other"):
        aws.s3.create_bucket(Bucket=bucket)
    aws.s3.put_object(Bucket=name, Key="a", Body=b"content")
    return Stage(aws, People(aws, server, name), bucket=name, other=f"{name}-other")


@pytest.mark.parametrize("example", EXAMPLES, ids=ids(EXAMPLES))
def test_a_published_policy_means_what_it_says(example, stage):
    example.run(stage)


def set_policy(stage, *statements):
    stage.aws.s3.delete_public_access_block(Bucket=stage.bucket)
    stage.aws.s3.put_bucket_policy(
        Bucket=stage.bucket, Policy=document(*filled(list(statements), stage.words)))


def test_a_bucket_lets_in_the_user_that_it_names(stage):
    stage.who = stage.people.user()
    may_not(stage.who, lambda: get("a")(stage), "s3:GetObject", f'"arn:aws:s3:::{stage.bucket}/a"')
    set_policy(stage, {"Principal": {"AWS": stage.who.arn}, **allow("s3:GetObject", OBJECTS)})
    assert get("a")(stage)["Body"].read() == b"content"
    may_not(stage.who, lambda: put("a")(stage), "s3:PutObject", f'"arn:aws:s3:::{stage.bucket}/a"')


def test_naming_the_account_leaves_the_word_to_its_users_own_policies(stage):
    set_policy(stage, {"Principal": {"AWS": "{account}"}, **allow("s3:*", [BUCKET, OBJECTS])})
    stage.who = stage.people.user()
    may_not(stage.who, lambda: get("a")(stage), "s3:GetObject", f'"arn:aws:s3:::{stage.bucket}/a"')
    stage.who = stage.people.user(allow("s3:GetObject", f"arn:aws:s3:::{stage.bucket}/*"))
    assert get("a")(stage)["Body"].read() == b"content"


def test_strangers_read_what_is_public_and_nothing_else(stage, server):
    url = f"{server.url}/{stage.bucket}/a"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url)
    assert refused.value.code == 403 and b"<Code>AccessDenied</Code>" in refused.value.read()
    set_policy(stage, {"Sid": "PublicRead", "Principal": "*", **allow("s3:GetObject", OBJECTS)})
    assert urllib.request.urlopen(url).read() == b"content"
    for request in (urllib.request.Request(url, method="DELETE"),
                    urllib.request.Request(url, data=b"new", method="PUT"),
                    urllib.request.Request(f"{server.url}/{stage.bucket}?list-type=2"),
                    urllib.request.Request(f"{server.url}/{stage.bucket}/absent")):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)
        assert refused.value.code == 403, request.full_url
    stage.aws.s3.put_public_access_block(
        Bucket=stage.bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(url)


def test_a_bucket_that_blocks_public_policies_takes_none(stage):
    public = document({"Principal": "*", **allow("s3:GetObject", f"arn:aws:s3:::{stage.bucket}/*")})
    with pytest.raises(ClientError) as caught:
        stage.aws.s3.put_bucket_policy(Bucket=stage.bucket, Policy=public)
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    assert "BlockPublicPolicy" in caught.value.response["Error"]["Message"]
    narrow = document({"Principal": "*", **allow(
        "s3:GetObject", f"arn:aws:s3:::{stage.bucket}/*",
        Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}})})
    stage.aws.s3.put_bucket_policy(Bucket=stage.bucket, Policy=narrow)


def test_what_a_bucket_denies_it_denies_to_the_root_too_but_for_its_policy(stage):
    set_policy(stage, {"Principal": "*", **deny(
        "s3:*", [BUCKET, OBJECTS], Condition={"Bool": {"aws:SecureTransport": "false"}})})
    root = stage.aws
    with pytest.raises(ClientError) as caught:
        root.s3.get_object(Bucket=stage.bucket, Key="a")
    assert caught.value.response["Error"]["Message"].endswith(
        "with an explicit deny in a resource-based policy")
    assert root.s3.get_bucket_policy(Bucket=stage.bucket)["Policy"]
    root.s3.delete_bucket_policy(Bucket=stage.bucket)
    assert root.s3.get_object(Bucket=stage.bucket, Key="a")["Body"].read() == b"content"


def test_what_is_not_there_is_not_told_to_who_may_not_list(stage):
    reader = stage.people.user(allow("s3:GetObject", f"arn:aws:s3:::{stage.bucket}/*"))
    lister = stage.people.user(allow(["s3:GetObject", "s3:ListBucket"]))
    stage.who = reader
    may_not(reader, lambda: get("absent")(stage), "s3:ListBucket", f'"arn:aws:s3:::{stage.bucket}"')
    with pytest.raises(ClientError) as caught:
        lister.s3.get_object(Bucket=stage.bucket, Key="absent")
    assert caught.value.response["Error"]["Code"] == "NoSuchKey"
    with pytest.raises(ClientError) as caught:
        reader.s3.head_object(Bucket=stage.bucket, Key="absent")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    with pytest.raises(ClientError) as caught:
        reader.s3.get_object(Bucket="never-was-such-a-bucket", Key="x")
    assert caught.value.response["Error"]["Code"] == "NoSuchBucket"  # as AWS tells everyone


def test_several_deletions_in_one_request_are_allowed_one_by_one(stage):
    for key in ("mine/a", "mine/b", "yours/a"):
        stage.aws.s3.put_object(Bucket=stage.bucket, Key=key, Body=b"")
    who = stage.people.user(allow("s3:DeleteObject", f"arn:aws:s3:::{stage.bucket}/mine/*"))
    answer = who.s3.delete_objects(Bucket=stage.bucket, Delete={
        "Objects": [{"Key": "mine/a"}, {"Key": "yours/a"}, {"Key": "mine/b"}]})
    assert sorted(each["Key"] for each in answer["Deleted"]) == ["mine/a", "mine/b"]
    [error] = answer["Errors"]
    assert (error["Key"], error["Code"]) == ("yours/a", "AccessDenied")
    assert error["Message"] == (
        f'User: {who.arn} is not authorized to perform: s3:DeleteObject on resource: '
        f'"arn:aws:s3:::{stage.bucket}/yours/a" because no identity-based policy allows the '
        's3:DeleteObject action')


def test_a_version_takes_a_right_of_its_own(stage):
    stage.aws.s3.put_bucket_versioning(
        Bucket=stage.bucket, VersioningConfiguration={"Status": "Enabled"})
    version = stage.aws.s3.put_object(Bucket=stage.bucket, Key="a", Body=b"new")["VersionId"]
    stage.who = stage.people.user(allow(["s3:GetObject", "s3:DeleteObject"]))
    assert get("a")(stage)["Body"].read() == b"new"
    here = f'"arn:aws:s3:::{stage.bucket}/a"'
    may_not(stage.who, lambda: get("a", VersionId=version)(stage), "s3:GetObjectVersion", here)
    may_not(stage.who, lambda: stage.who.s3.delete_object(
        Bucket=stage.bucket, Key="a", VersionId=version), "s3:DeleteObjectVersion", here)


def test_a_copy_reads_no_version_that_may_not_be_read(stage):
    stage.aws.s3.put_bucket_versioning(
        Bucket=stage.bucket, VersioningConfiguration={"Status": "Enabled"})
    shut, open_one = [stage.aws.s3.put_object(Bucket=stage.bucket, Key="k", Body=b"x")["VersionId"]
                      for _ in "ab"]
    stage.who = stage.people.user(allow("s3:*"), deny(
        "s3:GetObjectVersion", Condition={"StringEquals": {"s3:versionid": shut}}))
    here = f'"arn:aws:s3:::{stage.bucket}/k"'
    copy = lambda version: stage.who.s3.copy_object(
        Bucket=stage.bucket, Key="copy", CopySource=f"{stage.bucket}/k?versionId={version}")
    may(lambda: copy(open_one))
    may_not(stage.who, lambda: get("k", VersionId=shut)(stage), "s3:GetObjectVersion", here, denied())
    may_not(stage.who, lambda: copy(shut), "s3:GetObjectVersion", here, denied())


def test_tags_that_come_with_an_object_take_a_right_of_their_own(stage):
    stage.who = stage.people.user(allow(["s3:PutObject", "s3:GetObject"]))
    put("b")(stage)
    here = f'"arn:aws:s3:::{stage.bucket}/b"'
    may_not(stage.who, lambda: put("b", Tagging="a=b")(stage), "s3:PutObjectTagging", here)
    may_not(stage.who, lambda: put("b", ACL="private")(stage), "s3:PutObjectAcl", here)


def test_a_presigned_url_may_what_its_signer_may_now(stage):
    who = stage.people.user(allow("s3:GetObject"))
    url = who.s3.generate_presigned_url("get_object", Params={"Bucket": stage.bucket, "Key": "a"})
    assert urllib.request.urlopen(url).read() == b"content"
    stage.aws.iam.delete_user_policy(UserName=who.name, PolicyName="p")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url)
    assert refused.value.code == 403


def test_a_key_is_judged_by_its_own_tags_whatever_it_is_called(stage):
    tagged_objects(stage)
    stage.aws.s3.put_object(Bucket=stage.bucket, Key="a:::open", Body=b"x", Tagging="environment=test")
    stage.aws.s3.put_object(Bucket=stage.bucket, Key=f"a:::{stage.bucket}/open", Body=b"x")
    stage.who = stage.people.user(allow(
        "s3:GetObject", Condition={"StringEquals": {"s3:ExistingObjectTag/environment": "production"}}))
    may(lambda: get("open")(stage))
    for key in ("a:::open", f"a:::{stage.bucket}/open"):
        may_not(stage.who, lambda: get(key)(stage), "s3:GetObject",
                f'"arn:aws:s3:::{stage.bucket}/{key}"')


def status_of(request):
    """Status and body of what urllib makes of the request."""
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def presigned(who, stage, version):
    return who.client("s3", signature_version=version).generate_presigned_url(
        "get_object", Params={"Bucket": stage.bucket, "Key": "a"})


@pytest.mark.parametrize("condition,added", [
    ({"StringEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}, "zX-Amz-Algorithm=x"),
    ({"NumericLessThan": {"s3:signatureAge": "600000"}}, "zX-Amz-Date=29990101T000000Z"),
], ids=["version", "age"])
def test_how_a_url_was_signed_is_not_for_its_other_parameters_to_say(condition, added, stage):
    who = stage.people.user(allow("s3:GetObject", Condition=condition))
    assert status_of(presigned(who, stage, "s3v4"))[0] == 200
    url = presigned(who, stage, "s3")
    assert "AWSAccessKeyId=" in url
    assert status_of(url)[0] == 403
    assert status_of(f"{url}&{added}")[0] == 403


def test_a_signed_header_and_a_signed_url_are_told_apart(stage):
    who = stage.people.user(allow(
        "s3:GetObject", Condition={"StringEquals": {"s3:authType": "REST-QUERY-STRING"}}))
    for version in ("s3", "s3v4"):
        assert status_of(presigned(who, stage, version))[0] == 200
        with pytest.raises(ClientError):
            who.client("s3", signature_version=version).get_object(Bucket=stage.bucket, Key="a")


@pytest.mark.parametrize("action,condition,entries", [
    ("s3:DeleteObjectVersion", {"StringEquals": {"s3:versionid": "{good}"}},
     [("VersionId", "good", True), ("VersionId", "bad", False)]),
    ("s3:DeleteObject", {"StringEquals": {"s3:if-match": "{tag}"}},
     [("ETag", "tag", True), ("ETag", "other", False), (None, None, False)]),
], ids=["version", "if-match"])
def test_one_of_several_deletions_is_conditioned_as_a_deletion_of_its_own(
        action, condition, entries, stage):
    stage.aws.s3.put_bucket_versioning(
        Bucket=stage.bucket, VersioningConfiguration={"Status": "Enabled"})
    words = {**stage.words, "other": '"00000000000000000000000000000000"'}
    who = None
    for batch in (False, True):
        for member, word, allowed in entries:
            made = [stage.aws.s3.put_object(Bucket=stage.bucket, Key="k", Body=b"x") for _ in "ab"]
            words |= {"good": made[0]["VersionId"], "bad": made[1]["VersionId"],
                      "tag": made[0]["ETag"]}
            who = stage.people.user(allow(action, OBJECTS.format(bucket=stage.bucket),
                                          Condition=filled(condition, words)))
            given = {member: words[word]} if member else {}
            assert deletes(who.s3, stage.bucket, given, batch) == allowed, (batch, member, word)


def deletes(s3, bucket, given, batch):
    """Whether the deletion of "k" is let through, as an entry of several or alone."""
    if batch:
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", **given}]})
        codes = {error["Code"] for error in answer.get("Errors", [])}
        assert codes <= {"AccessDenied"}, codes
        return not codes
    try:
        s3.delete_object(Bucket=bucket, Key="k", **{
            {"ETag": "IfMatch"}.get(name, name): value for name, value in given.items()})
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied", error
        return False
    return True


def test_strangers_choose_no_headers_of_what_they_get(stage, server):
    set_policy(stage, {"Principal": "*", **allow("s3:GetObject", OBJECTS)})
    url = f"{server.url}/{stage.bucket}/a"
    assert status_of(url)[0] == 200
    for name in ("content-type", "content-disposition", "cache-control", "expires",
                 "content-language", "content-encoding"):
        value = "Thu,%2001%20Dec%202044%2016:00:00%20GMT" if name == "expires" else "text%2Fhtml"
        status, body = status_of(f"{url}?response-{name}={value}")
        assert status == 400 and b"<Code>InvalidRequest</Code>" in body, (name, body)
        assert (b"Request specific response headers cannot be used for anonymous GET requests."
                in body), name
    signed = stage.aws.s3.get_object(Bucket=stage.bucket, Key="a", ResponseContentType="text/html")
    assert signed["ContentType"] == "text/html"


def test_a_bucket_knows_a_user_that_is_made_anew_for_somebody_else(stage):
    first = stage.people.user()
    set_policy(stage, {"Principal": {"AWS": first.arn}, **allow("s3:GetObject", OBJECTS)},
               {"NotPrincipal": {"AWS": [first.arn, "{account}"]}, **deny("s3:DeleteObject", OBJECTS)})
    stage.aws.iam.put_user_policy(UserName=first.name, PolicyName="p",
                                  PolicyDocument=document(allow("s3:DeleteObject")))
    stage.who = first
    assert get("a")(stage)["Body"].read() == b"content"
    may(lambda: first.s3.delete_object(Bucket=stage.bucket, Key="b"))
    second = stage.who = stage.people.again(first)
    assert second.arn == first.arn
    may_not(second, lambda: get("a")(stage), "s3:GetObject", f'"arn:aws:s3:::{stage.bucket}/a"')
    shown = stage.aws.s3.get_bucket_policy(Bucket=stage.bucket)["Policy"]
    assert first.arn not in shown and '"AIDA' in shown
    set_policy(stage, {"Principal": {"AWS": second.arn}, **allow("s3:GetObject", OBJECTS)})
    assert get("a")(stage)["Body"].read() == b"content"


def test_keys_that_are_of_use_to_some_of_a_patterns_actions_are_taken(stage):
    set_policy(stage, {"Principal": "*", **deny("s3:*", [BUCKET, OBJECTS], Condition={
        "NumericLessThan": {"s3:TlsVersion": 1.2}, "Null": {"s3:x-amz-acl": "false"},
        "StringNotEquals": {"s3:DataAccessPointAccount": "{account}", "aws:PrincipalTag/a": "b"}})},
        {"Principal": "*", "Effect": "Deny", "NotAction": "s3:PutObject", "Resource": OBJECTS,
         "Condition": {"StringEquals": {"s3:prefix": "x"}}})


def test_a_policy_that_wants_encryption_lets_uploads_in_parts_come_to_their_end(stage):
    # The guide's "deny incorrect encryption header" and "deny unencrypted object uploads".
    set_policy(stage, {"Principal": "*", **deny("s3:PutObject", OBJECTS, Condition={
        "StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}})},
        {"Principal": "*", **deny("s3:PutObject", OBJECTS, Condition={
            "Null": {"s3:x-amz-server-side-encryption": "true"}})})
    who = stage.who = stage.people.user(allow("s3:*"))
    of = {"Bucket": stage.bucket, "Key": "parts"}
    with pytest.raises(ClientError) as caught:
        who.s3.create_multipart_upload(**of)
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    upload = who.s3.create_multipart_upload(**of, ServerSideEncryption="AES256")["UploadId"]
    parts = [
        who.s3.upload_part(**of, UploadId=upload, PartNumber=1, Body=b"x" * 5 * 2**20)["ETag"],
        who.s3.upload_part_copy(**of, UploadId=upload, PartNumber=2, CopySource={
            "Bucket": stage.bucket, "Key": "a"})["CopyPartResult"]["ETag"]]
    done = who.s3.complete_multipart_upload(**of, UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": i + 1, "ETag": etag} for i, etag in enumerate(parts)]})
    assert done["ServerSideEncryption"] == "AES256"


def test_a_bucket_takes_no_policy_of_somebody_who_is_not_there(stage):
    with pytest.raises(ClientError) as caught:
        set_policy(stage, {"Principal": {"AWS": "arn:aws:iam::{account}:user/nobody"},
                           **allow("s3:GetObject", OBJECTS)})
    assert caught.value.response["Error"]["Code"] == "MalformedPolicy"
    assert caught.value.response["Error"]["Message"] == "Invalid principal in policy"


@pytest.mark.parametrize("statement,message", [
    ({"Effect": "Allow", "Action": "s3:GetObject", "Resource": OBJECTS},
     "Missing required field Principal"),
    ({"Principal": "*", **deny("s3:GetObject", BUCKET)},
     "Action does not apply to any resource(s) in statement"),
    ({"Principal": "*", **deny("s3:GetEverything", OBJECTS)}, "Policy has invalid action"),
    ({"Principal": "*", **deny("sqs:SendMessage", OBJECTS)}, "Policy has invalid action"),
    ({"Principal": "*", **deny("s3:GetObject", "arn:aws:s3:::*")}, "Policy has invalid resource"),
    ({"Principal": "*", **deny("s3:GetObject", "arn:aws:s3:::other/*")},
     "Policy has invalid resource"),
    ({"Principal": {"Nobody": "*"}, **deny("s3:GetObject", OBJECTS)}, "Invalid principal in policy"),
    ({"Principal": "*", **deny(["s3:ListBucket", "s3:GetObject"], [BUCKET, OBJECTS], Condition={
        "StringLike": {"s3:prefix": "home/*"}})}, NO_USE),
    ({"Principal": "*", **deny("s3:GetObject", OBJECTS, Condition={
        "StringEquals": {"s3:x-amz-acl": "private"}})}, NO_USE),
    ({"Principal": "*", **deny("s3:PutObject", OBJECTS, Condition={
        "StringEquals": {"s3:ExistingObjectTag/a": "b"}})}, NO_USE),
    ({"Principal": "*", **deny("s3:Delete*", OBJECTS, Condition={
        "StringEquals": {"s3:RequestObjectTag/a": "b"}})}, NO_USE),
    ({"Principal": "*", **deny("s3:PutObject", OBJECTS, Condition={
        "StringEquals": {"s3:x-amz-nothing": "b"}})}, "Policy has an invalid condition key"),
], ids=str)
def test_a_malformed_policy_is_refused_in_s3s_words(statement, message, stage):
    with pytest.raises(ClientError) as caught:
        stage.aws.s3.put_bucket_policy(
            Bucket=stage.bucket, Policy=document(filled(statement, stage.words)))
    assert caught.value.response["Error"]["Code"] == "MalformedPolicy"
    assert caught.value.response["Error"]["Message"] == message


# ---- Access control lists, which every new bucket has switched off, as on AWS. ----

PUBLIC = "http://acs.amazonaws.com/groups/global/AllUsers"


def code_of(call):
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def list_of(owner, *grants):
    return {"Owner": {"ID": owner}, "Grants": [
        {"Grantee": {"Type": "CanonicalUser", "ID": who}, "Permission": right}
        for who, right in grants]}


NO_LISTS = ("AccessControlListNotSupported", "The bucket does not allow ACLs")


@pytest.mark.parametrize("given", [
    {"ACL": "public-read"}, {"ACL": "private"}, {"ACL": "authenticated-read"},
    {"GrantRead": f'uri="{PUBLIC}"'}, {"GrantFullControl": 'id="1234"'},
    {"ACL": "bucket-owner-full-control", "GrantRead": f'uri="{PUBLIC}"'}], ids=str)
def test_an_access_control_list_is_refused_and_nothing_is_stored(stage, given):
    s3, of = stage.aws.s3, {"Bucket": stage.bucket, "Key": "listed"}
    for call in (lambda: s3.put_object(**of, Body=b"x", **given),
                 lambda: s3.copy_object(**of, CopySource={"Bucket": stage.bucket, "Key": "a"},
                                        **given),
                 lambda: s3.create_multipart_upload(**of, **given),
                 lambda: s3.put_object_acl(Bucket=stage.bucket, Key="a", **given)):
        assert code_of(call) == NO_LISTS
    assert not s3.list_objects_v2(Bucket=stage.bucket, Prefix="listed").get("Contents")
    if given.get("ACL") != "bucket-owner-full-control":  # which buckets do not know
        assert code_of(lambda: s3.put_bucket_acl(Bucket=stage.bucket, **given)) == NO_LISTS


def test_a_list_that_says_what_holds_anyway_is_taken_and_shown(stage):
    s3, bucket = stage.aws.s3, {"Bucket": stage.bucket}
    shown = s3.get_bucket_acl(**bucket)
    owner = s3.list_buckets()["Owner"]["ID"]
    assert shown["Owner"]["ID"] == owner
    assert [(each["Grantee"]["Type"], each["Grantee"]["ID"], each["Permission"])
            for each in shown["Grants"]] == [("CanonicalUser", owner, "FULL_CONTROL")]
    mine = list_of(owner, (owner, "FULL_CONTROL"))
    s3.put_object(**bucket, Key="own", Body=b"x", ACL="bucket-owner-full-control")
    s3.put_object_acl(**bucket, Key="own", ACL="bucket-owner-full-control")
    s3.put_object_acl(**bucket, Key="own", AccessControlPolicy=mine)
    s3.put_bucket_acl(**bucket, AccessControlPolicy=mine)
    assert s3.get_object_acl(**bucket, Key="own")["Grants"] == shown["Grants"]
    others = list_of(owner, (owner, "FULL_CONTROL"), ("0" * 64, "READ"))
    assert code_of(lambda: s3.put_bucket_acl(**bucket, AccessControlPolicy=others)) == NO_LISTS
    assert code_of(lambda: s3.get_object_acl(**bucket, Key="none"))[0] == "NoSuchKey"


def test_a_bucket_is_made_with_a_list_that_its_ownership_lets_be(stage):
    s3, name = stage.aws.s3, f"{stage.bucket}-lists"
    assert code_of(lambda: s3.create_bucket(Bucket=name, ACL="public-read")) == (
        "InvalidBucketAclWithObjectOwnership",
        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
    assert code_of(lambda: s3.create_bucket(Bucket=name, ACL="public-read", ObjectOwnership="ObjectWriter")) == (
        "InvalidBucketAclWithBlockPublicAccessError",
        "Bucket cannot have public ACLs set with BlockPublicAccess enabled")
    assert code_of(lambda: s3.create_bucket(Bucket=name, ACL="fake"))[0] == "InvalidArgument"
    logs = 'uri="http://acs.amazonaws.com/groups/s3/LogDelivery"'
    s3.create_bucket(Bucket=name, GrantWrite=logs, GrantReadACP=logs, ObjectOwnership="ObjectWriter")
    assert [(each["Permission"], each["Grantee"]["URI"]) for each in s3.get_bucket_acl(Bucket=name)["Grants"]] == [
        ("READ_ACP", logs[5:-1]), ("WRITE", logs[5:-1])]
    s3.put_bucket_acl(Bucket=name, ACL="log-delivery-write")
    assert [each["Permission"] for each in s3.get_bucket_acl(Bucket=name)["Grants"]] == [
        "FULL_CONTROL", "WRITE", "READ_ACP"]
    enforced = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert code_of(lambda: s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=enforced))[0] == (
        "InvalidBucketAclWithObjectOwnership")
    s3.put_bucket_acl(Bucket=name, ACL="private")
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=enforced)


@pytest.fixture
def lists(stage):
    """A bucket whose lists count, and which blocks none."""
    s3, name = stage.aws.s3, f"{stage.bucket}-listed"
    s3.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerPreferred")
    s3.delete_public_access_block(Bucket=name)
    return name


def asks(server, bucket, target="", method="GET", body=None, **headers):
    """What a stranger is answered."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"{server.url}/{bucket}{target}", data=body, method=method, headers=headers)
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as refused:
        return refused.code


def grants_of(answer):
    return [(each["Permission"], each["Grantee"].get("URI", "owner").rpartition("/")[2]) for each in answer["Grants"]]


OWNER = ("FULL_CONTROL", "owner")


def test_an_object_that_everyone_may_read_is_read_by_everyone(stage, server, lists):
    s3, of = stage.aws.s3, {"Bucket": lists, "Key": "k"}
    somebody = stage.people.user(allow("s3:ListAllMyBuckets")).s3
    s3.put_object(**of, Body=b"x")
    assert asks(server, lists, "/k") == 403
    s3.put_object_acl(**of, ACL="public-read")
    assert grants_of(s3.get_object_acl(**of)) == [OWNER, ("READ", "AllUsers")]
    assert asks(server, lists, "/k") == 200
    assert asks(server, lists, "/k", "HEAD") == 200
    assert somebody.get_object(**of)["Body"].read() == b"x"
    for target, method in ("/k?acl", "GET"), ("/k", "DELETE"), ("/k", "PUT"), ("", "GET"), ("/none", "GET"):
        assert asks(server, lists, target, method, b"" if method == "PUT" else None) == 403, (target, method)
    s3.put_bucket_policy(Bucket=lists, Policy=document({
        "Principal": "*", "Effect": "Deny", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{lists}/*"}))
    assert asks(server, lists, "/k") == 403
    s3.delete_bucket_policy(Bucket=lists)
    s3.put_public_access_block(Bucket=lists, PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
    assert asks(server, lists, "/k") == 403
    s3.delete_public_access_block(Bucket=lists)
    s3.put_bucket_ownership_controls(
        Bucket=lists, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
    assert asks(server, lists, "/k") == 403
    assert grants_of(s3.get_object_acl(**of)) == [OWNER]


def test_those_who_have_a_key_may_what_strangers_may_not(stage, server, lists):
    s3, of = stage.aws.s3, {"Bucket": lists, "Key": "k"}
    somebody = stage.people.user(allow("s3:ListAllMyBuckets")).s3
    s3.put_object(**of, Body=b"x", ACL="authenticated-read")
    assert (asks(server, lists, "/k"), somebody.get_object(**of)["Body"].read()) == (403, b"x")
    s3.put_object(**of, Body=b"x", GrantReadACP=f'uri="{PUBLIC}"')
    assert (asks(server, lists, "/k"), asks(server, lists, "/k?acl")) == (403, 200)
    with pytest.raises(ClientError):
        somebody.get_object(**of)
    # Nobody without a key says who may what, whatever a list lets everyone do.
    s3.put_object(**of, Body=b"x", GrantWriteACP=f'uri="{PUBLIC}"')
    assert asks(server, lists, "/k?acl", "PUT", b"", x_amz_acl="public-read") == 403
    somebody.put_object_acl(**of, ACL="public-read")
    assert asks(server, lists, "/k") == 200


NEEDS_SOMEBODY = [
    ("PUT", "?acl", {"x-amz-acl": "private"}, "Anonymous users cannot invoke this API. Please authenticate."),
    ("PUT", "/k?acl", {"x-amz-acl": "private"}, "Anonymous users cannot invoke this API. Please authenticate."),
    ("POST", "/k?uploads", {}, "Anonymous users cannot initiate multipart uploads.  Please authenticate."),
    ("PUT", "/c", {"x-amz-copy-source": "{bucket}/k"}, "Anonymous users cannot copy objects. Please authenticate."),
    ("GET", "?ownershipControls", {}, "s3:GetBucketOwnershipControls does not support Anonymous requests!"),
    ("DELETE", "?ownershipControls", {}, "s3:PutBucketOwnershipControls does not support Anonymous requests!"),
    ("GET", "?policy", {}, "The specified method is not allowed against this resource."),
    ("PUT", "?policy", {}, "The specified method is not allowed against this resource."),
    ("DELETE", "?policy", {}, "The specified method is not allowed against this resource."),
]


def test_a_policy_lets_strangers_do_all_but_what_needs_somebody(stage, server, lists):
    s3 = stage.aws.s3
    s3.put_object(Bucket=lists, Key="k", Body=b"x")
    policy = document({"Principal": "*", **allow("s3:*", [f"arn:aws:s3:::{lists}", f"arn:aws:s3:::{lists}/*"])})
    s3.put_bucket_policy(Bucket=lists, Policy=policy)
    assert (asks(server, lists, "/k"), asks(server, lists, "?acl"), asks(server, lists, "/n", "PUT", b"x")) == (
        200, 200, 200)
    for method, target, headers, message in NEEDS_SOMEBODY:
        headers = {name: value.format(bucket=lists) for name, value in headers.items()}
        body = policy.encode() if (method, target) == ("PUT", "?policy") else None
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(
                f"{server.url}/{lists}{target}", data=body, method=method, headers=headers))
        assert message in refused.value.read().decode(), (method, target)
        assert refused.value.code == (405 if target == "?policy" else 403)
    assert s3.get_bucket_policy(Bucket=lists)["Policy"] == policy
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(f"{server.url}/{lists}-new", method="PUT"))
    assert b"Anonymous users cannot invoke this API. Please authenticate." in refused.value.read()


def sent(server, method, target, body=b"", headers=()):
    """The status of a stranger's request whose headers are sent as they stand, repeated ones too."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    connection.putrequest(method, target)
    for name, value in [("Content-Length", str(len(body))), *headers]:
        connection.putheader(name, value)
    connection.endheaders(body)
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_policy_sees_the_list_that_a_request_gives_however_it_is_spelled(stage, server, lists):
    here, everyone = f"arn:aws:s3:::{lists}/*", f'uri="{PUBLIC}"'
    public = {"s3:x-amz-acl": ["public-read", "public-read-write"], "s3:x-amz-grant-read": f"*{PUBLIC}*"}
    stage.aws.s3.put_bucket_policy(Bucket=lists, Policy=document(
        {"Principal": "*", "Effect": "Allow", "Action": ["s3:PutObject", "s3:PutObjectAcl"], "Resource": here},
        *({"Principal": "*", "Effect": "Deny", "Action": "s3:PutObject", "Resource": here,
           "Condition": {"StringLike": {key: value}}} for key, value in public.items())))
    owner = ("x-amz-grant-read", f'id="{stage.aws.s3.list_buckets()["Owner"]["ID"]}"')
    for headers, status in [([("x-amz-acl", "private")], 200), ([owner], 200),
                            ([("x-amz-acl", "public-read")], 403), ([("x-amz-acl", "PUBLIC-READ")], 403),
                            ([("x-amz-grant-read", everyone)], 403),
                            ([owner, ("x-amz-grant-read", everyone)], 403)]:
        assert sent(server, "PUT", f"/{lists}/k", headers=headers) == status, headers


def test_an_upload_is_not_for_a_bucket_that_took_the_place_of_its_own(stage, server, lists):
    s3 = stage.aws.s3
    begun = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    s3.put_bucket_acl(Bucket=lists, ACL="public-read-write")
    begun.putrequest("PUT", f"/{lists}/late")
    begun.putheader("Content-Length", "2")
    begun.endheaders(b"x")
    # It was let in before this one, which comes after it.
    assert asks(server, lists, "/early", "PUT", b"x") == 200
    s3.delete_object(Bucket=lists, Key="early")
    s3.delete_bucket(Bucket=lists)
    s3.create_bucket(Bucket=lists)
    begun.sock.sendall(b"x")
    assert begun.getresponse().status in (403, 404)  # 403 where it was looked at late
    begun.close()
    assert s3.list_objects_v2(Bucket=lists)["KeyCount"] == 0


def test_a_list_is_held_against_the_bucket_as_it_is_when_the_object_appears(stage, server, lists):
    s3 = stage.aws.s3
    s3.put_bucket_policy(Bucket=lists, Policy=document(
        {"Principal": "*", "Effect": "Allow", "Action": ["s3:PutObject", "s3:PutObjectAcl"],
         "Resource": f"arn:aws:s3:::{lists}/*"}))
    begun = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    begun.putrequest("PUT", f"/{lists}/late")
    begun.putheader("Content-Length", "2")
    begun.putheader("x-amz-acl", "public-read")
    begun.endheaders(b"x")
    assert asks(server, lists, "/early", "PUT", b"x") == 200
    s3.put_public_access_block(Bucket=lists, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    begun.sock.sendall(b"x")
    assert begun.getresponse().status == 403
    begun.close()


def test_what_takes_the_place_of_a_public_object_is_not_read_by_the_others_list(stage, server, lists):
    s3, of, seen, end = stage.aws.s3, {"Bucket": lists, "Key": "k"}, collections.Counter(), threading.Event()
    s3.put_object(**of, Body=b"open", ACL="public-read")

    def read():
        while not end.is_set():
            with socket.create_connection(server.url.removeprefix("http://").split(":"), timeout=30) as stranger:
                stranger.sendall(f"GET /{lists}/k HTTP/1.1\r\nHost: a\r\n\r\n".encode() * 15 +
                                 f"GET /{lists}/k HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
                answers = b"".join(iter(lambda: stranger.recv(1 << 16), b""))
            seen.update(body.decode() for body in (b"open", b"shut") if b"\r\n\r\n" + body in answers)

    with concurrent.futures.ThreadPoolExecutor() as readers:
        reading = [readers.submit(read) for _ in range(4)]
        until = time.monotonic() + 2
        try:
            while time.monotonic() < until:
                s3.put_object(**of, Body=b"shut")
                s3.put_object(**of, Body=b"open", ACL="public-read")
        finally:
            end.set()
    assert [each.exception() for each in reading] == [None] * 4
    assert seen["open"] and not seen["shut"]


def test_each_version_has_its_own_list_and_copies_have_none(stage, server, lists):
    s3, of = stage.aws.s3, {"Bucket": lists, "Key": "k"}
    s3.put_bucket_versioning(Bucket=lists, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(**of, Body=b"1", ACL="public-read")["VersionId"]
    second = s3.put_object(**of, Body=b"2")["VersionId"]
    assert (asks(server, lists, "/k"), asks(server, lists, f"/k?versionId={first}")) == (403, 200)
    s3.put_object_acl(**of, VersionId=first, ACL="private")
    s3.put_object_acl(**of, VersionId=second, ACL="public-read")
    assert (asks(server, lists, "/k"), asks(server, lists, f"/k?versionId={first}")) == (200, 403)
    s3.copy_object(Bucket=lists, Key="copy", CopySource=f"{lists}/k")
    assert asks(server, lists, "/copy") == 403
    s3.copy_object(Bucket=lists, Key="copy", CopySource=f"{lists}/k", ACL="public-read")
    assert asks(server, lists, "/copy") == 200
    upload = s3.create_multipart_upload(Bucket=lists, Key="parts", ACL="public-read")["UploadId"]
    part = s3.upload_part(Bucket=lists, Key="parts", UploadId=upload, PartNumber=1, Body=b"part")
    s3.complete_multipart_upload(Bucket=lists, Key="parts", UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert asks(server, lists, "/parts") == 200


def test_a_bucket_that_everyone_may_write_to(stage, server, lists):
    s3 = stage.aws.s3
    s3.put_bucket_acl(Bucket=lists, ACL="public-read-write")
    assert grants_of(s3.get_bucket_acl(Bucket=lists)) == [OWNER, ("READ", "AllUsers"), ("WRITE", "AllUsers")]
    assert asks(server, lists, "/mine", "PUT", b"x") == 200
    assert s3.get_object(Bucket=lists, Key="mine")["Body"].read() == b"x"
    assert [asks(server, lists, target) for target in ("?list-type=2", "/mine", "?acl", "/none")] == [
        200, 403, 403, 403]
    assert asks(server, lists, "/mine", "PUT", b"x", x_amz_acl="public-read") == 403
    assert asks(server, lists, "/mine?uploads", "POST", b"") == 403
    assert asks(server, lists, "?acl", "PUT", b"", x_amz_acl="private") == 403
    assert asks(server, lists, "/mine", "DELETE") == 204


def test_a_strangers_body_is_what_it_announces(stage, server, lists):
    s3 = stage.aws.s3
    s3.put_bucket_acl(Bucket=lists, ACL="public-read-write")
    framed = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    chunks = {"x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x_amz_decoded_content_length": "5",
              "content_encoding": "aws-chunked", "x_amz_trailer": "x-amz-checksum-crc32"}
    assert asks(server, lists, "/k", "PUT", framed, **chunks) == 200
    assert s3.get_object(Bucket=lists, Key="k")["Body"].read() == b"hello"
    assert asks(server, lists, "/k", "PUT", framed.replace(b"hello", b"jello"), **chunks) == 400
    for announced, status in [(hashlib.sha256(b"x").hexdigest(), 200), (hashlib.sha256(b"y").hexdigest(), 400),
                              ("UNSIGNED-PAYLOAD", 200), ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 400)]:
        assert asks(server, lists, "/k", "PUT", b"x", x_amz_content_sha256=announced) == status, announced
    assert s3.get_object(Bucket=lists, Key="k")["Body"].read() == b"x"
    deletion = b"<Delete><Object><Key>k</Key></Object></Delete>"
    digest = {"content_md5": base64.b64encode(hashlib.md5(deletion).digest()).decode()}
    for announced, status in [(hashlib.sha256(b"").hexdigest(), 400), ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", 400),
                              (hashlib.sha256(deletion).hexdigest().upper(), 200)]:
        assert asks(server, lists, "?delete", "POST", deletion, x_amz_content_sha256=announced, **digest) == status
    assert asks(server, lists, "?delete", "POST", deletion, x_amz_trailer="x-amz-checksum-crc32") == 400


def test_a_list_that_says_nothing_true_is_refused(stage, lists):
    s3, owner = stage.aws.s3, stage.aws.s3.list_buckets()["Owner"]["ID"]
    mine = list_of(owner, (owner, "FULL_CONTROL"))
    malformed = "MalformedACLError"
    for given, code in [
            ({"ACL": "private", "GrantRead": f'id="{owner}"'}, "InvalidRequest"),
            ({"ACL": "private", "AccessControlPolicy": mine}, "UnexpectedContent"),
            ({"GrantRead": f'id="{owner}"', "AccessControlPolicy": mine}, "UnexpectedContent"),
            ({"AccessControlPolicy": {"Grants": mine["Grants"]}}, malformed),
            ({"AccessControlPolicy": {**mine, "Owner": {"ID": "0" * 64}}}, "AccessDenied"),
            ({"AccessControlPolicy": list_of(owner, (owner, "ALL"))}, malformed),
            ({"AccessControlPolicy": {**mine, "Grants": [
                {"Grantee": {"Type": "CanonicalUser"}, "Permission": "READ"}]}}, malformed),
            ({"AccessControlPolicy": list_of(owner, ("0" * 64, "READ"))}, "InvalidArgument"),
            ({"AccessControlPolicy": {**mine, "Grants": [
                {"Grantee": {"Type": "Group", "URI": f"{PUBLIC}s"}, "Permission": "READ"}]}}, "InvalidArgument"),
            ({"GrantRead": 'id="1234"'}, "InvalidArgument"), ({"GrantRead": "everyone"}, "InvalidArgument"),
            ({"GrantRead": f'uri="{PUBLIC}s"'}, "InvalidArgument"),
            ({"GrantRead": 'emailAddress="a@b.example"'}, "UnresolvableGrantByEmailAddress"),
            ({"AccessControlPolicy": list_of(owner, *[(owner, "READ")] * 101)}, malformed),
            ({"GrantRead": ", ".join([f'id="{owner}"'] * 101)}, malformed)]:
        assert code_of(lambda: s3.put_bucket_acl(Bucket=lists, **given))[0] == code, given
    s3.put_bucket_acl(Bucket=lists, AccessControlPolicy=list_of(owner, *[(owner, "READ")] * 100))
    s3.put_public_access_block(Bucket=lists, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    s3.put_object(Bucket=lists, Key="k", Body=b"")
    for action, key, call in (
            ("PutBucketAcl", "", lambda: s3.put_bucket_acl(Bucket=lists, ACL="public-read")),
            ("PutObjectAcl", "/k", lambda: s3.put_object_acl(Bucket=lists, Key="k", ACL="public-read")),
            ("PutObject", "/k", lambda: s3.put_object(Bucket=lists, Key="k", Body=b"", ACL="public-read")),
            ("PutObject", "/k", lambda: s3.put_object(Bucket=lists, Key="k", Body=b"",
                                                      GrantRead=f'uri="{PUBLIC}"'))):
        code, message = code_of(call)
        assert code == "AccessDenied" and message.endswith(
            f':root is not authorized to perform: s3:{action} on resource: "arn:aws:s3:::{lists}{key}" '
            "because public access control lists (ACLs) are blocked by the BlockPublicAcls block "
            "public access setting."), message


def test_who_may_only_put_objects_gives_them_no_list(stage, lists):
    who = stage.people.user(allow("s3:PutObject", f"arn:aws:s3:::{lists}/*"))
    here = f'"arn:aws:s3:::{lists}/k"'
    for given in {"ACL": "private"}, {"GrantRead": f'uri="{PUBLIC}"'}:
        may_not(who, lambda: who.s3.put_object(Bucket=lists, Key="k", Body=b"", **given), "s3:PutObjectAcl", here)
    who.s3.put_object(Bucket=lists, Key="k", Body=b"")
