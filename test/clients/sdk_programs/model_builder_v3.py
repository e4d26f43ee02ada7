"""ModelBuilder of SageMaker SDK 3. usage: model_builder_v3.py model.tar.gz record.csv"""
import json
import pathlib
import sys
import time

import boto3
from sagemaker.core.helper.session_helper import Session
from sagemaker.serve import ModelBuilder

IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest"

name = f"sdk3-sagemaker-{int(time.time() * 1000)}"
s3 = boto3.client("s3")
s3.create_bucket(Bucket=name)
s3.upload_file(sys.argv[1], name, "model.tar.gz")
# The SDK asks IAM what the role may do, so there is one.
role = boto3.client("iam").create_role(
    RoleName=name, AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                       "Principal": {"Service": "sagemaker.amazonaws.com"}}]}))["Role"]["Arn"]
boto3.client("iam").attach_role_policy(
    RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
session = Session(boto_session=boto3.Session(), default_bucket=name)

builder = ModelBuilder(
    image_uri=IMAGE, s3_model_data_url=f"s3://{name}/model.tar.gz", instance_type="ml.m5.large",
    role_arn=role, sagemaker_session=session)
builder.build(model_name=name)
endpoint = builder.deploy(endpoint_name=name)
answer = endpoint.invoke(body=pathlib.Path(sys.argv[2]).read_bytes(), content_type="text/csv",
                         accept="application/json")
value = json.loads(answer.body.read())
while isinstance(value, dict):
    value = next(iter(value.values()))
endpoint.delete()
print(json.dumps({"outputs": value}))
