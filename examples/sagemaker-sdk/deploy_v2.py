"""Deploys a model and asks it, with the SageMaker Python SDK 2.

usage: deploy_v2.py [model.tar.gz record.csv]
"""
import json
import sys
import time

import boto3
import sagemaker
from sagemaker.deserializers import JSONDeserializer
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer

IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest"
ROLE = "arn:aws:iam::000000000000:role/example"


def main(model_path, record_path):
    name = f"sdk2-example-{int(time.time() * 1000)}"
    boto3.client("s3").create_bucket(Bucket=name)

    # A session that is given its bucket asks STS for nothing.
    session = sagemaker.Session(boto3.Session(), default_bucket=name)

    model = Model(
        image_uri=IMAGE, role=ROLE, sagemaker_session=session, predictor_cls=Predictor,
        model_data=session.upload_data(model_path, bucket=name, key_prefix="models"))
    predictor = model.deploy(
        initial_instance_count=1, instance_type="ml.m5.large", endpoint_name=name,
        serializer=CSVSerializer(), deserializer=JSONDeserializer(), wait=False)

    # deploy() can wait by itself, but sleeps 30 s before it looks for the first time.
    session.wait_for_endpoint(name, poll=1)

    with open(record_path, encoding="ascii") as record:
        print(json.dumps(predictor.predict(record.read())))

    predictor.delete_endpoint(delete_endpoint_config=True)
    model.delete_model()


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["model.tar.gz", "record.csv"]))
