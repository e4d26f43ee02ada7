"""What an endpoint is asked and answers, kept in a bucket, with boto3: data capture.

usage: data_capture.py [model.tar.gz record.csv]
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
    name = f"capture-example-{int(time.time() * 1000)}"

    # 1. A model, and a configuration that captures every request and its answer.
    s3.create_bucket(Bucket=name)
    s3.upload_file(model_path, name, "model.tar.gz")
    sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{name}/model.tar.gz"})
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[{"VariantName": "all", "ModelName": name,
                             "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}],
        DataCaptureConfig={
            "EnableCapture": True, "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{name}/captured",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"],
                                         "JsonContentTypes": ["application/json"]}})
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)

    # 2. Ask.
    with open(record_path, "rb") as record:
        runtime.invoke_endpoint(
            EndpointName=name, ContentType="text/csv", Accept="application/json",
            InferenceId="example-1", Body=record.read())

    # 3. Some seconds later it stands in the bucket, a JSON document a line.
    while not (objects := s3.list_objects_v2(
            Bucket=name, Prefix=f"captured/{name}/all/").get("Contents")):
        time.sleep(0.5)
    key = objects[0]["Key"]
    line = s3.get_object(Bucket=name, Key=key)["Body"].read().splitlines()[0]
    print(key)
    print(json.dumps(json.loads(line)))

    # 4. Leave nothing behind.
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name)
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    sagemaker.delete_model(ModelName=name)
    for key in (key, "model.tar.gz"):
        s3.delete_object(Bucket=name, Key=key)
    s3.delete_bucket(Bucket=name)


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["model.tar.gz", "record.csv"]))
