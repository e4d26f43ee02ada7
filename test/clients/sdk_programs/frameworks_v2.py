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
from sagemaker.xgboost import XGBoostModel

ROLE = "arn:aws:iam::000000000000:role/tests"
INFERENCE = """
import joblib, os

def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))
"""

# A script with a module beside it, as source_dir carries them.
XGBOOST_INFERENCE = """
import os
import xgboost
import rows

def model_fn(model_dir):
    booster = xgboost.Booster()
    booster.load_model(os.path.join(model_dir, "xgboost-model"))
    return booster

def input_fn(body, content_type):
    return xgboost.DMatrix(rows.parse(body))

def predict_fn(matrix, booster):
    return booster.predict(matrix)

def output_fn(prediction, accept):
    return rows.write(prediction), "text/csv"
"""
ROWS = """
def parse(body):
    text = body.decode() if isinstance(body, bytes) else body
    return [[float(x) for x in line.split(",")] for line in text.splitlines() if line]

def write(values):
    return "".join(str(float(x)) + chr(10) for x in values)
"""

folder = pathlib.Path(sys.argv[1])
rows = json.loads((folder / "rows.json").read_text())
name = f"sdk2-frameworks-{int(time.time() * 1000)}"
boto3.client("s3").create_bucket(Bucket=name)
session = sagemaker.Session(boto3.Session(), default_bucket=name)


def upload(file):
    return session.upload_data(str(folder / file), bucket=name, key_prefix="models")


def deploy(model, endpoint, serializer, deserializer):
    """deploy() that waits by itself sleeps 30 s before it looks for the first time."""
    made = model.deploy(1, "ml.m5.large", endpoint_name=endpoint, serializer=serializer,
                        deserializer=deserializer, wait=False)
    session.wait_for_endpoint(endpoint, poll=1)
    return made


xgboost = Model(
    image_uri=image_uris.retrieve("xgboost", "us-east-1", "1.7-1"), role=ROLE,
    model_data=upload("xgboost.tar.gz"), sagemaker_session=session, predictor_cls=Predictor)
predictor = deploy(xgboost, f"{name}-x", CSVSerializer(), CSVDeserializer())
first = [float(x) for row in predictor.predict(rows["xgboost"]) for x in row]
predictor.delete_endpoint()

source = folder / "source"
source.mkdir()
(source / "serve.py").write_text(XGBOOST_INFERENCE)
(source / "rows.py").write_text(ROWS)
scripted = XGBoostModel(
    model_data=upload("xgboost.tar.gz"), role=ROLE, entry_point="serve.py",
    source_dir=str(source), framework_version="1.7-1", sagemaker_session=session)
predictor = deploy(scripted, f"{name}-p", CSVSerializer(), CSVDeserializer())
script = [float(x) for row in predictor.predict(rows["xgboost"]) for x in row]
predictor.delete_endpoint()

(folder / "inference.py").write_text(INFERENCE)
sklearn = SKLearnModel(
    model_data=upload("sklearn.tar.gz"), role=ROLE, entry_point=str(folder / "inference.py"),
    framework_version="1.2-1", sagemaker_session=session)
predictor = deploy(sklearn, f"{name}-s", NumpySerializer(), NumpyDeserializer())
second = [int(x) for x in predictor.predict(rows["sklearn"])]
predictor.delete_endpoint()

print(json.dumps({"xgboost": first, "script": script, "sklearn": second}))
