"""A serverless endpoint as a notebook for AWS deploys it, with SageMaker SDK 2.

usage: serverless_v2.py model.tar.gz record.csv
"""
import json
import sys
import time

import boto3
import sagemaker
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.serverless import ServerlessInferenceConfig

ROLE = "arn:aws:iam::000000000000:role/tests"
IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest"

model_path, record_path = sys.argv[1:]
name = f"sdk2-serverless-{int(time.time() * 1000)}"
s3 = boto3.client("s3")
s3.create_bucket(Bucket=name)
s3.upload_file(model_path, name, "model.tar.gz")
session = sagemaker.Session(default_bucket=name)
model = Model(image_uri=IMAGE, model_data=f"s3://{name}/model.tar.gz", role=ROLE, name=name,
              sagemaker_session=session, predictor_cls=Predictor)
predictor = model.deploy(
    endpoint_name=name,
    serverless_inference_config=ServerlessInferenceConfig(memory_size_in_mb=2048, max_concurrency=5))
with open(record_path, "rb") as record:
    answer = predictor.predict(
        record.read(), initial_args={"ContentType": "text/csv", "Accept": "application/json"})
config = boto3.client("sagemaker").describe_endpoint(EndpointName=name)["ProductionVariants"][0]
assert config["CurrentServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 5}, config
predictor.delete_endpoint()
print(json.dumps(json.loads(answer)))
