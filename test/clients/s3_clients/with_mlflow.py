"""mlflow's artifact store."""
import pathlib
import tempfile

from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository


class Client:
    def __init__(self, environment, bucket):  # it reads the variables of the process
        assert environment["AWS_ENDPOINT_URL"]
        self.store = S3ArtifactRepository(f"s3://{bucket}")

    def put(self, key, data):
        folder, _, name = key.rpartition("/")
        with tempfile.TemporaryDirectory() as local:
            file = pathlib.Path(local, name)
            file.write_bytes(data)
            self.store.log_artifact(str(file), folder or None)

    def get(self, key):
        with tempfile.TemporaryDirectory() as local:
            return pathlib.Path(self.store.download_artifacts(key, local)).read_bytes()

    def keys(self, folder=None):
        found = []
        for one in self.store.list_artifacts(folder):
            found += self.keys(one.path) if one.is_dir else [one.path]
        return found

    def delete(self, keys):
        for key in keys:
            self.store.delete_artifacts(key)
