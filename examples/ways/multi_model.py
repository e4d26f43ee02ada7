#!/usr/bin/env python3
"""Many models behind one endpoint: a request names the one it wants, and it is loaded on demand.

Needs a running server and the usual variables (`eval "$(slipway env)"`), boto3, onnx, onnxruntime.
"""
import json
import os
import pathlib
import sys

import boto3
import numpy as np
import onnxruntime

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from make_model import mlp, tar_gz  # noqa: E402

NAME = f"many-{os.urandom(3).hex()}"
IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest"

s3, sagemaker, runtime = (boto3.client(s) for s in ("s3", "sagemaker", "sagemaker-runtime"))

s3.create_bucket(Bucket=NAME)
for city in range(5):  # a model for each city
    s3.put_object(Bucket=NAME, Key=f"models/city-{city}.tar.gz",
                  Body=tar_gz({"model.onnx": mlp(seed=city)}))

sagemaker.create_model(
    ModelName=NAME, ExecutionRoleArn="arn:aws:iam::000000000000:role/any",
    PrimaryContainer={"Image": IMAGE, "Mode": "MultiModel", "ModelDataUrl": f"s3://{NAME}/models/"})
sagemaker.create_endpoint_config(EndpointConfigName=NAME, ProductionVariants=[
    {"VariantName": "all", "ModelName": NAME, "InstanceType": "ml.m5.large",
     "InitialInstanceCount": 1}])
sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=NAME)
print(f"endpoint {NAME} is in service, and has loaded no model yet")

record = np.linspace(-1, 1, 128, dtype=np.float32)
for city in (0, 3, 0):
    answer = runtime.invoke_endpoint(
        EndpointName=NAME, TargetModel=f"city-{city}.tar.gz", ContentType="text/csv",
        Body=",".join(map(repr, record.tolist())))
    got = np.ravel(json.loads(answer["Body"].read())["predictions"])
    session = onnxruntime.InferenceSession(mlp(seed=city), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(got, session.run(None, {"input": record[None]})[0][0], 1e-4, 1e-5)
    print(f"city {city} answers {got[:3].round(3)}..., which agrees with onnxruntime")

sagemaker.delete_endpoint(EndpointName=NAME)
