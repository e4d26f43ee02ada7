"""Deploys a model and asks it, with the SageMaker Python SDK 3.

usage: deploy_v3.py [model.tar.gz record.csv]
"""
import json
import sys
import time

import boto3
from sagemaker.core.resources import Endpoint, EndpointConfig, Model
from sagemaker.core.shapes import ContainerDefinition, ProductionVariant

IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest"
ROLE = "arn:aws:iam::000000000000:role/example"


def main(model_path, record_path):
    name = f"sdk3-example-{int(time.time() * 1000)}"
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=name)
    s3.upload_file(model_path, name, "model.tar.gz")

    model = Model.create(
        model_name=name, execution_role_arn=ROLE,
        primary_container=ContainerDefinition(
            image=IMAGE, model_data_url=f"s3://{name}/model.tar.gz"))
    config = EndpointConfig.create(
        endpoint_config_name=name,
        production_variants=[ProductionVariant(
            variant_name="all", model_name=name, instance_type="ml.m5.large",
            initial_instance_count=1)])
    endpoint = Endpoint.create(endpoint_name=name, endpoint_config_name=name)
    endpoint.wait_for_status("InService", poll=1)

    with open(record_path, "rb") as record:
        answer = endpoint.invoke(
            body=record.read(), content_type="text/csv", accept="application/json")
    print(json.dumps(json.loads(answer.body.read())))

    endpoint.delete()
    config.delete()
    model.delete()


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["model.tar.gz", "record.csv"]))
