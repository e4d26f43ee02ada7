"""s3fs, as pandas and dask use it."""
import s3fs

from s3_clients.jobs import PART


class Client:
    def __init__(self, environment, bucket):
        self.bucket = bucket
        self.files = s3fs.S3FileSystem(
            key=environment["AWS_ACCESS_KEY_ID"], secret=environment["AWS_SECRET_ACCESS_KEY"],
            endpoint_url=environment["AWS_ENDPOINT_URL"], client_kwargs={"region_name": environment["AWS_REGION"]},
            use_listings_cache=False)

    def path(self, key):
        return f"{self.bucket}/{key}"

    def put(self, key, data):
        with self.files.open(self.path(key), "wb", block_size=PART) as file:
            for start in range(0, len(data), PART):
                file.write(data[start:start + PART])

    def get(self, key):
        return self.files.cat_file(self.path(key))

    def range(self, key, first, size):
        return self.files.cat_file(self.path(key), start=first, end=first + size)

    def keys(self):
        return [path.removeprefix(f"{self.bucket}/") for path in self.files.find(self.bucket)]

    def copy(self, source, target):
        self.files.copy(self.path(source), self.path(target))

    def delete(self, keys):
        self.files.rm([self.path(key) for key in keys])

    def url_to_get(self, key):
        return self.files.sign(self.path(key))
