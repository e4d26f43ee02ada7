"""Times the SageMaker Python SDK 2's deploy() of an ONNX archive; prints seconds.

    sdk_deploy.py URL ACCESS_KEY SECRET ARCHIVE NAME
"""
import sys
import time

import boto3
import sagemaker
from sagemaker.model import Model

url, key, secret, archive, name = sys.argv[1:]
boto = boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1")
client = {service: boto.client(service, endpoint_url=url)
          for service in ("s3", "sagemaker", "sagemaker-runtime")}
bucket = "sdk-bench"
client["s3"].create_bucket(Bucket=bucket)
client["s3"].upload_file(archive, bucket, f"{name}.tar.gz")
session = sagemaker.Session(boto_session=boto, sagemaker_client=client["sagemaker"],
                            sagemaker_runtime_client=client["sagemaker-runtime"],
                            default_bucket=bucket)
model = Model(image_uri="000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest",
              model_data=f"s3://{bucket}/{name}.tar.gz",
              role="arn:aws:iam::000000000000:role/bench", name=name, sagemaker_session=session)
begin = time.perf_counter()
model.deploy(initial_instance_count=1, instance_type="ml.m5.large", endpoint_name=name)
print(time.perf_counter() - begin)
