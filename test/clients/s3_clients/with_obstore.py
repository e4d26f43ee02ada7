"""obstore: the object_store of Rust, on which polars, deltalake and others stand."""
import datetime

import obstore
from obstore.store import S3Store

from s3_clients.jobs import PART


class Client:
    def __init__(self, environment, bucket):
        self.store = S3Store(
            bucket, endpoint=environment["AWS_ENDPOINT_URL"], region=environment["AWS_REGION"],
            access_key_id=environment["AWS_ACCESS_KEY_ID"], secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            client_options={"allow_http": True})

    def put(self, key, data):
        obstore.put(self.store, key, data, chunk_size=PART)

    def get(self, key):
        return bytes(obstore.get(self.store, key).bytes())

    def range(self, key, first, size):
        return bytes(obstore.get_range(self.store, key, start=first, length=size))

    def keys(self):
        return [found["path"] for page in obstore.list(self.store) for found in page]

    def copy(self, source, target):
        obstore.copy(self.store, source, target)

    def delete(self, keys):
        obstore.delete(self.store, keys)

    def url(self, method, key):
        return obstore.sign(self.store, method, key, datetime.timedelta(minutes=5))

    def url_to_get(self, key):
        return self.url("GET", key)

    def url_to_put(self, key):
        return self.url("PUT", key)
