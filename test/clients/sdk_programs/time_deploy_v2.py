"""How long a deployment with SageMaker SDK 2 takes. usage: time_deploy_v2.py model.tar.gz

Prints the seconds of Model.deploy() as shipped, whose wait sleeps 30 s before its first look, and of
the same with a wait that looks every second.
"""
import json
import sys
import time

import boto3
import sagemaker
from sagemaker.model import Model

IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest"

name = f"sdk2-time-{int(time.time() * 1000)}"
boto3.client("s3").create_bucket(Bucket=name)
session = sagemaker.Session(boto3.Session(), default_bucket=name)
data = session.upload_data(sys.argv[1], bucket=name, key_prefix="models")
model = Model(image_uri=IMAGE, role="arn:aws:iam::000000000000:role/tests", model_data=data,
              sagemaker_session=session)
started = time.monotonic()
model.deploy(1, "ml.m5.large", endpoint_name=name)
whole = time.monotonic() - started
session.delete_endpoint(name)

model = Model(image_uri=IMAGE, role="arn:aws:iam::000000000000:role/tests", model_data=data,
              sagemaker_session=session)
started = time.monotonic()
model.deploy(1, "ml.m5.large", endpoint_name=f"{name}-b", wait=False)
session.wait_for_endpoint(f"{name}-b", poll=1)
polled = time.monotonic() - started
session.delete_endpoint(f"{name}-b")
print(json.dumps({"whole": whole, "polled": polled}))
