"""minio-py."""
import io

from minio import Minio
from minio.commonconfig import CopySource
from minio.deleteobjects import DeleteObject

from s3_clients.jobs import PART


class Client:
    def __init__(self, environment, bucket):
        self.client = Minio(environment["AWS_ENDPOINT_URL"].removeprefix("http://"),
                            access_key=environment["AWS_ACCESS_KEY_ID"],
                            secret_key=environment["AWS_SECRET_ACCESS_KEY"], secure=False)
        self.bucket = bucket

    def put(self, key, data):
        self.client.put_object(bucket_name=self.bucket, object_name=key, data=io.BytesIO(data), length=len(data),
                               part_size=PART)

    def read(self, **what):
        answer = self.client.get_object(bucket_name=self.bucket, **what)
        try:
            return answer.read()
        finally:
            answer.close()
            answer.release_conn()

    def get(self, key):
        return self.read(object_name=key)

    def range(self, key, first, size):
        return self.read(object_name=key, offset=first, length=size)

    def keys(self):
        return [found.object_name for found in self.client.list_objects(bucket_name=self.bucket, recursive=True)]

    def copy(self, source, target):
        self.client.copy_object(bucket_name=self.bucket, object_name=target, source=CopySource(
            bucket_name=self.bucket, object_name=source))

    def delete(self, keys):
        wanted = [DeleteObject(key) for key in keys]
        assert list(self.client.remove_objects(bucket_name=self.bucket, delete_object_list=wanted)) == []

    def url_to_get(self, key):
        return self.client.presigned_get_object(bucket_name=self.bucket, object_name=key)

    def url_to_put(self, key):
        return self.client.presigned_put_object(bucket_name=self.bucket, object_name=key)
