"""An asynchronous endpoint as a notebook for AWS uses it, with SageMaker SDK 2.

usage: async_v2.py FOLDER     (model.tar.gz, rows.json)
"""
import json
import pathlib
import sys
import time

import boto3
import sagemaker
from sagemaker.async_inference import AsyncInferenceConfig, WaiterConfig
from sagemaker.deserializers import CSVDeserializer
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer

IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest"
ROLE = "arn:aws:iam::000000000000:role/tests"

folder = pathlib.Path(sys.argv[1])
rows = json.loads((folder / "rows.json").read_text())
name = f"sdk2-async-{int(time.time() * 1000)}"
boto3.client("s3").create_bucket(Bucket=name)
session = sagemaker.Session(default_bucket=name)
boto3.client("s3").upload_file(str(folder / "model.tar.gz"), name, "model.tar.gz")

model = Model(image_uri=IMAGE, model_data=f"s3://{name}/model.tar.gz", role=ROLE, name=name,
              predictor_cls=Predictor, sagemaker_session=session)
predictor = model.deploy(
    initial_instance_count=1, instance_type="ml.m5.large", endpoint_name=name,
    serializer=CSVSerializer(), deserializer=CSVDeserializer(),
    async_inference_config=AsyncInferenceConfig(
        output_path=f"s3://{name}/out", failure_path=f"s3://{name}/failed",
        max_concurrent_invocations_per_instance=2))

# The thread that looks for the failure goes on to its last attempt when the answer is there.
soon = WaiterConfig(max_attempts=15, delay=1)


def floats(answer):
    return [[float(cell) for cell in row] for row in answer]


answers = {"waited": floats(predictor.predict(rows, waiter_config=soon)),
           "later": floats(predictor.predict_async(rows).get_result(soon))}
try:
    predictor.predict("no,numbers", waiter_config=soon)
except Exception as failure:
    answers["failed"] = type(failure).__name__
predictor.delete_endpoint()
print(json.dumps(answers))
