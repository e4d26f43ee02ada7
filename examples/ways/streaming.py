"""An answer that comes in parts: a handler that yields, and InvokeEndpointWithResponseStream.

usage: python streaming.py      (AWS_ENDPOINT_URL and keys as `slipway env` prints them)
"""
import io
import sys
import tarfile
import time

import boto3

HANDLER = b'''
import time

def model_fn(model_dir):
    return "Slipway streams what a model says, word by word."

def input_fn(body, content_type):
    return int(body)

def predict_fn(times, text):
    for _ in range(times):
        for word in text.split():
            yield word + " "          # bytes or text: a part; any other value: a line of JSON
            time.sleep(0.02)
        yield "\\n"

def output_fn(parts, accept):
    return parts, "text/plain"
'''
NAME = f"streaming-{int(time.time() * 1000)}"
IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest"

buffer = io.BytesIO()
with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
    member = tarfile.TarInfo("code/inference.py")
    member.size = len(HANDLER)
    archive.addfile(member, io.BytesIO(HANDLER))

s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
s3.create_bucket(Bucket=NAME)
s3.put_object(Bucket=NAME, Key="model.tar.gz", Body=buffer.getvalue())
sagemaker.create_model(
    ModelName=NAME, ExecutionRoleArn="arn:aws:iam::000000000000:role/example",
    PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{NAME}/model.tar.gz"})
sagemaker.create_endpoint_config(EndpointConfigName=NAME, ProductionVariants=[
    {"VariantName": "all", "ModelName": NAME, "InstanceType": "ml.m5.large",
     "InitialInstanceCount": 1}])
# The tag makes one part of every line; without it a part is what the handler yields.
tags = [{"Key": "slipway:stream-alignment", "Value": "line"}] if "--lines" in sys.argv else []
sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME, Tags=tags)
sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=NAME)

begun = time.monotonic()
answer = boto3.client("sagemaker-runtime").invoke_endpoint_with_response_stream(
    EndpointName=NAME, ContentType="text/plain", Body=b"2")
for event in answer["Body"]:
    text = event["PayloadPart"]["Bytes"].decode()
    print(f"{(time.monotonic() - begun) * 1000:6.0f} ms  {text!r}", flush=True)

sagemaker.delete_endpoint(EndpointName=NAME)
sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=NAME)
sagemaker.delete_endpoint_config(EndpointConfigName=NAME)
sagemaker.delete_model(ModelName=NAME)
s3.delete_object(Bucket=NAME, Key="model.tar.gz")
s3.delete_bucket(Bucket=NAME)
