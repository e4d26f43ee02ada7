"""What of encryption is claimed, and what is refused because nobody would do it."""
import base64
import hashlib

import pytest
from botocore.exceptions import ClientError

KEY = b"k" * 32
KMS = {"ServerSideEncryption": "aws:kms"}


@pytest.fixture
def bucket(aws, name):
    aws.s3.create_bucket(Bucket=name)
    aws.s3.put_object(Bucket=name, Key="k", Body=b"body")
    return name


def refusal(call, **arguments):
    """(status, code, what else the error says)"""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]


def writes(aws, bucket):
    upload = aws.s3.create_multipart_upload(Bucket=bucket, Key="part")["UploadId"]
    return {
        "put": lambda **more: aws.s3.put_object(Bucket=bucket, Key="k", **more),
        "create": lambda **more: aws.s3.create_multipart_upload(Bucket=bucket, Key="k", **more),
        "copy": lambda **more: aws.s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k", **more),
        "replace": lambda **more: aws.s3.copy_object(
            Bucket=bucket, Key="c", CopySource=f"{bucket}/k", MetadataDirective="REPLACE", **more),
    }, {
        "part": lambda **more: aws.s3.upload_part(Bucket=bucket, Key="part", UploadId=upload, PartNumber=1, **more),
        "part copy": lambda **more: aws.s3.upload_part_copy(
            Bucket=bucket, Key="part", UploadId=upload, PartNumber=1, CopySource=f"{bucket}/k", **more)}


def test_everything_is_said_to_be_as_every_bucket_has_it(aws, bucket):
    whole, parts = writes(aws, bucket)
    for call in whole.values():
        assert call(ServerSideEncryption="AES256")["ServerSideEncryption"] == "AES256"
    for call in parts.values():
        assert call()["ServerSideEncryption"] == "AES256"
    assert aws.s3.head_object(Bucket=bucket, Key="c")["ServerSideEncryption"] == "AES256"


def test_no_key_of_kms_is_claimed(aws, bucket):
    for name, call in writes(aws, bucket)[0].items():
        # Who names no key gets what every bucket has, and is told so: the SDK for SageMaker asks for it.
        assert call(**KMS)["ServerSideEncryption"] == "AES256"
        for wanted in ({**KMS, "SSEKMSKeyId": "alias/aws/s3"}, {**KMS, "SSEKMSEncryptionContext": "e30="},
                       {"ServerSideEncryption": "aws:kms:dsse"}):
            assert refusal(call, **wanted)[:2] == (501, "NotImplemented"), name
        status, code, error = refusal(call, SSEKMSKeyId="alias/a")
        assert (status, code, error["Message"]) == (400, "InvalidArgument", (
            "Server Side Encryption with AWS KMS managed key requires HTTP header "
            "x-amz-server-side-encryption : aws:kms"))
        assert refusal(call, ServerSideEncryption="AES256", SSEKMSKeyId="a")[1] == "InvalidArgument"
        status, code, error = refusal(call, ServerSideEncryption="bogus")
        assert (status, code, error["Message"], error["ArgumentName"], error["ArgumentValue"]) == (
            400, "InvalidArgument", "The encryption method specified is not supported",
            "x-amz-server-side-encryption", "bogus")


def test_a_clients_own_key_is_refused_and_looked_at_first(aws, bucket):
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": KEY}
    md5 = base64.b64encode(hashlib.md5(b"x").digest()).decode()
    whole, parts = writes(aws, bucket)
    for name, call in {**whole, **parts}.items():
        assert refusal(call, **key)[:2] == (501, "NotImplemented"), name
        # boto3 encodes the key only where it makes the digest too.
        other = {**key, "SSECustomerKey": base64.b64encode(KEY).decode(), "SSECustomerKeyMD5": md5}
        status, code, error = refusal(call, **other)
        assert (status, code, error["Message"]) == (
            400, "InvalidArgument", "The calculated MD5 hash of the key did not match the hash that was provided.")
        assert error["ArgumentName"] == "x-amz-server-side-encryption" and error["ArgumentValue"] == "null"
        assert refusal(call, **{**key, "SSECustomerKey": b"short"})[2]["Message"] == (
            "The secret key was invalid for the specified algorithm.")
        assert refusal(call, **{**key, "SSECustomerAlgorithm": "AES512"})[:2] == (400, "InvalidEncryptionAlgorithmError")
    for call in whole.values():
        assert refusal(call, **key, ServerSideEncryption="AES256")[2]["Message"] == (
            "Server Side Encryption with Customer provided key is incompatible with the encryption method specified")
    reads = [lambda **more: aws.s3.get_object(Bucket=bucket, Key="k", **more),
             lambda **more: aws.s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ETag"], **more)]
    as_text = {**key, "SSECustomerKey": base64.b64encode(KEY).decode()}
    for call, given in zip(reads, (key, as_text)):
        status, code, error = refusal(call, **given)
        assert (status, code, error["Message"]) == (
            400, "InvalidRequest", "The encryption parameters are not applicable to this object.")
    assert refusal(aws.s3.head_object, Bucket=bucket, Key="k", **key)[0] == 400
    source = {f"CopySource{name}": value for name, value in key.items()}
    for call in whole["copy"], parts["part copy"]:
        assert refusal(call, **source)[:2] == (400, "InvalidRequest")
