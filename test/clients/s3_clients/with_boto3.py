"""boto3 and its managed transfers, as it is without any setting."""
import io

import boto3
from boto3.s3.transfer import TransferConfig

from s3_clients.jobs import PART

IN_PARTS = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, preferred_transfer_client="classic")


def session(environment):
    return boto3.Session(aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
                         aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
                         region_name=environment["AWS_REGION"])


class Client:
    def __init__(self, environment, bucket):
        self.bucket = session(environment).resource("s3", endpoint_url=environment["AWS_ENDPOINT_URL"]).Bucket(bucket)
        self.client = self.bucket.meta.client

    def put(self, key, data):
        self.bucket.upload_fileobj(io.BytesIO(data), key, Config=IN_PARTS)

    def get(self, key):
        into = io.BytesIO()
        self.bucket.download_fileobj(key, into, Config=IN_PARTS)
        return into.getvalue()

    def range(self, key, first, size):
        answer = self.bucket.Object(key).get(Range=f"bytes={first}-{first + size - 1}")
        return answer["Body"].read()

    def keys(self):
        return [found.key for found in self.bucket.objects.all()]

    def copy(self, source, target):
        self.bucket.copy({"Bucket": self.bucket.name, "Key": source}, target, Config=IN_PARTS)

    def delete(self, keys):
        answer = self.bucket.delete_objects(Delete={"Objects": [{"Key": key} for key in keys]})
        assert len(answer["Deleted"]) == len(keys) and "Errors" not in answer

    def url(self, call, key):
        return self.client.generate_presigned_url(call, {"Bucket": self.bucket.name, "Key": key})

    def url_to_get(self, key):
        return self.url("get_object", key)

    def url_to_put(self, key):
        return self.url("put_object", key)
