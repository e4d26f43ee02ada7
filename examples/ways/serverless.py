"""A serverless endpoint: no instance while nobody asks, one within milliseconds when somebody does.

usage: serverless.py [model.tar.gz record.csv]
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
    name = f"serverless-example-{int(time.time() * 1000)}"
    s3.create_bucket(Bucket=name)
    s3.upload_file(model_path, name, "model.tar.gz")
    sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{name}/model.tar.gz"})

    # How much memory an instance may take, and how many requests may be under way at once:
    # in place of a type and a number of instances.
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[{"VariantName": "all", "ModelName": name,
                             "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 20}}])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)

    with open(record_path, "rb") as record:
        body = record.read()
    for _ in range(3):
        begin = time.perf_counter()
        answer = runtime.invoke_endpoint(
            EndpointName=name, ContentType="text/csv", Accept="application/json", Body=body)
        text = answer["Body"].read()
        print(f"answered after {(time.perf_counter() - begin) * 1e3:.1f} ms", file=sys.stderr)
    print(json.dumps(json.loads(text)))

    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name)
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    sagemaker.delete_model(ModelName=name)
    s3.delete_object(Bucket=name, Key="model.tar.gz")
    s3.delete_bucket(Bucket=name)


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["model.tar.gz", "record.csv"]))
