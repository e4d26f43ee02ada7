"""pyarrow's S3FileSystem, which is AWS's SDK for C++."""
from pyarrow.fs import FileSelector, FileType, S3FileSystem

from s3_clients.jobs import PART


class Client:
    def __init__(self, environment, bucket):
        self.bucket = bucket
        self.files = S3FileSystem(
            access_key=environment["AWS_ACCESS_KEY_ID"], secret_key=environment["AWS_SECRET_ACCESS_KEY"],
            region=environment["AWS_REGION"], scheme="http",
            endpoint_override=environment["AWS_ENDPOINT_URL"].removeprefix("http://"))

    def put(self, key, data):
        with self.files.open_output_stream(f"{self.bucket}/{key}", buffer_size=PART) as file:
            file.write(data)

    def get(self, key):
        with self.files.open_input_stream(f"{self.bucket}/{key}") as file:
            return file.read()

    def range(self, key, first, size):
        with self.files.open_input_file(f"{self.bucket}/{key}") as file:
            return file.read_at(size, first)

    def keys(self):
        found = self.files.get_file_info(FileSelector(self.bucket, recursive=True))
        return [one.path.removeprefix(f"{self.bucket}/") for one in found if one.type == FileType.File]

    def copy(self, source, target):
        self.files.copy_file(f"{self.bucket}/{source}", f"{self.bucket}/{target}")

    def delete(self, keys):
        for key in keys:
            self.files.delete_file(f"{self.bucket}/{key}")
