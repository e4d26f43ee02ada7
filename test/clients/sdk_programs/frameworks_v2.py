"""XGBoost and scikit-learn as a notebook for AWS deploys them, with SageMaker SDK 2.

usage: frameworks_v2.py FOLDER     (xgboost.tar.gz, sklearn.tar.gz, rows.json)
"""
import json
import pathlib
import sys
import time

import boto3
import sagemaker
from sagemaker import image_uris
from sagemaker.deserializers import CSVDeserializer, NumpyDeserializer
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer, NumpySerializer
from sagemaker.sklearn import SKLearnModel

ROLE = "arn:aws:iam::000000000000:role/tests"
INFERENCE = """
import joblib, os

def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))
"""

folder = pathlib.Path(sys.argv[1])
rows = json.loads((folder / "rows.json").read_text())
name = f"sdk2-frameworks-{int(time.time() * 1000)}"
boto3.client("s3").create_bucket(Bucket=name)
session = sagemaker.Session(boto3.Session(), default_bucket=name)


def upload(file):
    return session.upload_data(str(folder / file), bucket=name, key_prefix="models")


xgboost = Model(
    image_uri=image_uris.retrieve("xgboost", "us-east-1", "1.7-1"), role=ROLE,
    model_data=upload("xgboost.tar.gz"), sagemaker_session=session, predictor_cls=Predictor)
predictor = xgboost.deploy(1, "ml.m5.large", endpoint_name=f"{name}-x",
                           serializer=CSVSerializer(), deserializer=CSVDeserializer())
first = [float(x) for row in predictor.predict(rows["xgboost"]) for x in row]
predictor.delete_endpoint()

(folder / "inference.py").write_text(INFERENCE)
sklearn = SKLearnModel(
    model_data=upload("sklearn.tar.gz"), role=ROLE, entry_point=str(folder / "inference.py"),
    framework_version="1.2-1", sagemaker_session=session)
predictor = sklearn.deploy(1, "ml.m5.large", endpoint_name=f"{name}-s",
                           serializer=NumpySerializer(), deserializer=NumpyDeserializer())
second = [int(x) for x in predictor.predict(rows["sklearn"])]
predictor.delete_endpoint()

print(json.dumps({"xgboost": first, "sklearn": second}))
