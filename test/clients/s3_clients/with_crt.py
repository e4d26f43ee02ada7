"""The client of AWS's common runtime, as the AWS CLI and boto3 use it where it is installed."""
import io

import botocore.session
from awscrt.auth import AwsCredentialsProvider
from s3transfer.crt import BotocoreCRTRequestSerializer, CRTTransferManager, create_s3_crt_client

from s3_clients.jobs import PART


class Client:
    def __init__(self, environment, bucket):
        self.bucket, region = bucket, environment["AWS_REGION"]
        session = botocore.session.Session()
        session.set_credentials(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
        keys = AwsCredentialsProvider.new_static(environment["AWS_ACCESS_KEY_ID"],
                                                 environment["AWS_SECRET_ACCESS_KEY"])
        self.manager = CRTTransferManager(
            create_s3_crt_client(region, keys, part_size=PART, use_ssl=False),
            BotocoreCRTRequestSerializer(
                session, {"region_name": region, "endpoint_url": environment["AWS_ENDPOINT_URL"]}))

    def put(self, key, data):
        self.manager.upload(io.BytesIO(data), self.bucket, key).result()

    def get(self, key):
        into = io.BytesIO()
        self.manager.download(self.bucket, key, into).result()
        return into.getvalue()
