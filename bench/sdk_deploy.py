"""Times the SageMaker Python SDK 2's deploy() of an ONNX archive; prints seconds.

    sdk_deploy.py URL ACCESS_KEY SECRET ARCHIVE NAME
"""
import os
import sys
import time

import boto3
import sagemaker
from sagemaker.model import Model

url, key, secret, archive, name = sys.argv[1:]
# As `slipway env` sets them. The SDK then makes its own clients, which carry its name: that is how
# the server knows its polls.
os.environ.update(AWS_ENDPOINT_URL=url, AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret,
                  AWS_DEFAULT_REGION="us-east-1")
bucket = "sdk-bench"
s3 = boto3.client("s3")
s3.create_bucket(Bucket=bucket)
s3.upload_file(archive, bucket, f"{name}.tar.gz")
session = sagemaker.Session(boto3.Session(), default_bucket=bucket)
model = Model(image_uri="000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest",
              model_data=f"s3://{bucket}/{name}.tar.gz",
              role="arn:aws:iam::000000000000:role/bench", name=name, sagemaker_session=session)
# The SDK sleeps 30 s before its first look at the endpoint (session.py, _wait_until): a floor that no
# server can go below.
begin = time.perf_counter()
model.deploy(initial_instance_count=1, instance_type="ml.m5.large", endpoint_name=name)
print(time.perf_counter() - begin)
