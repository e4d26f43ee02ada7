"""Batch transform: every object under a prefix is answered into another one, by boto3.

usage: batch_transform.py   (AWS_ENDPOINT_URL and credentials in the environment: `slipway env`)
"""
import pathlib
import sys
import time

import boto3

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from make_model import mlp, tar_gz  # noqa: E402

IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest"
ROLE = "arn:aws:iam::000000000000:role/example"


def main():
    s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
    name = f"batch-example-{int(time.time() * 1000)}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="model.tar.gz", Body=tar_gz({"model.onnx": mlp()}))
    record = ",".join(f"{i / 128:.4f}" for i in range(128))
    for part in range(3):
        s3.put_object(Bucket=name, Key=f"in/{part}.csv", Body=f"{record}\n".encode() * 1000)
    sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{name}/model.tar.gz"})

    # Each line is a record; as many as fit go out together; the answer is joined to its input.
    sagemaker.create_transform_job(
        TransformJobName=name, ModelName=name, BatchStrategy="MultiRecord", MaxPayloadInMB=6,
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{name}/in/"}},
            "ContentType": "text/csv", "SplitType": "Line"},
        TransformOutput={
            "S3OutputPath": f"s3://{name}/out/", "Accept": "text/csv", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        DataProcessing={"JoinSource": "Input", "OutputFilter": "$[-10:]"})
    sagemaker.get_waiter("transform_job_completed_or_stopped").wait(TransformJobName=name)
    print(sagemaker.describe_transform_job(TransformJobName=name)["TransformJobStatus"])
    for item in s3.list_objects_v2(Bucket=name, Prefix="out/")["Contents"]:
        lines = s3.get_object(Bucket=name, Key=item["Key"])["Body"].read().decode().splitlines()
        print(f"{item['Key']}: {len(lines)} records, the first: {lines[0]}")


if __name__ == "__main__":
    main()
