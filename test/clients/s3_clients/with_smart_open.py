"""smart_open: files that are objects."""
from smart_open import open as smart_open

from s3_clients import with_boto3
from s3_clients.jobs import PART


class Client:
    def __init__(self, environment, bucket):
        self.bucket = bucket
        self.client = with_boto3.session(environment).client("s3", endpoint_url=environment["AWS_ENDPOINT_URL"])

    def open(self, key, mode):
        options = {"client": self.client, "min_part_size": PART} if mode == "wb" else {"client": self.client}
        return smart_open(f"s3://{self.bucket}/{key}", mode, transport_params=options)

    def put(self, key, data):
        with self.open(key, "wb") as file:
            file.write(data)

    def get(self, key):
        with self.open(key, "rb") as file:
            return file.read()

    def range(self, key, first, size):
        with self.open(key, "rb") as file:
            file.seek(first)
            return file.read(size)
