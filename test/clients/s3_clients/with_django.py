"""django-storages: a site's uploads."""
import django.conf
from django.core.files.base import ContentFile

if not django.conf.settings.configured:
    django.conf.settings.configure()
from storages.backends.s3 import S3Storage  # noqa: E402  it asks for the settings at once


class Client:
    def __init__(self, environment, bucket):
        self.storage = S3Storage(
            bucket_name=bucket, endpoint_url=environment["AWS_ENDPOINT_URL"], region_name=environment["AWS_REGION"],
            access_key=environment["AWS_ACCESS_KEY_ID"], secret_key=environment["AWS_SECRET_ACCESS_KEY"])

    def put(self, key, data):
        assert self.storage.save(key, ContentFile(data)) == key
        assert self.storage.exists(key) and self.storage.size(key) == len(data)

    def get(self, key):
        with self.storage.open(key) as file:
            return file.read()

    def range(self, key, first, size):
        with self.storage.open(key) as file:
            file.seek(first)
            return file.read(size)

    def keys(self, folder=""):
        folders, files = self.storage.listdir(folder)
        below = [key for one in folders for key in self.keys(f"{folder}{one}/")]
        return [*(folder + file for file in files), *below]

    def delete(self, keys):
        for key in keys:
            self.storage.delete(key)

    def url_to_get(self, key):
        return self.storage.url(key)
