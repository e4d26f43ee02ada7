"""Asks a model without waiting for it: the answer comes as an object in a bucket.

usage: asynchronous.py [model.tar.gz record.csv]
"""
import json
import sys
import time

import boto3

IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest"
ROLE = "arn:aws:iam::000000000000:role/example"


def main(model_path, record_path):
    s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
    runtime = boto3.client("sagemaker-runtime")
    name = f"async-example-{int(time.time() * 1000)}"
    s3.create_bucket(Bucket=name)
    s3.upload_file(model_path, name, "model.tar.gz")
    sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{name}/model.tar.gz"})

    # An endpoint with an AsyncInferenceConfig is asked through a durable queue.
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[{"VariantName": "all", "ModelName": name,
                             "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}],
        AsyncInferenceConfig={
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 4},
            "OutputConfig": {"S3OutputPath": f"s3://{name}/answers",
                             "S3FailurePath": f"s3://{name}/failures"}})
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)

    # The input is an object (up to 1 GB) or comes with the call (up to 128,000 bytes).
    s3.upload_file(record_path, name, "in/record.csv", ExtraArgs={"ContentType": "text/csv"})
    accepted = runtime.invoke_endpoint_async(
        EndpointName=name, InputLocation=f"s3://{name}/in/record.csv", Accept="application/json")
    print(f"accepted as {accepted['InferenceId']}", file=sys.stderr)

    # From here on it is answered, whatever happens to this program or to the server.
    answer_key = accepted["OutputLocation"].removeprefix(f"s3://{name}/")
    s3.get_waiter("object_exists").wait(
        Bucket=name, Key=answer_key, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    answer = s3.get_object(Bucket=name, Key=answer_key)["Body"].read()
    print(json.dumps(json.loads(answer)))

    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name)
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    sagemaker.delete_model(ModelName=name)
    for each in s3.list_objects_v2(Bucket=name)["Contents"]:
        s3.delete_object(Bucket=name, Key=each["Key"])
    s3.delete_bucket(Bucket=name)


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["model.tar.gz", "record.csv"]))
