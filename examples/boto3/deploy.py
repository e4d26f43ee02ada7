"""Deploys a model and asks it, with boto3.

usage: deploy.py [model.tar.gz record.csv]
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
    name = f"boto3-example-{int(time.time() * 1000)}"

    # 1. The model goes into a bucket.
    s3.create_bucket(Bucket=name)
    s3.upload_file(model_path, name, "model.tar.gz")

    # 2. What to run, on how much of what, and under which name.
    sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{name}/model.tar.gz"})
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[{"VariantName": "all", "ModelName": name,
                             "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    # 3. Until it serves. The server answers as soon as it does.
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)

    # 4. Ask.
    with open(record_path, "rb") as record:
        answer = runtime.invoke_endpoint(
            EndpointName=name, ContentType="text/csv", Accept="application/json", Body=record.read())
    print(json.dumps(json.loads(answer["Body"].read())))

    # 5. Leave nothing behind.
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name)
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    sagemaker.delete_model(ModelName=name)
    s3.delete_object(Bucket=name, Key="model.tar.gz")
    s3.delete_bucket(Bucket=name)


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["model.tar.gz", "record.csv"]))
